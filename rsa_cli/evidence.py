"""What of a case counts on the day of judgement: usable results, those set aside and why, derived items.

An engine sees a case only through this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rsa_cli.case import Case, Record, Result
from rsa_cli.dictionary import Item, Reference, Value, converted, expressed, names_in
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, greatest, least, opposite
from rsa_cli.nodes import (
    LEAVES,
    All,
    Compare,
    Condition,
    Count,
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
    parts_of,
    walk,
)
from rsa_cli.nodes import Any as AnyOf
from rsa_cli.problems import Place
from rsa_cli.rulebook import Rulebook
from rsa_cli.units import Number
from rsa_cli.values import Span, compare, iso, point, worked_out_text

# The items that circumstances are worked out from, by the names the shared dictionary gives them.
PREGNANCIES, MEDICATIONS = "pregnancies", "medications"
LONGEST_PREGNANCY = 45 * 7
# What says that she is pregnant now: of each item the choice, or the level that the dictionary gives its limit.
SIGNS = {"currently_pregnant": "yes", "pregnancy_test": "positive", "hcg": "pregnancy"}
NEVER_PREGNANT = Span(36_500, None)
_NO_END = point(10**9)

USABLE, SET_ASIDE = "usable", "set aside"


class Seen(NamedTuple):
    """One result as it counts on the day of judgement.

    `state` is `usable`, `set aside` or a kind of missing; `why` says why it was set aside and
    `provided` what is assumed where a circumstance is not known. `inputs` are those of a derived item.
    """

    item: Item
    result: Result
    state: str
    date: Span | None
    why: str = ""
    provided: tuple[str, ...] = ()
    inputs: tuple[Seen, ...] = ()
    record: int = 0
    by: str = ""

    @property
    def is_result(self) -> bool:
        """Whether something was measured or asked: usable, set aside, inconclusive or awaited."""
        return self.state in (USABLE, SET_ASIDE, "inconclusive", "pending") and not self.result.implied


class Context(NamedTuple):
    """What names of fields and circumstances mean where a condition stands."""

    record: Record | None = None
    seen: Seen | None = None


NOWHERE = Context()


class Evidence:
    """A case as of a day, through the dictionary of a rulebook.

    `given` holds values supposed for atoms (see `settle`): it is empty when a case is judged.
    """

    def __init__(
        self, case: Case, rulebook: Rulebook, day: int, given: dict[tuple[Any, ...], Any] | None = None
    ) -> None:
        self.case = case
        self.items = rulebook.items
        self.circumstances = rulebook.circumstances
        self.findings = rulebook.rules
        self.day = day
        self.given = given or {}
        self._seen: dict[str, tuple[Seen, ...]] = {}
        self._field: dict[tuple[str, int, str], Seen | None] = {}
        self._open: set[Any] = set()
        self._sign: bool | None = None
        self._bearing: frozenset[str] | None = None
        self.told: dict[Any, Any] = {}  # of what may become known: worked out once for all rules

    def supposing(self, given: dict[tuple[Any, ...], Any], rulebook: Rulebook) -> Evidence:
        """The same case with values supposed for atoms.

        What was seen of other items is taken over, unless a supposed one bears on them.
        """
        supposed = Evidence(self.case, rulebook, self.day, given)
        if self._bearing is None:
            self._bearing = _bearing(rulebook)
        names = {key[1] for key in given if key[0] not in ("node", "member")}
        if not names & self._bearing:
            supposed._seen, supposed._sign = self._seen.copy(), self._sign
            supposed._field = self._field
            for name in names:
                supposed._seen.pop(name, None)
            if any(self.items[name].kind == "records" for name in names):
                supposed._field = {key: seen for key, seen in self._field.items() if key[0] not in names}
        return supposed

    # --- results

    def seen(self, name: str) -> tuple[Seen, ...]:
        """Every result of an item on or before the day of judgement, a supposed one last."""
        found = self._seen.get(name)
        if found is None:
            if name in self._open:  # an item whose applicability hangs on itself
                return ()
            self._open.add(name)
            found = self._seen[name] = self._see(self.items[name])
            self._open.discard(name)
        return found

    def _see(self, item: Item) -> tuple[Seen, ...]:
        extra: tuple[Seen, ...] = ()
        supposed = self.given.get(("item", item.id))
        if supposed is not None:
            extra = (Seen(item, supposed, USABLE, point(self.day), by="supposed"),)
        elif self.applicable(item) is FALSE:
            return ()
        found = []
        for index, result in enumerate(self.case.results.get(item.id, ())):
            value = self.given.get(("value", item.id, index))
            if value is not None:
                result = result._replace(value=value.value, missing="", flag=value.flag)
            date = self.given.get(("date", item.id, index)) or result.date
            if date is not None and date.low is not None and date.low > self.day:
                continue
            seen = self._weighed(item, result, date)
            if (
                supposed is None
                or seen.state == SET_ASIDE
                or (seen.state == USABLE and not _open_value(result.value))
            ):
                found.append(seen)
        later = self.given.get(("next", item.id))
        if later is not None:
            found.append(Seen(item, later, USABLE, later.date, by="supposed"))
        if item.kind == "derived" and item.formula and not any(s.state == USABLE for s in found):
            computed = self._derived(item, NOWHERE)
            found += [computed] if computed else []
        return (*found, *extra)

    def field(self, of: str, record: Record, name: str) -> Seen | None:
        """A field of a record; `None` when nothing was written."""
        key = (of, record.number, name)
        if key not in self._field:
            if key in self._open:
                return None
            self._open.add(key)
            self._field[key] = self._see_field(self.items[of].fields[name], record)
            self._open.discard(key)
        return self._field[key]

    def _see_field(self, field: Item, record: Record) -> Seen | None:
        supposed = self.given.get(("field", field.of, record.number, field.id))
        if supposed is not None:
            return Seen(field, supposed, USABLE, record.date, record=record.number, by="supposed")
        if self.applicable(field, Context(record)) is FALSE:
            return None
        result = record.fields.get(field.id)
        if result is not None and (result.value is None or field.kind != "derived"):
            return self._weighed(field, result, result.date or record.date, record)
        if field.formula:
            return self._derived(field, Context(record))
        return None

    def _weighed(self, item: Item, result: Result, date: Span | None, record: Record | None = None) -> Seen:
        """Whether a result counts: by the circumstances that set it aside and those it needs."""
        if date is not None and date.high is not None and date.high > self.day and not item.of:
            date = date._replace(high=self.day)
        number = record.number if record else 0
        state = result.missing or USABLE
        if state not in (USABLE, "inconclusive") or not (
            item.set_aside_if or item.counts_only_if or item.stale_after
        ):
            return Seen(item, result, state, date, record=number)
        seen = Seen(item, result, state, date, record=number)
        why, provided = self._set_aside(item, seen)
        if why:
            return seen._replace(state=SET_ASIDE, why=why)
        return seen._replace(provided=provided)

    def _set_aside(self, item: Item, seen: Seen) -> tuple[str, tuple[str, ...]]:
        provided = []
        for condition in item.set_aside_if:
            truth = self.truth(condition, Context(seen=seen))
            if truth is TRUE:
                return self.phrase(condition, item) + self._held(condition, seen), ()
            if truth is UNKNOWN:
                words = _negated(
                    self.phrase(open_part(condition, lambda part: self.truth(part, Context(seen=seen))), item)
                )
                provided += [words] if words not in provided else []
        for condition in item.counts_only_if:
            truth = self.truth(condition, Context(seen=seen))
            if truth is not TRUE:
                words = self.phrase(condition, item)
                if truth is FALSE:
                    return _negated(words) + self._held(condition, seen), ()
                return f"not known whether {words}", ()
        if item.stale_after is not None:
            limit = self.day - item.stale_after
            if seen.date is None or seen.date.low is None or seen.date.high is None:
                provided.append(f"not older than {item.stale_after} days")
            elif seen.date.high < limit:
                return f"older than {item.stale_after} days", ()
            elif seen.date.low < limit:
                provided.append(f"not older than {item.stale_after} days")
        return "", tuple(provided)

    def _held(self, condition: Condition, seen: Seen) -> str:
        """What the circumstance was, where the words of the condition leave it open."""
        if isinstance(condition, All):
            return "".join(self._held(part, seen) for part in condition.parts)
        if not isinstance(condition, IsOneOf | Compare) or condition.name.item == "value":
            return ""
        held = self._circumstance(condition.name.item, Context(seen=seen))
        value = held.result.value if held else None
        if held is None or value is None or value.text in ("yes", "no"):
            return ""
        known = held.item.choices.get(value.text)
        text = known.label if known else value.text.replace("_", " ")
        return f" ({text})" if text and text not in self.phrase(condition) else ""

    def records(self, of: str) -> tuple[Record, ...] | None:
        """The records of a list on or before the day of judgement; `None` when the list was left out."""
        item = self.items[of]
        found = self.case.lists.get(of)
        if found is None or self.applicable(item) is FALSE:
            return None
        kept = [r for r in found if r.date is None or r.date.low is None or r.date.low <= self.day]
        dates = [r.date for r in kept]
        if kept and all(d is not None and d.is_point for d in dates):
            kept.sort(key=lambda r: r.date.low if r.date and r.date.low is not None else 0)
        return tuple(kept)

    def record_set_aside(self, of: str, record: Record) -> str:
        """Why a record does not count (imaging before later surgery), or the empty text."""
        return self._record_weighed(of, record)[0]

    def record_provided(self, of: str, record: Record) -> tuple[str, ...]:
        """What is assumed of a record that counts."""
        return self._record_weighed(of, record)[1]

    def _record_weighed(self, of: str, record: Record) -> tuple[str, tuple[str, ...]]:
        item = self.items[of]
        if not (item.set_aside_if or item.counts_only_if or item.stale_after):
            return "", ()
        seen = Seen(item, Result(None, "", record.place), USABLE, record.date, record=record.number)
        return self._set_aside(item, seen)

    def applicable(self, item: Item, context: Context = NOWHERE) -> Truth:
        """Whether the item is to be asked at all."""
        return TRUE if item.ask_if is None else self.truth(item.ask_if, context)

    def candidates(self, name: Name, context: Context = NOWHERE, lenient: bool = False) -> tuple[Seen, ...]:
        """The usable results that may be the latest; with `lenient` also those set aside."""
        if name.of == "circumstance":
            found = self._circumstance(name.item, context)
            return (found,) if found is not None else ()
        if name.of is not None:
            seen = self.field(name.of, context.record, name.item) if context.record else None
            return (seen,) if seen and (seen.state == USABLE or (lenient and seen.state == SET_ASIDE)) else ()
        everything = self.seen(name.item)
        usable = [
            s
            for s in everything
            if s.state == USABLE or (lenient and s.state == SET_ASIDE and s.result.value)
        ]
        if len(usable) < 2:
            return tuple(usable)
        if usable[-1].by == "supposed":
            return (usable[-1],)
        undated = [s for s in usable if s.date is None]
        if undated:
            return tuple(undated)
        last = max(s.date.low for s in usable if s.date and s.date.low is not None)
        return tuple(s for s in usable if s.date and s.date.high is not None and s.date.high >= last)

    # --- truth of leaves

    def judge(
        self, leaf: Leaf, context: Context = NOWHERE, lenient: bool = False
    ) -> tuple[Truth, tuple[Seen, ...]]:
        """The truth of one comparison, and the results it looked at."""
        if leaf.name.of == "circumstance" and isinstance(leaf, IsOneOf):
            running = self._running(leaf.name.item, context)
            if running is not None:
                return _taking(leaf, running), ()
        if lenient and leaf.over == "latest" and leaf.name.of is None:
            # A result set aside may point to a finding, and hides no usable one.
            strict, used = self.judge(leaf, context)
            aside = [s for s in self.seen(leaf.name.item) if s.state == SET_ASIDE and s.result.value]
            pointing = [s for s in aside if self.holds(leaf, s) is TRUE]
            if isinstance(leaf, IsFlagged):  # so may a laboratory's own range that may be meant for others
                pointing += [s for s in (*used, *aside) if s not in pointing and self._points(leaf.word, s)]
            return (TRUE, (*used, *pointing)) if pointing else (strict, used or tuple(aside))
        if leaf.over == "latest":
            used = self.candidates(leaf.name, context, lenient)
            if len(used) == 1:
                return self.holds(leaf, used[0]), used
            truths = {self.holds(leaf, seen) for seen in used}
            return (truths.pop() if len(truths) == 1 else UNKNOWN), used
        results = tuple(
            s for s in self.seen(leaf.name.item) if s.state in (USABLE, SET_ASIDE, "pending", "inconclusive")
        )
        if not results:
            return UNKNOWN, ()
        counted = (USABLE, SET_ASIDE) if lenient else (USABLE,)
        truths_of = [self.holds(leaf, s) if s.state in counted else UNKNOWN for s in results]
        return (greatest if leaf.over == "ever" else least)(truths_of), results

    def holds(self, leaf: Leaf, seen: Seen) -> Truth:
        """The truth of a comparison of one result that has a value."""
        value = seen.result.value
        if value is None or seen.result.missing == "inconclusive":
            return UNKNOWN
        match leaf:
            case Compare():
                return _compared(value, leaf.sign, leaf.limits, seen.item)
            case IsOneOf():
                truth = _one_of(value, leaf.choices)
                return opposite(truth) if leaf.negated else truth
            case Includes():
                return TRUE if leaf.choice in (value.choices or ()) else FALSE
            case IsFlagged():
                return self._flagged(leaf.word, seen, value)[0]
            case IsLevel():
                return _level(leaf.level, seen.item, value)

    def measure(self, leaf: IsFlagged, seen: Seen) -> str:
        """What decided high, low or normal: the laboratory's flag or range, or the reference and its source."""
        return self._flagged(leaf.word, seen, seen.result.value)[1] if seen.result.value else ""

    def _flagged(self, word: str, seen: Seen, value: Value) -> tuple[Truth, str]:
        own = _by_laboratory(word, seen, value)
        if own is not None:
            beside = self._beside(seen)
            if not beside or seen.by == "supposed":  # what is supposed would be said of her
                return own
            said = {own[0], *(_referred(word, value, r, seen.item) for r in beside)}
            sources = ", ".join(name for r in beside for name in r.source)
            return said.pop() if len(said) == 1 else UNKNOWN, f"{own[1]}, perhaps not for her; {sources}"
        truths: list[Truth] = []
        names: list[str] = []
        doubtful: list[Condition] = []
        certain = False
        for reference in (r for r in seen.item.references if not r.beside_own):
            holds = least(self.truth(c, Context(seen=seen)) for c in reference.when)
            if holds is not FALSE:
                truths.append(_referred(word, value, reference, seen.item))
                names.append(", ".join(reference.source))
                certain = certain or holds is TRUE
                doubtful += reference.when if holds is UNKNOWN else ()
        # Ranges of which it is not known whether they hold decide only where one of them must.
        if len(set(truths)) != 1 or not (certain or self._one_must(doubtful)):
            return (
                UNKNOWN,
                "no range of the laboratory, and no reference range that decides"
                if not truths
                else "; ".join(names),
            )
        return truths[0], f"reference range, {'; '.join(dict.fromkeys(names))}"

    def _beside(self, seen: Seen) -> list[Reference]:
        """The reference ranges that a laboratory's own must agree with."""
        return [
            r
            for r in seen.item.references
            if r.beside_own and least(self.truth(c, Context(seen=seen)) for c in r.when) is TRUE
        ]

    def _points(self, word: str, seen: Seen) -> bool:
        """Whether the laboratory's flag or range says so, and none that must agree has a limit there."""
        own = _by_laboratory(word, seen, seen.result.value) if seen.result.value else None
        if own is None or own[0] is not TRUE:
            return False
        return all((r.low if word == "low" else r.high) is None for r in self._beside(seen))

    def _one_must(self, conditions: list[Condition]) -> bool:
        """Whether one of the conditions holds however their circumstance turns out."""
        leaves = [c for c in conditions if isinstance(c, IsOneOf) and not c.negated]
        if not leaves or len(leaves) != len(conditions) or len({c.name for c in leaves}) > 1:
            return False
        item = self.circumstances.get(leaves[0].name.item)
        return item is not None and set(item.settled_choices()) <= {
            c for leaf in leaves for c in leaf.choices
        }

    def truth(self, condition: Condition, context: Context = NOWHERE) -> Truth:
        """The truth of a condition of the dictionary: leaves, `is known`, all, any, not."""
        match condition:
            case All(parts=parts):
                return least(self.truth(part, context) for part in parts)
            case AnyOf(parts=parts):
                return greatest(self.truth(part, context) for part in parts)
            case Not(part=part):
                return opposite(self.truth(part, context))
            case IsKnown(name=name):
                return TRUE if self.is_known(name, context) else FALSE
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel():
                return self.judge(condition, context)[0]
            case _:
                raise TypeError(f"{type(condition).__name__} cannot stand in the dictionary")

    def is_known(self, name: Name, context: Context = NOWHERE) -> bool:
        """Whether there is a usable result; a bound that is only implied is none."""
        return any(not seen.result.implied for seen in self.candidates(name, context))

    # --- circumstances

    def _circumstance(self, name: str, context: Context) -> Seen | None:
        """What held at the date of a result: given with it, else worked out, else not known."""
        seen = context.seen
        if seen is None:
            return None
        if name == "value":
            return seen if seen.result.value is not None else None
        item = self.circumstances[name]
        given = seen.result.around.get(name)
        if given is not None and given.value is not None:
            return Seen(item, given, USABLE, seen.date)
        if item.now and seen.date is not None and seen.date == point(self.day):
            now = self.candidates(Name(item.now))
            texts = {seen.result.value.text for seen in now if seen.result.value}
            # Her word alone denies no test.
            denied = texts == {"no"} and item.worked_out == ("pregnant", ()) and self._says_pregnant()
            if len(texts) == 1 and not denied:
                return now[0]._replace(item=item)
        value, by = self._worked_out(item, seen)
        if value is None:
            return None
        return Seen(item, Result(value, "", seen.result.place), USABLE, seen.date, by=by)

    def _worked_out(self, item: Item, seen: Seen) -> tuple[Value | None, str]:
        if item.worked_out is None:
            return None, ""
        date, (how, names) = seen.date, item.worked_out
        match how:
            case "pregnant":
                truth = self._pregnant(date)
                if truth is UNKNOWN and "perhaps" in item.choices and self._perhaps_now(date):
                    return Value("perhaps", choices=frozenset({"perhaps"})), "from the pregnancies"
                return _yes_no(truth), "from the pregnancies"
            case "days_since_pregnancy_end":
                span = self._since_pregnancy(date)
                return (Value("", span, item.unit, span) if span else None), "from the pregnancies"
            case "medications":
                return self._drug(item, seen), "from the medications"
            case _:
                truth = self._later(names, date)
                if (
                    truth is UNKNOWN
                    and "perhaps" in item.choices
                    and all(of in self.case.lists for of in names)
                ):
                    return Value("perhaps", choices=frozenset({"perhaps"})), "from the dates"
                return _yes_no(truth), "from the dates"

    def _pregnant(self, date: Span | None) -> Truth:
        pregnancies = self.records(PREGNANCIES) if PREGNANCIES in self.items else None
        if pregnancies is None:
            return UNKNOWN
        inside = [self._during(record, date) for record in pregnancies]
        if self._says_pregnant() and not any(self._outcome(r) == "ongoing" for r in pregnancies):
            inside.append(FALSE if self._before_now(date) else UNKNOWN)
        return greatest(inside)

    def _perhaps_now(self, date: Span | None) -> bool:
        """Whether she is pregnant now, and nothing says that the date lies before that pregnancy."""
        pregnancies = (self.records(PREGNANCIES) if PREGNANCIES in self.items else None) or ()
        ongoing = any(self._outcome(record) == "ongoing" for record in pregnancies)
        return not self._before_now(date) and (ongoing or self._says_pregnant())

    def _says_pregnant(self) -> bool:
        """Whether the latest of a sign says so, one too old to count included, and no pregnancy has ended since."""
        if self._sign is None:
            self._sign = any(
                says_pregnant(
                    self.items[name],
                    [
                        (s.result.value, s.date.high if s.date else None)
                        for s in self.seen(name)
                        if s.state in (USABLE, SET_ASIDE) and s.result.value
                    ],
                    self._begun(),
                )
                for name in SIGNS
                if name in self.items
            )
        return self._sign

    def _begun(self) -> Number:
        """The first day on which a pregnancy of now can have begun: after the last that ended."""
        records = (self.records(PREGNANCIES) if PREGNANCIES in self.items else None) or ()
        ends = [
            r.date.low for r in records if r.date and r.date.low is not None and self._outcome(r) != "ongoing"
        ]
        return max([self.day - LONGEST_PREGNANCY, *(end + 1 for end in ends)])

    def _before_now(self, date: Span | None) -> bool:
        """Whether a date surely lies before a pregnancy of now."""
        return date is not None and date.high is not None and date.high < self._begun()

    def _during(self, record: Record, date: Span | None) -> Truth:
        """Whether a pregnancy was under way on a date."""
        end, gestation = record.date, _span(record.fields.get("gestation"))
        if self._outcome(record) == "ongoing":
            end = point(self.day + 1)
        if (
            date is None
            or end is None
            or date.low is None
            or date.high is None
            or end.low is None
            or end.high is None
        ):
            return UNKNOWN
        longest = gestation.high if gestation and gestation.high is not None else LONGEST_PREGNANCY
        shortest = gestation.low if gestation and gestation.low is not None else 0
        if self._outcome(record) == "ongoing":
            longest = min(longest, self.day + 1 - self._begun())
            shortest = max(shortest, 15)  # under way on the day of judgement, whatever the gestation
        if end.high <= date.low or end.low - longest > date.high:
            return FALSE
        return TRUE if end.low > date.high and end.high - shortest + 14 <= date.low else UNKNOWN

    def _outcome(self, record: Record) -> str:
        outcome = record.fields.get("outcome")
        return outcome.value.text if outcome and outcome.value else ""

    def last_pregnancy_end(self, date: Span) -> Span | None:
        """When the last pregnancy before a date ended; `None` when that is not known or there was none."""
        ends: Span | None = None
        for record in self.records(PREGNANCIES) or ():
            if record.date is None:
                ends = None if self._outcome(record) != "ongoing" else ends
            elif compare(record.date, ">", date) is not TRUE:
                ends = record.date
                if ends.high is not None and date.high is not None:
                    ends = ends._replace(high=min(ends.high, date.high))
        return ends

    def _since_pregnancy(self, date: Span | None) -> Span | None:
        pregnancies = self.records(PREGNANCIES) if PREGNANCIES in self.items else None
        if pregnancies is None:
            return None
        ended = [r.date for r in pregnancies if self._outcome(r) != "ongoing"]
        if not ended:
            return NEVER_PREGNANT
        if date is None or date.low is None or date.high is None:
            return None
        found: Span | None = None
        for end in reversed(ended):
            if end is None or end.low is None or end.high is None:
                return None
            if compare(end, ">", date) is TRUE:
                continue
            low, high = max(0, date.low - min(end.high, date.high)), date.high - end.low
            found = Span(found.low if found else low, high)
            if compare(end, "<=", date) is TRUE:
                return found
        # None surely lies before the date: perhaps there was none.
        return Span(found.low, None) if found else NEVER_PREGNANT

    def _running(self, name: str, context: Context) -> dict[str, Truth] | None:
        """Of a circumstance worked out from the medications, which drugs were running; else `None`.

        Several may run at once, so each is asked for on its own; `yes` stands for a flag.
        """
        item, seen = self.circumstances.get(name), context.seen
        if item is None or seen is None or item.worked_out is None or item.worked_out[0] != "medications":
            return None
        given = seen.result.around.get(name)
        if (given is not None and given.value is not None) or MEDICATIONS not in self.items:
            return None
        medications = self.records(MEDICATIONS)
        if medications is None:
            return None
        classes = frozenset(item.worked_out[1])
        running = dict.fromkeys(classes, FALSE)
        for record in medications:
            drug = record.fields.get("class")
            names = drug.value.choices if drug and drug.value and drug.value.choices else classes
            # No stop written: the drug goes on. A stop that is not known is written `unknown`.
            stop = record.fields.get("to")
            held = _between(seen.date, _span(record.fields.get("from")), _span(stop) if stop else _NO_END)
            for known in names & classes:
                certain = held if drug is not None and len(names) == 1 else least([held, UNKNOWN])
                running[known] = greatest([running[known], certain])
        if not classes & item.choices.keys():
            return {"yes": greatest(running.values())}
        return running

    def _drug(self, item: Item, seen: Seen) -> Value | None:
        """The drugs that were running, for people and for `is known`."""
        running = self._running(item.id, Context(seen=seen))
        if running is None:
            return None
        certain = sorted(name for name, truth in running.items() if truth is TRUE)
        if certain:
            labels = [item.choices[name].label if name in item.choices else name for name in certain]
            return Value(
                certain[0] if len(certain) == 1 else " and ".join(labels), choices=frozenset(certain)
            )
        return None if UNKNOWN in running.values() else Value("no", choices=frozenset({"no"}))

    def _later(self, lists: tuple[str, ...], date: Span | None) -> Truth:
        truths = []
        for of in lists:
            records = self.case.lists.get(of)
            if records is None:
                truths.append(UNKNOWN)
                continue
            for record in records:
                if record.date is None or date is None:
                    truths.append(UNKNOWN)
                elif compare(record.date, ">", point(self.day)) is not TRUE:
                    # Seen and operated on in one day: not known which came first.
                    before = compare(record.date, "<", date) is TRUE
                    truths.append(FALSE if before else greatest([compare(record.date, ">", date), UNKNOWN]))
        return greatest(truths)

    # --- derived items

    def _derived(self, item: Item, context: Context) -> Seen | None:
        assert item.formula is not None
        used: list[Seen] = []
        day = self._sample_day(item.same_sample)
        if item.same_sample and day is None:
            return None

        def look(name: str, unit: str, number: int) -> Span | None:
            record = context.record
            if record is not None and name in self.items[item.of or ""].fields:
                if number:
                    before = [r for r in self.records(item.of or "") or () if r.number < number]
                    record = before[-1] if before else None
                found = self.field(item.of or "", record, name) if record else None
                seen = found if found and found.state == USABLE else None
            else:
                among = self.candidates(Name(name))
                if name in item.same_sample:
                    among = tuple(
                        s for s in self.seen(name) if s.state == USABLE and s.date and s.date.low == day
                    )
                seen = among[0] if len(among) == 1 else None
            if seen is None or seen.result.value is None or seen.result.value.canon is None:
                return None
            used.append(seen)
            value = seen.result.value
            if not unit or unit == seen.item.unit or not seen.item.units:
                return value.canon
            if unit == value.unit:
                return value.span
            known = next((u for u in seen.item.units.values() if u.text == unit), None)
            return expressed(value.canon, known) if known and value.canon else None

        span = computed(item.formula, look, context.record.number if context.record else 0)
        if span is None:
            return None
        value = Value(f"{worked_out_text(span)} {item.unit}".strip(), span, item.unit, span)
        place = used[0].result.place if used else Place(self.case.name)
        # As old as its oldest input, those apart that last.
        dates = [s.date for s in used if s.date is not None and s.item.id not in item.lasting]
        return Seen(item, Result(value, "", place), USABLE, min(dates, key=lambda d: d.low or 0) if dates else None,
                    provided=tuple(dict.fromkeys(words for s in used for words in s.provided)),
                    inputs=tuple(used), record=context.record.number if context.record else 0)  # fmt: skip

    def _sample_day(self, names: tuple[str, ...]) -> Number | None:
        """The latest day on which every one of the items has a usable result."""
        days: set[Number] | None = None
        for name in names:
            of_item = {
                s.date.low
                for s in self.seen(name)
                if s.state == USABLE and s.date and s.date.is_point and s.date.low is not None
            }
            days = of_item if days is None else days & of_item
        return max(days) if days else None

    # --- words

    def phrase(self, condition: Condition, itself: Item | None = None) -> str:
        """A condition in the dictionary's words; `itself` is the item whose value it may speak of."""
        match condition:
            case All(parts=parts):
                return " and ".join(self.phrase(part, itself) for part in parts)
            case AnyOf(parts=parts):
                return " or ".join(self.phrase(part, itself) for part in parts)
            case Not(part=part):
                return _negated(self.phrase(part, itself))
            case IsOneOf(name=name, choices=choices, negated=negated):
                item, label = self._named(name, itself)
                others = set(item.choices) - {"no"} if item else set()
                if name.item == "value" and item is not None:
                    said = " or ".join(item.choices[c].label for c in item.choices if c in choices)
                    return f"{label} {'is not' if negated else 'is'} {said}"
                if choices <= {"yes", "perhaps"} or choices == others:
                    return _negated(label) if negated else label
                if choices == {"no"}:
                    return label if negated else _negated(label)
                said = (
                    " or ".join(item.choices[c].label for c in item.choices if c in choices) if item else ""
                )
                return f"{label} {'other than ' if negated else ''}{said}"
            case Compare(name=name, sign=sign, text=text):
                item, label = self._named(name, itself)
                limit = text.split(sign, 1)[-1].strip() if sign in text else text
                words = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}[sign]
                if name.of != "circumstance" or name.item == "value":
                    return f"{label} {words} {limit}"
                if item and item.label.startswith(f"{item.unit} "):
                    limit = limit.removesuffix(f" {item.unit}")
                return f"{words} {limit} {label}"
            case IsLevel(name=name, level=level):
                return f"{self._named(name, itself)[1]} at least {level}"
            case IsFlagged(name=name, word=word):
                return f"{self._named(name, itself)[1]} {word}"
            case IsKnown(name=name):
                return f"{self._named(name, itself)[1]} known"
            case Includes(name=name, choice=choice):
                item, label = self._named(name, itself)
                return f"{label} with {item.choices[choice].label if item else choice}"
            case NotKnown(part=part):
                return f"not known to be: {self.phrase(part, itself)}"
            case Count(of=of, where=where) | Run(of=of, where=where):
                return f"{self.items[of].label}: {self.phrase(where, itself)}"
            case Repeated(where=where):
                return f"{self.phrase(where, itself)}, repeatedly"
            case RuleHolds(rule=rule):
                return self.findings[rule].finding
            case Some() | Points():
                return " or ".join(self.phrase(part, itself) for part in parts_of(condition))
            case Undecidable(text=text):
                return text

    def _named(self, name: Name, itself: Item | None) -> tuple[Item | None, str]:
        """What a condition is about, and its label; the item's own value is *the result*."""
        if name.of == "circumstance" and name.item == "value":
            return itself, "the result"
        if name.of == "circumstance":
            found = self.circumstances.get(name.item)
        else:
            found = (self.items[name.of].fields if name.of in self.items else self.items).get(name.item)
        return found, found.label if found else name.item


