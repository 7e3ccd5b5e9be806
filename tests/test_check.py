"""What `rsa rules check` finds: in a sound rulebook nothing, in a spoilt one just what was spoilt, on its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from rsa_cli import nodes
from rsa_cli.check import Report, check, summary
from rsa_cli.cli import app
from rsa_cli.dictionary import Item
from rsa_cli.engines.reference import Engine
from rsa_cli.entries import Entries
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.mutants import Breaker, broken
from rsa_cli.nodes import Condition, Name, walk
from rsa_cli.prove import NotDecidedError, Space
from rsa_cli.rulebook import read_rulebook, read_sources
from typer.testing import CliRunner

from generated import NODE_CLASSES, Question, condition_of, evidence_of, questions, truth_of
from generated import RULEBOOK as GENERATED

ROOT = Path(__file__).parents[1]
MANIFEST = "{name: small, version: '1', title: Small, groups: [endocrine]}\n"

# A sound rulebook: one rule over one item, sourced, used and pinned.
SOUND = """\
items:
  tsh:
    label: TSH
    question: TSH
    kind: quantity
    unit: mIU/L
    plausible: 0–500 mIU/L
    serves: [S-1]
investigations:
  thyroid_test:
    label: TSH
    yields: [tsh]
    occasion: blood, any day
    burden: blood
    tier: core
    serves: [S-1]
statements:
  S-1: {says: TSH above 4 mIU/L is raised., kind: criterion, figures: [4 mIU/L]}
rules:
  raised:
    finding: TSH raised
    kind: etiology
    group: endocrine
    standing: accepted
    when: tsh > 4 mIU/L
    rests_on: [S-1]
examples:
  above: {given: {tsh: 5 mIU/L}, expect: {raised: met}}
  on the limit: {given: {tsh: 4 mIU/L}, expect: {raised: not_met}}
  nothing known: {given: {}, expect: {raised: not_assessed}}
"""


def folder(at: Path, topic: str) -> Path:
    """A rulebook with this one topic file."""
    at.mkdir(exist_ok=True)
    (at / "rulebook.yaml").write_text(MANIFEST, encoding="utf-8")
    (at / "topic.yaml").write_text(topic, encoding="utf-8")
    return at


def spoilt(*changes: tuple[str, str]) -> str:
    """The sound rulebook with some of its text replaced; new text names what is expected on its line."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


_EXPECTED = re.compile(r"  # finding: ([a-z, -]+)$")


def compare(report: Report, text: str) -> None:
    """Just the findings that the text names, on their lines; mutants have tests of their own."""
    expected = [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if (named := _EXPECTED.search(line))
        for code in named[1].split(", ")
    ]
    found = [p for p in report.problems if p.code != "survives"]
    assert sorted((p.place.line, p.code) for p in found) == sorted(expected), [
        f"{p.place}: {p.code}: {p.says}" for p in found
    ]


# --- each kind of finding ------------------------------------------------------------------------

RULE = "  raised:\n    finding: TSH raised\n"
WHEN = "    when: tsh > 4 mIU/L\n"
STATEMENT = "  S-1: {says: TSH above 4 mIU/L is raised., kind: criterion, figures: [4 mIU/L]}\n"
EXAMPLES = "examples:\n"
ITEMS = "items:\n"
INVESTIGATIONS = "investigations:\n"

# A flag with all that it needs to be asked for.
FLAG = """\
  smoker: {label: smoker, question: Does she smoke, kind: flag, serves: [S-1]}
"""
ASKED = """\
  questions: {label: Questions, yields: [smoker], occasion: ask, burden: question, tier: core, serves: [S-1]}
"""
SMOKER = [(ITEMS, ITEMS + FLAG), (INVESTIGATIONS, INVESTIGATIONS + ASKED)]
GLUCOSE = """\
  glucose:
    label: glucose
    question: Glucose
    kind: quantity
    unit: mmol/L
    units: {mg/dL: 0.05551}
    plausible: 0–60 mmol/L
    serves: [S-2]
"""
GLUCOSE_ASKED = """\
  glucose_test: {label: Glucose, yields: [glucose], occasion: "blood, any day", burden: blood, tier: core, serves: [S-2]}
"""


def high_glucose(limit: str, figures: str, expected: str = "") -> list[tuple[str, str]]:
    """A second rule, over an item of two units; the examples leave no mutant of it."""
    return [
        (ITEMS, ITEMS + GLUCOSE),
        (INVESTIGATIONS, INVESTIGATIONS + GLUCOSE_ASKED),
        (STATEMENT, f"{STATEMENT}  S-2: {{says: Glucose., kind: criterion, figures: [{figures}]}}\n"),
        (RULE, f"""\
  high_glucose:
    finding: High glucose
    kind: reminder
    when: glucose >= {limit}{expected}
    rests_on: [S-2]
{RULE}"""),
        (EXAMPLES, EXAMPLES + """\
  glucose on the limit: {given: {glucose: 7.0 mmol/L}, expect: {high_glucose: met}}
  glucose below: {given: {glucose: 6.9 mmol/L}, expect: {high_glucose: not_met}}
  glucose not known: {given: {}, expect: {high_glucose: not_assessed}}
"""),
    ]  # fmt: skip


