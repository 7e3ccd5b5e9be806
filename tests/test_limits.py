"""Every limit of the shipped rulebook, on it and one last digit below and above, in every unit its item has.

Each comparison, level, reference range and age limit is asked of a case that holds one result and the
circumstances that let it count. What must come of it is worked out here from the text of the files, with
fractions: none of the program's reading of numbers, units or limits is used for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

import pytest
from rsa_cli.case import Result
from rsa_cli.catalogue import Catalogue
from rsa_cli.dictionary import Item, read_value
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import NOWHERE, Context, Evidence
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.nodes import All, Compare, Condition, IsFlagged, IsLevel, IsOneOf, Leaf, Name, walk
from rsa_cli.nodes import Any as AnyOf
from rsa_cli.problems import Place
from rsa_cli.rulebook import read_rulebook, read_sources

from spec_tables import AS_OF, evidence_of

BOOK = read_rulebook("article", whole=True)
ENTRIES = Catalogue(BOOK, read_sources("article")).entries  # the files as plain data
NOWHERE_IN_A_FILE = Place("test")
DAY = date.fromisoformat(AS_OF)


# --- limits and units, read from the text of the files -------------------------------------------


class Ends(NamedTuple):
    """A limit: a point, or two ends where sources disagree; the step of its last digit."""

    low: Fraction
    high: Fraction
    step: Fraction


def ends_by_unit(text: str, raw: dict[str, Any]) -> dict[str, Ends]:
    """`7.0 mmol/L (126 mg/dL)` by unit; gestations in days under no unit."""
    if raw["kind"] == "gestation":
        low, _, high = text.partition("–")
        last = days(high or low)
        return {"": Ends(days(low if not high or "week" in low else f"{low} weeks"), last, Fraction(1))}
    found = {}
    for piece in re.findall(r"[^()]+", text):
        match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)(?:–(\d+(?:\.\d+)?))?\s*(.*?)\s*", piece)
        assert match, text
        low, high, unit = match[1], match[2] or match[1], match[3]
        decimals = max(len(number.partition(".")[2]) for number in (low, high))
        found[spelt(unit, raw)] = Ends(Fraction(low), Fraction(high), Fraction(1, 10**decimals))
    return found


def days(text: str) -> Fraction:
    weeks = re.fullmatch(r"(\d+)(?:w(\d)d| weeks?)", text.strip())
    assert weeks, text
    return Fraction(int(weeks[1]) * 7 + int(weeks[2] or 0))


def factors(raw: dict[str, Any]) -> dict[str, tuple[Fraction, Fraction] | None]:
    """Every unit of an item: × the first + the second is its own unit; `None` where nothing converts."""
    found: dict[str, tuple[Fraction, Fraction] | None] = {raw.get("unit", ""): (Fraction(1), Fraction(0))}
    for unit, factor in raw.get("units", {}).items():
        if factor == "separate":
            found[unit] = None
        elif isinstance(factor, dict):
            found[unit] = (Fraction(factor["times"]), Fraction(factor.get("plus", "0")))
        else:
            found[unit] = (Fraction(factor), Fraction(0))
    return found


def spelt(unit: str, raw: dict[str, Any]) -> str:
    """The unit as the item spells it."""
    alike = [known for known in factors(raw) if known.casefold() == unit.casefold()]
    return alike[0] if alike or unit.rstrip("s") + "s" not in factors(raw) else unit.rstrip("s") + "s"


def limit_in(unit: str, limits: dict[str, Ends], raw: dict[str, Any]) -> tuple[Fraction, Fraction] | None:
    """A limit for values of a unit: as written in it, else through the item's factor; `None` if it has none."""
    if unit in limits or raw["kind"] == "gestation":
        ends = limits[unit]
        return ends.low, ends.high
    known = factors(raw)
    mine = known[unit]
    for written in known:
        theirs = known[written]
        if written in limits and mine is not None and theirs is not None:
            own = [end * theirs[0] + theirs[1] for end in limits[written][:2]]
            low, high = ((end - mine[1]) / mine[0] for end in own)
            return low, high
    return None


