"""The engine that defines the meaning of the rule language and keeps every step of the why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rsa_cli.case import Record, Result
from rsa_cli.dictionary import Item
from rsa_cli.evidence import NOWHERE, SET_ASIDE, USABLE, Context, Evidence, Seen
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, between, greatest, least, opposite
from rsa_cli.light import Light
from rsa_cli.nodes import (
    LEAVES,
    All,
    Any,
    Compare,
    Condition,
    Count,
    Highest,
    Includes,
    IsFlagged,
    IsKnown,
    IsLevel,
    IsOneOf,
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
from rsa_cli.rulebook import Rule, Rulebook
from rsa_cli.units import Number
from rsa_cli.values import Span, iso


class Verdict(NamedTuple):
    """The truth of a condition with the verdicts on its parts.

    `used` are the results a leaf looked at. Of a count or a run, `records` are the numbers of the
    records that decide it; of a repeated, `earliest` says when the next sample may be taken: an
    ISO date, `now`, `not now` or `two samples`.
    """

    truth: Truth
    condition: Condition
    parts: tuple[Verdict, ...] = ()
    used: tuple[Seen, ...] = ()
    records: tuple[int, ...] = ()
    maybe: tuple[int, ...] = ()
    record: int = 0
    earliest: str = ""


class Judgement(Light):
    """What became of one rule: its criteria, what points to it where they are open, and today's criterion."""

    when: Verdict
    suspect: Verdict | None
    today: Verdict | None


def judge(rulebook: Rulebook, evidence: Evidence) -> dict[str, Judgement]:
    """Every rule of the rulebook, judged with all its reasons."""
    engine = Engine(rulebook, evidence)
    return {name: engine.rule(name) for name in rulebook.rules}


