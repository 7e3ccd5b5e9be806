"""Every engine answers as the reference does: on the tables, the examples, and whatever can be written."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsa_cli.assess import finding_of, read_example
from rsa_cli.engines import compiled, reference
from rsa_cli.engines.compiled import Compiled, UnusualError
from rsa_cli.evidence import NOWHERE, Evidence
from rsa_cli.nodes import Condition, walk
from rsa_cli.problems import Place
from rsa_cli.rulebook import Rule, Rulebook, Today, read_rulebook

from generated import DAY, NODE_CLASSES, RULEBOOK, case, case_of, condition, condition_of, kinds_of
from spec_tables import Table, evidence_of, rulebook_of, tables

ARTICLE = read_rulebook("article", whole=True)


def agree(engine: Compiled, evidence: Evidence) -> bool:
    """Whether the compiled engine answered at all; where it did, as the reference does, statuses too."""
    rulebook = engine.rulebook
    try:
        found = engine.truths(engine.sheet(evidence.case, evidence.day))
    except UnusualError:
        return False
    slow = reference.Engine(rulebook, evidence, timing=False)
    findings = [finding_of(rule, slow) for rule in rulebook.rules.values()]
    for finding in findings:
        rule, judged = finding.rule, finding.judgement
        # What points to a finding is compared even where it is decided and nobody asks.
        suspect = slow.verdict(rule.suspect_when, NOWHERE, True).truth if rule.suspect_when else None
        today = judged.today and judged.today.truth
        assert found[rule.id] == (judged.when.truth, suspect, today), rule.when
    try:
        quick = engine.judge(engine.sheet(evidence.case, evidence.day))
    except UnusualError:  # a check has a word to say
        return True
    assert [STATUSES[s] for s in quick.statuses] == [f.status for f in findings]
    assert [compiled._TRUTH[t] for t in quick.today] == [f.today for f in findings if f.today is not None]
    return True


STATUSES = ("met", "suspected", "undetermined", "not assessed", "not met", "not applicable")


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_tables(tmp_path: Path, table: Table):
    rulebook = rulebook_of(
        tmp_path, table.declares, {f"row_{n}": row.when for n, row in enumerate(table.rows)}
    )
    engine = Compiled(rulebook)
    answered = [agree(engine, evidence_of(rulebook, row.given, row.as_of)) for row in table.rows]
    # What lies after the day, or is not applicable and given all the same, is left to the reference.
    assert sum(answered) >= len(table.rows) * 0.7


def test_examples():
    engine = Compiled(ARTICLE)
    answered = []
    for example in ARTICLE.examples:
        read, day = read_example(ARTICLE, example)
        answered.append(agree(engine, Evidence(read, ARTICLE, day)))
    assert sum(answered) > len(answered) * 0.95


def rulebook_with(conditions: list[tuple[Condition, Condition, Condition]]) -> Rulebook:
    """The small rulebook with a rule for each three: its criteria, what points to it, today's criterion."""
    rules = {
        f"drawn_{n}": Rule(
            f"drawn_{n}",
            "any",
            "definition",
            when,
            Place(""),
            suspect_when=suspect,
            today=Today("any", (), today),
        )
        for n, (when, suspect, today) in enumerate(conditions)
    }
    return RULEBOOK._replace(rules={**RULEBOOK.rules, **rules})


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.randoms(use_true_random=False))
def test_generated_rulebooks_and_cases(random: Random):
    def drawn() -> Condition:
        return condition_of(condition(random))

    engine = Compiled(rulebook_with([(drawn(), drawn(), drawn()) for _ in range(4)]))
    for full in (False, True):
        agree(
            engine,
            Evidence(case_of(case(random, set(RULEBOOK.items), full)), engine.rulebook, DAY.toordinal()),
        )


def test_every_kind_of_node_is_met():
    """The same draws in numbers, with a plain source of chance: each kind, each truth, hardly one left out."""
    random = Random(7)
    kinds: set[type] = set()
    answered = []
    for _ in range(6):
        drawn = [tuple(condition_of(condition(random)) for _ in range(3)) for _ in range(30)]
        kinds.update(kind for three in drawn for node in three for kind in kinds_of(node))
        engine = Compiled(rulebook_with(drawn))
        for _ in range(25):
            given = case_of(case(random, set(RULEBOOK.items)))
            answered.append(agree(engine, Evidence(given, engine.rulebook, DAY.toordinal())))
    assert kinds == NODE_CLASSES
    assert sum(answered) > len(answered) * 0.95


def test_a_wrong_engine_is_noticed(monkeypatch: pytest.MonkeyPatch):
    """*Any* for *all* is seen by the tables: else the tests above could say nothing."""
    before = compiled._Writer.expr
    monkeypatch.setattr(
        compiled._Writer,
        "expr",
        lambda self, node, lenient=False: before(self, node, lenient).replace(" & ", " | "),
    )
    engine = Compiled(ARTICLE)
    cases = [read_example(ARTICLE, example) for example in ARTICLE.examples]
    with pytest.raises(AssertionError):
        [agree(engine, Evidence(read, ARTICLE, day)) for read, day in cases]


def test_rules_that_rest_on_each_other_stand_in_any_order():
    order = list(ARTICLE.rules.items())
    turned = ARTICLE._replace(rules=dict(reversed(order)))
    assert any(walk(rule.when) for rule in turned.rules.values())
    engine = Compiled(turned)
    for example in ARTICLE.examples[:60]:
        read, day = read_example(turned, example)
        agree(engine, Evidence(read, turned, day))
