"""The engine for many cases: a rulebook becomes Python functions that answer with truths alone.

It keeps no reasons. What a single value means is asked of the dictionary and of `Evidence` once, and
remembered by the text of the value; here are only the latest of several results, circumstances,
records and the rules themselves. `reference` defines the meaning: whatever this engine cannot answer in
the very same way it does not answer at all, and raises `Unusual`.

A truth is a number: 0 false, 1 unknown, 3 true. So *all* is `&`, *any* is `|`, the lower bit says what is
possible, the upper one what is certain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rsa_cli.case import Case, Record, Result
from rsa_cli.dictionary import Item, Value, expressed, names_in
from rsa_cli.engines.reference import EVER, repeated, tested
from rsa_cli.evidence import (
    LONGEST_PREGNANCY,
    MEDICATIONS,
    NEVER_PREGNANT,
    NOWHERE,
    PREGNANCIES,
    SET_ASIDE,
    SIGNS,
    USABLE,
    Context,
    Evidence,
    Seen,
    computed,
    says_pregnant,
)
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.nodes import (
    All,
    Compare,
    Condition,
    Count,
    Highest,
    Includes,
    IsFlagged,
    IsKnown,
    IsLevel,
    IsOneOf,
    Leaf,
    Name,
    Not,
    NotKnown,
    Points,
    Repeated,
    RuleHolds,
    Run,
    Some,
    Undecidable,
    Weighted,
    walk,
)
from rsa_cli.nodes import Any as AnyOf
from rsa_cli.problems import Place
from rsa_cli.rulebook import Rulebook
from rsa_cli.units import Number
from rsa_cli.values import Span

NO, OPEN, YES = 0, 1, 3
MET, SUSPECTED, UNDETERMINED, NOT_ASSESSED, NOT_MET, NOT_APPLICABLE = range(6)
_NUMBER = {FALSE: NO, UNKNOWN: OPEN, TRUE: YES}
_TRUTH = (FALSE, UNKNOWN, UNKNOWN, TRUE)
_NOWHERE = Place("")
_KEPT = 20_000  # values remembered of one item, before it begins anew
_RESULTS = (USABLE, SET_ASIDE, "inconclusive", "pending")

Truths = tuple[int, ...]


class UnusualError(Exception):
    """A case of which this engine does not know the answer: the reference engine has to be asked."""


class Judged(NamedTuple):
    """What became of the rules, in the order of the rulebook: statuses, and today's truth where it has a condition."""

    statuses: Sequence[int]
    today: Sequence[int]


# --- one value -------------------------------------------------------------------------------------


# What the results of one item say: a truth for each of its comparisons, in each way to look at them (the latest,
# ever, always; each also with those that are set aside), whether it is known, a bit for that there is one, whether
# it repeats, the values that may be the latest. A plain tuple, which is faster to look into than a named one.
Entry = tuple[Truths, Truths, Truths, Truths, Truths, Truths, int, int, Truths, tuple[Value, ...]]


class FieldEntry(NamedTuple):
    """The same for a field of a record, which has one result; `number` stands for all but the value."""

    strict: Truths
    lenient: Truths
    known: int
    bit: int
    number: int
    value: Value | None


class Fact:
    """One result without its date: its value, and what it says while it counts and while it is set aside."""

    __slots__ = ("aside", "by_reference", "missing", "plain", "result", "things", "truths", "usable", "value")

    def __init__(self, things: Things, result: Result, truths: Truths) -> None:
        self.things = things
        self.result = result
        self.value = result.value
        self.missing = result.missing
        self.truths = truths
        self.usable: Any = None
        self.aside: Any = None
        # Where a reference range decides that holds in some circumstances only: the fact, by these.
        self.by_reference: dict[Truths, Fact] | None = None
        # What it says where nothing else bears on that; else `None`.
        self.plain: Any = None


class Given(NamedTuple):
    """A result as a case gives it: days from `low` to `high`, `None` where undated; circumstances given with it."""

    fact: Fact
    low: Number | None
    high: Number | None
    around: dict[str, Truths]


class RecordOf(NamedTuple):
    """A record as a case gives it: its results by the position of their fields, and the days it may be of.

    Records with the same `like` have all fields but the date in common.
    """

    number: int
    fields: dict[int, Given]
    low: Number | None
    high: Number | None
    like: object = None


class _Supposing(Evidence):
    """Evidence of an empty case in which conditions and running drugs are what they are said to be."""

    def __init__(self, rulebook: Rulebook) -> None:
        nothing = Case("", None, {}, {}, "", "", [], [], _NOWHERE)
        super().__init__(nothing, rulebook, 0)
        self.held: dict[int, Truth] = {}
        self.drugs: dict[str, Truth] | None = None

    def truth(self, condition: Condition, context: Context = NOWHERE) -> Truth:
        held = self.held.get(id(condition))
        return super().truth(condition, context) if held is None else held

    def _running(self, name: str, context: Context) -> dict[str, Truth] | None:
        return self.drugs

    def drug(self, item: Item) -> Value | None:
        """The drugs that are running, as the value of a circumstance."""
        return self._drug(item, Seen(item, Result(None, "", _NOWHERE), USABLE, None))


class Things:
    """What is compared of one item or circumstance: its comparisons, in the order of their positions."""

    def __init__(self, item: Item, index: int, supposing: _Supposing) -> None:
        self.item = item
        self.index = index
        self.supposing = supposing
        self.leaves: dict[str, Leaf] = {}
        self.repeats: dict[str, Repeated] = {}
        # The conditions of its reference ranges, and the functions that answer for circumstances.
        self.whens: list[Condition] = [c for reference in item.references for c in reference.when]
        self.aside: Any = None
        # Whether circumstances bear on a result of it.
        self.by_around = bool(item.set_aside_if or item.counts_only_if or self.whens)
        self.references: Callable[[Any, Any, Truths], Truths] | None = None
        self.ask: Callable[[Any, Any], int] | None = None
        self.hard = False  # whatever is given of it, the reference engine is asked
        self.known: dict[Any, Entry] = {}  # what several results say together

    def position(self, leaf: Leaf) -> int:
        """Where the truth of a comparison stands."""
        self.leaves.setdefault(leaf.text, leaf)
        return list(self.leaves).index(leaf.text)

    def position_of_repeat(self, node: Repeated) -> int:
        """Likewise of a *repeated*."""
        self.position(node.where)
        self.repeats.setdefault(node.text, node)
        return list(self.repeats).index(node.text)

    @property
    def unknown(self) -> Truths:
        """No comparison is decided."""
        return (OPEN,) * len(self.leaves)

    def truths(self, result: Result, held: Truths = ()) -> Truths:
        """The truth of every comparison with a result that counts; `held` of its reference ranges' conditions."""
        if result.value is None:
            return self.unknown
        supposing = self.supposing
        supposing.held = {id(c): _TRUTH[t] for c, t in zip(self.whens, held, strict=False)}
        seen = Seen(self.item, result, USABLE, None)
        found = tuple(_NUMBER[supposing.holds(leaf, seen)] for leaf in self.leaves.values())
        supposing.held = {}
        return found

    def fact(self, result: Result, held: Truths = ()) -> Fact:
        """A result with all that it says by itself."""
        fact = Fact(self, result, self.truths(result, held))
        if self.whens and not held and self._by_range(result):
            fact.by_reference = {}
        alone = Sample(fact.truths, fact.missing or USABLE, None, None, fact.value, result.implied)
        fact.usable = self.together([alone], 0)
        fact.aside = self.together([alone._replace(state=SET_ASIDE)], 0)
        derived = self.item.kind == "derived" and result.value is not None
        if self.aside is None and fact.by_reference is None and not self.hard and not derived:
            fact.plain = fact.usable
        return fact

    def together(self, samples: Sequence[Sample], day: int) -> Any:
        """What several results say together."""
        return _entry(self, samples, day)

    def _by_range(self, result: Result) -> bool:
        """Whether a reference range that holds in some circumstances only may decide of this result."""
        value = result.value
        return bool(
            value is not None
            and (
                any(reference.beside_own for reference in self.item.references)
                or not (
                    value.word
                    or result.flag
                    or (result.range is not None and (value.canon or value.span) is not None)
                )
            )
        )

    def settled(self, given: Given, sheet: Sheet) -> tuple[Fact, bool]:
        """The fact for the circumstances it was taken in, and whether they set it aside."""
        fact = given.fact
        stood = sheet.then(given.low, given.high).stood if self.by_around else ()
        if fact.by_reference is not None:
            assert self.references is not None
            held = self.references(stood, given.around, fact.truths)
            if fact.result.flag or fact.result.range is not None:  # beside another range it points on its own
                conditions = dict(zip(map(id, self.whens), held, strict=True))
                if any(
                    r.beside_own and all(conditions[id(c)] == YES for c in r.when)
                    for r in self.item.references
                ):
                    raise UnusualError(self.item.id)
            found = fact.by_reference.get(held)
            if found is None:
                found = fact.by_reference[held] = self.fact(fact.result, held)
            fact = found
        if self.aside is None or fact.missing not in ("", "inconclusive"):
            return fact, False
        return fact, self.aside(stood, given.around, fact.truths, given.high, sheet.day)