def open_part(condition: Condition, truth: Callable[[Condition], Truth]) -> Condition:
    """What is not known of a condition: what is known of it need not be said, nor ruled out."""
    parts = condition.parts if isinstance(condition, All) else ()
    unknown = tuple(part for part in parts if truth(part) is UNKNOWN)
    return All(unknown, condition.place) if unknown else condition


def says_pregnant(item: Item, signs: Iterable[tuple[Value, Number | None]], begun: Number) -> bool:
    """Whether the latest results of a sign, each with its last possible day, say that she is pregnant since a day."""
    said = SIGNS[item.id]
    known = [(value, 10**9 if day is None else day) for value, day in signs]
    last = max((day for _, day in known), default=0)
    latest = [value for value, day in known if day == last]
    if any(level.name == said for level in item.levels):
        return last >= begun and any(_level(said, item, value) is TRUE for value in latest)
    return last >= begun and any(value.text == said for value in latest)


def _open_value(value: Value | None) -> bool:
    """Whether more may become known of a value: then a supposed one takes its place."""
    if value is None:
        return True
    if value.choices is not None:
        return len(value.choices) > 1 and "," not in value.text
    return bool(value.canon and not value.canon.is_point)


def _bearing(rulebook: Rulebook) -> frozenset[str]:
    """The items and lists that bear on others: circumstances are worked out from them, formulas use them."""
    names = {PREGNANCIES, MEDICATIONS, *SIGNS}
    whole = [*rulebook.items.values(), *rulebook.circumstances.values()]
    for item in [*whole, *(field for parent in whole for field in parent.fields.values())]:
        names.add(item.now)
        names |= {name for name, _ in names_in(item.formula)} if item.formula else set()
        if item.worked_out is not None and item.worked_out[0] == "later":
            names |= set(item.worked_out[1])
        for node in walk(item.ask_if) if item.ask_if else ():
            named = getattr(node, "name", None)
            if named is not None:
                names |= {named.item, named.of or named.item}
    return frozenset(names)