FINDINGS: dict[str, list[tuple[str, str]]] = {
    "a name that is none": [
        (WHEN, "    when: tsx > 4 mIU/L  # finding: unknown-item\n"),
    ],
    "a unit that is none": [
        (WHEN, "    when: tsh > 4 mg/dL  # finding: unknown-unit\n"),
    ],
    "an etiology without standing": [
        (RULE, "  raised:  # finding: standing-missing\n    finding: TSH raised\n"),
        ("    standing: accepted\n", ""),
    ],
    "a rule that rests on itself": [
        (RULE, "  raised:  # finding: cycle\n    finding: TSH raised\n"),
        (WHEN, "    when: {any: [tsh > 4 mIU/L, raised is met]}\n"),
    ],
    "a statement that is none": [
        ("    rests_on: [S-1]\n", "    rests_on: [S-1, S-9]  # finding: no-statement\n"),
    ],
    "a statement of an item that is none": [
        ("mIU/L\n    serves: [S-1]\n", "mIU/L\n    serves: [S-1]\n    source: [R9]  # finding: no-statement\n"),
    ],
    "a statement that nothing uses": [
        (STATEMENT, f"{STATEMENT}  S-2: {{says: Two., kind: mechanism}}  # finding: unused\n"),
    ],
    "a source that nothing uses": [
        (STATEMENT, f"{STATEMENT}sources:\n  R1: {{says: One., checked: no}}  # finding: unused\n"),
    ],
    "background that a rule rests on": [
        (STATEMENT, STATEMENT.replace("}", ", background: Only a mechanism.}  # finding: background-used")),
    ],
    "an item that nothing reads and nothing yields": [
        (ITEMS, ITEMS + FLAG.replace("}\n", "}  # finding: unused\n")),
    ],
    "an item that a rule reads and nothing yields": [
        (ITEMS, ITEMS + FLAG.replace("}\n", "}  # finding: not-yielded\n")),
        (WHEN, "    when: {all: [tsh > 4 mIU/L, smoker is yes]}\n"),
        (EXAMPLES, "examples:\n"
         "  smoker: {given: {tsh: 5 mIU/L, smoker: yes}, expect: {raised: met}}\n"
         "  no smoker: {given: {tsh: 5 mIU/L, smoker: no}, expect: {raised: not_met}}\n"
         "  smoker on the limit: {given: {tsh: 4 mIU/L, smoker: yes}, expect: {raised: not_met}}\n"),
        ("  above: {given: {tsh: 5 mIU/L}, expect: {raised: met}}\n", ""),
    ],
    "a circumstance that nothing reads": [
        (ITEMS, f"circumstances:\n  ill: {{label: ill, kind: flag}}  # finding: unused\n{ITEMS}"),
    ],
    "a field that nothing reads and nothing yields": [
        (ITEMS, """\
items:
  losses:
    label: losses
    question: Losses
    kind: records
    list: history
    serves: [S-1]
    fields:
      early: {label: early, question: Was it early, kind: flag}
      late: {label: late, question: Was it late, kind: flag}  # finding: unused
"""),
        ("    yields: [tsh]\n", "    yields: [tsh, losses.early]\n"),
    ],
    "an investigation of no use": [
        (ITEMS, ITEMS + FLAG),
        (INVESTIGATIONS, """\
investigations:
  questions:  # finding: unused
    {label: Questions, yields: [smoker], occasion: ask, burden: question, tier: core}
"""),
    ],
    "a level that nothing asks for": [
        ("    plausible: 0–500 mIU/L\n", """\
    plausible: 0–500 mIU/L
    levels:
      very_high: {from: 10 mIU/L, source: [S-1]}  # finding: unused, not-carried
"""),
    ],
    "a sign of a pregnancy that cannot say so": [
        (ITEMS, """\
items:
  hcg: {label: hCG, question: The number, kind: quantity, unit: IU/L, plausible: 0–9 IU/L, serves: [S-1]}  # finding: no-sign
""" + ITEMS.removeprefix("items:\n")),
        ("    yields: [tsh]\n", "    yields: [tsh, hcg]\n"),
    ],
    "a limit that no statement says": [
        (WHEN, "    when: tsh > 4 mIU/L  # finding: not-carried\n"),
        (STATEMENT, STATEMENT.replace("4 mIU/L]", "4.5 mIU/L]")),
    ],
    "a limit that another statement says": [
        (WHEN, "    when: tsh > 4 mIU/L  # finding: not-carried\n"),
        (STATEMENT, STATEMENT.replace("4 mIU/L]", "5 mIU/L]") + "  S-2: {says: Four., kind: history, figures: [4 mIU/L]}\n"),
        ("serves: [S-1]\ninvest", "serves: [S-1, S-2]\ninvest"),
    ],
    "a figure that is no number": [
        (STATEMENT, STATEMENT.replace("mIU/L]", "mIU/L, some days]").replace("]}", "]}  # finding: bad-figure")),
    ],
    "a limit in one of two units": high_glucose("7.0 mmol/L", "7.0 mmol/L", "  # finding: one-unit"),
    "two units that disagree": high_glucose("7.0 mmol/L (127 mg/dL)", "7.0 mmol/L, 126 mg/dL", "  # finding: units-differ, not-carried"),
    "a choice that is none": [
        (ITEMS, """\
items:
  smear:
    label: smear
    question: Smear
    kind: choice
    choices:
      normal: {}
      failed: {}  # finding: looks-missing
      indeterminate: {inconclusive: yes}
    serves: [S-1]
"""),
        ("    yields: [tsh]\n", "    yields: [tsh, smear]\n"),
    ],
    "is known, without a reason": [
        *SMOKER,
        (WHEN, "    when: {any: [tsh > 4 mIU/L, all: [smoker is known, tsh > 4 mIU/L]]}  # finding: not-filled-in\n"),
    ],
    "an example that comes out otherwise": [
        ("  above: ", "  below: {given: {tsh: 3 mIU/L}, expect: {raised: met}}  # finding: example-wrong\n  above: "),
    ],
    "no example that is met": [
        (RULE, "  raised:  # finding: no-example\n    finding: TSH raised\n"),
        ("  above: {given: {tsh: 5 mIU/L}, expect: {raised: met}}\n", ""),
    ],
    "no example that is not met": [
        (RULE, "  raised:  # finding: no-example\n    finding: TSH raised\n"),
        ("  on the limit: {given: {tsh: 4 mIU/L}, expect: {raised: not_met}}\n", ""),
    ],
    "no example that is undecided": [
        (RULE, "  raised:  # finding: no-example\n    finding: TSH raised\n"),
        ("  nothing known: {given: {}, expect: {raised: not_assessed}}\n", ""),
    ],
    "met where nothing is known": [
        (RULE, "  raised:  # finding: met-by-nothing\n    finding: TSH raised\n"),
        (WHEN, "    when: {not_known: tsh <= 4 mIU/L}\n"),
        ("    rests_on: [S-1]\n", "    rests_on: [S-1]\n    accepts: {not_known: To show it., no example undecided: It never is.}\n"),
        ("raised: not_assessed", "raised: met"),
        (EXAMPLES, "examples:\n  awaited: {given: {tsh: pending}, expect: {raised: met}}\n"),
    ],
    "suspected where nothing is known": [
        (RULE, "  raised:  # finding: met-by-nothing\n    finding: TSH raised\n"),
        (WHEN, f"{WHEN}    suspect_when: {{not_known: tsh <= 4 mIU/L}}\n    accepts: {{not_known: To show it.}}\n"),
        ("raised: not_assessed", "raised: suspected"),
    ],
    "never met": [
        (RULE, "  raised:  # finding: never, no-example\n    finding: TSH raised\n"),
        (WHEN, "    when: {all: [tsh > 4 mIU/L, tsh <= 4 mIU/L]}\n"),
        ("expect: {raised: met}", "expect: {raised: not_met}"),
    ],
    "never not met": [
        (RULE, "  raised:  # finding: never, no-example\n    finding: TSH raised\n"),
        (WHEN, "    when: {any: [tsh > 4 mIU/L, tsh <= 4 mIU/L]}\n"),
        ("expect: {raised: not_met}", "expect: {raised: met}"),
    ],
    "met wherever another one is": [
        (RULE, f"""\
  very_high:  # finding: implies
    finding: TSH very high
    kind: reminder
    when: tsh > 10 mIU/L
    rests_on: [S-1]
{RULE}"""),
        (STATEMENT, STATEMENT.replace("4 mIU/L]", "4 mIU/L, 10 mIU/L]")),
        (EXAMPLES, """\
examples:
  just above ten: {given: {tsh: 11 mIU/L}, expect: {very_high: met, raised: met}}
  ten: {given: {tsh: 10 mIU/L}, expect: {very_high: not_met, raised: met}}
  neither: {given: {}, expect: {very_high: not_assessed}}
"""),
    ],
    "the same twice": [
        (EXAMPLES, """\
  raised_too:  # finding: same-rule
    finding: TSH raised too
    kind: reminder
    when: {not: tsh <= 4 mIU/L}
    rests_on: [S-1]
examples:
  the same above: {given: {tsh: 5 mIU/L}, expect: {raised_too: met}}
  the same on the limit: {given: {tsh: 4 mIU/L}, expect: {raised_too: not_met}}
  the same of nothing: {given: {}, expect: {raised_too: not_assessed}}
"""),
    ],
    "a gap": [
        (EXAMPLES, """\
partitions:
  bands:
    of: tsh
    parts: {low: tsh < 4 mIU/L, raised: tsh > 4 mIU/L}  # finding: gap
examples:
"""),
    ],
    "an overlap": [
        (EXAMPLES, """\
partitions:
  bands:
    of: tsh
    parts: {low: tsh <= 4 mIU/L, middle: tsh >= 4 mIU/L}  # finding: overlap
examples:
"""),
    ],
    "a limit outside the partition": [
        (WHEN, "    when: tsh > 4 mIU/L  # finding: outside-partition\n"),
        (EXAMPLES, """\
partitions:
  bands:
    of: tsh
    parts: {low: tsh <= 5 mIU/L, raised: tsh > 5 mIU/L}
examples:
"""),
    ],
    "accepted without a reason": [
        (WHEN, f'{WHEN}    accepts: {{unused: ""}}  # finding: no-reason\n'),
    ],
    "accepted, and not found": [
        (WHEN, f"{WHEN}    accepts: {{never met: It was once.}}  # finding: accepts-nothing\n"),
    ],
}  # fmt: skip


def test_a_sound_rulebook_has_no_problem(tmp_path: Path):
    report = check(folder(tmp_path, SOUND))
    assert report.problems == ()
    assert report.sound
    assert report.counts == {"rule": 1, "item": 1, "example": 3}
    assert report.mutants == report.noticed == 6
    assert report.accepted == report.unread == report.not_proved == ()


def test_a_rulebook_without_a_rule_is_not_sound(tmp_path: Path):
    (tmp_path / "rulebook.yaml").write_text("{name: x, version: '1', title: X}")
    report = check(tmp_path)
    assert [p.code for p in report.problems] == ["no-rules"]
    assert not report.sound


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_stands_on_its_line(name: str, tmp_path: Path):
    text = spoilt(*FINDINGS[name])
    report = check(folder(tmp_path, text))
    compare(report, text)
    assert not report.sound
    for problem in report.problems:
        assert problem.hint
        assert problem.place.column


def test_every_code_of_a_problem_is_shown():
    """None is only written, and never seen red."""
    written = set(re.findall(r'Problem\(\s*"([a-z-]+)"', (ROOT / "rsa_cli" / "check.py").read_text()))
    written |= {"gap", "overlap"}
    shown = set(re.findall(r"# finding: (.+)", "".join(new for rows in FINDINGS.values() for _, new in rows)))
    assert (
        written - {"survives", "no-rules"} - {code for codes in shown for code in codes.split(", ")} == set()
    )


# --- what silences a finding ---------------------------------------------------------------------


def test_a_finding_is_accepted_by_name_with_a_reason(tmp_path: Path):
    text = spoilt(
        (
            WHEN,
            "    when: tsh > 4 mIU/L\n    accepts:\n      not carried, when 4 mIU/L: Known to everybody.\n",
        ),
        (STATEMENT, STATEMENT.replace("4 mIU/L]", "4.5 mIU/L]")),
    )
    report = check(folder(tmp_path, text))
    assert report.problems == ()
    [accepted] = report.accepted
    assert (accepted.entry, accepted.name) == ("raised", "not carried, when 4 mIU/L")
    assert accepted.reason == "Known to everybody."
    assert "raised: not carried, when 4 mIU/L: Known to everybody." in summary(report)


def test_the_hint_names_what_to_accept(tmp_path: Path):
    text = spoilt((STATEMENT, STATEMENT.replace("4 mIU/L]", "4.5 mIU/L]")))
    [problem] = check(folder(tmp_path, text)).problems
    assert problem.hint.endswith('or, in the entry,  accepts:  "not carried, when 4 mIU/L": because …')


def test_another_entry_accepts_nothing_for_this_one(tmp_path: Path):
    text = spoilt(
        ("    plausible: 0–500 mIU/L\n", "    plausible: 0–500 mIU/L\n    accepts: {unused: It is not.}\n"),
        (STATEMENT, f"{STATEMENT}  S-2: {{says: Two., kind: mechanism}}\n"),
    )
    assert sorted(p.code for p in check(folder(tmp_path, text)).problems) == ["accepts-nothing", "unused"]


def test_a_reason_for_the_law_of_filling_in_covers_its_entry_and_is_listed(tmp_path: Path):
    text = spoilt(
        *SMOKER,
        (WHEN, "    when: {all: [tsh > 4 mIU/L, not_known: smoker is yes, not_known: {not: smoker is no}]}\n"
         "    accepts: {not_known: Only to show it.}\n"),
    )  # fmt: skip
    report = check(folder(tmp_path, text))
    assert {p.code for p in report.problems} == {"survives"}
    law = [accepted for accepted in report.accepted if accepted.kind == "law"]
    assert [(a.entry, a.name, a.reason) for a in law] == [("raised", "not_known", "Only to show it.")] * 2
    assert "Outside the law of filling in (2):" in summary(report)