class Engine:
    """Judges conditions of one rulebook over one case."""

    def __init__(self, rulebook: Rulebook, evidence: Evidence, timing: bool = True) -> None:
        """Without `timing` the earliest days of next samples are not worked out."""
        self.timing = timing
        self.rulebook = rulebook
        self.evidence = evidence
        self._rules: dict[str, Verdict] = {}
        # What was judged already, by its words: rules ask the same of a case again and again.
        self._leaves: dict[tuple[str, str | None, int, bool], tuple[Truth, tuple[Seen, ...]]] = {}
        self._repeats: dict[str, Verdict] = {}
        self._verdicts: dict[int, Verdict] = {}  # by the node, which its verdict keeps alive

    def rule(self, name: str) -> Judgement:
        """A rule; what points to a finding not decided is sought in set-aside results too."""
        rule = self.rulebook.rules[name]
        when, suspect = self._criteria(name), None
        if rule.suspect_when is not None and when.truth is UNKNOWN:
            suspect = self.verdict(rule.suspect_when, NOWHERE, True)
        today = self.verdict(rule.today.when) if rule.today and rule.today.when else None
        return Judgement(when, suspect, today)

    def _criteria(self, name: str) -> Verdict:
        found = self._rules.get(name)
        if found is None:
            found = self._rules[name] = self.verdict(self.rulebook.rules[name].when)
        return found

    def applicable(self, rule: Rule) -> bool:
        """Whether anything that tests the rule can be asked of this case at all."""
        names = tested(rule, self.rulebook)
        applies = (self.evidence.applicable(self.rulebook.items[n.partition(".")[0]]) for n in names)
        return not names or any(truth is not FALSE for truth in applies)

    def verdict(self, node: Condition, context: Context = NOWHERE, lenient: bool = False) -> Verdict:
        """The verdict on a condition. With `lenient`, results set aside count as usable."""
        if context is not NOWHERE or lenient:
            return self._verdict(node, context, lenient)
        found = self._verdicts.get(id(node))
        if found is None:
            found = self._verdicts[id(node)] = self._verdict(node, context, lenient)
        return found

    def _verdict(self, node: Condition, context: Context, lenient: bool) -> Verdict:
        number = context.record.number if context.record is not None else 0
        if self.evidence.given:
            supposed = self.evidence.given.get(("node", id(node)))
            if supposed is not None:
                return Verdict(supposed, node)
        if isinstance(node, LEAVES):
            key = (node.text, node.name.of, number, lenient)
            found = self._leaves.get(key)
            if found is None:
                found = self._leaves[key] = self.evidence.judge(node, context, lenient)
            return Verdict(found[0], node, (), found[1], (), (), number)
        match node:
            case All():
                parts = self._parts(node.parts, context, lenient)
                return Verdict(least([p.truth for p in parts]), node, parts)
            case Any():
                parts = self._parts(node.parts, context, lenient)
                return Verdict(greatest([p.truth for p in parts]), node, parts)
            case Not():
                part = self.verdict(node.part, context, lenient)
                return Verdict(opposite(part.truth), node, (part,))
            case NotKnown():
                # A result set aside may point to a finding, but it makes nothing known.
                part = self.verdict(node.part, context)
                return Verdict(FALSE if part.truth is TRUE else TRUE, node, (part,))
            case Some():
                parts = self._parts(node.parts, context, lenient)
                certain = sum(p.truth is TRUE for p in parts)
                possible = certain + sum(p.truth is UNKNOWN for p in parts)
                return Verdict(between(certain, possible, node.at_least), node, parts)
            case Points():
                return self._points(node, context, lenient)
            case Count():
                return self._count(node, lenient)
            case Run():
                return self._run(node, lenient)
            case Repeated():
                return self._repeated(node)
            case IsKnown(name=name):
                used = self.evidence.candidates(name, context)
                return Verdict(
                    TRUE if self.evidence.is_known(name, context) else FALSE, node, used=used, record=number
                )
            case RuleHolds(rule=rule):
                inner = self._criteria(rule)
                truth = inner.truth
                if node.bars and truth is UNKNOWN and not self.applicable(self.rulebook.rules[rule]):
                    truth = FALSE
                return Verdict(truth, node, (inner,), earliest=inner.earliest)
            case Undecidable():
                return Verdict(UNKNOWN, node)

    def _parts(self, nodes: tuple[Condition, ...], context: Context, lenient: bool) -> tuple[Verdict, ...]:
        return tuple([self.verdict(node, context, lenient) for node in nodes])

    def _points(self, node: Points, context: Context, lenient: bool) -> Verdict:
        certain = possible = 0
        verdicts = []
        for part in node.parts:
            weighted: tuple[Weighted, ...] = part.parts if isinstance(part, Highest) else (part,)
            found = [(w.points, self.verdict(w.when, context, lenient)) for w in weighted]
            certain += max((points for points, v in found if v.truth is TRUE), default=0)
            possible += max((points for points, v in found if v.truth is not FALSE), default=0)
            verdicts += [v for _, v in found]
        return Verdict(between(certain, possible, node.at_least), node, tuple(verdicts))

    # --- records

    def _where(self, node: Count | Run, record: Record, lenient: bool) -> Verdict:
        """Whether `where` holds of a record; one that is set aside is unknown."""
        found = self.verdict(node.where, Context(record), lenient)
        if found.truth is not UNKNOWN and not lenient and self.evidence.record_set_aside(node.of, record):
            return found._replace(truth=UNKNOWN, record=record.number)
        return found._replace(record=record.number)

    def _count(self, node: Count, lenient: bool) -> Verdict:
        records = self.evidence.records(node.of)
        if records is None:
            if node.out_of is None:
                return Verdict(UNKNOWN, node)
            records = ()
        verdicts = [self._where(node, record, lenient) for record in records]
        truths = [v.truth for v in verdicts] + list(self._further(node, len(records)))
        certain = sum(t is TRUE for t in truths)
        possible = certain + sum(t is UNKNOWN for t in truths)
        return Verdict(
            between(certain, possible, node.at_least), node, tuple(verdicts),
            records=tuple(v.record for v in verdicts if v.truth is TRUE),
            maybe=tuple(v.record for v in verdicts if v.truth is UNKNOWN),
        )  # fmt: skip

    def _further(self, node: Count, length: int) -> Sequence[Truth]:
        """The members a series may still get, up to `out_of`: unknown, unless supposed."""
        missing = range(length, node.out_of or 0)
        return [self.evidence.given.get(("member", node.of, index, id(node)), UNKNOWN) for index in missing]

    def _run(self, node: Run, lenient: bool) -> Verdict:
        records = self.evidence.records(node.of)
        if records is None:
            return Verdict(UNKNOWN, node)
        verdicts = [self._where(node, record, lenient) for record in records]
        skips = [self.verdict(node.skip, Context(r), lenient).truth if node.skip else FALSE for r in records]
        surest, likeliest = _Longest(), _Longest()
        for verdict, skip in zip(verdicts, skips, strict=True):
            surest.add(verdict.record, verdict.truth is TRUE and skip is FALSE,
                       skip is TRUE or (verdict.truth is TRUE and skip is UNKNOWN))  # fmt: skip
            likeliest.add(verdict.record, verdict.truth is not FALSE and skip is not TRUE, skip is not FALSE)
        truth = between(len(surest.best), len(likeliest.best), node.at_least)
        return Verdict(truth, node, tuple(verdicts), records=tuple(surest.best),
                       maybe=tuple(n for n in likeliest.best if n not in surest.best))  # fmt: skip

    # --- repeated results

    def _repeated(self, node: Repeated) -> Verdict:
        known = self._repeats.get(node.text)
        if known is not None:
            return known._replace(condition=node)
        name = node.where.name.item
        results = []
        for seen in self.evidence.seen(name):
            if seen.state in ("unknown", "not done", "not applicable"):
                continue
            truth = self.evidence.holds(node.where, seen) if seen.result.value else UNKNOWN
            if seen.state == SET_ASIDE:
                if truth is FALSE:
                    continue  # as if it were not there
                results.append(_Sample(seen, UNKNOWN, True))
            else:
                results.append(_Sample(seen, truth if seen.state == USABLE else UNKNOWN, False))
        truth = repeated(
            [(s.truth, s.aside, _interval(s.seen, self.evidence.day)) for s in results],
            any(s.seen.state == USABLE for s in results), node.times, node.apart,
        )  # fmt: skip
        satisfying = [s.seen for s in results if s.truth is TRUE]
        earliest = self._earliest(node, satisfying) if self.timing and truth is not TRUE else ""
        found = Verdict(truth, node, used=tuple(s.seen for s in results), earliest=earliest)
        self._repeats[node.text] = found
        return found

    def _earliest(self, node: Repeated, satisfying: list[Seen]) -> str:
        """When the next sample may be taken so that it counts."""
        evidence, item = self.evidence, self.evidence.items[node.where.name.item]
        highs = [_interval(s, evidence.day) for s in satisfying if s.date is not None]
        day: Number = _certain_chain(highs, node.apart)[1] + node.apart if highs else 0
        for _, until in hindrances(evidence, item):
            if until is None:
                return "not now"
            day = max(day, until)
        if not highs:
            return f"two samples, from {iso(day)}" if day > evidence.day else "two samples"
        return iso(day) if day > evidence.day else "now"