def hangs_on(names: Iterable[str], book: Rulebook, circumstances: bool = True) -> frozenset[str]:
    """The items and lists among the names, and all that can change what their results count for.

    That is what they are worked out from, what says whether they apply, and what their `circumstances`
    are worked out from: while none of these changes, nothing that looks at the names can change. Without
    circumstances, it is what they are worked out from and their being asked hangs on.
    """
    found: set[str] = set()

    def look(name: str) -> None:
        if name in found or name not in book.items:
            return
        found.add(name)
        item = book.items[name]
        for part in (item, *item.fields.values()):
            look_into(part)

    def look_into(item: Item) -> None:
        for used, _ in names_in(item.formula) if item.formula else ():
            look(used)
        held: list[Condition] = [item.ask_if] if item.ask_if else []
        if circumstances:
            held += [*item.set_aside_if, *item.counts_only_if, *(c for r in item.references for c in r.when)]
        for node in (node for condition in held for node in walk(condition)):
            if isinstance(node, (*LEAVES, IsKnown)):
                name = node.name
                if name.of == "circumstance" and name.item in book.circumstances:
                    circumstance(name.item)
                look(name.of or name.item)

    def circumstance(name: str) -> None:
        item = book.circumstances[name]
        look_into(item)
        look(item.now)
        if item.worked_out is not None:
            how, of = item.worked_out
            worked_out = {"medications": (MEDICATIONS,), "later": of}
            for source in worked_out.get(how, (PREGNANCIES, *SIGNS)):
                look(source)

    for name in names:
        look(name.partition(".")[0])
    return frozenset(found)


