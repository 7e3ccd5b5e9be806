"""What would settle a condition: the sets found against every way the unknown may turn out, and by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, product
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest
from generated import (
    MISSING,
    RULEBOOK,
    Language,
    Question,
    case,
    condition,
    condition_of,
    drawn,
    evidence_of,
    looked_at,
    truth_of,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spec_tables import evidence_of as spec_evidence_of
from spec_tables import rulebook_of

from rsa_cli.dictionary import read_value
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.settle import MOST_ATOMS, Atom, AtomSet, Settled, Solver, settle

WANTS = {"true": TRUE, "false": FALSE}
UNCAPPED = 99


def some(examples: int) -> Any:
    """So many examples, the same ones every time."""
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


def minimal(sets: Iterable[AtomSet]) -> set[AtomSet]:
    """Those that no other one is part of."""
    found = set(sets)
    return {atoms for atoms in found if not any(other < atoms for other in found)}


# --- every combination of cells ------------------------------------------------------------------

# Items and fields that say nothing of each other: each is an atom by itself.
APART_ITEMS = (
    "smoker",
    "partner_smoker",
    "karyotype",
    "rhesus",
    "lupus_anticoagulant",
    "autoimmune_disease",
    "tsh",
    "glucose",
    "anticardiolipin",
    "progesterone",
    "bmi",
    "gestation_now",
    "last_period",
    "family_history",
)
APART_FIELDS = ("outcome", "gestation", "heartbeat", "early", "biphasic", "lag", "date", "ended")
SMALL = Language(items=APART_ITEMS, fields=APART_FIELDS, deep=2)
NESTED = SMALL._replace(deep=3)
# What several atoms, several cells of one item and members of a series come of most.
CROWDED = SMALL._replace(items=("smoker", "tsh", "lupus_anticoagulant"), known=False, rules=False, deep=2)


def _open_questions(language: Language) -> st.SearchStrategy[Question]:
    """Conditions with cases of which much is unknown."""

    def make(random: Random) -> Question:
        data = condition(random, language)
        given_ = case(random, looked_at(condition_of(data)))
        kept = {
            key: value
            for key, value in given_.items()
            if key in ("pregnancies", "cycles") or random.randrange(2)
        }
        return Question(data, kept)

    return drawn(make)


def _by_brute_force(solver: Solver, evidence: Evidence, most: int) -> dict[Truth, set[AtomSet]]:
    """The minimal sets that reach each truth, by trying every combination of the cells of all spots."""
    combos = prod(len(cells) for cells in solver.spots.values())
    assume(combos <= most)
    found: dict[Truth, set[AtomSet]] = {truth: set() for truth in Truth}
    for combo in product(*solver.spots.values()):
        supposed = {key: value for cell in combo for key, value in cell.given}
        engine = Engine(RULEBOOK, Evidence(evidence.case, RULEBOOK, evidence.day, supposed))
        found[engine.verdict(solver.condition).truth].add(frozenset().union(*(cell.atoms for cell in combo)))
    return {truth: minimal(sets) for truth, sets in found.items()}


def _atoms(solver: Solver) -> set[Atom]:
    return {atom for cells in solver.spots.values() for cell in cells for atom in cell.atoms}


@pytest.mark.parametrize("language", [SMALL, NESTED, CROWDED], ids=["small", "nested", "crowded"])
@some(120)
@given(data=st.data())
def test_the_sets_are_those_that_brute_force_finds(language: Language, data: st.DataObject):
    """For conditions of up to eight atoms, in both directions, capped and not."""
    question = data.draw(_open_questions(language))
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    solver = Solver(read, RULEBOOK, evidence, UNCAPPED)
    sets = {truth: set(solver.sets(want)) for want, truth in WANTS.items()}
    assume(len(_atoms(solver)) <= 8)
    expected = _by_brute_force(solver, evidence, 2000)
    assert sets[TRUE] == expected[TRUE]
    assert sets[FALSE] == expected[FALSE]


@some(150)
@given(_open_questions(NESTED))
def test_a_cap_leaves_out_the_larger_sets_only_and_says_so(question: Question):
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    whole = Solver(read, RULEBOOK, evidence, UNCAPPED)
    for want in WANTS:
        everything = whole.sets(want)
        for most in (1, 2, 3, MOST_ATOMS):
            capped = Solver(read, RULEBOOK, evidence, most)
            assert capped.sets(want) == tuple(atoms for atoms in everything if len(atoms) <= most)
            assert capped.cut or len(capped.sets(want)) == len(everything)


@some(150)
@given(_open_questions(NESTED))
def test_what_is_decided_needs_nothing_and_what_is_open_something(question: Question):
    """The empty set and no other makes true what is true; an open condition is never settled by nothing."""
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    verdict = Engine(RULEBOOK, evidence).verdict(read)
    solver = Solver(read, RULEBOOK, evidence)
    for want, truth in WANTS.items():
        assert (solver.sets(want) == (frozenset(),)) is (verdict.truth is truth)
    found = settle(read, RULEBOOK, evidence, verdict)
    if verdict.truth is not UNKNOWN:
        assert found == Settled((), (), False)
    else:
        assert set(found.met) <= set(solver.sets("true"))
        assert [len(atoms) for atoms in found.met] == sorted(len(atoms) for atoms in found.met)


# --- written in the case -------------------------------------------------------------------------

# Answers that fall on each side of every limit a comparison of these has: no cell is asked for.
ANSWERS = {
    "smoker": ["yes", "no"],
    "drinker": ["yes", "no"],
    "karyotype": ["normal", "translocation", "inversion"],
    "rhesus": ["positive", "negative"],
    "gestation_now": ["8w2d", "11w0d", "11w6d", "12w0d", "19w0d", "20w0d"],
    "weight": ["80 kg", "90 kg"],
    "height": ["149 cm", "160 cm"],
    "last_period": ["2025-11-30", "2025-12-15", "2026-01-02", "2026-01-15"],
    "gestation": ["6w0d", "9w6d", "10w0d", "11w6d", "12w0d", "19w6d", "20w0d", "27w6d", "28w0d"],
    "heartbeat": ["yes", "no"],
}
PLAIN = Language(
    items=tuple(name for name in ANSWERS if name in RULEBOOK.items),
    lists=("pregnancies",),
    fields=("gestation", "heartbeat", "early"),
    repeats=(),
    known=True,
    rules=False,
)


def _plain_questions() -> st.SearchStrategy[Question]:
    def make(random: Random) -> Question:
        data = condition(random, PLAIN)
        given_: dict[str, Any] = {}
        for name in sorted(looked_at(condition_of(data))):
            if name == "pregnancies":
                given_[name] = [_plain_record(random) for _ in range(random.randrange(4))]
            elif random.randrange(3) == 0:
                given_[name] = random.choice([*ANSWERS[name], *MISSING, *SPANS.get(name, ())])
        return Question(data, given_)

    return drawn(make)


SPANS = {
    "karyotype": ["abnormal", "failed"],
    "gestation_now": ["11 weeks", "under 20 weeks"],
    "weight": ["60–100 kg"],
    "last_period": ["2026-01", "2025"],
    "gestation": ["9–10 weeks", "under 28 weeks"],
}


def _plain_record(random: Random) -> dict[str, str]:
    record = {"outcome": random.choice(["live_birth", "miscarriage", "unknown"])}
    for name in ("gestation", "heartbeat"):
        if random.randrange(2):
            record[name] = random.choice([*ANSWERS[name][:-1], "unknown", *SPANS.get(name, ())])
    return record


def _written(atom: Atom, given_: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The case with each answer to one thing that goes with what was known of it."""
    item = RULEBOOK.items[atom.name]
    record = given_[atom.name][atom.number - 1] if atom.field else given_
    name = atom.field or atom.name
    known = record.get(name)
    for answer in ANSWERS[name]:
        field = item.fields[name] if atom.field else item
        value = read_value(field, answer)
        if known is not None and known not in (*MISSING, "failed"):
            before = read_value(field, known)
            if before.choices and value.choices and not value.choices <= before.choices:
                continue
            if before.span and value.span and not value.span.within(before.span):
                continue
        if atom.field:
            if name == "gestation" and answer == "28w0d" and record["outcome"] == "miscarriage":
                continue  # the reader refuses the two together
            records = list(given_[atom.name])
            records[atom.number - 1] = {**record, name: answer}
            yield {**given_, atom.name: records}
        else:
            yield {**given_, name: answer}