def around(end: Fraction, step: Fraction) -> list[Fraction]:
    """The limit where it can be written, and the next numbers below and above it."""
    if not terminates(end):
        scale = 10**8
        return [Fraction(floor(end * scale), scale), Fraction(ceil(end * scale), scale)]
    return [end - step, end, end + step]


def terminates(number: Fraction) -> bool:
    return (number * 10**12).denominator == 1


def typed(number: Fraction, unit: str, raw: dict[str, Any]) -> str:
    """A number as a case has it."""
    if raw["kind"] == "gestation":
        return f"{int(number) // 7}w{int(number) % 7}d"
    places = next(places for places in range(13) if (number * 10**places).denominator == 1)
    sign, whole = "-" * (number < 0), int(abs(number) * 10**places)
    text = f"{whole // 10**places}.{whole % 10**places:0{places}}" if places else str(whole)
    return f"{sign}{text} {unit}".strip()


def plausible(number: Fraction, unit: str, raw: dict[str, Any]) -> bool:
    """Whether a case may hold the number."""
    factor = (Fraction(1), Fraction(0)) if raw["kind"] == "gestation" else factors(raw)[unit]
    if "plausible" not in raw or factor is None:
        return True
    text = raw["plausible"]
    if raw["kind"] == "gestation":
        low, high = (days(end) for end in text.split("–"))
    else:
        match = re.match(r"(-?[\d.]+)–([\d.]+)", text)
        assert match, text
        low, high = Fraction(match[1]), Fraction(match[2])
    return low <= number * factor[0] + factor[1] <= high


def answer(value: Fraction, sign: str, low: Fraction, high: Fraction) -> Truth:
    """Whether the sign holds for the whole limit, for none of it, or neither."""
    if sign == ">":
        return TRUE if value > high else FALSE if value <= low else UNKNOWN
    if sign == ">=":
        return TRUE if value >= high else FALSE if value < low else UNKNOWN
    if sign == "<":
        return TRUE if value < low else FALSE if value >= high else UNKNOWN
    return TRUE if value <= low else FALSE if value > high else UNKNOWN


def samples(limits: dict[str, Ends], raw: dict[str, Any]) -> Iterator[tuple[str, Fraction]]:
    """For every unit that the limit reaches: on its ends, just below and just above, as far as plausible."""
    for unit in [""] if raw["kind"] == "gestation" else factors(raw):
        found = limit_in(unit, limits, raw)
        if found is None:
            continue
        step = limits[unit].step if unit in limits else None
        for end in dict.fromkeys(found):
            last = Fraction(1, 10 ** next((p for p in range(12) if (end * 10**p).denominator == 1), 8))
            for number in around(end, step or last):
                if plausible(number, unit, raw):
                    yield unit, number


# --- a case that holds one result that counts ----------------------------------------------------


def written(item: Item) -> dict[str, Any]:
    if item.of == "circumstance":
        entry: dict[str, Any] = ENTRIES["circumstances"][item.id]
        return entry
    entry = ENTRIES["items"][item.of or item.id]
    return entry["fields"][item.id] if item.of else entry


def holding(condition: Condition) -> dict[str, str]:
    """Circumstances in which a condition on them holds."""
    match condition:
        case All(parts=parts):
            return {name: value for part in parts for name, value in holding(part).items()}
        case AnyOf(parts=parts):
            about = [part for part in parts if getattr(part, "name", Name("")).item != "value"]
            return holding(about[0])
        case IsOneOf(name=name, choices=choices, negated=negated):
            known = BOOK.circumstances[name.item].choices
            return {name.item: next(c for c in known if (c in choices) != negated)}
        case Compare(name=name, text=text):
            unit = BOOK.circumstances[name.item].unit
            return {name.item: f"{5000 if '>' in text else 0} {unit}".strip()}
    raise AssertionError(f"circumstances for {condition} are not known to this test")


def case_of(item: Item, value: str, circumstances: dict[str, str], day: str = "") -> Evidence:
    """A case with one result of the item, in the circumstances that let it count and these."""
    if item.formula and item.of:  # worked out: what its inputs would give is supposed
        evidence = evidence_of(BOOK, {item.of: [{}]})
        result = Result(read_value(item, value), "", NOWHERE_IN_A_FILE)
        return Evidence(evidence.case, BOOK, evidence.day, {("field", item.of, 1, item.id): result})
    if item.of:
        return evidence_of(BOOK, {item.of: [{item.id: value}]})
    needed = {name: text for condition in item.counts_only_if for name, text in holding(condition).items()}
    around = {**needed, **circumstances, **({"date": day or AS_OF} if item.dated or day else {})}
    given: dict[str, Any] = {item.key: {"value": value, **around}}
    return evidence_of(BOOK, {"partner": given} if item.partner else given)