# --- comparisons -----------------------------------------------------------------------------------


def _compared(value: Value, sign: str, limits: dict[str, Span], item: Item) -> Truth:
    """In the unit the value was given in where the limit is written in it, else in the item's own."""
    if value.span is None:
        return UNKNOWN
    limit = limits.get(value.unit)
    if limit is not None:
        return compare(value.span, sign, limit)
    own = _own(limits, item)
    return compare(value.canon, sign, own) if value.canon and own else UNKNOWN


def _own(limits: dict[str, Span], item: Item) -> Span | None:
    """A limit in the item's own unit."""
    for unit in item.units.values():
        if unit.text in limits and not unit.separate:
            return converted(limits[unit.text], unit)
    return limits.get("")


def _one_of(value: Value, choices: frozenset[str]) -> Truth:
    if not value.choices:
        return UNKNOWN
    if value.choices <= choices:
        return TRUE
    return UNKNOWN if value.choices & choices else FALSE


def _level(name: str, item: Item, value: Value) -> Truth:
    names = [level.name for level in item.levels]
    if value.word:
        if value.word == "negative":
            return FALSE
        return (
            UNKNOWN
            if value.word == "positive"
            else (TRUE if names.index(value.word) >= names.index(name) else FALSE)
        )
    level = item.levels[names.index(name)]
    truths = {
        _compared(value, sign, limits, item)
        for sign, limits in ((">=", level.begins), (">", level.above))
        if limits is not None
    }
    return truths.pop() if len(truths) == 1 else UNKNOWN