def test_background_accepts_that_nothing_uses_a_statement(tmp_path: Path):
    text = spoilt(
        (STATEMENT, f"{STATEMENT}  S-2: {{says: Two., kind: mechanism, background: A mechanism.}}\n")
    )
    assert check(folder(tmp_path, text)).sound


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "figures", "codes"),
    [
        ("7.0 mmol/L (126 mg/dL)", "7.0 mmol/L", []),
        ("7.0 mmol/L (126 mg/dL)", "126 mg/dL", []),
        ("7.0 mmol/L (126 mg/dL)", "7.1 mmol/L", ["not-carried", "not-carried"]),
        ("7.0 mmol/L (126 mg/dL)", "7 kg", ["not-carried", "not-carried"]),
        ("7.0–11.1 mmol/L (126–200 mg/dL)", "7.0 mmol/L, 200 mg/dL", []),
        ("7.0–11.1 mmol/L (126–200 mg/dL)", "7.0 mmol/L, 9 mmol/L", ["not-carried", "not-carried"]),
        ("7.0–11.1 mmol/L (126–200 mg/dL)", "7.0–11.1 mmol/L", []),
        ("7.0 mmol/L (127 mg/dL)", "7.0 mmol/L, 127 mg/dL", []),  # a source may round otherwise
        ("5.6 mmol/L (100 mg/dL)", "5.6 mmol/L", ["not-carried", "units-differ"]),
        ("5.6 mmol/L (100 mg/dL)", "5.6 mmol/L, 100 mg/dL", []),
        ("126 mg/dL (7.0 mmol/L)", "126 mg/dL", []),
        ("126 mg/dL", "126 mg/dL", ["one-unit"]),
    ],
)
def test_numbers_are_carried_in_any_unit_and_agree_in_two(
    limit: str, figures: str, codes: list[str], tmp_path: Path
):
    report = check(folder(tmp_path, spoilt(*high_glucose(limit, figures))))
    assert sorted(p.code for p in report.problems if p.code not in ("survives", "example-wrong")) == codes


@pytest.mark.parametrize(
    ("condition", "figures", "missing"),
    [
        ("{count: {of: losses, where: early is yes, at_least: 2}}", "2 losses", []),
        ("{count: {of: losses, where: early is yes, at_least: 2}}", "2 days", ["at_least 2"]),
        ("{count: {of: losses, where: early is yes, at_least: 2}}", "2 cm", []),  # no item is measured in cm
        ("{count: {of: losses, where: early is yes, at_least: 2}}", "2 mIU/L", ["at_least 2"]),
        ("{run: {of: losses, where: early is yes, at_least: 3}}", "2 losses", ["at_least 3"]),
        ("{count: {of: losses, where: gestation < 10 weeks, at_least: 1}}", "1 loss, 70 days", []),
        ("{count: {of: losses, where: gestation < 10w1d, at_least: 1}}", "1 loss, 10 weeks", ["10w1d"]),
        ("{repeated: {where: tsh > 4 mIU/L, times: 2, apart: 6 weeks}}", "4 mIU/L, 2 samples, 42 days", []),
        ("{repeated: {where: tsh > 4 mIU/L, times: 2, apart: 6 weeks}}", "4 mIU/L, 3 samples, 12 weeks", ["42 days", "times 2"]),
        ("{some: {at_least: 2, of: [tsh > 4 mIU/L, tsh > 4 mIU/L]}}", "4 mIU/L", ["at_least 2"]),
        ("{points: {at_least: 3, of: [{points: 1, when: tsh > 4 mIU/L}, {highest: [{points: 2, when: tsh > 4 mIU/L}]}]}}", "4 mIU/L, 3 points", ["points 1", "points 2"]),
        ("tsh < 0 mIU/L", "1 loss", []),  # less than nothing needs no source
    ],
)  # fmt: skip
def test_a_number_of_every_form_is_carried(condition: str, figures: str, missing: list[str], tmp_path: Path):
    text = LOSSES.replace("WHEN", condition).replace("FIGURES", figures)
    report = check(folder(tmp_path, text))
    found = [
        p.says for p in report.problems if p.code == "not-carried" and p.place.line == _line(text, "when:")
    ]
    assert found == [f"no figure of S-1 says {number}" for number in missing]


LOSSES = """\
items:
  tsh: {label: TSH, question: TSH, kind: quantity, unit: mIU/L, serves: [S-1]}
  losses:
    label: losses
    question: Losses
    kind: records
    list: history
    fields:
      early: {label: early, question: Was it early, kind: flag}
      gestation: {label: gestation, question: Which week, kind: gestation}
statements:
  S-1: {says: One., kind: criterion, figures: [FIGURES]}
rules:
  rule:
    finding: A finding
    kind: reminder
    when: WHEN
    rests_on: [S-1]
"""


def _line(text: str, key: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(key))


@pytest.mark.parametrize(
    ("written", "figures", "missing"),
    [
        ("reference: {high: 4.0–4.5 mIU/L, source: [S-1]}", "4.0 mIU/L", ["4.5 mIU/L"]),
        ("reference: [{low: 0.4 mIU/L, source: [S-1]}]", "4 mIU/L", ["0.4 mIU/L"]),
        ("reference: {low: 0.4 mIU/L, source: [S-2]}", "0.4 mIU/L", ["0.4 mIU/L"]),
        ("levels: {some: {from: 5 mIU/L, above: 6 mIU/L, source: [S-1]}}", "5 mIU/L", ["6 mIU/L"]),
        ("stale_after: 90 days", "90 days", []),
        ("stale_after: 12 weeks", "90 days", ["12 weeks"]),
        ('set_aside_if: ["value > 9 mIU/L"]', "9 mIU/L", []),
        ('counts_only_if: ["days_since >= 42 days"]', "6 weeks", []),
        ('counts_only_if: ["days_since >= 42 days"]', "5 weeks", ["42 days"]),
        ("ask_if: other > 3 mIU/L", "2 mIU/L", ["3 mIU/L"]),
    ],
)
def test_a_number_of_the_dictionary_is_carried(
    written: str, figures: str, missing: list[str], tmp_path: Path
):
    text = f"""\
circumstances:
  days_since: {{label: days since, kind: quantity, unit: days}}
items:
  other: {{label: other, question: Other, kind: quantity, unit: mIU/L}}
  tsh:
    label: TSH
    question: TSH
    kind: quantity
    unit: mIU/L
    {written}
    source: [S-1]
statements:
  S-1: {{says: One., kind: criterion, figures: [{figures}]}}
  S-2: {{says: Two., kind: criterion}}
"""
    report = check(folder(tmp_path, text))
    found = [p for p in report.problems if p.code == "not-carried"]
    assert [p.says.rpartition(" says ")[2] for p in found] == missing
    assert {p.place.line for p in found} <= {10}


@pytest.mark.parametrize(
    ("field", "figures", "missing"),
    [
        ("{kind: derived, label: bmi, unit: kg/m2, formula: weight / (height * height) * 10000}", "1 loss", ["10000"]),
        ("{kind: derived, label: bmi, unit: kg/m2, formula: weight / 22.5}", '"22.5"', []),
        ("{kind: choice, label: end, question: End, choices: {loss: {implies: gestation < 28 weeks}}}", "196 days", []),
        ("{kind: choice, label: end, question: End, choices: {loss: {implies: gestation < 28 weeks}}}", "27 weeks", ["28 weeks"]),
    ],
)  # fmt: skip
def test_a_number_of_a_formula_or_a_choice_is_carried(
    field: str, figures: str, missing: list[str], tmp_path: Path
):
    text = f"""\
items:
  losses:
    label: losses
    question: Losses
    kind: records
    list: history
    source: [S-1]
    fields:
      gestation: {{label: gestation, question: Which week, kind: gestation}}
      weight: {{label: weight, question: Weight, kind: quantity, unit: kg}}
      height: {{label: height, question: Height, kind: quantity, unit: cm}}
      field: {field}
statements:
  S-1: {{says: One., kind: criterion, figures: [{figures}]}}
"""
    found = [p for p in check(folder(tmp_path, text)).problems if p.code == "not-carried"]
    assert [p.says.rpartition(" says ")[2] for p in found] == missing


# --- mutants -------------------------------------------------------------------------------------


def test_a_missing_example_on_the_limit_leaves_just_what_it_would_notice(tmp_path: Path):
    text = spoilt(("  on the limit: {given: {tsh: 4 mIU/L}", "  below: {given: {tsh: 3 mIU/L}"))
    report = check(folder(tmp_path, text))
    names = [p.says.partition("this change: ")[2] for p in report.problems]
    assert names == ["when, tsh > 4 mIU/L → tsh > 3 mIU/L", "when, tsh > 4 mIU/L → tsh >= 4 mIU/L"]
    place = report.problems[0].place
    assert (place.line, place.column, place.end_column) == (25, 11, 24)
    assert (report.mutants, report.noticed) == (6, 4)
    assert "6 mutants: 4 noticed by an example, 0 mean the same, 2 survive. Score 66.7 %" in summary(report)


def test_a_mutant_that_means_the_same_is_left_out_of_the_score(tmp_path: Path):
    text = spoilt(
        ("  on the limit: {given: {tsh: 4 mIU/L}", "  below: {given: {tsh: 3 mIU/L}"),
        (WHEN, f"{WHEN}    accepts:\n"
         "      when, tsh > 4 mIU/L → tsh > 3 mIU/L: To show it.\n"
         "      when, tsh > 4 mIU/L → tsh >= 4 mIU/L: To show it too.\n"),
    )  # fmt: skip
    report = check(folder(tmp_path, text))
    assert report.problems == ()
    assert "6 mutants: 4 noticed by an example, 2 mean the same, 0 survive. Score 100 %" in summary(report)
    assert "raised: when, tsh > 4 mIU/L → tsh > 3 mIU/L: To show it." in summary(report)