def _reaching(
    read: Any, given_: dict[str, Any], left: list[Atom], used: AtomSet
) -> Iterator[tuple[Truth, AtomSet]]:
    yield truth_of(read, given_), used
    for index, atom in enumerate(left):
        for answered in _written(atom, given_):
            yield from _reaching(read, answered, left[index + 1 :], used | {atom})


@some(120)
@given(_plain_questions())
def test_writing_the_answers_into_the_case_settles_it(question: Question):
    """The sets found are the smallest sets of entries that, written into the file, bring the truth about."""
    read = condition_of(question.condition)
    names = sorted(looked_at(read))
    held = question.case.get("pregnancies", [])
    atoms = [Atom("item", name) for name in names if name != "pregnancies"]
    atoms += [
        Atom("field", "pregnancies", n, f)
        for n in range(1, len(held) + 1)
        for f in ("gestation", "heartbeat")
    ]
    solver = Solver(read, RULEBOOK, evidence_of(question.case), UNCAPPED)
    sets = {truth: set(solver.sets(want)) for want, truth in WANTS.items()}
    open_ = [atom for atom in atoms if atom in _atoms(solver)]
    assume(prod(1 + len(ANSWERS[atom.field or atom.name]) for atom in open_) <= 700)
    found: dict[Truth, set[AtomSet]] = {truth: set() for truth in Truth}
    for truth, used in _reaching(read, question.case, open_, frozenset()):
        found[truth].add(used)
    assert sets[TRUE] == minimal(found[TRUE])
    assert sets[FALSE] == minimal(found[FALSE])