def truth(leaf: Leaf, evidence: Evidence) -> Truth:
    """What the engine answers of the one result of a case."""
    context = NOWHERE
    if leaf.name.of is not None:
        records = evidence.records(leaf.name.of)
        assert records is not None
        context = Context(records[0])
    return Engine(BOOK, evidence).verdict(leaf, context).truth


# --- every comparison ----------------------------------------------------------------------------


def conditions() -> Iterator[tuple[str, Condition]]:
    """Every condition over items, with what it belongs to."""
    for rule in BOOK.rules.values():
        for part, whole in (("", rule.when), (" suspected", rule.suspect_when)):
            if whole is not None:
                yield f"{rule.id}{part}", whole
        if rule.today is not None and rule.today.when is not None:
            yield f"{rule.id} today", rule.today.when
    for check in BOOK.checks:
        yield check.id, check.when
    for investigation in BOOK.investigations.values():
        lifted = [investigation.indicated_if] if investigation.indicated_if is not None else []
        for condition in (*investigation.not_now_if, *investigation.first_rule_out, *lifted):
            yield investigation.id, condition
    for partition in BOOK.partitions:
        for part, condition in partition.parts.items():
            yield f"{partition.id} {part}", condition
    for item in all_items():
        for condition in (item.ask_if, item.when):
            if condition is not None:
                yield f"{item.id} asked", condition
    if BOOK.acute_if is not None:
        yield "acute", BOOK.acute_if


def all_items() -> Iterator[Item]:
    for item in BOOK.items.values():
        yield from (item, *item.fields.values())


def item_of(name: Name) -> Item:
    return BOOK.items[name.of].fields[name.item] if name.of else BOOK.items[name.item]


def comparisons() -> dict[str, Compare]:
    """Every comparison with a number, once, under its text and what it belongs to."""
    found: dict[tuple[str, str | None], tuple[str, Compare]] = {}
    for belongs, whole in conditions():
        for node in walk(whole):
            if isinstance(node, Compare):
                found.setdefault((node.text, node.name.of), (belongs, node))
    return {f"{belongs}: {node.text}": node for belongs, node in found.values()}


COMPARISONS = comparisons()


def test_there_are_comparisons_of_every_kind():
    assert len(COMPARISONS) > 40
    kinds = {(item_of(leaf.name).kind, leaf.name.of is not None) for leaf in COMPARISONS.values()}
    assert {("quantity", False), ("quantity", True), ("gestation", True), ("derived", True)} <= kinds
    assert any(not span.is_point for leaf in COMPARISONS.values() for span in leaf.limits.values())
    assert any(len(leaf.limits) == 2 for leaf in COMPARISONS.values())


@pytest.mark.parametrize("leaf", COMPARISONS.values(), ids=list(COMPARISONS))
def test_a_comparison_on_its_limit_and_beside_it(leaf: Compare):
    item = item_of(leaf.name)
    raw = written(item)
    match = re.fullmatch(r"(?:ever |always )?\w+ (>=|<=|>|<|≥|≤) ?(.+)", leaf.text)
    assert match
    sign, limits = {"≥": ">=", "≤": "<="}.get(match[1], match[1]), ends_by_unit(match[2], raw)
    came = {}
    for unit, number in samples(limits, raw):
        low, high = limit_in(unit, limits, raw) or (number, number)
        text = typed(number, unit, raw)
        came[text] = truth(leaf, case_of(item, text, {}))
        assert came[text] is answer(number, sign, low, high), text
    convertible = [unit for unit, factor in factors(raw).items() if factor is not None]
    assert all(any(text.endswith(unit) for text in came) for unit in convertible)
    assert TRUE in came.values()
    assert FALSE in came.values()


# --- levels and reference ranges of the dictionary -----------------------------------------------