def _by_laboratory(word: str, seen: Seen, value: Value) -> tuple[Truth, str] | None:
    """What the laboratory says itself, by a word, a flag or its own range; `None` where it says nothing."""
    if value.word:
        return _said(word, "high" if value.word != "negative" else "normal"), "the laboratory's word"
    if seen.result.flag:
        flag = {"positive": "high", "negative": "normal"}.get(seen.result.flag, seen.result.flag)
        return _said(word, flag), f"the laboratory's flag: {seen.result.flag}"
    own, measured = seen.result.range, value.canon or value.span
    if own is None or measured is None:
        return None
    return _placed(word, _over(measured, own), _under(measured, own)), "the laboratory's range"


def _taking(leaf: IsOneOf, running: dict[str, Truth]) -> Truth:
    """Whether one of the drugs a comparison names was running, or none of them where it says `no`."""
    truths = [running[name] for name in leaf.choices if name in running]
    if "no" in leaf.choices:
        truths.append(opposite(greatest(running.values())))
    truth = greatest(truths)
    return opposite(truth) if leaf.negated else truth


def _negated(words: str) -> str:
    return words.removeprefix("not ") if words.startswith("not ") else f"not {words}"


def _said(word: str, flag: str) -> Truth:
    asked = {"positive": "high", "negative": "normal"}.get(word, word)
    if word == "negative":
        return FALSE if flag == "high" else TRUE
    return TRUE if asked == flag else FALSE