class FieldThings(Things):
    """The same of a field of a record, which has one result at most."""

    def __init__(self, item: Item, index: int, supposing: _Supposing) -> None:
        super().__init__(item, index, supposing)
        self.numbers: dict[Any, int] = {}

    def together(self, samples: Sequence[Sample], day: int) -> FieldEntry:
        (one,) = samples or (None,)
        strict = lenient = self.unknown
        known = bit = NO
        value = None
        if one is not None:
            if one.state in (USABLE, SET_ASIDE):
                lenient = one.truths
            if one.state == USABLE:
                strict, known = one.truths, NO if one.implied else YES
                value = one.value
            bit = 2 << self.index if not one.implied and one.state in _RESULTS else 0
        key = (strict, lenient, known, bit)
        number = self.numbers.setdefault(key, len(self.numbers))
        return FieldEntry(strict, lenient, known, bit, number, value)


class Sample(NamedTuple):
    """One result on its day: its truths, its state, the days it may be of (`None`: undated)."""

    truths: Truths
    state: str
    low: Number | None
    high: Number | None
    value: Value | None
    implied: bool = False


def _entry(things: Things, samples: Sequence[Sample], day: int) -> Entry:
    """What several results of an item say together."""
    unknown = things.unknown
    usable = [s for s in samples if s.state == USABLE]
    latest = _latest(usable)
    strict = _agreed([s.truths for s in latest], unknown)
    aside = [s for s in samples if s.state == SET_ASIDE and s.value is not None]
    pointing = tuple(
        YES if any(s.truths[n] == YES for s in aside) else truth for n, truth in enumerate(strict)
    )
    counted = [s for s in samples if s.state in _RESULTS]
    sure = [s.truths if s.state == USABLE else unknown for s in counted]
    lenient = [s.truths if s.state in (USABLE, SET_ASIDE) else unknown for s in counted]
    return (
        strict, pointing,
        _greatest(sure, unknown), _greatest(lenient, unknown), _least(sure, unknown), _least(lenient, unknown),
        YES if any(not s.implied for s in latest) else NO,
        1 if any(not s.implied for s in counted) else 0,
        tuple(_repeated(things, node, samples, day) for node in things.repeats.values()),
        tuple(s.value for s in latest if s.value is not None),
    )  # fmt: skip


def _latest(usable: list[Sample]) -> list[Sample]:
    if len(usable) < 2:
        return usable
    undated = [s for s in usable if s.low is None]
    if undated:
        return undated
    last = max(s.low for s in usable if s.low is not None)
    return [s for s in usable if s.high is not None and s.high >= last]


def _agreed(all_truths: list[Truths], unknown: Truths) -> Truths:
    if not all_truths:
        return unknown
    if len(all_truths) == 1:
        return all_truths[0]
    return tuple(found[0] if len(set(found)) == 1 else OPEN for found in zip(*all_truths, strict=True))


def _greatest(all_truths: list[Truths], unknown: Truths) -> Truths:
    if not all_truths:
        return unknown
    found = list(all_truths[0])
    for truths in all_truths[1:]:
        found = [a | b for a, b in zip(found, truths, strict=True)]
    return tuple(found)


def _least(all_truths: list[Truths], unknown: Truths) -> Truths:
    if not all_truths:
        return unknown
    found = list(all_truths[0])
    for truths in all_truths[1:]:
        found = [a & b for a, b in zip(found, truths, strict=True)]
    return tuple(found)


def _repeated(things: Things, node: Repeated, samples: Sequence[Sample], day: int) -> int:
    position = list(things.leaves).index(node.where.text)
    results = []
    for sample in samples:
        if sample.state in ("unknown", "not done", "not applicable"):
            continue
        truth = sample.truths[position] if sample.value is not None else OPEN
        if sample.state == SET_ASIDE:
            if truth == NO:
                continue
            truth = OPEN
        elif sample.state != USABLE:
            truth = OPEN
        days = (EVER, day) if sample.low is None or sample.high is None else (sample.low, sample.high)
        results.append((_TRUTH[truth], sample.state == SET_ASIDE, days))
    usable = any(s.state == USABLE for s in samples)
    return _NUMBER[repeated(results, usable, node.times, node.apart)]


# --- formulas --------------------------------------------------------------------------------------


_Input = tuple[str, str, bool]  # a name, the unit it is taken in, whether of the record before


class _Formula:
    """A derived item or field. A sum of names is worked out on the ends of their spans."""

    def __init__(self, things: Things) -> None:
        assert things.item.formula is not None
        self.things = things
        self.formula = things.item.formula
        self.names: tuple[_Input, ...] = tuple(dict.fromkeys(_inputs(self.formula)))
        terms = _terms(self.formula, 1, False)
        self.ends = None if terms is None else self._ends(terms)
        # The same names in a record: the position of the field, `None` for an item of the case.
        self.inside: list[tuple[int | None, str, str, bool]] = []
        self.at: tuple[int, ...] = ()  # where the items of the names stand
        self.known: dict[Any, Any] = {}
        self.worked_out: dict[Any, tuple[Fact | None]] = {}

    def fact(self, spans: Sequence[Span]) -> Fact | None:
        """What is worked out from the spans of its names, as a result; `None` where nothing can be."""
        if self.ends is None:
            given = dict(zip(self.names, spans, strict=True))
            worked_out = computed(self.formula, lambda name, unit, number: given[name, unit, bool(number)], 1)
            if worked_out is None:
                return None
            ends: tuple[Any, ...] = worked_out
        else:
            ends = self.ends(*spans)
        found: Fact | None = self.known.get(ends)
        if found is None:
            if len(self.known) > _KEPT:
                self.known.clear()
            span = Span(*ends)
            found = self.known[ends] = self.things.fact(
                Result(Value("", span, self.things.item.unit, span), "", _NOWHERE)
            )
            found.plain = found.usable
        return found

    def _ends(self, terms: _Terms) -> Callable[..., tuple[Any, ...]]:
        """A function from the spans of the names to the ends of their sum."""
        constant = sum(sign * term for sign, term in terms if not isinstance(term, tuple))
        named = [(sign, f"s{self.names.index(term)}") for sign, term in terms if isinstance(term, tuple)]
        signs = {1: "+", -1: "-"}
        low = " ".join(f"{signs[sign]} {name}[{0 if sign > 0 else 1}]" for sign, name in named)
        high = " ".join(f"{signs[sign]} {name}[{1 if sign > 0 else 0}]" for sign, name in named)
        low_in = " and ".join(f"{name}[{2 if sign > 0 else 3}]" for sign, name in named)
        high_in = " and ".join(f"{name}[{3 if sign > 0 else 2}]" for sign, name in named)
        ends = [f"{name}[{0 if sign > 0 else 1}]" for sign, name in named]
        others = [f"{name}[{1 if sign > 0 else 0}]" for sign, name in named]
        parameters = ", ".join(f"s{n}" for n in range(len(self.names)))
        made: Callable[..., tuple[Any, ...]] = _made(
            "ends",
            [
                f"def ends({parameters}):",
                f" return (None if {' or '.join(f'{end} is None' for end in ends)} else C {low},",
                f"  None if {' or '.join(f'{end} is None' for end in others)} else C {high}, {low_in}, {high_in})",
            ],
            C=constant,
        )
        return made


def _inputs(formula: tuple[Any, ...], before: bool = False) -> Iterable[_Input]:
    if formula[0] == "name":
        yield formula[1], formula[2], before
        return
    for part in formula[1:]:
        if isinstance(part, tuple):
            yield from _inputs(part, before or formula[0] == "previous")


_Terms = list[tuple[int, "_Input | Number"]]


def _terms(formula: tuple[Any, ...], sign: int, before: bool) -> _Terms | None:
    """The formula as a sum of names and numbers; `None` where it is none."""
    match formula:
        case ("name", name, unit):
            return [(sign, (name, unit, before))]
        case ("number", value):
            return [(sign, value)]
        case ("previous", inner):
            return _terms(inner, sign, True)
        case ("+" | "-" | "days_between" as kind, left, right):
            first, second = {"+": (sign, sign), "-": (sign, -sign), "days_between": (-sign, sign)}[kind]
            one, two = _terms(left, first, before), _terms(right, second, before)
            return None if one is None or two is None else one + two
        case _:
            return None


def in_unit(item: Item, value: Value, unit: str) -> Span | None:
    """A value as a formula takes it, in a unit of the item."""
    if value.canon is None or not unit or unit == item.unit or not item.units:
        return value.canon
    if unit == value.unit:
        return value.span
    known = next((u for u in item.units.values() if u.text == unit), None)
    return expressed(value.canon, known) if known else None


# --- circumstances ---------------------------------------------------------------------------------


class _Pregnancy(NamedTuple):
    """What circumstances ask of a pregnancy."""

    low: Number | None
    high: Number | None
    outcome: str
    gestation: Span | None