def tested(rule: Rule, rulebook: Rulebook) -> list[str]:
    """What the rule names as testing it, else everything it looks at."""
    return list(rule.tested_by) or list(dict.fromkeys(names_in(rule.when, rulebook)))


def names_in(condition: Condition, rulebook: Rulebook) -> Iterator[str]:
    """The items, lists and list.fields a condition looks at, those of other rules included."""
    for node in walk(condition):
        match node:
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
                yield str(node.name)
            case RuleHolds():
                yield from names_in(rulebook.rules[node.rule].when, rulebook)
            case Count() | Run():
                yield node.of
            case _:
                pass


def hindrances(evidence: Evidence, item: Item) -> list[tuple[str, Number | None]]:
    """What would set a sample of today aside, in words, and the day from which it no longer does, if one is known."""
    now = Span(evidence.day, evidence.day)
    sample = Context(seen=Seen(item, Result(None, "", item.place), USABLE, now))
    found: list[tuple[str, Number | None]] = []
    stops = [c for c in item.set_aside_if if evidence.truth(c, sample) is TRUE]
    stops += [Not(c, item.place) for c in item.counts_only_if if evidence.truth(c, sample) is FALSE]
    for stop in stops:
        wait = _days_after_pregnancy(stop)
        end = evidence.last_pregnancy_end(now) if wait else None
        until = end.high + wait if end is not None and end.high is not None else None
        found.append((evidence.phrase(stop, item), until))
    return found


