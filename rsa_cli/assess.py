"""Verdicts become an assessment: everything concluded for one case, frozen, with nothing printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from rsa_cli import __version__
from rsa_cli.case import Case, Record, read_case
from rsa_cli.dictionary import Item, Value
from rsa_cli.engines.reference import Engine, Judgement, Verdict, hindrances, names_in, tested
from rsa_cli.evidence import USABLE, Context, Evidence, Seen, date_text, open_part, value_text
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.light import Light
from rsa_cli.nodes import (
    All,
    Any,
    Compare,
    Condition,
    Count,
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
    walk,
)
from rsa_cli.problems import NeedsFixing, Place, Problem
from rsa_cli.rulebook import STATES, TIERS, Example, Investigation, Rule, Rulebook
from rsa_cli.settle import Atom, AtomSet, Settled, Weigh, settle, unasked
from rsa_cli.source import Mapping, Node, Sequence, Source, Text
from rsa_cli.units import Number
from rsa_cli.values import Span, compare, iso, read_date, span_text, worked_out_text

MET, SUSPECTED, UNDETERMINED, NOT_ASSESSED, NOT_MET, NOT_APPLICABLE = STATUSES = (
    "met", "suspected", "undetermined", "not assessed", "not met", "not applicable",
)  # fmt: skip
DECIDES_THE_DEFINITION = "recurrent_miscarriage"
WEIGHT = {"accepted": 1, "definition": 1, "red_flag": 1, "disputed": 0.5}
BURDEN = {"question": 1, "examination": 2, "blood": 3, "timed blood": 4, "imaging": 5, "invasive": 8}


class Reason(NamedTuple):
    """One decisive thing: what was looked at, its value and place, what it was compared with.

    `assumed` says what the reason takes for granted, `passed` names later results it does not use.
    """

    label: str
    value: str
    limit: str
    truth: Truth
    places: tuple[Place, ...] = ()
    measure: str = ""
    assumed: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    record: int = 0
    item: str = ""
    quantity: Value | None = None
    date: Span | None = None


class Finding(Light):
    """What one rule came to, and why. What no reader asks for is not worked out."""

    rule: Rule
    status: str
    judgement: Judgement
    today: Truth | None
    engine: Engine
    by: Yields | None

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """The decisive parts of the criteria, or of what points to the finding."""
        if self.rule.kind == "conclusion" and self.status != MET:
            return ()  # of all causes together: how far each is stands with the cause itself
        judgement = self.judgement
        decisive = judgement.suspect if self.status == SUSPECTED and judgement.suspect else judgement.when
        return tuple(dict.fromkeys(_reasons(decisive, self.engine.evidence)))

    @cached_property
    def known(self) -> tuple[Reason, ...]:
        """Every value that the criteria looked at."""
        if self.rule.kind == "conclusion":
            return ()
        return tuple(dict.fromkeys(_looked_at(self.judgement.when, self.engine.evidence)))

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The labels of what the criteria look at and nothing is known of."""
        if self.rule.kind == "conclusion":
            return ()
        return tuple(dict.fromkeys(_not_known(self.judgement.when, self.engine.evidence)))

    @cached_property
    def due(self) -> tuple[Due, ...]:
        """What is to be taken again, and when; of all causes together, each says so itself."""
        if self.rule.kind == "conclusion":
            return ()
        # A test of another finding that today's criterion asks about is due there.
        own = tested(self.rule, self.engine.rulebook)
        due = _due(self.judgement, self.status, self.today, self.engine.evidence)
        return tuple(d for d in due if d.item in own)

    @cached_property
    def settled(self) -> Settled | None:
        """What would settle it; `None` where it is decided."""
        if self.judgement.when.truth is not UNKNOWN:
            return None
        if self.rule.kind == "conclusion":  # what settles each cause stands with the cause
            return Settled((), (), True)
        case = self.engine.evidence.case
        rule, by, rulebook, evidence = self.rule, self.by, self.engine.rulebook, self.engine.evidence
        bearing, settled = by.unasked.get(rule.id, (frozenset(), None)) if by else (frozenset(), None)
        if settled is None or any(name in case.results or name in case.lists for name in bearing):
            settled = settle(
                rule.when, rulebook, evidence, self.judgement.when, by.weigher(rule) if by else None
            )
        return settled if not by or not by.left_out else settled._replace(
            met=_first_hers(settled.met, by.left_out), not_met=_first_hers(settled.not_met, by.left_out)
        )  # fmt: skip

    @property
    def only_today(self) -> bool:
        """Whether today's criterion is met and the article's is not."""
        return self.today is TRUE and self.status != MET

    @property
    def today_differs(self) -> bool:
        """Whether today's criterion, where it can be computed, comes to something else."""
        return self.today is not None and self.today is not self.judgement.when.truth


class Due(Light):
    """When an item is to be taken again: the day that satisfies both criteria, and each one's own."""

    item: str
    when: str
    article: str
    article_days: int
    today: str
    today_days: int


class Line(Light):
    """A line of the checklist."""

    investigation: Investigation
    state: str
    due: str
    reasons: tuple[str, ...]
    settles: tuple[str, ...]
    place: str
    notes: tuple[str, ...]


class Unexplained(Light):
    """How far the article's causes have been looked at; `answer` is the status of the rulebook's conclusion."""

    answer: str | None
    total: int
    not_met: tuple[str, ...]
    met: tuple[str, ...]
    open: tuple[str, ...]
    not_covered: tuple[str, ...]