def _over(value: Span, normal: Span) -> Truth:
    if normal.high is None:
        return FALSE
    return compare(value, ">" if normal.high_in else ">=", point(normal.high))


def _under(value: Span, normal: Span) -> Truth:
    if normal.low is None or (normal.low == 0 and normal.low_in):
        return FALSE
    return compare(value, "<" if normal.low_in else "<=", point(normal.low))


def _placed(word: str, high: Truth, low: Truth) -> Truth:
    if word in ("high", "positive"):
        return high
    if word == "negative":
        return opposite(high)
    return low if word == "low" else opposite(greatest([high, low]))


def _referred(word: str, value: Value, reference: Reference, item: Item) -> Truth:
    high = _compared(value, ">", reference.high, item) if reference.high else UNKNOWN
    low = _compared(value, "<", reference.low, item) if reference.low else UNKNOWN
    if word == "normal":  # an end without a limit does not stand in the way
        return opposite(greatest([high if reference.high else FALSE, low if reference.low else FALSE]))
    return _placed(word, high, low)


def _yes_no(truth: Truth) -> Value | None:
    if truth is UNKNOWN:
        return None
    word = "yes" if truth is TRUE else "no"
    return Value(word, choices=frozenset({word}))


def _span(result: Result | None) -> Span | None:
    return result.value.span if result and result.value else None