# What is broken of each form, by the names of the mutants, in order.
FORMS: dict[str, list[str]] = {
    "tsh > 4.0 mIU/L": [
        "tsh > 4.0 mIU/L → true", "tsh > 4.0 mIU/L → false", "tsh > 4.0 mIU/L → tsh < 4.0 mIU/L",
        "tsh > 4.0 mIU/L → tsh >= 4.0 mIU/L", "tsh > 4.0 mIU/L → tsh > 3.9 mIU/L", "tsh > 4.0 mIU/L → tsh > 4.1 mIU/L",
    ],
    "glucose <= 7.0 mmol/L (126 mg/dL)": [
        "glucose <= 7.0 mmol/L (126 mg/dL) → true", "glucose <= 7.0 mmol/L (126 mg/dL) → false",
        "glucose <= 7.0 mmol/L (126 mg/dL) → glucose >= 7.0 mmol/L (126 mg/dL)",
        "glucose <= 7.0 mmol/L (126 mg/dL) → glucose < 7.0 mmol/L (126 mg/dL)",
        "glucose <= 7.0 mmol/L (126 mg/dL) → glucose <= 6.9 mmol/L (125 mg/dL)",
        "glucose <= 7.0 mmol/L (126 mg/dL) → glucose <= 7.1 mmol/L (127 mg/dL)",
    ],
    "bmi >= 28–30 kg/m2": [
        "bmi >= 28–30 kg/m2 → true", "bmi >= 28–30 kg/m2 → false", "bmi >= 28–30 kg/m2 → bmi <= 28–30 kg/m2",
        "bmi >= 28–30 kg/m2 → bmi > 28–30 kg/m2", "bmi >= 28–30 kg/m2 → bmi >= 27–30 kg/m2",
        "bmi >= 28–30 kg/m2 → bmi >= 29–30 kg/m2", "bmi >= 28–30 kg/m2 → bmi >= 28–29 kg/m2",
        "bmi >= 28–30 kg/m2 → bmi >= 28–31 kg/m2",
    ],
    "gestation_now < 28 weeks": [
        "gestation_now < 28 weeks → true", "gestation_now < 28 weeks → false",
        "gestation_now < 28 weeks → gestation_now > 28 weeks", "gestation_now < 28 weeks → gestation_now <= 28 weeks",
        "gestation_now < 28 weeks → gestation_now < 27w6d", "gestation_now < 28 weeks → gestation_now < 28w1d",
    ],
    "last_period < 2025-12-01": [
        "last_period < 2025-12-01 → true", "last_period < 2025-12-01 → false",
        "last_period < 2025-12-01 → last_period > 2025-12-01", "last_period < 2025-12-01 → last_period <= 2025-12-01",
        "last_period < 2025-12-01 → last_period < 2025-11-30", "last_period < 2025-12-01 → last_period < 2025-12-02",
    ],
    "karyotype is normal or inversion": [
        "karyotype is normal or inversion → true", "karyotype is normal or inversion → false",
        "karyotype is normal or inversion → karyotype is not normal or inversion",
        "karyotype is normal or inversion → karyotype is inversion",
        "karyotype is normal or inversion → karyotype is normal",
    ],
    "smoker is not yes": ["smoker is not yes → true", "smoker is not yes → false", "smoker is not yes → smoker is yes"],
    "ever rhesus is negative": [
        "ever rhesus is negative → true", "ever rhesus is negative → false",
        "ever rhesus is negative → ever rhesus is not negative", "ever rhesus is negative → always rhesus is negative",
    ],
    "drugs includes heparin": [
        "drugs includes heparin → true", "drugs includes heparin → false", "drugs includes heparin → not",
    ],
    "always tsh is high": [
        "always tsh is high → true", "always tsh is high → false", "always tsh is high → always tsh is low",
        "always tsh is high → ever tsh is high",
    ],
    "tsh is normal": ["tsh is normal → true", "tsh is normal → false", "tsh is normal → not"],
    "anticardiolipin is at least moderate": [
        "anticardiolipin is at least moderate → true", "anticardiolipin is at least moderate → false",
        "anticardiolipin is at least moderate → anticardiolipin is at least high",
        "anticardiolipin is at least moderate → not",
    ],
    "tsh is known": ["tsh is known → true", "tsh is known → false", "tsh is known → not"],
    "losses is met": ["losses is met → true", "losses is met → false", "losses is met → not"],
    "{undecidable: No test decides it.}": [],
    "{all: [smoker is yes, {any: [drinker is yes, tsh is known]}]}": [
        "all → any", "all, without any", "smoker is yes → true", "smoker is yes → false",
        "smoker is yes → smoker is not yes", "any → all", "drinker is yes → true", "drinker is yes → false",
        "drinker is yes → drinker is not yes", "tsh is known → true", "tsh is known → false", "tsh is known → not",
    ],
    "{any: [smoker is yes, {not: {all: [drinker is yes]}}]}": [
        "any → all", "any, without not all", "smoker is yes → true", "smoker is yes → false",
        "smoker is yes → smoker is not yes", "not → without not",
        "drinker is yes → true", "drinker is yes → false", "drinker is yes → drinker is not yes",
    ],
    "{not_known: tsh is known}": [
        "not_known → not", "not_known → without not_known", "tsh is known → true", "tsh is known → false", "tsh is known → not",
    ],
    "{some: {at_least: 1, of: [tsh is known, {not: losses is met}]}}": [
        "some, at_least 1 → 0", "some, at_least 1 → 2", "some, without not losses is met", "tsh is known → true",
        "tsh is known → false", "tsh is known → not", "not → without not", "losses is met → true",
        "losses is met → false", "losses is met → not",
    ],
    "{points: {at_least: 3, of: [{points: 1, when: tsh is known}, {highest: [{points: 3, when: losses is met}, {points: 2, when: smoking is met}]}]}}": [
        "points, at_least 3 → 2", "points, at_least 3 → 4",
        "points, without tsh is known", "1 points for tsh is known → 0", "1 points for tsh is known → 2",
        "points, without highest of losses is met", "3 points for losses is met → 2", "3 points for losses is met → 4",
        "highest, without losses is met", "2 points for smoking is met → 1", "2 points for smoking is met → 3",
        "highest, without smoking is met", "tsh is known → true", "tsh is known → false", "tsh is known → not",
        "losses is met → true", "losses is met → false", "losses is met → not", "smoking is met → true",
        "smoking is met → false", "smoking is met → not",
    ],
    "{count: {of: cycles, where: biphasic is yes, at_least: 2, out_of: 3}}": [
        "count of cycles, at_least 2 → 1", "count of cycles, at_least 2 → 3", "count of cycles, out_of 3 → 2",
        "count of cycles, out_of 3 → 4", "biphasic is yes → true", "biphasic is yes → false",
        "biphasic is yes → biphasic is not yes",
    ],
    "{count: {of: cycles, where: short is yes, at_least: 1, out_of: 1}}": [  # a derived flag is broken where it is declared
        "count of cycles, at_least 1 → 0", "count of cycles, at_least 1 → 2", "count of cycles, out_of 1 → 2",
        "short is yes → true", "short is yes → false",
    ],
    "{run: {of: pregnancies, where: heartbeat is yes, skip: {not: ended is known}, at_least: 2}}": [
        "run of pregnancies, at_least 2 → 1", "run of pregnancies, at_least 2 → 3", "run of pregnancies, without skip",
        "heartbeat is yes → true", "heartbeat is yes → false", "heartbeat is yes → heartbeat is not yes",
        "not → without not", "ended is known → true", "ended is known → false", "ended is known → not",
    ],
    "{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}": [
        "repeated rhesus is negative, times 2 → 1", "repeated rhesus is negative, times 2 → 3",
        "repeated rhesus is negative, 42 days apart → 41", "repeated rhesus is negative, 42 days apart → 43",
        "rhesus is negative → true", "rhesus is negative → false", "rhesus is negative → rhesus is not negative",
    ],
    "{repeated: {where: tsh > 4 mIU/L, times: 1, apart: 1 day}}": [
        "repeated tsh > 4 mIU/L, times 1 → 2", "repeated tsh > 4 mIU/L, 1 days apart → 2",
        "tsh > 4 mIU/L → true", "tsh > 4 mIU/L → false", "tsh > 4 mIU/L → tsh < 4 mIU/L", "tsh > 4 mIU/L → tsh >= 4 mIU/L",
        "tsh > 4 mIU/L → tsh > 3 mIU/L", "tsh > 4 mIU/L → tsh > 5 mIU/L",
    ],
    "{none_of: etiology}": ["none_of → true", "none_of → false", "none_of → any not met"],
}  # fmt: skip


def look(name: Name) -> Item:
    """The item or field of the generated dictionary that a comparison is about."""
    return GENERATED.items[name.of].fields[name.item] if name.of else GENERATED.items[name.item]


FLAGS = {id(f.when): f.id for i in GENERATED.items.values() for f in i.fields.values() if f.when is not None}


def read(condition: str) -> Condition:
    """A condition over the generated dictionary, as its YAML is written."""
    return condition_of(yaml.load(condition, Loader=yaml.BaseLoader))


@pytest.mark.parametrize("condition", FORMS)
def test_the_mutants_of_a_form(condition: str):
    assert [mutant.words for mutant in broken(read(condition), look, FLAGS)] == FORMS[condition]


def test_every_form_is_broken():
    found = {type(node) for condition in FORMS for node in walk(read(condition))}
    assert found | {nodes.Weighted, nodes.Highest} == NODE_CLASSES | {nodes.Undecidable}


@pytest.mark.parametrize("condition", FORMS)
def test_a_mutant_is_another_condition_and_leaves_the_first_as_it_was(condition: str):
    tree = read(condition)
    before = [id(node) for node in walk(tree)]
    for mutant in broken(tree, look, FLAGS):
        assert [id(node) for node in walk(mutant.condition)] != before
    assert [id(node) for node in walk(tree)] == before


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(questions())
def test_an_engine_does_not_take_a_mutant_for_what_it_was_made_of(question: Question):
    """Leaves and samples are known again by their words, so a changed one must have words of its own."""
    tree, evidence = condition_of(question.condition), evidence_of(question.case)
    engine = Engine(GENERATED, evidence, timing=False)
    engine.verdict(tree)
    for mutant in broken(tree, look, FLAGS):
        alone = Engine(GENERATED, evidence, timing=False).verdict(mutant.condition).truth
        assert engine.verdict(mutant.condition).truth is alone, mutant.words


# --- mutants of the dictionary -------------------------------------------------------------------