class Assessment(Light):
    """Everything concluded for one case."""

    version: str
    rulebook: Rulebook
    case: Case
    as_of: str
    findings: tuple[Finding, ...]
    checklist: tuple[Line, ...]
    unexplained: Unexplained
    remarks: tuple[Problem, ...]
    set_aside: tuple[Seen, ...]
    acute: bool
    without_partner: bool

    def of_kind(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of these kinds, in the rulebook's order."""
        return tuple(f for f in self.findings if f.rule.kind in kinds)

    def answered(self, item: str) -> bool:
        """Whether an item has an answer: neither left out nor any kind of missing."""
        return any(r.value is not None and not r.missing for r in self.case.results.get(item, ()))

    def finding(self, rule: str) -> Finding:
        """The finding of a rule."""
        return next(f for f in self.findings if f.rule.id == rule)


def read_and_assess(
    source: Source,
    rulebook: Rulebook,
    as_of: int | None = None,
    today: int | None = None,
    without_partner: bool = False,
) -> Assessment:
    """Read a case and judge it. `as_of` is the day of judgement (else the case's, else today), as an ordinal.

    With `without_partner` the partner's items are as if left out: his results need his consent.
    Raises NeedsFixing when the case has a problem; remarks are kept in the assessment.
    """
    today = today or date.today().toordinal()
    case = read_case(source, rulebook.items, rulebook.circumstances, today, without_partner)
    remarks = list(case.remarks)
    day = as_of or case.as_of
    if day is None:
        day = today
        says = f"no day of judgement: {iso(day)}, today, is taken, so the report depends on the clock"
        remarks.append(
            Problem("as-of-today", Place(case.name), says, "add  as_of: 2026-03-01, or --as-of", True)
        )
    return assess(case, rulebook, day, remarks, without_partner)


def assess(
    case: Case,
    rulebook: Rulebook,
    day: int,
    remarks: Iterable[Problem] = (),
    without_partner: bool = False,
) -> Assessment:
    """Judge a case that was read, as of a day. Raises NeedsFixing when a check of the rulebook fails."""
    if without_partner:
        rulebook = _hers(rulebook)
    evidence = Evidence(case, rulebook, day)
    engine = Engine(rulebook, evidence)
    problems = [*remarks, *objections(engine)]
    if any(not p.remark for p in problems):
        raise NeedsFixing(problems, {case.name: case.lines})
    order = {group: number for number, group in enumerate(rulebook.groups)}
    rules = sorted(rulebook.rules.values(), key=lambda r: order.get(r.group, len(order)))
    left_out = frozenset(i.id for i in rulebook.items.values() if i.partner and without_partner)
    by = Yields(rulebook, left_out)
    findings = tuple(finding_of(rule, engine, by) for rule in rules)
    acute = rulebook.acute_if is not None and engine.verdict(rulebook.acute_if).truth is TRUE
    acute = acute or any(f.rule.kind == "acute" and f.status in (MET, SUSPECTED) for f in findings)
    lines = _checklist(findings, engine, rulebook, by, acute)
    return Assessment(
        __version__, rulebook, case, iso(day), findings, lines, _unexplained(findings, rulebook),
        tuple(p for p in problems if p.remark),
        tuple(s for name in rulebook.items for s in _all_seen(evidence, name) if s.state == "set aside"),
        acute, without_partner,
    )  # fmt: skip


def _hers(rulebook: Rulebook) -> Rulebook:
    """The rulebook with investigations that ask nothing of the partner, and items of his that say so."""
    hers = {}
    for name, investigation in rulebook.investigations.items():
        yields = tuple(y for y in investigation.yields if not rulebook.items[y.partition(".")[0]].partner)
        if yields:
            hers[name] = investigation._replace(yields=yields)
    items = {
        name: item._replace(label=f"{item.label}, left out") if item.partner else item
        for name, item in rulebook.items.items()
    }
    # What is kept beside the rulebook is weighed by all investigations.
    return rulebook._replace(investigations=hers, items=items, kept_as="")


def _first_hers(sets: tuple[AtomSet, ...], left_out: frozenset[str]) -> tuple[AtomSet, ...]:
    """The sets in which nothing was left out; all of them where there is none."""
    return tuple(s for s in sets if not any(atom.name in left_out for atom in s)) or sets


def symptoms(source: Source, rulebook: Rulebook) -> tuple[str, ...]:
    """The symptoms of red flags that a file says yes to, problems or not: they must not wait for a mended file."""
    if type(source.root) is not Mapping:
        return ()
    names = dict.fromkeys(name for rule in rulebook.rules.values() for name in rule.symptoms)
    return tuple(rulebook.items[name].label for name in names if _says_yes(source.root.items.get(name)))


def _says_yes(node: Node | None) -> bool:
    if type(node) is Mapping:
        return _says_yes(node.items.get("value"))
    if type(node) is Sequence:
        return any(_says_yes(part) for part in node.parts)
    return type(node) is Text and node.text in ("yes", "true")


def expected(rulebook: Rulebook, example: Example) -> dict[str, str]:
    """What becomes of an example, for the rules, checks and items that it names."""
    case, day = read_example(rulebook, example)
    engine = Engine(rulebook, Evidence(case, rulebook, day), timing=False)
    return {name: came_to(engine, name, wanted) for name, wanted in example.expect.items()}


def read_example(rulebook: Rulebook, example: Example) -> tuple[Case, int]:
    """The case of an example, and the day it is judged as of: its `as_of`, else the latest date in it."""
    day = read_date(example.as_of) if example.as_of else None
    source = Source(example.place.file, [], example.given, [])
    case = read_case(source, rulebook.items, rulebook.circumstances, 10**6)
    return case, int(day.low) if day and day.low is not None else _latest_date(case)


def came_to(engine: Engine, name: str, wanted: str) -> str:
    """What a rule, today's criterion of a rule, a check or an item came to, in the words of an example.

    Where a number is `wanted` of an item that is worked out, it is written with as many decimals.
    """
    rulebook = engine.rulebook
    if name in rulebook.rules:
        return _status(rulebook.rules[name], engine.rule(name), engine).replace(" ", "_")
    rule = rulebook.rules.get(name.removesuffix(".today"))
    if rule is not None and rule.today is not None and rule.today.when is not None:
        return {TRUE: "met", FALSE: "not_met", UNKNOWN: "undetermined"}[engine.verdict(rule.today.when).truth]
    checks = tuple(check for check in rulebook.checks if check.id == name)
    if checks:
        found = next(_checked(engine, rulebook._replace(checks=checks)), None)
        return "silent" if found is None else "remark" if found.remark else "problem"
    of, _, field = name.partition(".")
    item = rulebook.items[of].fields[field] if field else rulebook.items[of]
    records = (engine.evidence.records(of) or ()) if field else ()
    found_in = [engine.evidence.field(of, record, field) for record in records]
    seen = [s for s in found_in if s is not None] if field else _all_seen(engine.evidence, of)
    states = {s.state for s in seen}
    value = seen[0].result.value if len(seen) == 1 else None
    if states == {USABLE} and wanted not in STATES and value is not None and value.canon is not None:
        decimals = len(wanted.split(" ")[0].partition(".")[2])
        ends = Span(_to_decimals(value.canon.low, decimals), _to_decimals(value.canon.high, decimals))
        return f"{span_text(ends)} {item.unit}".strip()
    return states.pop() if len(states) == 1 else ", ".join(sorted(states)) or "nothing"


def _to_decimals(end: Number | None, decimals: int) -> Number | None:
    return None if end is None else Fraction(round(end * 10**decimals), 10**decimals)


def _latest_date(case: Case) -> int:
    spans = [r.date for results in case.results.values() for r in results]
    spans += [r.date for records in case.lists.values() for r in records]
    days = [int(s.high) for s in spans if s is not None and s.high is not None]
    return max(days, default=date(2026, 3, 1).toordinal())


# --- what is wrong only when the whole is seen -----------------------------------------------------


def objections(engine: Engine) -> list[Problem]:
    """Problems and remarks that only the whole case shows: checks, what does not apply, what differs."""
    evidence, rulebook = engine.evidence, engine.rulebook
    return [
        *_checked(engine, rulebook),
        *_not_applicable(evidence),
        *_later(evidence),
        *_differing(evidence, rulebook),
    ]


def _checked(engine: Engine, rulebook: Rulebook) -> Iterator[Problem]:
    for check in rulebook.checks:
        if not check.of:
            verdict = engine.verdict(check.when)
            if verdict.truth is TRUE:
                place = next((s.result.place for s in _used(verdict)), engine.evidence.case.as_of_place)
                yield Problem(check.id, place, check.says, check.hint, check.remark)
            continue
        for record in engine.evidence.records(check.of) or ():
            verdict = engine.verdict(check.when, Context(record))
            if verdict.truth is TRUE:
                place = next((s.result.place for s in _used(verdict) if not s.inputs), record.place)
                yield Problem(check.id, place, check.says, check.hint, check.remark)


def _not_applicable(evidence: Evidence) -> Iterator[Problem]:
    def said(label: str, place: Place, because: str) -> Problem:
        return Problem(
            "not-applicable",
            place,
            f"{label} does not apply here: {because}",
            "leave it out, or check the other answer",
        )

    for name, item in evidence.items.items():
        if item.ask_if is not None and evidence.applicable(item) is FALSE:
            given = [r.place for r in evidence.case.results.get(name, ()) if r.value is not None]
            given += [r.place for r in evidence.case.lists.get(name, ())]
            yield from (
                said(item.label, place, evidence.phrase(Not(item.ask_if, item.place))) for place in given
            )
        for field in item.fields.values():
            if field.ask_if is None:
                continue
            for record in evidence.case.lists.get(name, ()):
                result = record.fields.get(field.id)
                if (
                    result is not None
                    and result.value is not None
                    and evidence.applicable(field, Context(record)) is FALSE
                ):
                    yield said(field.label, result.place, evidence.phrase(Not(field.ask_if, field.place)))


def _later(evidence: Evidence) -> Iterator[Problem]:
    day = evidence.day
    places = [r.place for results in evidence.case.results.values() for r in results
              if r.date and r.date.low is not None and r.date.low > day]  # fmt: skip
    places += [r.place for records in evidence.case.lists.values() for r in records
               if r.date and r.date.low is not None and r.date.low > day]  # fmt: skip
    for place in places:
        yield Problem(
            "after-the-day",
            place,
            f"this lies after the day of judgement ({iso(day)}) and does not count",
            "",
            True,
        )


def _differing(evidence: Evidence, rulebook: Rulebook) -> Iterator[Problem]:
    for item in evidence.items.values():
        if item.kind != "derived" or item.tolerance is None or item.id not in evidence.case.results:
            continue
        bare = evidence.case._replace(
            results={k: v for k, v in evidence.case.results.items() if k != item.id}
        )
        computed = Evidence(bare, rulebook, evidence.day).seen(item.id)
        for given in evidence.seen(item.id):
            if (
                not computed
                or given.state != USABLE
                or not given.result.value
                or not given.result.value.canon
            ):
                continue
            ours, theirs = computed[0].result.value, given.result.value.canon
            if ours is None or ours.canon is None:
                continue
            room = Span(_less(ours.canon.low, item.tolerance), _less(ours.canon.high, -item.tolerance))
            if not room.meets(theirs):
                inputs = ", ".join(
                    dict.fromkeys(f"{s.item.label} {value_text(s)}" for s in computed[0].inputs)
                )
                says = f"{item.label} {given.result.value.text} does not go with {inputs}, which make {worked_out_text(ours.canon)} {item.unit}"
                yield Problem(
                    "derived-differs",
                    given.result.place,
                    says.strip(),
                    "check all of them, or leave this one out",
                )


def _less(end: Number | None, by: Number) -> Number | None:
    return None if end is None else end - by


# --- findings --------------------------------------------------------------------------------------


def finding_of(rule: Rule, engine: Engine, by: Yields | None = None) -> Finding:
    """What a rule comes to for the case of an engine; `by` orders what would settle it by its burden."""
    judgement = engine.rule(rule.id)
    today = judgement.today.truth if judgement.today else None
    return Finding(rule, _status(rule, judgement, engine), judgement, today, engine, by)


def _status(rule: Rule, judgement: Judgement, engine: Engine) -> str:
    """From truths alone, never from the status of another finding."""
    if not engine.applicable(rule):
        return NOT_APPLICABLE
    if judgement.when.truth is TRUE:
        return MET
    if judgement.when.truth is FALSE:
        return NOT_MET
    if judgement.suspect is not None and judgement.suspect.truth is TRUE:
        return SUSPECTED
    names = tested(rule, engine.rulebook)
    return UNDETERMINED if any(_has_result(name, engine.evidence) for name in names) else NOT_ASSESSED


def _has_result(name: str, evidence: Evidence) -> bool:
    of, _, field = name.partition(".")
    item = evidence.items[of]
    if item.kind != "records":
        return any(seen.is_result for seen in evidence.seen(of))
    records = evidence.records(of)
    if records is None:
        return False
    if field:
        return any((seen := evidence.field(of, r, field)) is not None and seen.is_result for r in records)
    if not item.series:
        return True  # a history that is given is complete: it has been asked
    fields = [f for f in item.fields if f != item.dated_by and item.fields[f].kind != "derived"]
    return any(
        (seen := evidence.field(of, r, f)) is not None and seen.is_result for r in records for f in fields
    )


def _all_seen(evidence: Evidence, name: str) -> tuple[Seen, ...]:
    item = evidence.items[name]
    if item.kind != "records":
        return evidence.seen(name)
    found: list[Seen] = []
    for record in evidence.records(name) or ():
        why = evidence.record_set_aside(name, record)
        if why:
            first = next(iter(record.fields.values()), None)
            if first is not None:
                found.append(
                    Seen(
                        item,
                        first._replace(place=record.place),
                        "set aside",
                        record.date,
                        why,
                        record=record.number,
                    )
                )
        found += [s for field in record.fields if (s := evidence.field(name, record, field)) is not None]
    return tuple(found)


def _used(verdict: Verdict) -> Iterator[Seen]:
    yield from verdict.used
    for part in verdict.parts:
        yield from _used(part)


def _reasons(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    """The decisive parts only: the true branch of an *any*, the false one of an *all*."""
    node = verdict.condition
    match node:
        case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
            yield from _leaf_reasons(verdict, evidence)
        case RuleHolds() | Not():
            yield from _reasons(verdict.parts[0], evidence)
        case NotKnown():
            yield from _assumed(verdict, evidence)
        case Repeated():
            yield from _repeated_reasons(verdict, evidence)
        case Count() | Run():
            yield from _record_reasons(verdict, evidence)
        case Undecidable():
            pass
        case All() | Any() | Some() | Points():
            decisive = verdict.truth
            for part in verdict.parts:
                if part.truth is decisive or isinstance(part.condition, NotKnown):
                    yield from _reasons(part, evidence)


def _leaf_reasons(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    leaf = verdict.condition
    assert isinstance(leaf, Compare | IsOneOf | Includes | IsFlagged | IsLevel | IsKnown)
    chosen = []
    for seen in verdict.used:
        # Of *ever* and *always*, only the results that decide.
        over = not isinstance(leaf, IsKnown) and leaf.over != "latest" and verdict.truth is not UNKNOWN
        if over and not isinstance(leaf, IsKnown) and evidence.holds(leaf, seen) is not verdict.truth:
            continue
        measure = evidence.measure(leaf, seen) if isinstance(leaf, IsFlagged) else ""
        chosen.append(_reason(seen, leaf.text, verdict.truth, evidence, measure))
    if chosen and not isinstance(leaf, IsKnown) and leaf.over == "ever" and verdict.truth is TRUE:
        chosen[-1] = chosen[-1]._replace(passed=(*chosen[-1].passed, *_against(leaf, verdict.used, evidence)))
    yield from chosen


def _reason(seen: Seen, limit: str, truth: Truth, evidence: Evidence, measure: str = "") -> Reason:
    passed: tuple[str, ...] = ()
    if not seen.item.of:
        passed = tuple(
            _passed(s) for s in evidence.seen(seen.item.id)
            if s.state in ("pending", "inconclusive", "set aside") and s is not seen
        )  # fmt: skip
    assumed = tuple(f"counts if {words} (not recorded)" for words in seen.provided)
    if seen.state == "set aside":
        assumed += (f"set aside: {seen.why}",)
    if seen.date is None and len(evidence.case.results.get(seen.item.id, ())) > 1:
        assumed += ("undated: taken as the latest",)
    places = tuple(s.result.place for s in seen.inputs) or (seen.result.place,)
    value = value_text(seen) + (f" ({_method(seen, evidence)})" if _method(seen, evidence) else "")
    return Reason(
        seen.item.label, value, limit, truth, places, measure, assumed, passed, seen.record, f"{seen.item.of}.{seen.item.id}" if seen.item.of else seen.item.id,
        seen.result.value, seen.date,
    )  # fmt: skip


def _passed(seen: Seen) -> str:
    """A result that a reason does not use, in words."""
    when = f" of {date_text(seen.date)}" if seen.date else ""
    if seen.state == "pending":
        return f"one{when} is awaited"
    return (
        f"one{when} decides nothing"
        if seen.state == "inconclusive"
        else f"one{when} is set aside: {seen.why}"
    )


def _method(seen: Seen, evidence: Evidence) -> str:
    method = seen.result.around.get("method")
    if method is None or method.value is None:
        return ""
    choice = evidence.circumstances["method"].choices.get(method.value.text)
    return choice.label if choice else ""


def _assumed(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    part = verdict.parts[0]
    if part.truth is UNKNOWN:
        said = _taken_as(part.condition, evidence)
        yield Reason("assumes", said, getattr(part.condition, "text", ""), verdict.truth, record=part.record)
    elif verdict.truth is FALSE:
        yield from _reasons(part, evidence)


def _taken_as(condition: Condition, evidence: Evidence) -> str:
    """What a *not known* takes for granted, in words."""
    if isinstance(condition, IsOneOf) and not condition.negated:
        item = _item(condition.name, evidence)
        said = " or ".join(item.choices[c].label for c in item.choices if c in condition.choices)
        return f"{item.label}: not known to be {said}"
    if isinstance(condition, Compare | IsFlagged | IsLevel | Includes | IsKnown):
        return f"not known: {evidence.phrase(condition)}"
    lists = [_list_or_item(node, evidence) for node in walk(condition)]
    return f"not known: {' or '.join(dict.fromkeys(label for label in lists if label))}"


def _list_or_item(node: Condition, evidence: Evidence) -> str:
    """What a node asks of, by its label; the empty text for one that only joins others."""
    match node:
        case Count() | Run():
            return evidence.items[node.of].label
        case Compare() | IsOneOf() | IsFlagged() | IsLevel() | Includes() | IsKnown() if not node.name.of:
            return _label(node.name, evidence)
        case RuleHolds():
            return evidence.findings[node.rule].finding
        case _:
            return ""


def _against(node: Condition, used: Iterable[Seen], evidence: Evidence) -> tuple[str, ...]:
    """Later results that do not satisfy, which a finding that is met all the same must name."""
    leaf = node.where if isinstance(node, Repeated) else node
    if not isinstance(leaf, Compare | IsOneOf | Includes | IsFlagged | IsLevel):
        return ()
    not_so = [
        date_text(s.date) if s.date else "undated"
        for s in used
        if s.state == USABLE and evidence.holds(leaf, s) is FALSE
    ]
    return (f"not so on {', '.join(not_so)}",) if not_so else ()


def _repeated_reasons(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    node = verdict.condition
    assert isinstance(node, Repeated)
    chosen = []
    for seen in verdict.used:
        truth = evidence.holds(node.where, seen) if seen.result.value else UNKNOWN
        if verdict.truth is UNKNOWN or truth is verdict.truth:
            flagged = isinstance(node.where, IsFlagged) and seen.result.value
            measure = (
                evidence.measure(node.where, seen) if flagged and isinstance(node.where, IsFlagged) else ""
            )
            chosen.append(_reason(seen, node.text, truth, evidence, measure))
    if chosen and verdict.truth is TRUE:
        chosen[-1] = chosen[-1]._replace(passed=(*chosen[-1].passed, *_against(node, verdict.used, evidence)))
    yield from chosen


def _record_reasons(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    node = verdict.condition
    assert isinstance(node, Count | Run)
    item = evidence.items[node.of]
    numbers = verdict.records if verdict.truth is not UNKNOWN else (*verdict.records, *verdict.maybe)
    chosen = [v for v in verdict.parts if v.record in numbers]
    records = {r.number: r for r in evidence.records(node.of) or ()}
    said = ", ".join(map(str, sorted(numbers))) or "none"
    if node.of in evidence.case.lists:
        value = said
        if isinstance(node, Run) and numbers:
            value = f"{len(numbers)} in a row: {said}"
            if verdict.truth is FALSE:
                value = f"longest run {len(numbers)}: {said}"
        if verdict.truth is UNKNOWN and verdict.maybe:
            value += f" (not known of {', '.join(map(str, sorted(verdict.maybe)))})"
        places = tuple(records[n].place for n in sorted(numbers) if n in records)
        provided = [
            w for n in sorted(numbers) if n in records for w in evidence.record_provided(node.of, records[n])
        ]
        assumed = tuple(
            dict.fromkeys(
                a
                for v in chosen
                for r in _reasons(v, evidence)
                for a in (*r.assumed, *([r.value] if r.label == "assumes" else []))
            )
        )
        assumed += tuple(f"counts if {words} (not recorded)" for words in dict.fromkeys(provided))
        yield Reason(
            item.label,
            value,
            f"at least {node.at_least}",
            verdict.truth,
            places,
            assumed=assumed,
            item=node.of,
        )
        if isinstance(node, Count) and verdict.truth is not FALSE:
            for part in chosen:
                yield from (r for r in _reasons(part, evidence) if r.label != "assumes")


def _looked_at(verdict: Verdict, evidence: Evidence) -> Iterator[Reason]:
    """Every result with a value that the criteria looked at, for a finding that is not decided."""
    node = verdict.condition
    if isinstance(node, Compare | IsOneOf | Includes | IsFlagged | IsLevel):
        yield from _leaf_reasons(verdict, evidence)
    elif isinstance(node, Repeated):
        yield from _repeated_reasons(verdict, evidence)
    elif isinstance(node, Count | Run):
        if node.of in evidence.case.lists and verdict.truth is UNKNOWN:
            yield from _record_reasons(verdict, evidence)
    else:
        for part in verdict.parts:
            yield from _looked_at(part, evidence)


def _not_known(verdict: Verdict, evidence: Evidence) -> Iterator[str]:
    """The labels of what the criteria look at and nothing is known of."""
    if verdict.truth is not UNKNOWN:
        return
    node = verdict.condition
    if isinstance(node, Compare | IsOneOf | Includes | IsFlagged | IsLevel) and not verdict.used:
        yield _label(node.name, evidence)
    elif isinstance(node, Repeated) and not verdict.used:
        yield _label(node.where.name, evidence)
    elif isinstance(node, Count | Run) and node.of not in evidence.case.lists:
        yield evidence.items[node.of].label
    for part in verdict.parts:
        yield from _not_known(part, evidence)


def _label(name: Name, evidence: Evidence) -> str:
    return _item(name, evidence).label


def _item(name: Name, evidence: Evidence) -> Item:
    return evidence.items[name.of].fields[name.item] if name.of else evidence.items[name.item]


def _due(judgement: Judgement, status: str, today: Truth | None, evidence: Evidence) -> Iterator[Due]:
    """When something positive is to be tested again, by the article and by today's criterion."""
    if status == NOT_MET or (status == MET and today in (None, TRUE)):
        return
    article = {n.where.name.item: (v, n) for v, n in _repeats(judgement.when, evidence)}
    current = (
        {n.where.name.item: (v, n) for v, n in _repeats(judgement.today, evidence)} if judgement.today else {}
    )
    for item in dict.fromkeys([*article, *current]):
        one, two = article.get(item), current.get(item)
        words = [found[0].earliest for found in (one, two) if found]
        dates = [word for word in words if word[0].isdigit()]
        anew = next((word for word in words if word.startswith("two")), "")  # nothing positive has a date
        when = "not now" if "not now" in words else anew or (max(dates) if dates else "now")
        yield Due(
            item,
            when,
            *(_reached(*one, evidence) if one else ("", 0)),
            *(_reached(*two, evidence) if two else ("", 0)),
        )


def _reached(verdict: Verdict, node: Repeated, evidence: Evidence) -> tuple[str, int]:
    """The day from which a next sample satisfies one criterion, past or to come, and the days it asks for."""
    if verdict.earliest != "now":
        return verdict.earliest, node.apart
    satisfying = [
        s.date.high
        for s in verdict.used
        if s.date and evidence.holds(node.where, s) is TRUE and s.state == USABLE
    ]
    known = [high for high in satisfying if high is not None]
    return (iso(min(known) + node.apart) if known else "now"), node.apart


def _repeats(verdict: Verdict, evidence: Evidence) -> Iterator[tuple[Verdict, Repeated]]:
    """The open *repeated* of which one result satisfies: what is to be taken again."""
    node = verdict.condition
    if (
        isinstance(node, Repeated)
        and verdict.truth is UNKNOWN
        and any(s.state == USABLE and evidence.holds(node.where, s) is TRUE for s in verdict.used)
    ):
        yield verdict, node
    for part in verdict.parts:
        yield from _repeats(part, evidence)


def _unexplained(findings: tuple[Finding, ...], rulebook: Rulebook) -> Unexplained:
    causes = [
        f
        for f in findings
        if f.rule.kind == "etiology" and f.rule.bars_unexplained and f.status != NOT_APPLICABLE
    ]
    return Unexplained(
        next((f.status for f in findings if f.rule.kind == "conclusion"), None),
        len(causes),
        tuple(f.rule.id for f in causes if f.status == NOT_MET),
        tuple(f.rule.id for f in causes if f.status == MET),
        tuple(f.rule.id for f in causes if f.status not in (MET, NOT_MET)),
        tuple(rulebook.not_covered),
    )


# --- checklist -------------------------------------------------------------------------------------


def _checklist(
    findings: tuple[Finding, ...], engine: Engine, rulebook: Rulebook, by: Yields, acute: bool
) -> tuple[Line, ...]:
    quiet = ("reminder", "conclusion") if acute else ("reminder", "conclusion", "acute")
    settles = {f.rule.id: _help(f, by) for f in findings if f.rule.kind not in quiet}
    helped: dict[str, list[Finding]] = {}
    for finding in findings:
        for name in settles[finding.rule.id].sizes if finding.rule.id in settles else ():
            helped.setdefault(name, []).append(finding)
    due = [(f, d) for f in findings for d in f.due]
    lines = []
    for number, investigation in enumerate(rulebook.investigations.values()):
        mine = [(f, d) for f, d in due if d.item in investigation.yields]
        line, rank = _line(investigation, findings, helped.get(investigation.id, []), mine, engine, settles)
        burden = 0 if line.place == "red flag" else BURDEN[investigation.burden]
        lines.append((rank, burden, number, line))
    return tuple(line for *_, line in sorted(lines, key=lambda entry: entry[:3]))


class Help(Light):
    """What investigations can do for one finding: the size of the smallest settle set each has a part in.

    Sets are counted in investigations: tests taken together are one, so five antibodies in one
    sample count once. `question` is the same for findings that the very same sets settle.
    """

    sizes: dict[str, int]
    question: frozenset[frozenset[str]]


class Yields:
    """Which investigations can make something known that may become known, and what would settle each rule at first."""

    def __init__(self, rulebook: Rulebook, left_out: frozenset[str] = frozenset()) -> None:
        """What is `left_out` is named among what would settle a rule only where nothing else would."""
        self.left_out = left_out
        self._named: dict[str, list[Investigation]] = {}
        self._listed: dict[str, list[Investigation]] = {}
        for investigation in rulebook.investigations.values():
            for name in investigation.yields:
                self._named.setdefault(name, []).append(investigation)
            for of in dict.fromkeys(name.partition(".")[0] for name in investigation.yields):
                self._listed.setdefault(of, []).append(investigation)
        self.unasked = unasked(rulebook, self.weigher)

    def weigher(self, rule: Rule) -> Weigh:
        """How heavy it is to find something out: what tests the rule first, then the least burden."""
        tested = {name.partition(".")[0] for name in rule.tested_by}

        def weigh(atom: Atom) -> int:
            burdens = [BURDEN[i.burden] for i in self.of(atom)]
            if atom.name in self.left_out:
                return 1000  # heavier than any burden: last among those that settle
            return min(burdens, default=0) + (0 if not tested or atom.name in tested else 10)

        return weigh

    def of(self, atom: Atom) -> list[Investigation]:
        """Those that yield it; a further member of a list comes from whatever yields one of its fields."""
        if atom.kind in ("member", "list"):
            return self._listed.get(atom.name, [])
        return self._named.get(atom.yields, [])


def _help(finding: Finding, by: Yields) -> Help:
    sizes: dict[str, int] = {}
    sets = (*finding.settled.met, *finding.settled.not_met) if finding.settled else ()
    for atoms in sets:
        needed = {a.yields: tuple([i.id for i in by.of(a)]) for a in atoms}
        size = len({ids or (name,) for name, ids in needed.items()})
        for investigation in {i for ids in needed.values() for i in ids}:
            sizes[investigation] = min(size, sizes.get(investigation, size))
    return Help(sizes, frozenset(frozenset(a.yields for a in atoms) for atoms in sets))


def _line(
    investigation: Investigation,
    findings: tuple[Finding, ...],
    helped: list[Finding],
    due: list[tuple[Finding, Due]],
    engine: Engine,
    settles: dict[str, Help],
) -> tuple[Line, tuple[int, float]]:
    evidence = engine.evidence
    state, notes = _progress(investigation, evidence)
    place = _place(investigation, findings, helped, engine)
    if due and place != "red flag":
        place = "due"
    # Of an item due for several findings the latest day serves all; of several items the first counts.
    items = dict.fromkeys(d.item for _, d in due)
    days = [max((d.when for _, d in due if d.item == item), key=_lateness) for item in items]
    day = (
        "now" if "now" in days else min((d for d in days if d[:1].isdigit()), default=days[0] if days else "")
    )
    if due and not all(_under_way(d, evidence) for _, d in due):
        state = "to do" if day == "not now" else "repeat due"
    if state not in ("done", "not applicable"):
        notes += _hindered(investigation, evidence)
        stops = [c for c in investigation.not_now_if if engine.verdict(c).truth is TRUE]
        doubts = [c for c in investigation.first_rule_out if engine.verdict(c).truth is UNKNOWN]
        if investigation.first_rule_out:
            doubts += [c for c in investigation.not_now_if if c not in doubts and _points(c, engine)]
        if stops:
            state = "not now"
        elif doubts:
            state = "first rule out"
        said = dict.fromkeys(
            evidence.phrase(c)
            for c in stops or [open_part(c, lambda part: engine.verdict(part).truth) for c in doubts]
        )
        notes += [" or ".join(said)] if said else []
        definition = next((f for f in findings if f.rule.id == DECIDES_THE_DEFINITION), None)
        settled = (
            definition is not None and definition.status == NOT_MET and definition.today in (None, FALSE)
        )
        called = investigation.safety or _indicated(investigation, engine) or state == "awaited"
        if settled and place in TIERS and not called:
            state = "not called for"
    if state == "awaited" and place in TIERS:
        place = "awaited"
    names = list(dict.fromkeys(f.rule.id for f in (*(f for f, _ in due), *helped)))
    why = tuple(f.rule.id for f in helped if f.status == SUSPECTED or f.rule.kind == "red_flag")
    line = Line(investigation, state, day, why, tuple(names), place, tuple(notes))
    # What a red flag asks for stands in the rulebook's own order: it was thought out, not counted.
    score = 0 if place == "red flag" else _score(investigation, helped, settles)
    return line, (PLACES.index(place), -score)


def _points(condition: Condition, engine: Engine) -> bool:
    """Whether it was looked for and is not settled: a result set aside, awaited or inconclusive may hide it.

    A usable result that is surely later settles it. One that is too old raises nothing, unless it was so: no
    source says for how long that holds.
    """
    evidence = engine.evidence
    names = [name for name in names_in(condition, engine.rulebook) if "." not in name]
    if any(_unsettled(seen, evidence) for name in names for seen in evidence.seen(name)):
        return True
    unknown = engine.verdict(condition).truth is UNKNOWN
    return unknown and engine.verdict(condition, lenient=True).truth is TRUE


def _unsettled(seen: Seen, evidence: Evidence) -> bool:
    """Whether a result may hide what is there now: it does not count, and none that counts is surely later."""
    if not seen.is_result or seen.state == USABLE or _merely_old(seen, evidence):
        return False
    return not any(
        other.state == USABLE and other.date and seen.date and compare(other.date, ">", seen.date) is TRUE
        for other in evidence.seen(seen.item.id)
    )


def _merely_old(seen: Seen, evidence: Evidence) -> bool:
    """Whether all of its date lies before what counts."""
    age = seen.item.stale_after
    if age is None or seen.date is None or seen.date.high is None:
        return False
    return seen.date.high < evidence.day - age


def _lateness(when: str) -> tuple[int, str]:
    return (0 if when == "now" else 1 if when[:1].isdigit() else 3 if when == "not now" else 2, when)


def _under_way(due: Due, evidence: Evidence) -> bool:
    """Whether the sample that is due was taken already, and its result is awaited."""
    taken = [
        s.date.low
        for s in evidence.seen(due.item)
        if s.state == "pending" and s.date and s.date.low is not None
    ]
    needed = due.today or due.article
    return any(not needed[:1].isdigit() or iso(day) >= needed for day in taken)


def _hindered(investigation: Investigation, evidence: Evidence) -> list[str]:
    """What of an investigation cannot be taken now, and from when it can."""
    said: dict[str, list[str]] = {}
    for name in investigation.yields:
        item = evidence.items.get(name)
        if item is None or item.kind == "records" or _yield_state(name, evidence) == USABLE:
            continue
        found = hindrances(evidence, item)
        words = ", ".join(dict.fromkeys(words for words, until in found if until is None))
        days = [until for _, until in found if until is not None]
        if words:
            said.setdefault(f"not now, {words}", []).append(item.label)
        elif days and max(days) > evidence.day:
            said.setdefault(f"from {iso(max(days))}", []).append(item.label)
    return [f"{', '.join(labels)} {words}" for words, labels in said.items()]


PLACES = (
    "red flag", "due", "awaited", "definition", "suspected", "core", "indicated", "article", "discouraged",
)  # fmt: skip


def _place(
    investigation: Investigation, findings: tuple[Finding, ...], helped: list[Finding], engine: Engine
) -> str:
    """Where a line stands: what this case lifts it to, else its tier."""
    raised = [f for f in findings if f.rule.kind == "red_flag" and f.status in (MET, SUSPECTED)]
    asked = {name for f in raised for name in tested(f.rule, engine.rulebook)}
    urgent = investigation.safety or any(name in asked for name in investigation.yields)
    if raised and urgent and _progress(investigation, engine.evidence)[0] not in ("done", "not applicable"):
        return "red flag"
    if investigation.tier == "discouraged" and not _indicated(investigation, engine):
        return "discouraged"
    if any(f.rule.id == DECIDES_THE_DEFINITION for f in helped):
        return "definition"
    if any(f.status == SUSPECTED and f.rule.kind != "red_flag" for f in helped):
        return "suspected"
    if _indicated(investigation, engine):
        return "core" if investigation.tier == "core" else "indicated"
    return investigation.tier


def _indicated(investigation: Investigation, engine: Engine) -> bool:
    """Whether this case asks for it, whatever the definition says."""
    condition = investigation.indicated_if
    return condition is not None and engine.verdict(condition).truth is TRUE


def _score(investigation: Investigation, helped: list[Finding], settles: dict[str, Help]) -> float:
    """How much it helps: the sum over open findings of 1 / size of the smallest set.

    Findings that the very same sets settle (five uterine anomalies, one image) are one question;
    a disputed cause counts half, one that is not accepted today does not count. Where a rule names
    what tests it, only that counts: a TSH is no test of the ovaries, though it can rule their syndrome out.
    """
    questions: dict[frozenset[frozenset[str]], float] = {}
    yields = {part for name in investigation.yields for part in (name, name.partition(".")[0])}
    for finding in helped:
        if finding.rule.tested_by and yields.isdisjoint(finding.rule.tested_by):
            continue
        size = settles[finding.rule.id].sizes[investigation.id]
        weight = WEIGHT.get(finding.rule.standing or finding.rule.kind, 0)
        question = settles[finding.rule.id].question
        questions[question] = max(questions.get(question, 0), weight / size)
    return sum(questions.values())


def _progress(investigation: Investigation, evidence: Evidence) -> tuple[str, list[str]]:
    """Done, partly done, awaited or to do, and what is to be repeated and why."""
    states = [_yield_state(name, evidence) for name in investigation.yields]
    settled = {"usable", "not applicable", *(["unknown"] if investigation.occasion == "ask" else [])}
    wanted = [s for s in states if s != "not applicable"]
    notes = []
    for name, state in zip(investigation.yields, states, strict=True):
        if state in ("set aside", "inconclusive") and name in evidence.items:
            seen = [s for s in _all_seen(evidence, name) if s.state == state]
            why = seen[-1].why if seen and seen[-1].why else state
            notes.append(f"to be repeated, {evidence.items[name].label}: {why}")
    if not wanted:
        return "not applicable", notes
    if all(s in settled for s in wanted):
        return "done", notes
    if "pending" in wanted:
        return "awaited", notes
    if any(s in settled or s == "partly" for s in wanted):
        return "partly done", notes
    return "to do", notes


def _yield_state(name: str, evidence: Evidence) -> str:
    """The best that is known of one thing an investigation yields: usable, pending … or the empty text."""
    of, _, field = name.partition(".")
    item = evidence.items[of]
    if evidence.applicable(item) is FALSE:
        return "not applicable"
    if item.kind != "records":
        states = {s.state for s in evidence.seen(of)}
        return next(
            (s for s in (USABLE, "pending", "set aside", "inconclusive", "unknown") if s in states), ""
        )
    records = evidence.records(of)
    if records is None:
        return ""
    if not field:
        return USABLE if not item.series or records else ""
    if not records:
        return "not applicable" if not item.series else ""
    states_of = [_field_state(evidence, of, record, field) for record in records]
    wanted = [s for s in states_of if s != "not applicable"]
    if not wanted:
        return "not applicable"
    return wanted[0] if len(set(wanted)) == 1 else "pending" if "pending" in wanted else "partly"


def _field_state(evidence: Evidence, of: str, record: Record, field: str) -> str:
    item = evidence.items[of].fields[field]
    if evidence.applicable(item, Context(record)) is FALSE:
        return "not applicable"
    seen = evidence.field(of, record, field)
    if seen is None:
        return ""
    return seen.result.said if seen.result.implied else seen.state