LEVELS = {f"{item.id} {level.name}": (item, level.name) for item in all_items() for level in item.levels}
RANGES = {
    f"{item.id} {number}": (item, number)
    for item in all_items()
    for number, reference in enumerate(item.references)
    if not reference.beside_own
}
BESIDE = {
    f"{item.id} {number}": (item, number)
    for item in all_items()
    for number, reference in enumerate(item.references)
    if reference.beside_own
}


def test_there_are_levels_and_ranges():
    assert len(LEVELS) >= 6
    assert len(RANGES) >= 10


@pytest.mark.parametrize(("item", "name"), LEVELS.values(), ids=list(LEVELS))
def test_a_level_at_its_limit_and_beside_it(item: Item, name: str):
    raw = written(item)
    leaf = IsLevel(Name(item.id, item.of), name, f"{item.id} is at least {name}", "latest", NOWHERE_IN_A_FILE)
    ends = raw["levels"][name]
    limits = {key: ends_by_unit(ends[key], raw) for key in ("from", "above") if key in ends}
    seen = set()
    for some in limits.values():
        for unit, number in samples(some, raw):
            expected = set()
            for key, sign in (("from", ">="), ("above", ">")):
                if key in limits:
                    found = limit_in(unit, limits[key], raw)
                    assert found is not None
                    expected.add(answer(number, sign, *found))
            text = typed(number, unit, raw)
            came = truth(leaf, case_of(item, text, {}))
            assert came is (expected.pop() if len(expected) == 1 else UNKNOWN), text
            seen.add(came)
    assert {TRUE, FALSE} <= seen
    for unit, factor in factors(raw).items():
        if factor is None:
            assert truth(leaf, case_of(item, f"1000 {unit}", {})) is UNKNOWN, unit


@pytest.mark.parametrize(("item", "number"), RANGES.values(), ids=list(RANGES))
def test_a_reference_range_at_its_ends_and_beside_them(item: Item, number: int):
    raw = written(item)
    entries = raw["reference"] if isinstance(raw["reference"], list) else [raw["reference"]]
    circumstances = {
        k: v for condition in item.references[number].when for k, v in holding(condition).items()
    }
    held = [
        entry
        for entry, reference in zip(entries, item.references, strict=True)
        if not reference.beside_own and holds(reference.when, circumstances)
    ]
    assert entries[number] in held
    sides = {
        side: ends_by_unit(entries[number][side], raw) for side in ("low", "high") if side in entries[number]
    }
    came: dict[str, set[Truth]] = {"high": set(), "low": set(), "normal": set()}
    for side in sides.values():
        for unit, value in samples(side, raw):
            text = typed(value, unit, raw)
            evidence = case_of(item, text, circumstances)
            for word in came:
                leaf = IsFlagged(
                    Name(item.id, item.of), word, f"{item.id} is {word}", "latest", NOWHERE_IN_A_FILE
                )
                expected = {flagged(word, value, unit, entry, raw) for entry in held}
                came[word].add(truth(leaf, evidence))
                wanted = expected.pop() if len(expected) == 1 else UNKNOWN
                assert truth(leaf, evidence) is wanted, f"{text} is {word}"
    for word in sides:
        assert {TRUE, FALSE} <= came[word]


@pytest.mark.parametrize(("item", "number"), BESIDE.values(), ids=list(BESIDE))
def test_a_range_beside_the_laboratorys_own_must_agree_with_it(item: Item, number: int):
    raw = written(item)
    entry = raw["reference"][number]
    sides = {side: ends_by_unit(entry[side], raw) for side in ("low", "high") if side in entry}
    came = set()
    for unit, value in [s for side in sides.values() for s in samples(side, raw)] or [
        ("pmol/L", Fraction(9))
    ]:
        text = typed(value, unit, raw)
        for word in ("high", "low"):
            leaf = IsFlagged(
                Name(item.id, item.of), word, f"{item.id} is {word}", "latest", NOWHERE_IN_A_FILE
            )
            agreed = flagged(word, value, unit, entry, raw) is FALSE
            told = {"flag": "normal", "pregnant": "yes"}
            came.add(truth(leaf, case_of(item, text, told)))
            assert truth(leaf, case_of(item, text, told)) is (FALSE if agreed else UNKNOWN), f"{text} {word}"
            assert truth(leaf, case_of(item, text, told | {"range_for_pregnancy": "yes"})) is FALSE
            assert truth(leaf, case_of(item, text, {"flag": "normal", "pregnant": "no"})) is FALSE
    assert came == ({FALSE, UNKNOWN} if sides else {UNKNOWN})