# Everything that can be broken, and just the examples that notice it all.
WHOLE = """\
circumstances:
  ill: {label: ill, question: Was she ill, kind: flag}
  pregnant: {label: pregnant, question: Was she pregnant, kind: flag}
items:
  antibody:
    label: antibody
    question: Antibody
    kind: quantity
    unit: U
    plausible: 0–500 U
    reference:
      - {high: 10–20 U, source: [S-1], when: [pregnant is no]}
      - {high: 30 U, source: [S-1], when: [pregnant is yes]}
    levels:
      moderate: {from: 40 U, above: 40 U, source: [S-1]}
    set_aside_if:
      - all: [ill is yes, value < 15 U]
    counts_only_if:
      - pregnant is known
    stale_after: 90 days
    source: [S-1]
    serves: [S-1]
    accepts: {is known: Only to show it.}
  losses:
    label: losses
    question: Losses
    kind: records
    list: history
    dated_by: ended
    serves: [S-1]
    source: [S-1]
    fields:
      outcome:
        label: outcome
        question: How did it end
        kind: choice
        choices: {loss: {implies: gestation < 28 weeks}, birth: {}}
      ended: {label: end, question: When did it end, kind: date}
      gestation: {label: gestation, question: Which week, kind: gestation}
      painless:
        label: painless
        question: Was it painless
        kind: flag
        ask_if: outcome is loss
      waited:
        label: days waited
        kind: derived
        unit: days
        formula: days_between(previous(ended), ended) + 14 - gestation [days]
      early: {label: early, kind: derived, when: gestation < 10 weeks}
investigations:
  antibody_test: {label: Antibody, yields: [antibody, losses], occasion: ask, burden: blood, tier: core, serves: [S-1]}
statements:
  S-1:
    says: All of it.
    kind: criterion
    figures: [10 U, 20 U, 30 U, 40 U, 15 U, 90 days, 28 weeks, 10 weeks, 14 days, 1 loss]
checks:
  too_close:
    of: losses
    problem_if: waited < 0 days
    says: Too close.
    source: S-1
rules:
  raised:
    finding: Raised
    kind: reminder
    tested_by: [antibody]
    when: antibody is high
    suspect_when: antibody is high
    today: {says: Moderate is asked for., source: [S-1], when: antibody is at least moderate}
    rests_on: [S-1]
  early_loss:
    finding: Early loss
    kind: reminder
    when: {count: {of: losses, where: early is yes, at_least: 1}}
    rests_on: [S-1]
    accepts: {implies any_loss: A part of them.}
  any_loss:
    finding: Loss
    kind: reminder
    when: {count: {of: losses, where: gestation < 28 weeks, at_least: 1}}
    rests_on: [S-1]
examples:
  above, not pregnant:
    given: {antibody: {value: 21 U, pregnant: no}}
    expect: {raised: met, raised.today: not_met}
  on the upper end, not pregnant:
    given: {antibody: {value: 20 U, pregnant: no}}
    expect: {raised: undetermined}
  just above the lower end, not pregnant:
    given: {antibody: {value: 11 U, pregnant: no}}
    expect: {raised: undetermined}
  on the lower end, not pregnant:
    given: {antibody: {value: 10 U, pregnant: no}}
    expect: {raised: not_met}
  above, pregnant:
    given: {antibody: {value: 31 U, pregnant: yes}}
    expect: {raised: met, raised.today: not_met}
  on the limit, pregnant:
    given: {antibody: {value: 30 U, pregnant: yes}}
    expect: {raised: not_met}
  just moderate or not:
    given: {antibody: {value: 40 U, pregnant: no}}
    expect: {raised.today: undetermined}
  moderate:
    given: {antibody: {value: 41 U, pregnant: no}}
    expect: {raised.today: met}
  not moderate:
    given: {antibody: {value: 39 U, pregnant: no}}
    expect: {raised.today: not_met}
  ill, and low:
    given: {antibody: {value: 14 U, pregnant: no, ill: yes}}
    expect: {antibody: set aside, raised: undetermined}
  ill, and not so low:
    given: {antibody: {value: 15 U, pregnant: no, ill: yes}}
    expect: {antibody: usable}
  high, pregnant or not:
    given: {antibody: 41 U}
    expect: {antibody: set aside, raised: suspected}
  ninety days old:
    as_of: 2026-04-01
    given: {antibody: {value: 14 U, pregnant: no, date: 2026-01-01}}
    expect: {antibody: usable}
  ninety-one days old:
    as_of: 2026-04-02
    given: {antibody: {value: 14 U, pregnant: no, date: 2026-01-01}}
    expect: {antibody: set aside}
  no antibody:
    given: {}
    expect: {raised: not_assessed, early_loss: not_assessed, any_loss: not_assessed}
  an early loss:
    given: {losses: [{gestation: 9w6d}]}
    expect: {early_loss: met}
  no early loss:
    given: {losses: [{gestation: 10w0d}]}
    expect: {early_loss: not_met}
  a loss of a week not known:
    given: {losses: [{outcome: loss, painless: yes}]}
    expect: {early_loss: undetermined, any_loss: met, losses.painless: usable, losses.gestation: usable}
  a loss the day before 28 weeks:
    given: {losses: [{outcome: loss, gestation: 27w6d}]}
    expect: {any_loss: met}
  the day of 28 weeks:
    given: {losses: [{gestation: 28w0d}]}
    expect: {any_loss: not_met}
  a birth:
    given: {losses: [{outcome: birth, painless: yes}]}
    expect: {losses.painless: nothing}
  conceived on the day of the loss before:
    given: {losses: [{ended: 2025-01-01}, {ended: 2025-03-12, gestation: 12w0d}]}
    expect: {losses.waited: 0 days, too_close: silent}
  conceived the day before the loss before:
    given: {losses: [{ended: 2025-01-01}, {ended: 2025-03-11, gestation: 12w0d}]}
    expect: {losses.waited: -1 days, too_close: problem}
"""


def test_a_rulebook_with_everything_in_it_is_sound(tmp_path: Path):
    report = check(folder(tmp_path, WHOLE))
    assert [f"{p.place}: {p.says}" for p in report.problems] == []


DICTIONARY = [
    "too_close: problem_if, waited < 0 days → true",
    "too_close: problem_if, waited < 0 days → false",
    "too_close: problem_if, waited < 0 days → waited > 0 days",
    "too_close: problem_if, waited < 0 days → waited <= 0 days",
    "too_close: problem_if, waited < 0 days → waited < -1 days",
    "too_close: problem_if, waited < 0 days → waited < 1 days",
    "antibody: set_aside_if, all → any",
    "antibody: set_aside_if, ill is yes → true",
    "antibody: set_aside_if, ill is yes → false",
    "antibody: set_aside_if, ill is yes → ill is not yes",
    "antibody: set_aside_if, value < 15 U → true",
    "antibody: set_aside_if, value < 15 U → false",
    "antibody: set_aside_if, value < 15 U → value > 15 U",
    "antibody: set_aside_if, value < 15 U → value <= 15 U",
    "antibody: set_aside_if, value < 15 U → value < 14 U",
    "antibody: set_aside_if, value < 15 U → value < 16 U",
    "antibody: set_aside_if, without all",
    "antibody: counts_only_if, pregnant is known → true",
    "antibody: counts_only_if, pregnant is known → false",
    "antibody: counts_only_if, pregnant is known → not",
    "antibody: stale_after, 90 days → 89",
    "antibody: stale_after, 90 days → 91",
    "antibody: reference, high 10–20 U → 9–20 U",
    "antibody: reference, high 10–20 U → 11–20 U",
    "antibody: reference, high 10–20 U → 10–19 U",
    "antibody: reference, high 10–20 U → 10–21 U",
    "antibody: reference, high 10–20 U, left out",
    "antibody: reference, when pregnant is no → true",
    "antibody: reference, when pregnant is no → false",
    "antibody: reference, when pregnant is no → pregnant is not no",
    "antibody: reference, high 30 U → 29 U",
    "antibody: reference, high 30 U → 31 U",
    "antibody: reference, high 30 U, left out",
    "antibody: reference, when pregnant is yes → true",
    "antibody: reference, when pregnant is yes → false",
    "antibody: reference, when pregnant is yes → pregnant is not yes",
    "antibody: levels, moderate from 40 U → 39 U",
    "antibody: levels, moderate from 40 U → 41 U",
    "antibody: levels, moderate from 40 U, left out",
    "antibody: levels, moderate above 40 U → 39 U",
    "antibody: levels, moderate above 40 U → 41 U",
    "antibody: levels, moderate above 40 U, left out",
    "losses.outcome: choices, loss implies gestation < 28w0d → < 27w6d",
    "losses.outcome: choices, loss implies gestation < 28w0d → < 28w1d",
    "losses.outcome: choices, loss implies gestation < 28w0d, left out",
    "losses.painless: ask_if, outcome is loss → true",
    "losses.painless: ask_if, outcome is loss → false",
    "losses.painless: ask_if, outcome is loss → outcome is not loss",
    "losses.waited: formula, ((days_between(previous(ended), ended) + 14) - gestation) → ((days_between(previous(ended), ended) + 14) + gestation)",
    "losses.waited: formula, ((days_between(previous(ended), ended) + 14) - gestation) → (days_between(previous(ended), ended) + 14)",
    "losses.waited: formula, ((days_between(previous(ended), ended) + 14) - gestation) → gestation",
    "losses.waited: formula, (days_between(previous(ended), ended) + 14) → (days_between(previous(ended), ended) - 14)",
    "losses.waited: formula, (days_between(previous(ended), ended) + 14) → days_between(previous(ended), ended)",
    "losses.waited: formula, (days_between(previous(ended), ended) + 14) → 14",
    "losses.waited: formula, days_between(previous(ended), ended) → days_between(ended, previous(ended))",
    "losses.waited: formula, previous(ended) → ended",
    "losses.waited: formula, 14 → 13",
    "losses.waited: formula, 14 → 15",
    "losses.early: when, gestation < 10 weeks → true",
    "losses.early: when, gestation < 10 weeks → false",
    "losses.early: when, gestation < 10 weeks → gestation > 10 weeks",
    "losses.early: when, gestation < 10 weeks → gestation <= 10 weeks",
    "losses.early: when, gestation < 10 weeks → gestation < 9w6d",
    "losses.early: when, gestation < 10 weeks → gestation < 10w1d",
]  # fmt: skip