def _between(date: Span | None, start: Span | None, end: Span | None) -> Truth:
    """Whether a date lies from a start to an end, both included; an end left out is not known."""
    begun = compare(date, ">=", start) if date and start else UNKNOWN
    over = compare(date, ">", end) if date and end else UNKNOWN
    return least([begun, opposite(over)])


Look = Callable[[str, str, int], "Span | None"]


def computed(formula: tuple[Any, ...], look: Look, number: int, before: bool = False) -> Span | None:
    """The span of a formula; `None` where an input is not known or the span would be without end."""
    match formula:
        case ("number", value):
            return point(value)
        case ("name", name, unit):
            return look(name, unit, number if before else 0)
        case ("previous", inner):
            return computed(inner, look, number, True)
        case ("days_between", first, second):
            return computed(("-", second, first), look, number, before)
        case (sign, left, right):
            a, b = computed(left, look, number, before), computed(right, look, number, before)
            return _arithmetic(sign, a, b) if a is not None and b is not None else None
        case _:
            raise TypeError(f"no formula: {formula!r}")


def _arithmetic(sign: str, a: Span, b: Span) -> Span | None:
    if sign == "-":
        return _arithmetic(
            "+",
            a,
            Span(None if b.high is None else -b.high, None if b.low is None else -b.low, b.high_in, b.low_in),
        )
    if sign == "+":
        low = None if a.low is None or b.low is None else a.low + b.low
        high = None if a.high is None or b.high is None else a.high + b.high
        return Span(low, high, a.low_in and b.low_in, a.high_in and b.high_in)
    if a.low is None or b.low is None or a.low < 0 or b.low < 0:
        return None  # products of what may be negative are not needed, and not guessed
    from fractions import Fraction

    if sign == "/":
        if b.low == 0:
            return None
        inverse = Span(
            0 if b.high is None else Fraction(1) / b.high,
            Fraction(1) / b.low,
            b.high_in and b.high is not None,
            b.low_in,
        )
        return _arithmetic("*", a, inverse)
    high = None if a.high is None or b.high is None else a.high * b.high
    return Span(a.low * b.low, high, a.low_in and b.low_in, a.high_in and b.high_in)


def value_text(seen: Seen) -> str:
    """A result as a person reads it: the text typed, with its date."""
    value = seen.result.value
    text = value.text if value else seen.state
    item = seen.item
    if value and value.text in item.choices:
        text = item.choices[value.text].label
    return text if seen.date is None else f"{text}, {date_text(seen.date)}"


def date_text(date: Span) -> str:
    """A date as it was given: a day, a month, a year, or two days."""
    if date.low is None or date.high is None:
        return "date not known"
    first, last = iso(date.low), iso(date.high)
    if first == last:
        return first
    if first[:7] == last[:7]:
        return first[:7]
    return first[:4] if first[:4] == last[:4] and first[5:] == "01-01" else f"{first} to {last}"