def holds(when: tuple[Condition, ...], circumstances: dict[str, str]) -> bool:
    """Whether a reference range is for these circumstances; they decide it, or the test says nothing."""
    truths = []
    for leaf in when:
        assert isinstance(leaf, IsOneOf)
        assert leaf.name.item in circumstances, leaf.text
        truths.append((circumstances[leaf.name.item] in leaf.choices) != leaf.negated)
    return all(truths)


def flagged(word: str, value: Fraction, unit: str, entry: dict[str, Any], raw: dict[str, Any]) -> Truth:
    """High above the upper end, low below the lower one, normal at either end and between."""
    beyond = {}
    for side, sign in (("high", ">"), ("low", "<")):
        found = limit_in(unit, ends_by_unit(entry[side], raw), raw) if side in entry else None
        beyond[side] = answer(value, sign, *found) if found else None
    if word != "normal":
        side = beyond[word]
        return UNKNOWN if side is None else side
    known = [found for found in beyond.values() if found is not None]
    return FALSE if TRUE in known else UNKNOWN if UNKNOWN in known or not known else TRUE


# --- what sets a result aside --------------------------------------------------------------------

CIRCUMSTANCES = {
    f"{item.id}: {leaf.text}": (item, leaf)
    for item in all_items()
    for condition in (*item.set_aside_if, *item.counts_only_if)
    for leaf in walk(condition)
    if isinstance(leaf, Compare)
}
AGED = {item.id: item for item in BOOK.items.values() if item.stale_after is not None}


def test_there_are_limits_that_set_aside():
    assert len(CIRCUMSTANCES) >= 4
    assert len(AGED) >= 3


@pytest.mark.parametrize(("item", "leaf"), CIRCUMSTANCES.values(), ids=list(CIRCUMSTANCES))
def test_a_limit_of_a_circumstance(item: Item, leaf: Compare):
    of_value = leaf.name.item == "value"
    measured = item if of_value else BOOK.circumstances[leaf.name.item]
    raw = written(measured)
    match = re.fullmatch(r"\w+ (>=|<=|>|<|≥|≤) ?(.+)", leaf.text)
    assert match
    sign, limits = {"≥": ">=", "≤": "<="}.get(match[1], match[1]), ends_by_unit(match[2], raw)
    came = set()
    for unit, number in samples(limits, raw):
        low, high = limit_in(unit, limits, raw) or (number, number)
        text = typed(number, unit, raw)
        evidence = (
            case_of(item, text, {}) if of_value else case_of(item, any_value(item), {measured.id: text})
        )
        [seen] = evidence.seen(item.id)
        found = evidence.truth(leaf, Context(seen=seen))
        assert found is answer(number, sign, low, high), text
        came.add(found)
    assert {TRUE, FALSE} <= came


def any_value(item: Item) -> str:
    """Some value that a case may hold."""
    if item.choices:
        return item.settled_choices()[0]
    match = re.search(r"–(\S+)", written(item)["plausible"])
    assert match
    return f"{match[1]} {written(item).get('unit', '')}".strip()


@pytest.mark.parametrize("item", AGED.values(), ids=list(AGED))
def test_the_age_at_which_a_result_is_set_aside(item: Item):
    [limit] = re.findall(r"\d+", written(item)["stale_after"])
    oldest = int(limit) * (7 if "week" in written(item)["stale_after"] else 1)
    for age, state in ((oldest - 1, "usable"), (oldest, "usable"), (oldest + 1, "set aside")):
        day = (DAY - timedelta(days=age)).isoformat()
        if item.kind == "records":
            evidence = evidence_of(BOOK, {item.id: [{item.dated_by: day}]})
            [record] = evidence.records(item.id) or ()
            assert bool(evidence.record_set_aside(item.id, record)) is (state == "set aside"), age
        else:
            [seen] = case_of(item, any_value(item), {}, day).seen(item.id)
            assert seen.state == state, age