def test_everything_in_the_dictionary_and_the_checks_is_broken(tmp_path: Path):
    at = folder(tmp_path, WHOLE)
    breaker = Breaker(read_rulebook(at, whole=True), Entries(read_sources(at)))
    mutants = [f"{m.entry.name}: {m.name}" for m in breaker.mutants() if m.entry.section != "rules"]
    assert mutants == DICTIONARY


# What survives where one of its examples is taken away: each notices what no other does.
NEEDED: dict[str, list[str]] = {
    "above, not pregnant": [
        "reference, high 10–20 U → 10–21 U",
        "reference, when pregnant is yes → true",
    ],
    "on the upper end, not pregnant": [
        "reference, high 10–20 U → 10–19 U",
    ],
    "just above the lower end, not pregnant": [
        "reference, high 10–20 U → 11–20 U",
    ],
    "on the lower end, not pregnant": [
        "reference, high 10–20 U → 9–20 U",
    ],
    "above, pregnant": [
        "reference, high 30 U → 31 U",
    ],
    "on the limit, pregnant": [
        "reference, when pregnant is no → true",
        "reference, high 30 U → 29 U",
    ],
    "just moderate or not": [
        "levels, moderate from 40 U → 41 U",
        "levels, moderate from 40 U, left out",
        "levels, moderate above 40 U → 39 U",
        "levels, moderate above 40 U, left out",
    ],
    "moderate": [
        "levels, moderate above 40 U → 41 U",
    ],
    "not moderate": [
        "levels, moderate from 40 U → 39 U",
    ],
    "ill, and low": [
        "set_aside_if, without all",
        "set_aside_if, ill is yes → false",
        "set_aside_if, ill is yes → ill is not yes",
        "set_aside_if, value < 15 U → false",
        "set_aside_if, value < 15 U → value < 14 U",
        "set_aside_if, value < 15 U → value > 15 U",
    ],
    "ill, and not so low": [
        "set_aside_if, value < 15 U → true",
        "set_aside_if, value < 15 U → value < 16 U",
        "set_aside_if, value < 15 U → value <= 15 U",
    ],
    "high, pregnant or not": [
        "counts_only_if, pregnant is known → true",
        "suspect_when, antibody is high → antibody is low",
        "suspect_when, antibody is high → false",
    ],
    "ninety days old": [
        "stale_after, 90 days → 89",
    ],
    "ninety-one days old": [
        "stale_after, 90 days → 91",
    ],
    "no antibody": [
        "no-example",
    ],
    "an early loss": [
        "when, gestation < 10 weeks → gestation < 9w6d",
        "when, gestation < 10 weeks → gestation > 10 weeks",
        "no-example",
    ],
    "no early loss": [
        "when, gestation < 10 weeks → gestation < 10w1d",
        "when, gestation < 10 weeks → gestation <= 10 weeks",
        "no-example",
    ],
    "a loss of a week not known": [
        "choices, loss implies gestation < 28w0d → < 28w1d",
        "choices, loss implies gestation < 28w0d, left out",
        "ask_if, outcome is loss → false",
    ],
    "a loss the day before 28 weeks": [
        "choices, loss implies gestation < 28w0d → < 27w6d",
    ],
    "the day of 28 weeks": [
        "no-example",
        "when, count of losses, at_least 1 → 0",
        "when, gestation < 28 weeks → gestation < 28w1d",
        "when, gestation < 28 weeks → gestation <= 28 weeks",
        "when, gestation < 28 weeks → true",
    ],
    "a birth": [
        "ask_if, outcome is loss → true",
    ],
    "conceived on the day of the loss before": [
        "problem_if, waited < 0 days → true",
        "problem_if, waited < 0 days → waited < 1 days",
        "problem_if, waited < 0 days → waited <= 0 days",
    ],
    "conceived the day before the loss before": [
        "problem_if, waited < 0 days → false",
        "problem_if, waited < 0 days → waited < -1 days",
        "problem_if, waited < 0 days → waited > 0 days",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NEEDED)
def test_each_example_notices_what_no_other_does(name: str, tmp_path: Path):
    example = re.search(rf"  {re.escape(name)}:\n(?:    .*\n)+", WHOLE)
    assert example
    report = check(folder(tmp_path, WHOLE.replace(example[0], "")))
    assert [p.says.partition("this change: ")[2] or p.code for p in report.problems] == NEEDED[name]


def test_there_is_a_row_for_every_example():
    assert set(NEEDED) == set(re.findall(r"\n  ([a-z].*):\n    (?:as_of|given)", WHOLE))
    assert all(NEEDED.values())


CIRCUMSTANCES = """\
circumstances:
  on_heparin:
    label: on heparin
    question: Was she on heparin
    kind: flag
    worked_out: {medications: [heparin, warfarin]}
    now: heparin_now
items:
  heparin_now: {label: heparin, question: Heparin now, kind: flag}
  medications:
    label: drugs
    question: Drugs
    kind: records
    list: history
    dated_by: from
    fields:
      class: {label: drug, question: Which, kind: choice, choices: [heparin, warfarin, other]}
      from: {label: from, question: Since when, kind: date}
      to: {label: to, question: Until when, kind: date}
  clotting: {label: clotting, question: Clotting, kind: quantity, unit: s, set_aside_if: [on_heparin is yes]}
  other: {label: other, question: Other, kind: quantity, unit: s}
  both: {label: both, kind: derived, unit: s, formula: 'clotting [s] + other [s]', same_sample: [clotting, other]}
"""
WORKED_OUT = {
    "on_heparin: worked_out, left out": ["heparin", "warfarin"],
    "on_heparin: worked_out, without heparin": ["heparin"],
    "on_heparin: worked_out, without warfarin": ["warfarin"],
    "on_heparin: now, left out": ["now"],
    "both: same_sample, without clotting": ["two days", "two days, turned"],
    "both: same_sample, without other": ["two days", "two days, turned"],
}
NOTICING = {
    "heparin": "{medications: [{class: heparin, from: 2025-01-01}], clotting: {value: 9 s, date: 2025-02-01}}, expect: {clotting: set aside}",
    "warfarin": "{medications: [{class: warfarin, from: 2025-01-01}], clotting: {value: 9 s, date: 2025-02-01}}, expect: {clotting: set aside}",
    "now": "{heparin_now: yes, clotting: {value: 9 s, date: 2025-02-01}}, expect: {clotting: set aside}",
    "two days": "{clotting: {value: 9 s, date: 2025-02-01}, other: {value: 9 s, date: 2025-02-02}}, expect: {both: nothing}",
    "two days, turned": "{other: {value: 9 s, date: 2025-02-01}, clotting: {value: 9 s, date: 2025-02-02}}, expect: {both: nothing}",
}  # fmt: skip


@pytest.mark.parametrize("shown", [None, *NOTICING])
def test_how_a_circumstance_is_worked_out_is_broken_too(shown: str | None, tmp_path: Path):
    examples = f"examples:\n  it: {{given: {NOTICING[shown]}}}\n" if shown else ""
    report = check(folder(tmp_path, CIRCUMSTANCES + examples))
    known = {name.partition(": ")[2] for name in WORKED_OUT}
    left = {p.says.partition("this change: ")[2] for p in report.problems if p.code == "survives"}
    assert left & known == {name.partition(": ")[2] for name, by in WORKED_OUT.items() if shown not in by}
    assert "example-wrong" not in {p.code for p in report.problems}


CHOSEN = """\
items:
  gene:
    label: gene
    question: Gene
    kind: choice
    choices: {none: {}, one: {}, both: {}, some: {covers: [one, both]}, failed: {inconclusive: yes}}
    serves: [S-1]
  antibody: {label: antibody, question: Antibody, kind: quantity, unit: U, words: yes, plausible: 0–9 U, serves: [S-1]}
  weight: {label: weight, question: Weight, kind: quantity, unit: kg, plausible: 9–300 kg, serves: [S-1]}
  height: {label: height, question: Height, kind: quantity, unit: m, plausible: 1–3 m, serves: [S-1]}
  ratio: {label: ratio, kind: derived, formula: "weight [kg] / height [m]", unit: kg/m, lasting: [height], serves: [S-1]}
rules:
  two: {finding: Two, kind: reminder, when: gene is both, rests_on: [S-1]}
  raised: {finding: Raised, kind: reminder, when: antibody is high, rests_on: [S-1]}
statements:
  S-1: {says: Something., kind: criterion}
"""
CHOICES = {
    "choices, some covers, without one": "{gene: some}, expect: {two: undetermined}",
    "choices, some covers, without both": "{gene: some}, expect: {two: undetermined}",
    "choices, failed inconclusive, left out": "{gene: failed}, expect: {gene: inconclusive}",
    "words, left out": "{antibody: positive}, expect: {raised: met}",
}


@pytest.mark.parametrize("shown", [None, *CHOICES])
def test_what_a_choice_and_a_word_mean_is_broken_too(shown: str | None, tmp_path: Path):
    examples = f"examples:\n  it: {{given: {CHOICES[shown]}}}\n" if shown else ""
    report = check(folder(tmp_path, CHOSEN + examples))
    left = {p.says.partition("this change: ")[2] for p in report.problems if p.code == "survives"}
    noticed = {name for name, by in CHOICES.items() if shown and by == CHOICES[shown]}
    assert left & {*CHOICES, "lasting, without height"} == {*CHOICES, "lasting, without height"} - noticed
    assert "example-wrong" not in {p.code for p in report.problems}


def test_a_number_that_no_condition_reads_is_listed_and_not_broken(tmp_path: Path):
    text = WHOLE.replace("{high: 30 U,", "{low: 10 U, high: 30 U,")
    report = check(folder(tmp_path, text))
    assert report.problems == ()
    assert [unread.name for unread in report.unread] == ["antibody, reference, low 10 U"]
    assert report.unread[0].place.line == _line(text, "- {low: 10 U")
    assert "Read by no condition (1):" in summary(report)


def test_mutants_of_one_name_are_told_apart(tmp_path: Path):
    at = folder(tmp_path, spoilt((WHEN, "    when: {all: [tsh > 4 mIU/L, {any: [tsh > 4 mIU/L]}]}\n")))
    names = [m.name for m in Breaker(read_rulebook(at, whole=True), Entries(read_sources(at))).mutants()]
    assert len(names) == len(set(names))
    assert "when, tsh > 4 mIU/L → true" in names
    assert "when, tsh > 4 mIU/L → true (2)" in names


def test_a_rule_is_noticed_by_the_examples_of_a_rule_that_names_it(tmp_path: Path):
    other = """\
  other:
    finding: Other
    kind: reminder
    when: {not: raised is met}
    rests_on: [S-1]
examples:
  other on the limit: {given: {tsh: 4 mIU/L}, expect: {other: met}}
"""
    text = spoilt(
        ("  on the limit: {given: {tsh: 4 mIU/L}, expect: {raised: not_met}}\n", ""), (EXAMPLES, other)
    )
    problems = check(folder(tmp_path, text)).problems
    assert not [
        p for p in problems if p.code == "survives" and "raised notices" in p.says and "→ tsh" in p.says
    ]


# --- what can become of a condition --------------------------------------------------------------

ALL, ONLY_TRUE, ONLY_FALSE = {TRUE, FALSE}, {TRUE}, {FALSE}
CAN: dict[str, set[Truth]] = {
    "tsh > 4 mIU/L": ALL,
    "tsh >= 0 mIU/L": ONLY_TRUE,
    "tsh > 500 mIU/L": ONLY_FALSE,  # beyond what is plausible
    "{all: [tsh > 4 mIU/L, tsh < 4 mIU/L]}": ONLY_FALSE,
    "{all: [tsh >= 4 mIU/L, tsh <= 4 mIU/L]}": ALL,
    "{any: [tsh is high, tsh > 4.5 mIU/L]}": ALL,
    "{all: [tsh is high, tsh is low]}": ONLY_FALSE,
    "{any: [tsh is high, tsh is low, tsh is normal]}": ONLY_TRUE,
    "{all: [karyotype is inversion, karyotype is normal]}": ONLY_FALSE,
    "{not: karyotype is inversion or normal or translocation}": ONLY_FALSE,
    "{all: [smoker is yes, {not_known: smoker is yes}]}": ONLY_FALSE,
    "{any: [smoker is yes, {not_known: smoker is yes}]}": ONLY_TRUE,
    "{any: [smoker is known, {not: smoker is known}]}": ONLY_TRUE,
    "{all: [ever rhesus is positive, rhesus is negative]}": ALL,
    "{all: [ever rhesus is positive, always rhesus is negative]}": ONLY_FALSE,
    "{some: {at_least: 2, of: [smoker is yes, smoker is no, drinker is yes]}}": ALL,
    "{some: {at_least: 3, of: [smoker is yes, smoker is no, drinker is yes]}}": ONLY_FALSE,
    "{points: {at_least: 3, of: [{highest: [{points: 2, when: smoker is yes}, {points: 1, when: drinker is yes}]}]}}": ONLY_FALSE,
    "{points: {at_least: 3, of: [{points: 2, when: smoker is yes}, {points: 1, when: drinker is yes}]}}": ALL,
    "{undecidable: No test decides it.}": set(),
    "{count: {of: pregnancies, where: {all: [gestation < 10 weeks, gestation > 12 weeks]}, at_least: 1}}": ONLY_FALSE,
    "{count: {of: pregnancies, where: {all: [outcome is miscarriage, gestation >= 28 weeks]}, at_least: 1}}": ONLY_FALSE,
    "{count: {of: pregnancies, where: {all: [outcome is stillbirth, gestation >= 28 weeks]}, at_least: 2}}": ALL,
    "{all: [{count: {of: pregnancies, where: heartbeat is yes, at_least: 3}}, {not: {count: {of: pregnancies, where: heartbeat is yes, at_least: 2}}}]}": ONLY_FALSE,
    "{all: [{count: {of: pregnancies, where: heartbeat is yes, at_least: 2}}, {not: {run: {of: pregnancies, where: heartbeat is yes, at_least: 2}}}]}": ALL,
    "{all: [{run: {of: pregnancies, where: heartbeat is yes, at_least: 2}}, {not: {count: {of: pregnancies, where: heartbeat is yes, at_least: 2}}}]}": ONLY_FALSE,
    "{run: {of: pregnancies, where: outcome is miscarriage, skip: outcome is miscarriage, at_least: 1}}": ONLY_FALSE,
    "{count: {of: cycles, where: short is yes, at_least: 2, out_of: 3}}": ALL,
    "{count: {of: pregnancies, where: {all: [smoker is yes, {not: smoker is yes}]}, at_least: 1}}": ONLY_FALSE,
    "{all: [losses is met, {not: {run: {of: pregnancies, where: outcome is miscarriage, at_least: 2}}}]}": ONLY_FALSE,
    "{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}": ALL,
    "{any: [{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}, rhesus is positive]}": ALL,
    "{all: [{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}, {not: {repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}}]}": ONLY_FALSE,
}  # fmt: skip


@pytest.mark.parametrize("condition", CAN)
def test_what_can_become_of_a_condition(condition: str):
    tree = read(condition)
    space = Space(GENERATED, [tree])
    assert {truth for truth in (TRUE, FALSE) if space.can((tree, frozenset((truth,))))} == CAN[condition]


SAMPLES = "samples are looked at in more than one way"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("{repeated: {where: rhesus is negative, times: 3, apart: 6 weeks}}", SAMPLES),
        ("{all: [{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}, {not: {repeated: {where: rhesus is negative, times: 2, apart: 12 weeks}}}]}", SAMPLES),
        ("{all: [{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}, rhesus is positive]}", SAMPLES),
        ("{all: [{repeated: {where: rhesus is negative, times: 2, apart: 6 weeks}}, always rhesus is positive]}", SAMPLES),
        ("{count: {of: pregnancies, where: {count: {of: cycles, where: biphasic is yes, at_least: 1, out_of: 1}}, at_least: 1}}", "a list is looked at for each record of a list"),
    ],
)  # fmt: skip
def test_what_is_not_decided_is_said(condition: str, why: str):
    tree = read(condition)
    with pytest.raises(NotDecidedError, match=why):
        Space(GENERATED, [tree]).can((tree, frozenset((TRUE,))))