class _Sample(NamedTuple):
    seen: Seen
    truth: Truth
    aside: bool


class _Longest:
    """The longest unbroken run met so far."""

    def __init__(self) -> None:
        self.best: list[int] = []
        self.now: list[int] = []

    def add(self, number: int, lengthens: bool, neutral: bool) -> None:
        if lengthens:
            self.now = [*self.now, number]
            if len(self.now) > len(self.best):
                self.best = self.now
        elif not neutral:
            self.now = []


Interval = tuple[Number, Number]
EVER = -(10**9)


def _interval(seen: Seen, day: int) -> Interval:
    """The first and last day a result may be of; an undated one any day up to the day of judgement."""
    date = seen.date
    if date is None:
        return (EVER, day)
    return (date.low if date.low is not None else EVER, date.high if date.high is not None else day)


def repeated(results: list[tuple[Truth, bool, Interval]], usable: bool, times: int, apart: int) -> Truth:
    """Whether `times` of the results satisfy, each at least `apart` days after the one before.

    A result is its truth, whether it was set aside (then it may also be as if not there), and the
    days it may be of. `usable` says whether any of them is a usable one.
    """
    if _certain_chain([days for truth, _, days in results if truth is TRUE], apart)[0] >= times:
        return TRUE
    if not usable or _possible_chain(
        [days for truth, _, days in results if truth is not FALSE], apart, times
    ):
        return UNKNOWN
    # Of all ways to turn out, those decide in which everything undecided satisfies from some day on.
    for first in {days[1] for truth, _, days in results if truth is not FALSE}:
        world = [
            (t is TRUE or (t is UNKNOWN and days[1] >= first), aside, days) for t, aside, days in results
        ]
        if not _denied([(held, days) for held, aside, days in world if held or not aside], apart):
            return UNKNOWN
    return FALSE


def _certain_chain(intervals: list[Interval], apart: int) -> tuple[int, Number]:
    """How many lie apart however the dates turn out, and the last day of the last of them.

    It is the fewest windows of `apart` days that can hold all.
    """
    length = 0
    end: Number = 0
    rest = sorted(intervals, key=lambda i: i[1])
    while rest:
        end = rest[0][1]
        length += 1
        rest = [i for i in rest if i[0] >= end + apart]
    return length, end


def _possible_chain(intervals: list[Interval], apart: int, times: int) -> bool:
    """Whether some choice of dates lays `times` of them apart."""

    def extend(rest: list[Interval], after: Number, wanted: int) -> bool:
        if wanted == 0:
            return True
        seen: set[Interval] = set()
        for index, interval in enumerate(rest):
            if interval[1] >= after and interval not in seen:
                seen.add(interval)
                if extend(rest[:index] + rest[index + 1 :], max(interval[0], after) + apart, wanted - 1):
                    return True
        return False

    return len(intervals) >= times and extend(sorted(intervals), EVER, times)


def _denied(world: list[tuple[bool, Interval]], apart: int) -> bool:
    """No result satisfies; or those of the last day do not, and lie `apart` after the first that does."""
    satisfying = [days for satisfies, days in world if satisfies]
    if not satisfying:
        return True
    last = max((days[0] for satisfies, days in world if not satisfies), default=EVER)
    return all(days[1] < last for days in satisfying) and last - min(days[1] for days in satisfying) >= apart


def _days_after_pregnancy(condition: Condition) -> int:
    """The days after a pregnancy that a condition on a sample demands, or 0."""
    inner = condition.part if isinstance(condition, Not) else condition
    if isinstance(inner, Compare) and inner.name == Name("days_since_pregnancy_end", "circumstance"):
        limit = next(iter(inner.limits.values()))
        return int(limit.high or 0)
    return 0