class _Circumstance:
    """How one circumstance stands at a date, where it was not given with the result."""

    def __init__(self, things: Things, compiled: Compiled) -> None:
        self.things = things
        self.item = things.item
        self.compiled = compiled
        self.how, self.names = things.item.worked_out or ("", ())
        self.classes = frozenset(self.names)
        self.known: dict[Any, Truths] = {}

    def given(self, result: Result) -> Truths:
        """What is given with a result: the truths of its comparisons, and whether it is known."""
        return (*self.things.truths(result), NO if result.value is None else YES)

    def rests_on(self) -> tuple[str, ...]:
        """The lists it is worked out from."""
        if self.how == "later":
            return self.names
        return {"medications": (MEDICATIONS,), "": ()}.get(self.how, (PREGNANCIES,))

    def _of(self, key: Any, value: Value | None) -> Truths:
        found = self.known.get(key)
        if found is None:
            if len(self.known) > _KEPT:
                self.known.clear()
            found = self.known[key] = self.given(Result(value, "", _NOWHERE))
        return found

    def prepare(self) -> None:
        """Now that every comparison has its position: what it says where it is no, open and yes."""
        no, yes = (self.given(Result(_word(word), "", _NOWHERE)) for word in ("no", "yes"))
        nothing = self.given(Result(None, "", _NOWHERE))
        self.words = (no, nothing, nothing, yes)
        self.perhaps = self.given(Result(_word("perhaps"), "", _NOWHERE))
        self.work_out = {
            "pregnant": self._pregnant, "later": self._later, "medications": self._medications,
            "days_since_pregnancy_end": self._since,
        }.get(self.how, self._nothing)  # fmt: skip

    def at(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        """The truths of its comparisons at a date, and whether it is known."""
        if low == sheet.day and low == high and self.item.now:
            if self.how == "medications":
                raise UnusualError(self.item.id)
            texts = {value.text for value in sheet.values(self.item.now)}
            denied = texts == {"no"} and self.how == "pregnant" and sheet.says_pregnant()
            if len(texts) == 1 and not denied:
                return self._of(("now", texts.pop()), sheet.values(self.item.now)[0])
        return self.work_out(sheet, low, high)

    def _pregnant(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        truth = sheet.pregnant(low, high)
        if truth == OPEN and "perhaps" in self.item.choices and sheet.perhaps_now(high):
            return self.perhaps
        return self.words[truth]

    def _later(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        truth = sheet.later(self.names, low, high)
        if (
            truth == OPEN
            and "perhaps" in self.item.choices
            and all(of in sheet.recorded for of in self.names)
        ):
            return self.perhaps
        return self.words[truth]

    def _medications(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        taking = sheet.taking(low, high)
        running: dict[str, int] | None = None
        if taking is not None:
            running = dict.fromkeys(self.classes, NO)
            for classes, held in taking:
                names = classes or self.classes
                certain = classes is not None and len(names) == 1
                for known in names & self.classes:
                    running[known] |= held if certain else held & OPEN
        if running is not None and not self.item.choices.keys() & running.keys():
            best = NO
            for truth in running.values():
                best |= truth
            running = {"yes": best}
        key = None if running is None else tuple(sorted(running.items()))
        found = self.known.get(key)
        if found is None:
            supposing = self.things.supposing
            supposing.drugs = None if running is None else {n: _TRUTH[t] for n, t in running.items()}
            value = supposing.drug(self.item)
            stub = Seen(self.item, Result(value, "", _NOWHERE), USABLE, None)
            found = self.known[key] = (
                *(
                    _NUMBER[supposing.judge(leaf, Context(seen=stub))[0]]
                    if isinstance(leaf, IsOneOf) and running is not None
                    else _NUMBER[supposing.holds(leaf, stub)]
                    for leaf in self.things.leaves.values()
                ),
                NO if value is None else YES,
            )
            supposing.drugs = None
        return found

    def _since(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        span = sheet.since_pregnancy(low, high)
        found = self.known.get(span)
        if found is None:
            value = None if span is None else Value("", span, self.item.unit, span)
            found = self._of(span, value)
        return found

    def _nothing(self, sheet: Sheet, low: Number | None, high: Number | None) -> Truths:
        return self.words[OPEN]


def _word(word: str) -> Value:
    return Value(word, choices=frozenset({word}))


class Then:
    """How every circumstance stands at a date, and how long ago that is as far as it matters.

    It is the same object for all dates, of all cases, of which the same is true.
    """

    __slots__ = ("stood",)

    def __init__(self, stood: tuple[Truths, ...]) -> None:
        self.stood = stood


class _Standing(NamedTuple):
    """Which circumstances depend on the date, on any day and on that of judgement; what the others are."""

    number: int
    always: tuple[Truths, ...]
    varying: tuple[_Circumstance, ...]
    varying_now: tuple[_Circumstance, ...]
    drugs: tuple[_Circumstance, ...]  # those that depend on medications


# Of every medication its classes, where they are known, and whether it was taken.
Taking = tuple[tuple[frozenset[str] | None, int], ...]


class _Taken(NamedTuple):
    """What circumstances ask of a medication: its classes, its first and last days."""

    classes: frozenset[str] | None
    start: Span | None
    stop: Span | None
    stops: bool


class Sheet:
    """One case on its day, as the rules look at it."""

    __slots__ = (
        "_begun",
        "_end",
        "_pregnancies",
        "_quiet",
        "_says",
        "_standing",
        "_taken",
        "asked",
        "compiled",
        "day",
        "entries",
        "given",
        "lists",
        "recorded",
        "samples",
        "signs",
        "thens",
    )  # fmt: skip

    def __init__(self, compiled: Compiled, day: int) -> None:
        self.compiled = compiled
        self.day = day
        self.entries: list[Entry] = compiled.blank.copy()
        self.given: dict[str, list[Given]] = {}
        self.asked: dict[str, bool] = {}  # what counts where it applies; whether it has a value
        self.recorded: dict[str, list[RecordOf]] = {}
        self.lists: list[Any] = compiled.no_lists.copy()
        self.samples: dict[str, list[Sample]] = {}
        self.signs: list[tuple[Item, list[Given]]] = []  # what may say that she is pregnant now
        self.thens: dict[Any, Then] = {}
        self._standing: _Standing | None = None
        self._end: tuple[Number, Number, Number] | None = None
        self._begun: Number | None = None
        self._says: bool | None = None
        self._pregnancies: list[_Pregnancy] | None = None
        self._quiet: Number | None = None  # the day from which she was not pregnant any more
        self._taken: list[_Taken] | None = None

    def values(self, name: str) -> tuple[Value, ...]:
        """The values of an item that may be the latest."""
        things = self.compiled.items.get(name)
        return self.entries[things.index][9] if things is not None else ()

    def then(self, low: Number | None, high: Number | None) -> Then:
        """The circumstances at a date."""
        found = self.thens.get((low, high))
        if found is None:
            found = self.thens[low, high] = self.standing(low, high)
        return found

    def standing(self, low: Number | None, high: Number | None) -> Then:
        """The circumstances at a date that was not asked for before."""
        compiled, day, thens = self.compiled, self.day, self.compiled.thens
        standing = self._standing
        if standing is None:
            standing = self._standing = compiled.standing(self)
            self._end = self._ends()
        taking = self.taking(low, high) if standing.drugs else None
        age = -1 if high is None else bisect_left(compiled.ages, day - high)
        short: Any = None
        if self._end is not None:
            last_day, first, last = self._end
            if low is None and high is None:
                short = (standing.number, taking)
            elif low is not None and high is not None and last_day < low < day:
                # The usual case: after all of them.
                short = (standing.number, age, taking, low - last if last else 0, high - first if last else 0)
            found = thens.get(short)
            if found is not None:
                return found
        now = low == high == day
        varying = standing.varying_now if now else standing.varying
        truths = [c.at(self, low, high) for c in varying]
        key = (standing.number, now, age, taking, *truths)
        found = thens.get(key)
        if found is None:
            stood = list(standing.always)
            for circumstance, truth in zip(varying, truths, strict=True):
                stood[circumstance.things.index] = truth
            for circumstance in standing.drugs:
                stood[circumstance.things.index] = circumstance.at(self, low, high)
            if len(thens) > _KEPT:
                thens.clear()
            found = thens[key] = Then(tuple(stood))
        if short is not None:
            thens[short] = found
        return found

    def _ends(self) -> tuple[Number, Number, Number] | None:
        """The last day of what circumstances rest on but drugs, and the days of the last pregnancy; `None` without an end."""
        pregnancies = self.pregnancies()
        if self.says_pregnant() if pregnancies is None else self._quiet is None:
            return None
        end: Number = 0
        for name in self.compiled.env_lists:
            for record in self.recorded.get(name, ()) if name != MEDICATIONS else ():
                if record.low is None or record.high is None:
                    return None
                end = max(end, record.high)
        if not pregnancies:
            return end, 0, 0
        last = pregnancies[-1]
        assert last.low is not None
        assert last.high is not None
        return end, last.low, last.high

    def pregnancies(self) -> list[_Pregnancy] | None:
        """What circumstances ask of the pregnancies; `None` when they were left out."""
        records = self.recorded.get(PREGNANCIES)
        if records is None or self._pregnancies is not None:
            return self._pregnancies
        outcome, gestation = self.compiled.pregnancy_fields
        found = self._pregnancies = []
        quiet: Number | None = 0
        for record in records:
            ended, weeks = record.fields.get(outcome), record.fields.get(gestation)
            how = ended.fact.value.text if ended and ended.fact.value else ""
            found.append(
                _Pregnancy(
                    record.low,
                    record.high,
                    how,
                    weeks.fact.value.span if weeks and weeks.fact.value else None,
                )
            )
            if quiet is not None:
                quiet = None if record.high is None or how == "ongoing" else max(quiet, record.high)
        self._quiet = None if self.says_pregnant() else quiet
        return found

    def pregnant(self, low: Number | None, high: Number | None) -> int:
        """Whether she was pregnant, from the pregnancies and what is said of now."""
        pregnancies = self._pregnancies or self.pregnancies()
        if pregnancies is None:
            return OPEN
        if self._quiet is not None and low is not None and low >= self._quiet:
            return NO  # the usual case: after all of them
        found = NO
        ongoing = False
        for pregnancy in pregnancies:
            under_way = pregnancy.outcome == "ongoing"
            ongoing = ongoing or under_way
            found |= self._during(pregnancy, under_way, low, high)
        if not ongoing and self.says_pregnant():
            found |= NO if high is not None and high < self.begun() else OPEN
        return found

    def begun(self) -> Number:
        """The first day on which a pregnancy of now can have begun: after the last that ended."""
        if self._begun is None:
            ended = [p.low for p in self.pregnancies() or () if p.low is not None and p.outcome != "ongoing"]
            self._begun = max([self.day - LONGEST_PREGNANCY, *(low + 1 for low in ended)])
        return self._begun

    def says_pregnant(self) -> bool:
        """Whether the latest of a sign, too old to count or not, says that she is pregnant."""
        if self._says is None:
            self._says = any(
                says_pregnant(
                    item,
                    [
                        (g.fact.value, g.high)
                        for g in given
                        if g.fact.value is not None and not g.fact.missing
                    ],
                    self.begun(),
                )
                for item, given in self.signs
            )
        return self._says

    def perhaps_now(self, high: Number | None) -> bool:
        """Whether she is pregnant now, and nothing says that the date lies before that pregnancy."""
        if high is not None and high < self.begun():
            return False
        ongoing = any(p.outcome == "ongoing" for p in self._pregnancies or self.pregnancies() or ())
        return ongoing or self.says_pregnant()

    def _during(self, pregnancy: _Pregnancy, under_way: bool, low: Number | None, high: Number | None) -> int:
        first, last, gestation = pregnancy.low, pregnancy.high, pregnancy.gestation
        if under_way:
            first = last = self.day + 1
        if low is None or high is None or first is None or last is None:
            return OPEN
        longest = gestation.high if gestation and gestation.high is not None else LONGEST_PREGNANCY
        shortest = gestation.low if gestation and gestation.low is not None else 0
        if under_way:
            longest = min(longest, self.day + 1 - self.begun())
            shortest = max(shortest, 15)
        if last <= low or first - longest > high:
            return NO
        return YES if first > high and last - shortest + 14 <= low else OPEN

    def since_pregnancy(self, low: Number | None, high: Number | None) -> Span | None:
        """The days since the last pregnancy ended."""
        pregnancies = self._pregnancies or self.pregnancies()
        if pregnancies is None:
            return None
        ended = [p for p in pregnancies if p.outcome != "ongoing"]
        if not ended:
            return NEVER_PREGNANT
        if low is None or high is None:
            return None
        found: Span | None = None
        for end in reversed(ended):
            if end.low is None or end.high is None:
                return None
            if end.low > high:
                continue
            nearest = max(0, low - min(end.high, high))
            found = Span(found.low if found else nearest, high - end.low)
            if end.high <= low:
                return found
        return Span(found.low, None) if found else NEVER_PREGNANT

    def taking(self, low: Number | None, high: Number | None) -> Taking | None:
        """Of every medication its classes, and whether it was taken."""
        if self._taken is None:
            records = self.recorded.get(MEDICATIONS)
            if records is None:
                return None
            drug, start, stop = self.compiled.medication_fields
            self._taken = [
                _Taken(
                    given.fact.value.choices if (given := r.fields.get(drug)) and given.fact.value else None,
                    _ends(r.fields.get(start)), _ends(r.fields.get(stop)), stop in r.fields,
                )
                for r in records
            ]  # fmt: skip
        found = []
        for taken in self._taken:
            begun = _compared_dates(taken.start, low, high)
            if taken.stops:
                over = _compared_dates(taken.stop, low, high, after=True)
            else:
                over = NO if low is not None else OPEN
            found.append((taken.classes, begun & _OPPOSITE[over]))
        return tuple(found)

    def later(self, lists: tuple[str, ...], low: Number | None, high: Number | None) -> int:
        """Whether a record of one of the lists lies after a date."""
        found = NO
        for of in lists:
            records = self.recorded.get(of)
            if records is None:
                found |= OPEN
                continue
            for record in records:
                if record.low is None or record.high is None or low is None or high is None:
                    found |= OPEN
                elif record.high >= low:
                    found |= YES if record.low > high else OPEN
        return found


_OPPOSITE = (YES, OPEN, OPEN, NO)


def _ends(given: Given | None) -> Span | None:
    return given.fact.value.span if given is not None and given.fact.value is not None else None


def _compared_dates(limit: Span | None, low: Number | None, high: Number | None, after: bool = False) -> int:
    """Whether a date lies on or after a limit, or `after` it."""
    if limit is None or limit.low is None or limit.high is None or low is None or high is None:
        return OPEN
    if after:
        return YES if limit.high < low else NO if high <= limit.low else OPEN
    return YES if limit.high <= low else NO if high < limit.low else OPEN


# --- a rulebook as functions -----------------------------------------------------------------------

# Of a truth, what it adds to a sum of which the upper half is certain and the whole of the lower possible.
_ADDS = (0, 1, 1, 0x10001)
_NOT_KNOWN = (YES, YES, YES, NO)


class _List:
    """A list of records: its fields, and what is counted over it."""

    def __init__(self, item: Item, index: int, supposing: _Supposing) -> None:
        self.item = item
        self.index = index
        self.fields = {
            name: FieldThings(field, position, supposing)
            for position, (name, field) in enumerate(item.fields.items())
        }
        self.things = Things(item, index, supposing)
        self.formulas: list[_Formula] = []
        self.wheres: dict[str, int] = {}  # conditions on a record, by what is written of them
        self.nodes: dict[str, int] = {}  # what is asked of all records, by the same
        self.judge_record: Callable[[Sequence[FieldEntry], bool], Truths]
        self.judge_all: Callable[[Sequence[Truths]], Truths]
        self.nothing: list[FieldEntry] = []
        self.missing: Truths = ()
        self.known_records: dict[Any, tuple[int, Truths, int]] = {}
        self.number = 0  # of the last record that was new: never given twice, whatever was forgotten
        self.known_lists: dict[Any, Truths] = {}
        self.asked: list[FieldThings] = []
        self.empty: tuple[Truths, list[Any], int] = ((), [], 0)
        # Records alike but for the day, of lists where nothing but the record and the time since the
        # one before it matters.
        self.memorable = self.by_around = False
        self.dated_at = -1
        self.seen: dict[Any, tuple[int, Truths, int, list[FieldEntry], bool]] = {}

    def remember(self) -> None:
        """Find out whether records of the list can be told apart by `alike`."""
        date = self.item.dated_by
        self.dated_at = self.fields[date].index if date else -1
        things = [self.things, *self.fields.values()]
        asked = [n for t in things[1:] for n in _named(t.item.ask_if)]
        self.by_around = any(t.by_around for t in things)
        self.memorable = (
            all(t.by_around or t.aside is None for t in things)
            and all(name.of == self.item.id for name in asked)
            and all(self._since(formula) for formula in self.formulas)
        )

    def _since(self, formula: _Formula) -> bool:
        """Whether a formula uses dates only as the time since the record before."""
        terms = _terms(formula.formula, 1, False)
        if terms is None or any(index is None for index, *_ in formula.inside):
            return not any(
                index is None or before or self.item.fields[name].kind == "date"
                for index, name, _, before in formula.inside
            )
        signs = {False: 0, True: 0}
        for sign, term in terms:
            if not isinstance(term, tuple):
                continue
            name, _, before = term
            if name == self.item.dated_by:
                signs[before] += sign
            elif before or self.item.fields[name].kind == "date":
                return False
        return signs[False] + signs[True] == 0 and abs(signs[True]) <= 1

    def alike(self, sheet: Sheet, record: RecordOf, before: RecordOf | None) -> Any:
        """What a record has in common with others of which all the same is true; `None` where that is not known."""
        dated = record.fields.get(self.dated_at)
        key: list[Any] = [None if dated is None else dated.fact.usable.number]
        if record.like is not None:
            key.append(record.like)
            if self.by_around:
                key.append(sheet.then(record.low, record.high))
        elif self.by_around:
            return None
        else:
            key += [
                part
                for at, given in record.fields.items()
                if at != self.dated_at
                for part in (at, given.fact)
            ]
        if before is None:
            key.append(None)
        elif (
            record.low is not None
            and record.high is not None
            and before.low is not None
            and before.high is not None
        ):
            key += [record.low - before.high, record.high - before.low]
        return tuple(key)

    def with_date(self, fields: list[FieldEntry], record: RecordOf) -> list[FieldEntry]:
        """The fields of a record like others, with its own date."""
        given = record.fields.get(self.dated_at)
        if given is None:
            return fields
        found = fields.copy()
        found[self.dated_at] = given.fact.usable
        return found

    def has_result(self, bits: int) -> int:
        """A bit for the list and one for each field of which there is a result."""
        if not self.item.series:
            return bits | 1
        own = sum(
            2 << t.index
            for name, t in self.fields.items()
            if name != self.item.dated_by and t.item.kind != "derived"
        )
        return bits | 1 if bits & own else bits


class Compiled:
    """A rulebook as functions, made once; `judge` answers for one case after the other."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.supposing = supposing = _Supposing(rulebook)
        items = rulebook.items.values()
        self.items = {
            item.id: Things(item, number, supposing)
            for number, item in enumerate(i for i in items if i.kind != "records")
        }
        self.lists_of = {
            item.id: _List(item, number, supposing)
            for number, item in enumerate(i for i in items if i.kind == "records")
        }
        self._around = {
            name: Things(item, n, supposing) for n, (name, item) in enumerate(rulebook.circumstances.items())
        }
        self.circumstances = [_Circumstance(things, self) for things in self._around.values()]
        self.env_lists = tuple(
            dict.fromkeys([PREGNANCIES, MEDICATIONS, *(n for c in self.circumstances for n in c.rests_on())])
        )
        self._standings: dict[Any, _Standing] = {}
        self.thens: dict[Any, Then] = {}
        everything = [*items, *(field for item in items for field in item.fields.values())]
        self.ages = sorted({item.stale_after for item in everything if item.stale_after is not None})
        self._gather()
        for circumstance in self.circumstances:
            circumstance.prepare()
        self.formulas = {
            name: _Formula(t) for name, t in self.items.items() if t.item.kind == "derived" and t.item.formula
        }
        for formula in self.formulas.values():
            formula.at = tuple(self.items[name].index for name, _, _ in formula.names)
        self.blank = [t.together([], 0) for t in self.items.values()]
        for things in [*self.items.values(), *(of.things for of in self.lists_of.values())]:
            self._describe(things)
        for of in self.lists_of.values():
            self._describe_list(of)
        self.same_sample = {n for f in self.formulas.values() for n in f.things.item.same_sample}
        self.order, self._now = self._ordered()
        self.first = self._now | {*self.env_lists}
        self.later = set(self.order)
        self._rank = {name: rank for rank, name in enumerate(self.order)}
        self._steps = [
            (
                name,
                self.items.get(name) or self.lists_of[name].things,
                self.lists_of.get(name),
                self.formulas.get(name),
            )
            for name in self.order
        ]
        self._rules = _RuleWriter(self)
        for of in self.lists_of.values():
            self._compile_list(of)
        self.no_lists = [(of.missing, None, 0) for of in self.lists_of.values()]
        self.pregnancy_fields = self._positions(PREGNANCIES, "outcome", "gestation")
        self.medication_fields = self._positions(MEDICATIONS, "class", "from", "to")
        self._judge = self._rules.function()
        self._truths = self._rules.function(everything=True)

    def standing(self, sheet: Sheet) -> _Standing:
        """Which circumstances depend on the date in a case.

        They do not where the lists they are worked out from are empty or were left out.
        """
        recorded = sheet.recorded
        key = tuple([0 if (of := recorded.get(name)) is None else 2 if of else 1 for name in self.env_lists])
        found = self._standings.get(key)
        if found is None:
            states = dict(zip(self.env_lists, key, strict=True))
            varying = [
                c
                for c in self.circumstances
                if any(states.get(name) == 2 for name in c.rests_on())
                or (c.how == "pregnant" and (states[PREGNANCIES] == 1 or "perhaps" in c.item.choices))
            ]
            at = sheet.day - 1  # any day but that of judgement
            found = self._standings[key] = _Standing(
                len(self._standings),
                tuple(() if c in varying else c.at(sheet, at, at) for c in self.circumstances),
                tuple(c for c in varying if c.how != "medications"),
                tuple(
                    c for c in self.circumstances if c.how != "medications" and (c in varying or c.item.now)
                ),
                tuple(c for c in varying if c.how == "medications"),
            )
        return found

    def _positions(self, of: str, *names: str) -> tuple[int, ...]:
        fields = self.lists_of[of].fields if of in self.lists_of else {}
        return tuple(fields[name].index if name in fields else -1 for name in names)

    # --- what is compared

    def _gather(self) -> None:
        """Give every comparison of rules, checks and dictionary its position."""
        rulebook = self.rulebook
        conditions: list[Condition] = [check.when for check in rulebook.checks]
        for rule in rulebook.rules.values():
            conditions += [rule.when, *([rule.suspect_when] if rule.suspect_when else [])]
            conditions += [rule.today.when] if rule.today and rule.today.when else []
        for item in rulebook.items.values():
            conditions += [i.ask_if for i in (item, *item.fields.values()) if i.ask_if is not None]
        for node in (node for condition in conditions for node in walk(condition)):
            match node:
                case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel():
                    self.things(node.name).position(node)
                case Repeated():
                    self.things(node.where.name).position_of_repeat(node)
                case _:
                    pass
        for things in [
            *self.items.values(),
            *(t for of in self.lists_of.values() for t in (of.things, *of.fields.values())),
        ]:
            item = things.item
            for condition in (*item.set_aside_if, *item.counts_only_if, *things.whens):
                for node in walk(condition):
                    if isinstance(node, Compare | IsOneOf | Includes | IsFlagged | IsLevel):
                        itself = node.name.item == "value"
                        (things if itself else self._around[node.name.item]).position(node)
                        things.hard = things.hard or (itself and isinstance(node, IsFlagged))

    def around(self, name: str) -> Things:
        """What holds the comparisons with a circumstance."""
        return self._around[name]

    def things(self, name: Name) -> Things:
        """What holds the comparisons with a name."""
        return self.items[name.item] if name.of is None else self.lists_of[name.of].fields[name.item]

    def _describe(self, things: Things) -> None:
        """The functions that answer for the circumstances of a result."""
        item = things.item
        if item.ask_if is not None and item.of is None:
            things.ask = _made("ask", ["def ask(S, F):", f" return {_Writer(self).expr(item.ask_if)}"])
        writer = _CircumstanceWriter(self, things)
        if item.set_aside_if or item.counts_only_if or item.stale_after is not None:
            lines = ["def aside(E, A, V, high, day):"]
            lines += [f" if {writer.expr(c)} == 3: return True" for c in item.set_aside_if]
            lines += [f" if {writer.expr(c)} != 3: return True" for c in item.counts_only_if]
            if item.stale_after is not None:
                lines.append(f" if high is not None and high < day - {item.stale_after}: return True")
            things.aside = _made("aside", [*lines, " return False"])
        if things.whens:
            held = "".join(f"{writer.expr(c)}, " for c in things.whens)
            things.references = _made("held", ["def held(E, A, V):", f" return ({held})"])

    def _describe_list(self, of: _List) -> None:
        for things in of.fields.values():
            self._describe(things)
        of.nothing = [things.together([], 0) for things in of.fields.values()]
        of.formulas = [_Formula(t) for t in of.fields.values() if t.item.kind == "derived" and t.item.formula]
        for formula in of.formulas:
            formula.inside = [
                (of.fields[name].index if name in of.fields else None, name, unit, before)
                for name, unit, before in formula.names
            ]
        of.remember()
        order, circles = _in_order(
            {
                name: {n.item for n in _named(t.item.ask_if) if n.of == of.item.id} | _formula_names(t.item)
                for name, t in of.fields.items()
            }
        )
        for name in circles & of.fields.keys():
            of.fields[name].hard = True
        of.formulas.sort(key=lambda f: order.index(f.things.item.id))
        of.asked = [t for name in order if (t := of.fields.get(name)) and t.item.ask_if is not None]
        for things in of.asked:
            assert things.item.ask_if is not None
            expression = _FieldWriter(self, of).expr(things.item.ask_if, False)
            things.ask = _made("ask", ["def ask(S, F):", f" return {expression}"])

    def _ordered(self) -> tuple[list[str], set[str]]:
        """The items and lists whose answer rests on others, each after those; what circumstances now rest on."""
        now = {*SIGNS, *(c.item.now for c in self.circumstances)}
        rests: dict[str, set[str]] = {}
        for item in self.rulebook.items.values():
            found: set[str] = set()
            for each in (item, *item.fields.values()):
                found |= {name.of or name.item for name in _named(each.ask_if) if name.of != item.id}
                found |= _formula_names(each) - item.fields.keys()
                if each.set_aside_if or each.counts_only_if or any(r.when for r in each.references):
                    found |= now
            rests[item.id] = found & self.rulebook.items.keys()
        order, circles = _in_order(rests)
        for name in circles:  # of which the reference engine knows the way out
            (self.items.get(name) or self.lists_of[name].things).hard = True
        plain = {
            name
            for name, t in self.items.items()
            if not (t.aside or t.references or t.item.ask_if or t.hard or name in self.formulas)
            and name not in self.same_sample
        }
        return [name for name in order if name not in plain], {*_in_order(rests, now & rests.keys())[0]}

    # --- lists

    def _compile_list(self, of: _List) -> None:
        """The functions that judge a record and all records; what they are asked is known by now."""
        wheres = "".join(f"{text}, " for text in of.wheres)
        of.judge_record = _made("record", ["def record(F, aside):", f" return ({wheres})"])
        lines = ["def records(W):"]
        for text, number in of.nodes.items():
            lines += [*(f" {line}" for line in text.splitlines()), f" n{number} = found"]
        found = "".join(f"n{n}, " for n in range(len(of.nodes)))
        of.judge_all = _made("records", [*lines, f" return ({found})"])
        # Of a list that was left out nothing is known, and no check finds anything in it.
        of.empty = (of.judge_all([]), [], of.has_result(0))
        of.missing = tuple(NO if text.startswith("found") else OPEN for text in of.nodes)

    def _records(self, sheet: Sheet, of: _List, records: list[RecordOf]) -> Any:
        """What a list says: of all that is asked of it, each record's fields, and which have results."""
        if of.things.hard:
            raise UnusualError(of.item.id)
        if not records:
            return of.empty
        all_fields = []
        bits = 0
        numbers: list[int] = []
        judged: list[Truths] = []
        before: list[FieldEntry] | None = None
        earlier: RecordOf | None = None
        for record in records:
            alike: Any = None
            if of.memorable:
                alike = of.alike(sheet, record, earlier)
                seen = of.seen.get(alike)
                if seen is not None:
                    numbers.append(seen[0])
                    judged.append(seen[1])
                    bits |= seen[2]
                    all_fields.append((seen[3], seen[4]))
                    before, earlier = seen[3], record
                    continue
                if before is not None and earlier is not None:
                    before = of.with_date(before, earlier)
            earlier = record
            fields = of.nothing.copy()
            for position, given in record.fields.items():
                fact = given.fact
                if fact.plain is not None:
                    fields[position] = fact.plain
                    continue
                things = fact.things
                if things.hard or (fact.value is not None and things.item.kind == "derived"):
                    raise UnusualError(things.item.id)
                if given.low is None:
                    given = given._replace(low=record.low, high=record.high)
                fact, aside = things.settled(given, sheet)
                fields[position] = fact.aside if aside else fact.usable
            for things in of.asked:
                position = things.index
                if position in record.fields and things.ask is not None:
                    if things.ask(sheet.entries, fields) != NO:
                        continue
                    if record.fields[position].fact.value is not None:
                        raise UnusualError(things.item.id)
                    fields[position] = of.nothing[position]
            for formula in of.formulas:
                if formula.things.index not in record.fields:
                    self._derived_field(sheet, of, formula, fields, before)
            aside = of.things.aside is not None and of.things.aside(
                sheet.then(record.low, record.high).stood if of.things.by_around else (), {}, (),
                record.high, sheet.day,
            )  # fmt: skip
            key = (aside, *[entry[4] for entry in fields])
            known = of.known_records.get(key)
            if known is None:
                if len(of.known_records) > _KEPT:
                    of.known_records.clear()
                    of.known_lists.clear()
                    of.seen.clear()
                own = 0
                for entry in fields:
                    own |= entry.bit
                of.number += 1
                known = (of.number, of.judge_record(fields, aside), own)
                of.known_records[key] = known
            if alike is not None:
                if len(of.seen) > _KEPT:
                    of.seen.clear()
                of.seen[alike] = (*known, fields, aside)
            numbers.append(known[0])
            judged.append(known[1])
            bits |= known[2]
            all_fields.append((fields, aside))
            before = fields
        row = tuple(numbers)
        together = of.known_lists.get(row)
        if together is None:
            if len(of.known_lists) > _KEPT:
                of.known_lists.clear()
            together = of.known_lists[row] = of.judge_all(judged)
        return together, all_fields, of.has_result(bits)

    def _derived_field(
        self, sheet: Sheet, of: _List, formula: _Formula, fields: list[FieldEntry], before: list[FieldEntry] | None
    ) -> None:  # fmt: skip
        things = formula.things
        if things.ask is not None and things.ask(sheet.entries, fields) == NO:
            return
        spans = []
        for index, name, unit, previous in formula.inside:
            if index is None:
                values = sheet.values(name)
                span = in_unit(self.items[name].item, values[0], unit) if len(values) == 1 else None
            else:
                among = before if previous else fields
                if among is None:
                    return
                value = among[index].value
                if value is None:
                    return
                span = value.canon if not unit else in_unit(of.item.fields[name], value, unit)
            if span is None:
                return
            spans.append(span)
        fact = formula.fact(spans)
        if fact is not None:
            fields[things.index] = fact.usable

    # --- a case

    def judge(self, sheet: Sheet) -> Judged:
        """The status of every rule. Raises `UnusualError` where a check or the dictionary has a word to say."""
        self._finish(sheet)
        statuses, today, wrong = self._judge(sheet.entries, sheet.lists)
        if wrong == YES:
            raise UnusualError("a check")
        return Judged(statuses, today)

    def truths(self, sheet: Sheet) -> dict[str, tuple[Truth, Truth | None, Truth | None]]:
        """Of every rule the truth of its criteria, of what points to it, and of today's criterion."""
        self._finish(sheet)
        found = self._truths(sheet.entries, sheet.lists)
        return {
            name: (_TRUTH[when], None if suspect is None else _TRUTH[suspect], None if today is None else _TRUTH[today])
            for name, (when, suspect, today) in zip(self.rulebook.rules, found, strict=True)
        }  # fmt: skip

    def sheet(self, case: Case, day: int) -> Sheet:
        """A case that the reader read. Raises `UnusualError` where something lies after the day."""
        sheet = Sheet(self, day)
        for name, results in case.results.items():
            things = self.items[name]
            sheet.given[name] = [self.given(things, result, day) for result in results]
        for name, records in case.lists.items():
            of = self.lists_of[name]
            sheet.recorded[name] = _in_time([self._record(of, record, day) for record in records])
        self.place(sheet)
        return sheet

    def given(self, things: Things, result: Result, day: int) -> Given:
        """A result of a case that the reader read."""
        low, high = (None, None) if result.date is None else (result.date.low, result.date.high)
        if low is not None and low > day:
            raise UnusualError("after the day")
        if high is not None and high > day and things.item.of is None:
            high = day
        around = {
            name: self.circumstances[self.around(name).index].given(held)
            for name, held in result.around.items()
            if held.value is not None
        }  # fmt: skip
        return Given(things.fact(result._replace(around={}, date=None)), low, high, around)

    def _record(self, of: _List, record: Record, day: int) -> RecordOf:
        fields = {
            of.fields[name].index: self.given(of.fields[name], result, 10**9)
            for name, result in record.fields.items()
        }
        low, high = (None, None) if record.date is None else (record.date.low, record.date.high)
        if low is not None and low > day:
            raise UnusualError("after the day")
        return RecordOf(record.number, fields, low, high)

    def place(self, sheet: Sheet) -> None:
        """Put what rests on nothing else where the rules look for it."""
        sheet.signs += [(self.items[name].item, sheet.given[name]) for name in SIGNS if name in sheet.given]
        for name in [name for name in sheet.given if name not in self.later]:
            given = sheet.given.pop(name)
            things = self.items[name]
            if len(given) == 1:
                sheet.entries[things.index] = given[0].fact.usable
            else:
                sheet.entries[things.index] = self.several(sheet, things, given)

    def begin(self, sheet: Sheet) -> None:
        """What circumstances rest on besides lists, where nothing else was read so far."""
        self.place(sheet)
        self._take(
            sheet, [name for name in (*sheet.given, *sheet.recorded, *self.formulas) if name in self._now]
        )

    def _finish(self, sheet: Sheet) -> None:
        """Everything that rests on something else: circumstances, applicability, formulas, records."""
        names = [name for name in self.formulas if name not in sheet.given]
        for name, records in sheet.recorded.items():
            of = self.lists_of[name]
            if records or of.things.ask is not None or of.things.hard:
                names.append(name)
            else:
                sheet.lists[of.index] = of.empty
        self._take(sheet, [*sheet.given, *sheet.asked, *names])

    def _take(self, sheet: Sheet, names: Iterable[str]) -> None:
        entries = sheet.entries
        rank = self._rank
        for step in sorted([rank[name] for name in names]):
            name, things, of, formula = self._steps[step]
            if of is not None:
                records = sheet.recorded[name]
                if things.ask is not None and things.ask(entries, ()) == NO:
                    if records:
                        raise UnusualError(name)
                    continue
                sheet.lists[of.index] = self._records(sheet, of, records)
                continue
            given = sheet.given.get(name)
            if things.hard:
                raise UnusualError(name)
            if things.ask is not None and things.ask(entries, ()) == NO:
                if sheet.asked.get(name) or (given and any(g.fact.value is not None for g in given)):
                    raise UnusualError(name)
                entries[things.index] = self.blank[things.index]
                continue
            if formula is not None:
                entries[things.index] = self._derived(sheet, formula, given or [])
            elif given is not None:
                entries[things.index] = self.several(sheet, things, given)

    def several(self, sheet: Sheet, things: Things, given: list[Given]) -> Entry:
        """What the results of an item say, each by the circumstances it was taken in."""
        if len(given) == 1 and things.item.id not in self.same_sample:
            one = given[0]
            fact, aside = one.fact, False
            if things.aside is not None or fact.by_reference is not None:
                fact, aside = things.settled(one, sheet)
            alone: Entry = fact.aside if aside else fact.usable
            return alone
        samples = []
        found: Entry | None = None
        for one in given:
            fact, aside = one.fact, False
            if things.aside is not None or fact.by_reference is not None:
                fact, aside = things.settled(one, sheet)
            found = fact.aside if aside else fact.usable
            state = SET_ASIDE if aside else fact.missing or USABLE
            samples.append(Sample(fact.truths, state, one.low, one.high, fact.value))
        if things.item.id in self.same_sample:
            sheet.samples[things.item.id] = samples
        if len(samples) == 1 and found is not None:
            return found
        return self._together(sheet, things, samples)

    def _together(self, sheet: Sheet, things: Things, samples: list[Sample]) -> Entry:
        """What several results say together: of dates only how they lie to each other matters."""
        first = next((s.low for s in samples if s.low is not None), 0)
        day = sheet.day
        key = tuple(
            [
                (s.truths, s.state, None if s.value is None else s.value.text, day - first, None)
                if s.low is None or s.high is None
                else (
                    s.truths,
                    s.state,
                    None if s.value is None else s.value.text,
                    s.low - first,
                    s.high - first,
                )
                for s in samples
            ]
        )
        found = things.known.get(key)
        if found is None:
            if len(things.known) > _KEPT:
                things.known.clear()
            found = things.known[key] = _entry(things, samples, day)
        return found

    def _derived(self, sheet: Sheet, formula: _Formula, given: list[Given]) -> Entry:
        things = formula.things
        computed = self._computed(sheet, formula)
        if given and things.item.tolerance is not None and computed is not None:
            raise UnusualError(things.item.id)  # whether the two agree
        if not given:
            alone: Entry = computed.usable if computed is not None else self.blank[things.index]
            return alone
        found = self.several(sheet, things, given)
        if computed is not None and not found[9]:
            raise UnusualError(things.item.id)  # beside one that does not count
        return found

    def _computed(self, sheet: Sheet, formula: _Formula) -> Fact | None:
        item = formula.things.item
        entries = sheet.entries
        several: list[Sequence[Value | None]] = [entries[index][9] for index in formula.at]
        if () in several:
            return None
        if item.same_sample:
            day = _sample_day([sheet.samples.get(name, []) for name in item.same_sample])
            if day is None:
                return None
            several = [
                [s.value for s in sheet.samples[name] if s.state == USABLE and s.low == day]
                if name in item.same_sample
                else values
                for (name, _, _), values in zip(formula.names, several, strict=True)
            ]
        values = [values[0] for values in several if len(values) == 1 and values[0] is not None]
        if len(values) != len(several):
            return None
        # What was worked out has no text of its own.
        key = tuple([value.text or value.canon for value in values])
        found = formula.worked_out.get(key)
        if found is None:
            if len(formula.worked_out) > _KEPT:
                formula.worked_out.clear()
            spans = [
                in_unit(self.items[name].item, value, unit)
                for (name, unit, _), value in zip(formula.names, values, strict=True)
            ]
            whole = [span for span in spans if span is not None]
            found = formula.worked_out[key] = (formula.fact(whole) if len(whole) == len(spans) else None,)
        return found[0]


def judge(rulebook: Rulebook, evidence: Evidence) -> dict[str, tuple[Truth, Truth | None, Truth | None]]:
    """Every rule of the rulebook: the truths of its criteria, of what points to it, of today's criterion."""
    compiled = Compiled(rulebook)
    return compiled.truths(compiled.sheet(evidence.case, evidence.day))


def _sample_day(samples: Sequence[Sequence[Sample]]) -> Number | None:
    """The latest day on which every one of the items has a usable result."""
    days: set[Number] | None = None
    for of_item in samples:
        found = {s.low for s in of_item if s.state == USABLE and s.low is not None and s.low == s.high}
        days = found if days is None else days & found
    return max(days) if days else None


def _in_time(records: list[RecordOf]) -> list[RecordOf]:
    """Records in the order of their dates where all have full ones."""
    if any(r.low is None or r.low != r.high for r in records):
        return records
    lows = [r.low for r in records if r.low is not None]
    if lows != sorted(lows):
        raise UnusualError("order")
    return records


def _named(condition: Condition | None) -> list[Name]:
    """The names in a condition of the dictionary."""
    nodes = walk(condition) if condition is not None else []
    return [
        n.name for n in nodes if isinstance(n, Compare | IsOneOf | Includes | IsFlagged | IsLevel | IsKnown)
    ]


def _formula_names(item: Item) -> set[str]:
    return {name for name, _ in names_in(item.formula)} if item.formula else set()


def _in_order(rests: dict[str, set[str]], names: Iterable[str] | None = None) -> tuple[list[str], set[str]]:
    """The names (or some of them), each after those it rests on; and those that rest on themselves."""
    order: list[str] = []
    circles: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circles.update(path[path.index(name) :])
        elif name not in order:
            for other in sorted(rests.get(name, ())):
                visit(other, (*path, name))
            order.append(name)

    for name in rests if names is None else names:
        visit(name, ())
    return order, circles


def _made(name: str, lines: Sequence[str], **more: Any) -> Any:
    """The function of that name which the lines define."""
    space: dict[str, Any] = {"N": _OPPOSITE, "K": _NOT_KNOWN, "ADD": _ADDS, **more}
    exec(compile("\n".join(lines), f"<rules: {name}>", "exec"), space)
    return space[name]


class _Writer:
    """Writes conditions as expressions of Python."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled

    def expr(self, node: Condition, lenient: bool = False) -> str:
        """An expression that is the truth of a condition; `lenient` counts results set aside as usable."""
        match node:
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel():
                return self.leaf(node, lenient)
            case IsKnown(name=name):
                return self.known(name)
            case Undecidable():
                return str(OPEN)
            case All(parts=parts):
                return f"({' & '.join(self.expr(part, lenient) for part in parts)})"
            case AnyOf(parts=parts):
                return f"({' | '.join(self.expr(part, lenient) for part in parts)})"
            case Not(part=part):
                return f"N[{self.expr(part, lenient)}]"
            case NotKnown(part=part):
                return f"K[{self.expr(part)}]"
            case Some(parts=parts, at_least=least):
                return _reached("+".join(f"ADD[{self.expr(part, lenient)}]" for part in parts), least)
            case Points():
                return self._points(node, lenient)
            case RuleHolds():
                return self.rule(node)
            case Count() | Run():
                return self.records(node, lenient)
            case Repeated():
                return self.repeated(node)

    def _points(self, node: Points, lenient: bool) -> str:
        certain, possible = [], []
        for part in node.parts:
            weighted: tuple[Weighted, ...] = part.parts if isinstance(part, Highest) else (part,)
            found = [(w.points, self.expr(w.when, lenient)) for w in weighted]
            sure = [f"(0, 0, 0, {points})[{text}]" for points, text in found]
            maybe = [f"(0, {points}, {points}, {points})[{text}]" for points, text in found]
            certain.append(f"max({', '.join(sure)})" if len(sure) > 1 else sure[0])
            possible.append(f"max({', '.join(maybe)})" if len(maybe) > 1 else maybe[0])
        least = node.at_least
        return f"(3 if {'+'.join(certain)} >= {least} else 0 if {'+'.join(possible)} < {least} else 1)"

    def leaf(self, node: Leaf, lenient: bool) -> str:
        """A comparison."""
        things = self.compiled.items[node.name.item]
        way = {"latest": 0, "ever": 2, "always": 4}[node.over] + lenient
        return f"{self.entry(things, way)}[{things.position(node)}]"

    def entry(self, things: Things, way: int) -> str:
        """What an item's results say, in one of the ways to look at them."""
        return f"S[{things.index}][{way}]"

    def known(self, name: Name) -> str:
        """Whether there is a usable result."""
        return self.entry(self.compiled.items[name.item], 6)

    def rule(self, node: RuleHolds) -> str:
        """The truth of a rule."""
        raise TypeError(f"{node.text} cannot stand in the dictionary")

    def records(self, node: Count | Run, lenient: bool) -> str:
        """What is asked of a list."""
        raise TypeError(f"{node.of} is not counted in the dictionary")

    def repeated(self, node: Repeated) -> str:
        """Results that lie apart."""
        raise TypeError(f"{node.text} cannot stand in the dictionary")


def _reached(total: str, least: int) -> str:
    return f"(3 if (t := {total}) >= {least << 16} else 0 if (t & 65535) < {least} else 1)"


class _CircumstanceWriter(_Writer):
    """Conditions on a result: circumstances given with it or standing so at its date, and its own value."""

    def __init__(self, compiled: Compiled, things: Things) -> None:
        super().__init__(compiled)
        self.itself = things

    def leaf(self, node: Leaf, lenient: bool) -> str:
        if node.name.item == "value":
            return f"V[{self.itself.position(node)}]"
        things = self.compiled.around(node.name.item)
        return f"{self._circumstance(node.name.item)}[{things.position(node)}]"

    def known(self, name: Name) -> str:
        return str(YES) if name.item == "value" else f"{self._circumstance(name.item)}[-1]"

    def _circumstance(self, name: str) -> str:
        index = self.compiled.around(name).index
        return f"(A[{name!r}] if {name!r} in A else E[{index}])"


class _FieldWriter(_Writer):
    """Conditions inside a list: its fields, else the items of the case."""

    def __init__(self, compiled: Compiled, of: _List) -> None:
        super().__init__(compiled)
        self.of = of

    def leaf(self, node: Leaf, lenient: bool) -> str:
        if node.name.of is None:
            return super().leaf(node, lenient)
        things = self.of.fields[node.name.item]
        return f"F[{things.index}][{int(lenient)}][{things.position(node)}]"

    def known(self, name: Name) -> str:
        return super().known(name) if name.of is None else f"F[{self.of.fields[name.item].index}][2]"


class _RuleWriter(_Writer):
    """All rules as one function."""

    def __init__(self, compiled: Compiled) -> None:
        super().__init__(compiled)
        self.lines: list[str] = []
        self.entries: dict[str, str] = {}
        self.named: dict[str, str] = {}  # rules, applicability and counts that stand in a variable already
        self.inside: _FieldWriter | None = None
        rulebook = compiled.rulebook
        found = []
        for name, rule in rulebook.rules.items():
            when = self._rule(name)
            suspect = self.expr(rule.suspect_when, True) if rule.suspect_when else None
            today = self.expr(rule.today.when) if rule.today and rule.today.when else None
            found.append((rule, when, suspect, today))
        self.found = found
        self.checks = [self._check(check.of, check.when) for check in rulebook.checks]
        self.results = [self._results(tested(rule, rulebook)) for rule in rulebook.rules.values()]
        self.applies = [self._applies(name) for name in rulebook.rules]

    def function(self, everything: bool = False) -> Any:
        """The function that answers for all rules; with `everything` in truths alone."""
        body = [f" {name} = {text}" for text, name in self.entries.items()] + self.lines
        if everything:
            answer = "".join(f"({when}, {suspect}, {today}), " for _, when, suspect, today in self.found)
            return _made("judge", ["def judge(S, L):", *body, f" return ({answer})"])
        statuses, todays = "", ""
        for (_, when, suspect, today), results, applies in zip(
            self.found, self.results, self.applies, strict=True
        ):
            status = f"(2 if {results} else 3)" if results else "3"
            if suspect is not None:
                status = f"(1 if {suspect} == 3 else {status})"
            status = f"(0 if {when} == 3 else 4 if {when} == 0 else {status})"
            statuses += f"{status if applies is None else f'(5 if {applies} else {status})'}, "
            todays += f"{today}, " if today is not None else ""
        wrong = " | ".join(f"({check} == 3)" for check in self.checks) or "False"
        return _made("judge", ["def judge(S, L):", *body, f" return ({statuses}), ({todays}), 3 * ({wrong})"])

    def leaf(self, node: Leaf, lenient: bool) -> str:
        if self.inside is not None and node.name.of is not None:
            return self.inside.leaf(node, lenient)
        return super().leaf(node, lenient)

    def known(self, name: Name) -> str:
        if self.inside is not None and name.of is not None:
            return self.inside.known(name)
        return super().known(name)

    def entry(self, things: Things, way: int) -> str:
        return self.entries.setdefault(f"S[{things.index}][{way}]", f"i{things.index}_{way}")

    def rule(self, node: RuleHolds) -> str:
        truth = self._rule(node.rule)
        applies = self._applies(node.rule) if node.bars else None
        return truth if applies is None else f"(0 if {truth} == 1 and {applies} else {truth})"

    def _rule(self, name: str) -> str:
        key = f"rule {name}"
        if key not in self.named:
            inside, self.inside = self.inside, None
            text = self.expr(self.compiled.rulebook.rules[name].when)
            self.inside = inside
            self.named[key] = f"r{len(self.named)}"
            self.lines.append(f" {self.named[key]} = {text}")
        return self.named[key]

    def _applies(self, name: str) -> str | None:
        """An expression that is true where nothing that tests the rule can be asked; `None` where something always can."""
        items = dict.fromkeys(
            n.partition(".")[0] for n in tested(self.compiled.rulebook.rules[name], self.compiled.rulebook)
        )
        asked = [self.compiled.rulebook.items[item].ask_if for item in items]
        if not asked or None in asked:
            return None
        found = []
        for condition in asked:
            assert condition is not None
            text = self.expr(condition)
            key = f"asked {text}"
            if key not in self.named:
                self.named[key] = f"q{len(self.named)}"
                self.lines.append(f" {self.named[key]} = {text}")
            found.append(f"{self.named[key]} == 0")
        return f"({' and '.join(found)})"

    def _results(self, names: Sequence[str]) -> str:
        """An expression that is not 0 where there is a result of one of the names."""
        bits: dict[int, int] = {}
        found = []
        for name in dict.fromkeys(names):
            of, _, field = name.partition(".")
            if of in self.compiled.items:
                found.append(f"S[{self.compiled.items[of].index}][7]")  # seldom looked at
                continue
            records = self.compiled.lists_of[of]
            bit = 2 << records.fields[field].index if field in records.fields else 1
            bits[records.index] = bits.get(records.index, 0) | bit
        found += [f"L[{index}][2] & {bit}" for index, bit in bits.items()]
        return " or ".join(found)

    # --- records

    def records(self, node: Count | Run, lenient: bool) -> str:
        of = self.compiled.lists_of[node.of]
        inside, self.inside = self.inside, _FieldWriter(self.compiled, of)
        where = self.expr(node.where, lenient)
        skip = self.expr(node.skip, lenient) if isinstance(node, Run) and node.skip is not None else "0"
        self.inside = inside
        if of.things.aside is not None and not lenient:
            where = f"(1 if aside else {where})"
        closed = _closed(node.where) and (
            not isinstance(node, Run) or node.skip is None or _closed(node.skip)
        )
        if closed:
            where, skip = _at(of, where), skip if skip == "0" else _at(of, skip)
        if isinstance(node, Count):
            lines = _count_lines(_EACH[closed], where, node.at_least, node.out_of or 0)
        else:
            lines = _run_lines(_EACH[closed], where, skip, node.at_least)
        if closed:
            return self._closed(of, lines)
        return self._open(of, lines, "()" if isinstance(node, Count) and node.out_of else "None", OPEN)

    def _check(self, of: str, when: Condition) -> str:
        """Whether a check holds of the case, or of one record."""
        if not of:
            return self.expr(when)
        records = self.compiled.lists_of[of]
        self.inside = _FieldWriter(self.compiled, records)
        where = self.expr(when)
        self.inside = None
        closed = _closed(when)
        lines = _check_lines(_EACH[closed], _at(records, where) if closed else where)
        return self._closed(records, lines) if closed else self._open(records, lines, "()", NO)

    def _closed(self, of: _List, lines: list[str]) -> str:
        """What is asked of a list and of nothing else: answered by the list's own function."""
        text = "\n".join(lines)
        number = of.nodes.setdefault(text, len(of.nodes))
        key = f"list {of.index} {number}"
        if key not in self.named:
            self.named[key] = f"c{len(self.named)}"
            self.lines.append(f" {self.named[key]} = L[{of.index}][0][{number}]")
        return self.named[key]

    def _open(self, of: _List, lines: list[str], missing: str, otherwise: int) -> str:
        """What is asked of a list and of the rest of the case."""
        key = f"open {of.index} {lines}"
        if key not in self.named:
            self.named[key] = name = f"c{len(self.named)}"
            self.lines += [f" found = {otherwise}; W = L[{of.index}][1]", f" if W is None: W = {missing}"]
            self.lines += [" if W is not None:", *(f"  {line}" for line in lines), f" {name} = found"]
        return self.named[key]

    def repeated(self, node: Repeated) -> str:
        things = self.compiled.items[node.where.name.item]
        return f"{self.entry(things, 8)}[{things.position_of_repeat(node)}]"


# How a loop over records begins: of those judged already, and of those that are still to be.
_EACH = {True: "for w in W:", False: "for F, aside in W:"}


def _at(of: _List, where: str) -> str:
    """Where the truth of a condition stands among what the list's own function says of a record."""
    return f"w[{of.wheres.setdefault(where, len(of.wheres))}]"


def _closed(node: Condition) -> bool:
    """Whether a condition on a record speaks of nothing but the record."""
    for inner in walk(node):
        match inner:
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
                if inner.name.of is None:
                    return False
            case RuleHolds() | Count() | Run() | Repeated():
                return False
            case All() | AnyOf() | Not() | NotKnown() | Some() | Points() | Undecidable():
                pass
    return True


def _count_lines(each: str, where: str, least: int, out_of: int) -> list[str]:
    further = [f"z += max(0, {out_of} - len(W))"] if out_of else []
    return [
        "z = 0", each, f" z += ADD[{where}]", *further,
        f"found = 3 if z >= {least << 16} else 0 if (z & 65535) < {least} else 1",
    ]  # fmt: skip


def _run_lines(each: str, where: str, skip: str, least: int) -> list[str]:
    return [
        "a = b = x = y = 0", each, f" h = {where}; k = {skip}",
        " if h == 3 and k == 0:", "  a += 1", "  b = max(a, b)",
        " elif k != 3 and not (h == 3 and k == 1): a = 0",
        " if h and k != 3:", "  x += 1", "  y = max(x, y)",
        " elif k == 0: x = 0",
        f"found = 3 if b >= {least} else 0 if y < {least} else 1",
    ]  # fmt: skip


def _check_lines(each: str, where: str) -> list[str]:
    return ["found = 0", each, f" if {where} == 3: found = 3"]