def test_nothing_that_comes_about_is_called_impossible():
    """Over generated conditions and cases: whatever truth comes up was found possible."""
    asked: list[bool] = []

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(questions())
    def ask(question: Question) -> None:
        tree = condition_of(question.condition)
        truth = truth_of(tree, question.case)
        if truth is UNKNOWN:
            return
        asked.append(True)
        try:
            assert Space(GENERATED, [tree]).can((tree, frozenset((truth,))))
        except NotDecidedError:
            asked[-1] = False

    ask()
    assert sum(asked) > 100
    assert sum(asked) > 0.9 * len(asked)


@pytest.mark.parametrize(
    ("when", "codes"),
    [
        ("{undecidable: No test decides it.}", []),
        ("{all: [tsh > 4 mIU/L, undecidable: No test decides it.]}", ["not met"]),
        ("{any: [tsh > 4 mIU/L, undecidable: No test decides it.]}", ["never not met", "not met"]),
    ],
)
def test_what_cannot_be_decided_needs_no_example_of_it(when: str, codes: list[str], tmp_path: Path):
    text = spoilt(
        (WHEN, f"    when: {when}\n"),
        ("  above: {given: {tsh: 5 mIU/L}, expect: {raised: met}}\n", ""),
        ("  on the limit: {given: {tsh: 4 mIU/L}, expect: {raised: not_met}}\n", ""),
    )
    problems = check(folder(tmp_path, text)).problems
    said = [p.says for p in problems if p.code in ("no-example", "never")]
    assert said == [
        f"raised is {code}, whatever is known" if "never" in code else f"no example shows raised {code}"
        for code in codes
    ]


def test_a_rule_over_many_things_is_listed_as_not_proved(tmp_path: Path):
    many = "".join(
        f"  item_{n}: {{label: item, question: Item, kind: flag, serves: [S-1]}}\n" for n in range(19)
    )
    names = [f"item_{n}" for n in range(19)]
    text = spoilt(
        (ITEMS, ITEMS + many),
        ("    yields: [tsh]\n", f"    yields: [tsh, {', '.join(names)}]\n"),
        (WHEN, f"    when: {{any: [{', '.join(f'{name} is yes' for name in names)}]}}\n"),
    )
    report = check(folder(tmp_path, text))
    assert [(what, why) for _, what, why in report.not_proved] == [
        ("raised", "19 things to know; up to 18 are decided")
    ]
    assert report.not_proved[0][0].line == _line(text, "raised:")
    assert "raised: 19 things to know" in summary(report)
    eighteen = text.replace(" or item_18 is yes", "").replace(", item_18 is yes", "")
    assert check(folder(tmp_path, eighteen)).not_proved == ()


# --- partitions ----------------------------------------------------------------------------------


