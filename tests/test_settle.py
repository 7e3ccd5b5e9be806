"""What would settle a condition: the sets found against every way the unknown may turn out, and by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from math import prod
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rsa_cli.assess import objections
from rsa_cli.dictionary import read_value
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.nodes import walk
from rsa_cli.rulebook import Example, read_rulebook
from rsa_cli.settle import MOST_ATOMS, Atom, AtomSet, Solver, settle
from rsa_cli.values import read_date

from generated import (
    DAY,
    MISSING,
    RULEBOOK,
    Language,
    Question,
    case,
    case_of,
    condition,
    condition_of,
    drawn,
    evidence_of,
    looked_at,
    plain,
    truth_of,
)

ARTICLE = read_rulebook("article", whole=True)
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


def _about_runs(random: Random) -> Question:
    """Runs with what breaks them and what is skipped not known, plain and inside *not* and *not known*."""
    where = random.choice(["outcome is miscarriage", "heartbeat is yes"])
    skip = "outcome is biochemical"
    if random.randrange(3) == 2:
        where = condition(random, RUNS, "pregnancies", random.randrange(2))
        skip = condition(random, RUNS, "pregnancies", random.randrange(2))
    data = {"run": {"of": "pregnancies", "where": where, "skip": skip, "at_least": 1 + random.randrange(2)}}
    for form in random.choice([[], ["not_known"], ["not", "not_known"], ["not_known", "not"]]):
        data = {form: data}
    outcomes = ["miscarriage", "miscarriage", "biochemical", "live_birth", "unknown"]
    held = [
        {"outcome": random.choice(outcomes), "heartbeat": random.choice(["yes", "no", "unknown"])}
        for _ in range(1 + random.randrange(3))
    ]
    return Question(data, {"pregnancies": held})


RUNS = Language(
    items=("smoker",), fields=("outcome", "heartbeat"), lists=(), repeats=(), rules=False, over=False
)


@some(250)
@given(drawn(_about_runs))
def test_the_sets_of_a_run_are_those_that_brute_force_finds(question: Question):
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    solver = Solver(read, RULEBOOK, evidence, UNCAPPED)
    sets = {truth: set(solver.sets(want)) for want, truth in WANTS.items()}
    expected = _by_brute_force(solver, evidence, 2000)
    assert sets[TRUE] == expected[TRUE]
    assert sets[FALSE] == expected[FALSE]


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


def test_generated_questions_have_sets_of_several_things():
    """Brute force is not let loose on what one item decides alone."""
    sizes: Counter[int] = Counter()

    @some(150)
    @given(_open_questions(SMALL))
    def gather(question: Question) -> None:
        solver = Solver(condition_of(question.condition), RULEBOOK, evidence_of(question.case), UNCAPPED)
        sizes[max((len(atoms) for want in WANTS for atoms in solver.sets(want)), default=-1)] += 1

    gather()
    assert sizes[1] > 20
    assert sum(number for size, number in sizes.items() if size > 1) > 20, sizes


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
def test_a_cap_leaves_out_the_larger_sets_only(question: Question):
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    whole = Solver(read, RULEBOOK, evidence, UNCAPPED)
    for want in WANTS:
        everything = whole.sets(want)
        for most in (1, 2, 3, MOST_ATOMS):
            capped = Solver(read, RULEBOOK, evidence, most).sets(want)
            assert capped == tuple(atoms for atoms in everything if len(atoms) <= most)


@some(100)
@given(_open_questions(NESTED._replace(repeats=())))
def test_that_the_cap_left_something_out_is_said(question: Question):
    read, evidence = condition_of(question.condition), evidence_of(question.case)
    for want in WANTS:
        everything = Solver(read, RULEBOOK, evidence, UNCAPPED).sets(want)
        for most in (1, 2):
            capped = Solver(read, RULEBOOK, evidence, most)
            assert len(capped.sets(want)) == len(everything) or capped.cut


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
        assert (found.met, found.not_met, found.more) == ((), (), False)
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
    rules=False,
    over=False,
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


def _open_atoms(question: Question) -> list[Atom]:
    """What the condition looks at and the case does not say exactly."""
    names = {node.name for node in walk(condition_of(question.condition)) if hasattr(node, "name")}
    held = question.case.get("pregnancies", [])
    atoms = [Atom("item", name.item) for name in names if name.of is None]
    atoms += [Atom("field", name.of, n + 1, name.item) for name in names if name.of for n in range(len(held))]

    def known(atom: Atom) -> str | None:
        return held[atom.number - 1].get(atom.field) if atom.field else question.case.get(atom.name)

    return sorted(a for a in atoms if known(a) in (None, *MISSING, *SPANS.get(a.field or a.name, ())))


@some(120)
@given(_plain_questions())
def test_writing_the_answers_into_the_case_settles_it(question: Question):
    """The sets found are the smallest sets of entries that, written into the file, bring the truth about."""
    read, open_ = condition_of(question.condition), _open_atoms(question)
    assume(prod(1 + len(ANSWERS[atom.field or atom.name]) for atom in open_) <= 700)
    solver = Solver(read, RULEBOOK, evidence_of(question.case), UNCAPPED)
    sets = {truth: set(solver.sets(want)) for want, truth in WANTS.items()}
    found: dict[Truth, set[AtomSet]] = {truth: set() for truth in Truth}
    for truth, used in _reaching(read, question.case, open_, frozenset()):
        found[truth].add(used)
    assert sets[TRUE] == minimal(found[TRUE])
    assert sets[FALSE] == minimal(found[FALSE])


# --- the examples of the shipped rules -----------------------------------------------------------


def _answers(example: Example) -> Iterator[tuple[dict[str, Any], Atom]]:
    """An example without one answer, and what that was an answer to.

    A miscarriage is left out, which says something of the gestation as well, and so are results that
    a laboratory's range, flag or another reference range decides.
    """
    whole = plain(example.given)
    for name, inner in whole.items():
        item = ARTICLE.items.get(name)
        if item is None:
            continue
        if item.kind == "records":
            for number, record in enumerate(inner if isinstance(inner, list) else ()):
                for field in record:
                    if field == item.dated_by or record[field] == "miscarriage":
                        continue
                    less = {key: value for key, value in record.items() if key != field}
                    held = [*inner[:number], less, *inner[number + 1 :]]
                    yield {**whole, name: held}, Atom("field", name, number + 1, field)
        elif not (isinstance(inner, list) and item.kind != "choices") and not (
            isinstance(inner, dict) and {"range", "flag", "pregnant"} & set(inner)
        ):
            yield {key: value for key, value in whole.items() if key != name}, Atom("item", name)


@pytest.mark.parametrize("part", range(8))
def test_what_an_example_answers_would_settle_it_without(part: int):
    """Where an answer of an example decides a shipped rule, it is a set of its own while it is missing."""
    wrong = []
    met: Counter[Truth] = Counter()
    for example in ARTICLE.examples[part::8]:
        as_of = read_date(example.as_of)
        day = as_of.low if as_of else DAY.toordinal()
        whole = Engine(ARTICLE, Evidence(case_of(plain(example.given), ARTICLE), ARTICLE, day))
        for less, atom in _answers(example):
            evidence = Evidence(case_of(less, ARTICLE), ARTICLE, day)
            engine = Engine(ARTICLE, evidence)
            if any(not problem.remark for problem in objections(engine)):
                continue  # without the answer the others do not apply: nobody judges that
            for rule in ARTICLE.rules.values():
                truth = whole.rule(rule.id).when.truth
                if engine.rule(rule.id).when.truth is not UNKNOWN or truth is UNKNOWN:
                    continue
                met[truth] += 1
                sets = Solver(rule.when, ARTICLE, evidence, UNCAPPED).sets(str(truth))
                if frozenset({atom}) not in sets:
                    wrong.append((rule.id, atom, example.name, sets))
    assert wrong == []
    assert min(met[TRUE], met[FALSE]) > 12


# --- by hand -------------------------------------------------------------------------------------


def _said(atoms: AtomSet) -> frozenset[str]:
    return frozenset(f"{a.kind} {a.yields}" + (f" {a.number}" if a.number else "") for a in atoms)


def _settled(data: Any, given_: dict[str, Any], most: int = MOST_ATOMS) -> tuple[set[Any], set[Any], bool]:
    """The sets that can make a condition true, and false, and whether something was left out."""
    solver = Solver(condition_of(data), RULEBOOK, evidence_of(given_), most)
    met, not_met = ({_said(atoms) for atoms in solver.sets(want)} for want in ("true", "false"))
    return met, not_met, solver.cut


def _any_of(size: int, texts: Iterable[str]) -> set[frozenset[str]]:
    return {frozenset(chosen) for chosen in combinations(texts, size)}


def _each(*sets: str) -> set[frozenset[str]]:
    """Sets written as texts, their atoms joined by `+`."""
    return {frozenset(atoms.split(" + ")) if atoms else frozenset() for atoms in sets}


def _count(at_least: int, where: str, of: str = "pregnancies", **more: int) -> Any:
    return {"count": {"of": of, "where": where, "at_least": at_least, **more}}


def _births(number: int) -> dict[str, Any]:
    return {"pregnancies": [{"outcome": "live_birth"} for _ in range(number)]}


def _samples(*found: tuple[str, str]) -> dict[str, Any]:
    return {"lupus_anticoagulant": [{"value": v, **({"date": d} if d else {})} for v, d in found]}


TWICE = {"repeated": {"where": "lupus_anticoagulant is positive", "times": 2, "apart": "6 weeks"}}
FIRST, NEXT = "item lupus_anticoagulant", "next lupus_anticoagulant"
NOTHING = _each("")
NO_WAY: set[frozenset[str]] = set()
GESTATIONS = [f"field pregnancies.gestation {n}" for n in range(1, 10)]
CYCLES = [f"member cycles {n}" for n in (1, 2, 3)]

# What it is, a condition, a case, what can make it true, what can make it false.
BY_HAND: list[tuple[str, Any, dict[str, Any], set[frozenset[str]], set[frozenset[str]]]] = [
    # Items, and items that stand in two places.
    ("one item", "smoker is yes", {}, _each("item smoker"), _each("item smoker")),
    ("asked and not known", "smoker is yes", {"smoker": "unknown"}, _each("item smoker"), _each("item smoker")),
    ("awaited", "rhesus is negative", {"rhesus": "pending"}, _each("item rhesus"), _each("item rhesus")),
    ("decided", "smoker is yes", {"smoker": "no"}, NO_WAY, NOTHING),
    ("both", {"all": ["smoker is yes", "drinker is yes"]}, {},
     _each("item smoker + item drinker"), _each("item smoker", "item drinker")),
    ("one is known", {"all": ["smoker is yes", "drinker is yes"]}, {"smoker": "yes"},
     _each("item drinker"), _each("item drinker")),
    ("the same item twice", {"all": ["tsh > 2.5 mIU/L", "tsh < 4.5 mIU/L"]}, {},
     _each("item tsh"), _each("item tsh")),
    ("no value is both", {"all": ["tsh < 2.5 mIU/L", "tsh > 4.5 mIU/L"]}, {}, NO_WAY, _each("item tsh")),
    ("one way or the other", {"any": ["smoker is yes", {"not": "smoker is yes"}]}, {}, _each("item smoker"), NO_WAY),
    ("an item that helps in one part and hinders in the other",
     {"all": [{"any": ["smoker is yes", "rhesus is positive"]}, {"any": ["smoker is no", "rhesus is positive"]}]}, {},
     _each("item rhesus"), _each("item rhesus + item smoker")),
    # Values of which something is known.
    ("a span across the limit", "tsh > 4.0–4.5 mIU/L", {"tsh": "3–9 mIU/L"}, _each("item tsh"), _each("item tsh")),
    ("a span on one side", "tsh > 10 mIU/L", {"tsh": "3–9 mIU/L"}, NO_WAY, NOTHING),
    ("where the sources disagree", "tsh > 4.0–4.5 mIU/L", {"tsh": "4.2 mIU/L"}, NO_WAY, NO_WAY),
    ("one of several choices", "karyotype is inversion", {"karyotype": "abnormal"},
     _each("item karyotype"), _each("item karyotype")),
    ("none of these choices", "karyotype is normal", {"karyotype": "abnormal"}, NO_WAY, NOTHING),
    ("inconclusive", "karyotype is inversion", {"karyotype": "failed"}, _each("item karyotype"), _each("item karyotype")),
    ("set aside", "lupus_anticoagulant is positive", {"lupus_anticoagulant": {"value": "positive", "on_heparin": "yes"}},
     _each(FIRST), _each(FIRST)),
    ("not known which is the latest", "tsh > 2.5 mIU/L",
     {"tsh": [{"value": "2 mIU/L", "date": "2026-01-10"}, {"value": "9 mIU/L", "date": "2026-01"}]},
     _each("item tsh"), _each("item tsh")),
    # Unless it is known that.
    ("not known", {"not_known": "drinker is yes"}, {}, NOTHING, _each("item drinker")),
    ("not not known", {"not": {"not_known": "drinker is yes"}}, {}, _each("item drinker"), NOTHING),
    ("not known beside another", {"all": ["smoker is yes", {"not_known": "drinker is yes"}]}, {},
     _each("item smoker"), _each("item smoker", "item drinker")),
    ("not known that all", {"not_known": {"all": ["drinker is yes", "smoker is yes"]}}, {},
     NOTHING, _each("item drinker + item smoker")),
    ("is known", "smoker is known", {}, _each("item smoker"), NOTHING),
    # Numbers of parts, points, rules.
    ("two of three", {"some": {"at_least": 2, "of": ["smoker is yes", "drinker is yes", "rhesus is negative"]}}, {},
     _any_of(2, ["item smoker", "item drinker", "item rhesus"]), _any_of(2, ["item smoker", "item drinker", "item rhesus"])),
    ("points, of which the highest",
     {"points": {"at_least": 3, "of": [
         {"highest": [{"points": 2, "when": "smoker is yes"}, {"points": 1, "when": "drinker is yes"}]},
         {"points": 1, "when": "rhesus is negative"}]}}, {},
     _each("item smoker + item rhesus"), _each("item smoker", "item rhesus")),
    ("a rule", {"not": "smoking is met"}, {"drinker": "no"}, _each("item smoker"), _each("item smoker")),
    ("none of the causes", {"none_of": "etiology"}, {"pregnancies": []},
     _each("item smoker", "item drinker", "item tsh"), _each("item tsh + item smoker + item drinker")),
    # Results that are to be repeated.
    ("no sample yet", TWICE, {}, _each(f"{FIRST} + {NEXT}"), _each(FIRST)),
    ("one positive sample", TWICE, _samples(("positive", "2025-10-01")), _each(NEXT), _each(NEXT)),
    ("one positive sample without a date", TWICE, _samples(("positive", "")), _each(NEXT), _each(NEXT)),
    ("one negative sample", TWICE, _samples(("negative", "2025-10-01")), NO_WAY, NOTHING),
    ("a second sample awaited", TWICE, _samples(("positive", "2025-10-01"), ("pending", "2026-02-20")),
     _each(NEXT, "value lupus_anticoagulant 2"), _each("value lupus_anticoagulant 2")),
    ("a second sample without a date", TWICE, _samples(("positive", "2025-10-01"), ("positive", "")),
     _each(NEXT, "date lupus_anticoagulant 2"), _each(f"{NEXT} + date lupus_anticoagulant 2")),
    ("samples of two months", TWICE, _samples(("positive", "2025-12"), ("positive", "2026-01")),
     _each(NEXT, "date lupus_anticoagulant 1 + date lupus_anticoagulant 2"),
     _each(f"{NEXT} + date lupus_anticoagulant 1", f"{NEXT} + date lupus_anticoagulant 2")),
    # A history.
    ("one of three pregnancies", _count(1, "gestation < 10 weeks"), _births(3),
     _each(*GESTATIONS[:3]), _any_of(3, GESTATIONS[:3])),
    ("two of three pregnancies", _count(2, "gestation < 10 weeks"), _births(3),
     _any_of(2, GESTATIONS[:3]), _any_of(2, GESTATIONS[:3])),
    ("a bound that the outcome implies", _count(1, "gestation < 20 weeks"), {"pregnancies": [{"outcome": "miscarriage"}]},
     _each(GESTATIONS[0]), _each(GESTATIONS[0])),
    ("an implied bound that decides", _count(1, "gestation < 28 weeks"), {"pregnancies": [{"outcome": "miscarriage"}]},
     NOTHING, NO_WAY),
    ("an item inside a count", _count(1, "smoker is yes"), _births(2), _each("item smoker"), _each("item smoker")),
    ("a list left out", _count(1, "gestation < 10 weeks"), {}, _each("list pregnancies"), _each("list pregnancies")),
    ("a list left out, counted twice", {"all": [_count(1, "gestation < 10 weeks"), _count(2, "heartbeat is yes")]}, {},
     _each("list pregnancies"), _each("list pregnancies")),
    ("a list left out, one count of it reached and one not",
     {"all": [_count(1, "gestation < 10 weeks"), {"not": _count(1, "heartbeat is yes")}]}, {},
     _each("list pregnancies"), _each("list pregnancies")),
    ("a list left out, the same count of it reached and not",
     {"all": [_count(2, "heartbeat is yes"), {"not": _count(2, "heartbeat is yes")}]}, {},
     NO_WAY, _each("list pregnancies")),
    ("a list left out, more of it than there are",
     {"all": [_count(2, "heartbeat is yes"), {"not": _count(1, "heartbeat is yes")}]}, {},
     NO_WAY, _each("list pregnancies")),
    ("a list left out, fewer of it than there are",
     {"all": [_count(1, "heartbeat is yes"), {"not": _count(2, "heartbeat is yes")}]}, {},
     _each("list pregnancies"), _each("list pregnancies")),
    ("a list left out beside an item", {"any": [_count(1, "gestation < 10 weeks"), "smoker is yes"]}, {},
     _each("list pregnancies", "item smoker"), _each("list pregnancies + item smoker")),
    ("an end not known between two losses",
     {"run": {"of": "pregnancies", "where": "outcome is miscarriage", "skip": "outcome is biochemical", "at_least": 2}},
     {"pregnancies": [{"outcome": "miscarriage"}, {"outcome": "unknown"}, {"outcome": "miscarriage"}]},
     _each("field pregnancies.outcome 2"), _each("field pregnancies.outcome 2")),
    ("two ends not known after a loss",
     {"run": {"of": "pregnancies", "where": "outcome is miscarriage", "at_least": 3}},
     {"pregnancies": [{"outcome": "miscarriage"}, {}, {}]},
     _each("field pregnancies.outcome 2 + field pregnancies.outcome 3"),
     _each("field pregnancies.outcome 2", "field pregnancies.outcome 3")),
    ("unless no run is possible, over a record that may be skipped",
     {"not_known": {"not": {"run": {
         "of": "pregnancies", "where": "heartbeat is yes", "skip": "outcome is biochemical", "at_least": 2}}}},
     {"pregnancies": [{"heartbeat": "yes", "outcome": "live_birth"}, {"heartbeat": "no"},
                      {"heartbeat": "yes", "outcome": "live_birth"}]},
     NOTHING, _each("field pregnancies.outcome 2")),
    # A series.
    ("no cycle tested", _count(2, "lag >= 2 days", "cycles", out_of=3), {}, _any_of(2, CYCLES), _any_of(2, CYCLES)),
    ("one cycle tested", _count(2, "lag >= 2 days", "cycles", out_of=3), {"cycles": [{"lag": "3 days"}]},
     _each(*CYCLES[1:]), _each(" + ".join(CYCLES[1:]))),
    ("a cycle of which nothing is known", _count(2, "lag >= 2 days", "cycles", out_of=3), {"cycles": [{"lag": "0 days"}, {}]},
     _each("field cycles.lag 2 + member cycles 3"), _each("field cycles.lag 2", "member cycles 3")),
    ("members of two counts", {"all": [
        _count(1, "lag >= 2 days", "cycles", out_of=1), _count(1, "biphasic is yes", "cycles", out_of=1)]}, {},
     _each(CYCLES[0]), _each(CYCLES[0])),
    ("members of two counts of the same", {"all": [
        _count(2, "lag >= 2 days", "cycles", out_of=3), {"not": _count(1, "lag >= 2 days", "cycles", out_of=2)}]}, {},
     NO_WAY, _each(CYCLES[0], CYCLES[1])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "given_", "met", "not_met"), [row[1:] for row in BY_HAND], ids=[r[0] for r in BY_HAND]
)
def test_by_hand(data: Any, given_: dict[str, Any], met: set[Any], not_met: set[Any]):
    assert _settled(data, given_) == (met, not_met, False)


def test_more_atoms_than_the_cap():
    """Nine gestations would have to be known: too many to list, which is said, and not when uncapped."""
    data, given_ = _count(9, "gestation < 10 weeks"), _births(9)
    assert _settled(data, given_) == (NO_WAY, _each(*GESTATIONS), True)
    assert _settled(data, given_, UNCAPPED) == (_any_of(9, GESTATIONS), _each(*GESTATIONS), False)
    assert _settled(data, given_, 9)[0] == _any_of(9, GESTATIONS)
    assert _settled(data, given_, 8)[0] == NO_WAY


@pytest.mark.parametrize(("number", "shown"), [(5, 10), (6, 12)])
def test_more_sets_than_are_shown(number: int, shown: int):
    """Twelve a direction; that there are more is said. Two of five are ten sets, two of six are fifteen."""
    texts = ["smoker is yes", "drinker is yes", "partner_smoker is yes", "rhesus is negative",
             "karyotype is inversion", "tsh > 4.5 mIU/L"]  # fmt: skip
    read, evidence = condition_of({"some": {"at_least": 2, "of": texts[:number]}}), evidence_of({})
    found = settle(read, RULEBOOK, evidence, Engine(RULEBOOK, evidence).verdict(read))
    assert [len(atoms) for atoms in found.met] == [2] * shown
    assert [len(atoms) for atoms in found.not_met] == [number - 1] * number
    assert found.more is (number == 6)


def test_of_two_sets_the_lighter_comes_first():
    """Fewest atoms first; of as many the least weight; whatever the names."""
    read, evidence = (
        condition_of({"any": ["smoker is yes", "drinker is yes", "rhesus is negative"]}),
        evidence_of({}),
    )
    weights = {"smoker": 3, "drinker": 5, "rhesus": 1}
    verdict = Engine(RULEBOOK, evidence).verdict(read)
    found = settle(read, RULEBOOK, evidence, verdict, lambda atom: weights[atom.name])
    assert [name for atoms in found.met for _, name, *_ in atoms] == ["rhesus", "smoker", "drinker"]