def partition(parts: str) -> str:
    """The sound rulebook with a partition of its item, and one of an item of two units."""
    return spoilt(
        *high_glucose("7.0 mmol/L (126 mg/dL)", "7.0 mmol/L")[:2],
        (STATEMENT, f"{STATEMENT}  S-2: {{says: Two., kind: criterion}}\n"),
        (EXAMPLES, f"partitions:\n  bands: {{of: glucose, parts: {{{parts}}}}}\nexamples:\n"),
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("low: glucose < 7.0 mmol/L (126 mg/dL), high: glucose >= 7.0 mmol/L (126 mg/dL)", []),
        ("low: glucose < 7.0 mmol/L (126 mg/dL), high: glucose > 7.0 mmol/L (126 mg/dL)", ["glucose 7 mmol/L is in no part of bands"]),
        ("low: glucose <= 7.0 mmol/L (126 mg/dL), high: glucose >= 7.0 mmol/L (126 mg/dL)", ["glucose 7 mmol/L is both low and high"]),
        ("low: glucose < 7.0 mmol/L (125 mg/dL), high: glucose >= 7.0 mmol/L (126 mg/dL)", ["glucose 125 mg/dL is in no part of bands"]),
        ("low: glucose < 7.0–7.8 mmol/L (126–141 mg/dL), high: glucose >= 7.0–7.8 mmol/L (126–141 mg/dL)", []),  # open between
        ("low: glucose < 5 mmol/L (90 mg/dL), middle: {all: [glucose >= 5 mmol/L (90 mg/dL), glucose < 7.0 mmol/L (126 mg/dL)]}, high: glucose >= 7.0 mmol/L (126 mg/dL)", []),
        ("high: glucose >= 7.0 mmol/L (126 mg/dL)", ["glucose 0 mmol/L is in no part of bands"]),
        ("low: {not: glucose >= 7.0 mmol/L (126 mg/dL)}, high: {any: [glucose >= 7.0 mmol/L (126 mg/dL)]}", []),
    ],
)  # fmt: skip
def test_gaps_and_overlaps_of_a_partition(parts: str, expected: list[str], tmp_path: Path):
    report = check(folder(tmp_path, partition(parts)))
    assert [p.says for p in report.problems if p.code in ("gap", "overlap")] == expected


def test_the_ends_of_a_limit_that_is_a_span_are_limits_of_the_partition(tmp_path: Path):
    text = spoilt(
        (WHEN, "    when: tsh > 4–6 mIU/L\n"),
        (EXAMPLES, """\
partitions:
  bands:
    of: tsh
    parts: {low: tsh <= 4 mIU/L, open: {all: [tsh > 4 mIU/L, tsh <= 6 mIU/L]}, raised: tsh > 6 mIU/L}
examples:
"""),
    )  # fmt: skip
    assert "outside-partition" not in {p.code for p in check(folder(tmp_path, text)).problems}
    other = check(folder(tmp_path, text.replace("tsh > 4–6", "tsh > 4–7")))
    assert "4–7 mIU/L is no limit of the partition bands" in {p.says for p in other.problems}


def test_a_partition_is_of_one_item(tmp_path: Path):
    report = check(folder(tmp_path, partition("low: tsh > 4 mIU/L, high: raised is met")))
    assert sorted(p.code for p in report.problems) == ["bad-condition", "bad-partition"]


def test_the_choices_of_an_item_can_be_parted(tmp_path: Path):
    text = spoilt(
        *SMOKER,
        (
            EXAMPLES,
            "partitions:\n  halves: {of: smoker, parts: {yes: smoker is yes, no: smoker is yes}}\nexamples:\n",
        ),
    )
    assert sorted(p.says for p in check(folder(tmp_path, text)).problems) == [
        "smoker no is in no part of halves",
        "smoker yes is both yes and no",
    ]


# --- rulebooks that use others -------------------------------------------------------------------

USES = "{name: other, version: '1', title: Other, uses: [USED], groups: [endocrine]}\n"
OWN = """\
statements:
  O-1: {says: Ten., kind: criterion, figures: [10 mIU/L]}
rules:
  very_high:
    finding: TSH very high
    kind: reminder
    when: tsh > 10 mIU/L
    rests_on: [O-1]
    accepts: {implies raised: A part of it.}
examples:
  eleven: {given: {tsh: 11 mIU/L}, expect: {very_high: met}}
  ten: {given: {tsh: 10 mIU/L}, expect: {very_high: not_met}}
  neither: {given: {}, expect: {very_high: not_assessed}}
"""


def using(at: Path, used: str, topic: str = OWN) -> Path:
    """A rulebook that uses another folder beside it."""
    at.mkdir(parents=True)
    (at / "rulebook.yaml").write_text(USES.replace("USED", used), encoding="utf-8")
    (at / "topic.yaml").write_text(topic, encoding="utf-8")
    return at


def test_a_rulebook_that_is_used_answers_for_itself(tmp_path: Path):
    folder(tmp_path / "small", spoilt(("  above: ", "  other: ")).replace("tsh: 5", "tsh: 6"))
    assert not check(tmp_path / "small").sound
    report = check(using(tmp_path / "other", "small"))
    assert [p.says for p in report.problems] == []
    assert report.counts == {"rule": 1, "item": 0, "example": 3}
    assert (report.mutants, report.noticed) == (6, 6)


def test_a_folder_is_answered_for_by_the_first_that_uses_it(tmp_path: Path):
    dictionary, rules = SOUND[: SOUND.index("rules:")], SOUND[SOUND.index("rules:") :]
    (tmp_path / "words").mkdir()
    unused = dictionary.replace(ITEMS, ITEMS + FLAG)
    (tmp_path / "words" / "topic.yaml").write_text(unused, encoding="utf-8")
    first = using(tmp_path / "first", "words", rules)
    second = using(tmp_path / "second", "words", rules)
    assert [p.says for p in check(first).problems] == [
        "no condition or formula reads smoker, and no investigation yields it"
    ]
    assert check(second).problems == ()
    assert check(second).counts == {"rule": 1, "item": 0, "example": 3}
    away = using(tmp_path / "away" / "third", "words", rules)
    (tmp_path / "away" / "words").symlink_to(tmp_path / "words")
    assert check(away).counts["item"] == 0


def test_a_rule_of_another_rulebook_that_implies_one_is_named_by_it(tmp_path: Path):
    folder(tmp_path / "small", SOUND)
    wider = OWN.replace("10", "3").replace("11", "4").replace("ten:", "three:").replace("eleven:", "four:")
    report = check(using(tmp_path / "other", "small", wider.replace("implies raised", "implied by raised")))
    assert report.problems == ()
    assert [accepted.name for accepted in report.accepted] == ["implied by raised"]


# --- what an example may expect ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        ("raised.today: met", "unknown-rule"),  # it has no criterion of today
        ("raised: fired", "unknown-word"),
        ("tsh: 4 mIU/L", "unknown-word"),  # it is not worked out
        ("tsh: aside", "unknown-word"),
        ("raisd: met", "unknown-rule"),
    ],
)
def test_an_expectation_that_means_nothing_is_a_problem(expect: str, code: str, tmp_path: Path):
    text = spoilt((EXAMPLES, f"examples:\n  odd: {{given: {{}}, expect: {{{expect}}}}}  # finding: {code}\n"))
    compare(check(folder(tmp_path, text)), text)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("too_close: silent", "too_close: problem", "too_close comes to silent, not to problem"),
        ("too_close: problem}", "too_close: remark}", "too_close comes to problem, not to remark"),
        ("losses.waited: 0 days", "losses.waited: 1 days", "losses.waited comes to 0 days, not to 1 days"),
        ("losses.painless: nothing", "losses.painless: usable", "losses.painless comes to nothing, not to usable"),
        ("raised.today: undetermined", "raised.today: met", "raised.today comes to undetermined, not to met"),
        ("antibody: set aside, raised: undetermined", "antibody: usable, raised: undetermined", "antibody comes to set aside, not to usable"),
    ],
)  # fmt: skip
def test_an_expectation_that_does_not_hold_is_a_problem(old: str, new: str, says: str, tmp_path: Path):
    assert WHOLE.count(old) == 1
    report = check(folder(tmp_path, WHOLE.replace(old, new)))
    assert [p.says for p in report.problems if p.code == "example-wrong"] == [says]


# --- the command ---------------------------------------------------------------------------------

RUNNER = CliRunner()


def test_the_command_says_what_is_sound(tmp_path: Path):
    result = RUNNER.invoke(app, ["rules", "check", str(folder(tmp_path, SOUND))])
    assert result.exit_code == 0
    assert result.stdout == (
        "1 rule, 1 item, 3 examples\n"
        "6 mutants: 6 noticed by an example, 0 mean the same, 0 survive. Score 100 %\n\nSound.\n"
    )


def test_the_command_shows_each_problem_with_its_line(tmp_path: Path):
    at = folder(tmp_path, spoilt(("    rests_on: [S-1]\n", "    rests_on: [S-9, S-1]\n")))
    result = RUNNER.invoke(app, ["rules", "check", str(at)])
    assert result.exit_code == 1
    assert result.stdout.startswith(
        f"{at / 'topic.yaml'}:26:16: there is no statement or source 'S-9'\n"
        "   26 |     rests_on: [S-9, S-1]\n"
        "      |                ^^^\n"
    )
    assert result.stdout.endswith("\n1 problem.\n")


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda at: (at / "topic.yaml").write_text("rules: {", encoding="utf-8"), "never closed"),
        (lambda at: (at / "topic.yaml").write_bytes(b"\xff\xfe"), "not UTF-8"),
        (lambda at: (at / "rulebook.yaml").unlink(), "there is no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(
    break_it: Callable[[Path], object], code: str, tmp_path: Path
):
    at = folder(tmp_path, SOUND)
    break_it(at)
    result = RUNNER.invoke(app, ["rules", "check", str(at)])
    assert result.exit_code == 1
    assert code in result.stdout
    assert result.stdout.endswith("problem.\n")


def test_a_rulebook_that_is_none_is_a_problem():
    result = RUNNER.invoke(app, ["rules", "check", "artikel"])
    assert result.exit_code == 1
    assert "there is no such rulebook" in result.stdout
    assert "did you mean article?" in result.stdout


def test_wrong_usage_has_its_own_status(tmp_path: Path):
    assert RUNNER.invoke(app, ["rules", "check", str(tmp_path), "more"]).exit_code == 2
    assert RUNNER.invoke(app, ["rules", "check", "--loud"]).exit_code == 2


def test_remarks_are_shown_and_stop_nothing(tmp_path: Path):
    text = spoilt(("    label: TSH\n    question", "    label: TSH #touches\n    question"))
    result = RUNNER.invoke(app, ["rules", "check", str(folder(tmp_path, text))])
    assert "remark: the text after # is not read" in result.stdout
    assert result.exit_code == 0


def test_progress_is_told_mutant_by_mutant(tmp_path: Path):
    told: list[tuple[int, int]] = []
    check(folder(tmp_path, SOUND), lambda done, of: told.append((done, of)))
    assert told == [(number, 6) for number in range(1, 7)]
