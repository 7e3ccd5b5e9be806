"""Which question comes next, and what an answer makes of a case: the questionnaire without a terminal.

Everything asked comes from the dictionary. A question is asked only where it applies and nothing
stands there yet; so what was answered is the text of the case itself, and any answer can be changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import Any

from rsa_cli.assess import BURDEN, MET, NOT_APPLICABLE, SUSPECTED, Finding, finding_of, objections
from rsa_cli.case import Case, Result, read_case
from rsa_cli.dictionary import (
    MISSING,
    Choice,
    Item,
    UnreadableError,
    dated,
    read_choices,
    read_value,
)
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Context, Evidence, Seen, hangs_on
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN
from rsa_cli.light import Light
from rsa_cli.nodes import Condition, Count, IsFlagged, IsKnown, Name, Repeated, RuleHolds, Run, walk
from rsa_cli.problems import NeedsFixing, Problem, brief, quoted
from rsa_cli.rulebook import Investigation, Rule, Rulebook
from rsa_cli.settle import MOST_ATOMS, Atom, Solver
from rsa_cli.splice import Answer, Page, Way, at, put
from rsa_cli.units import written
from rsa_cli.values import iso, read_quantity, span_text

# Steps of a visit, by the occasion of the investigation: what is asked, what is examined, tests.
_STAGES = {"ask": 0, "examine": 1}
IN_THE_ROOM = ("question", "examination")
BESIDE = ("date", "range")  # what may be asked of a result besides its circumstances
_WHOLE = lcm(*range(1, MOST_ATOMS + 2))  # divided by every size of a settle set: shares are whole numbers


class Question(Light):
    """One thing to ask: `way` is where the answer goes, `item` what is answered.

    `kind` is `value`, `list` (a whole list), `more` (a further result), or what is asked of a result:
    `date`, `range`, `circumstance`. `about` is the item a result is of, or the list of a field.
    """

    way: Way
    kind: str
    item: Item
    about: Item | None = None
    section: str = ""

    @property
    def number(self) -> int:
        """Of which record, or of which result, counted from 1; 0 where there is one only."""
        return next((step + 1 for step in self.way if isinstance(step, int)), 0)


class View(Light):
    """A case as it stands in its text, and what it comes to.

    A finding that an answer could not change is the one judged before, with the places it had then.
    """

    page: Page
    case: Case
    evidence: Evidence
    engine: Engine
    findings: dict[str, Finding]
    remarks: tuple[str, ...]


class Weight(Light):
    """What a question is worth, and the rules it helps to decide, the most first."""

    worth: Fraction
    decides: tuple[str, ...]


def view_of(page: Page, book: Rulebook, today: int, strict: bool = True) -> View:
    """What a text comes to. Raises NeedsFixing; without `strict` not for what only the whole case shows."""
    return _judged(page, *_read(page, book, today), book, strict)


def _read(page: Page, book: Rulebook, today: int) -> tuple[Case, Evidence]:
    case = read_case(page.source, book.items, book.circumstances, today)
    return case, Evidence(case, book, case.as_of or today)


def _judged(
    page: Page,
    case: Case,
    evidence: Evidence,
    book: Rulebook,
    strict: bool,
    kept: Mapping[str, Finding] | None = None,
) -> View:
    """A case judged; `kept` are findings that cannot have changed."""
    engine = Engine(book, evidence, timing=False)
    found = [*case.remarks, *(objections(engine) if strict else ())]
    if any(not p.remark for p in found):
        raise NeedsFixing(found, {case.name: case.lines})
    before = kept or {}
    findings = {rule.id: before.get(rule.id) or finding_of(rule, engine) for rule in book.rules.values()}
    remarks = tuple(f"{p.says}: {p.hint}" if p.hint else p.says for p in found)
    return View(page, case, evidence, engine, findings, remarks)


class Questionnaire:
    """What may be asked of a case by one rulebook, in order. It remembers nothing of a case."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.timed: dict[str, list[Investigation]] = {}
        self.named: dict[str, list[Investigation]] = {}
        self._rank: dict[str, tuple[int, int, int]] = {}
        for number, investigation in enumerate(book.investigations.values()):
            for place, name in enumerate(investigation.yields):
                of = name.partition(".")[0]
                self.timed.setdefault(of, []).append(investigation)
                self.named.setdefault(name, []).append(investigation)
                stage = _STAGES.get(investigation.occasion, 2)
                self._rank.setdefault(of, (stage, number, place))
        self.sections = self._sections()
        self.order = tuple(
            dict.fromkeys(
                "partner" if item.partner else item.key for _, items in self.sections for item in items
            )
        )
        leaves = [
            n for rule in book.rules.values() for c in (rule.when, rule.suspect_when) if c for n in walk(c)
        ]
        self.flagged = {n.name for n in leaves if isinstance(n, IsFlagged)}
        self.flagged |= {
            n.where.name for n in leaves if isinstance(n, Repeated) and isinstance(n.where, IsFlagged)
        }
        self.repeated = {n.where.name.item for n in leaves if isinstance(n, Repeated)}
        self.dated = self._dated()
        # What is asked or examined and goes stale is of the day it is asked: nobody is asked for its date.
        self.of_now = frozenset(
            item.id
            for item in book.items.values()
            if item.stale_after is not None
            and item.id in self.timed
            and all(i.occasion in _STAGES for i in self.timed[item.id])
        )
        self.places = {way_of(item): item for item in book.items.values()}
        # The places in a case that a finding hangs on: while nothing changes there, it cannot change.
        self.ways = {
            rule.id: frozenset(way_of(book.items[n]) for n in hangs_on(_judged_by(rule, book), book))
            for rule in book.rules.values()
        }
        self.looked_at = {rule.id: frozenset(_looked_at(rule.when, book)) for rule in book.rules.values()}
        self.concludes = {
            rule.id: {n.rule for n in walk(rule.when) if isinstance(n, RuleHolds)}
            for rule in book.rules.values()
            if rule.kind == "conclusion"
        }
        self._settled: dict[str, tuple[Any, dict[Atom, int]]] = {}

    def _sections(self) -> tuple[tuple[str, tuple[Item, ...]], ...]:
        """The sections as a visit goes: asked, examined, tested; inside each as the investigations stand."""
        last = (2, len(self.book.investigations), 0)
        found: dict[str, list[Item]] = {}
        for item in self.book.items.values():
            if item.kind != "derived":
                found.setdefault(item.section or "other", []).append(item)
        for name, items in found.items():
            found[name] = _in_turn(sorted(items, key=lambda item: self._rank.get(item.id, last)))
        ordered = sorted(found.items(), key=lambda s: self._rank.get(s[1][0].id, last))
        return tuple((name, tuple(items)) for name, items in ordered)

    def _dated(self) -> frozenset[str]:
        """The items of which it matters when a result was taken."""
        names = set(self.repeated)
        for item in self.book.items.values():
            names |= set(item.same_sample)
            when = any(r.when for r in item.references)
            if item.dated or item.stale_after is not None or item.set_aside_if or item.counts_only_if or when:
                names.add(item.id)
            if any(i.occasion not in _STAGES for i in self.timed.get(item.id, ())):
                names.add(item.id)
        return frozenset(names)

    # --- what is open

    def questions(self, view: View, left: frozenset[Way], lists: tuple[str, ...]) -> Iterator[Question]:
        """Everything open, in order. `left` was left open by choice, `lists` are being filled in and come first."""
        for name in lists:
            yield from self.of_item(view, self.book.items[name], left, lists)
        for _, items in self.sections:
            for item in items:
                if item.id not in lists:
                    yield from self.of_item(view, item, left, lists)

    def of_item(
        self, view: View, item: Item, left: frozenset[Way], lists: tuple[str, ...] = ()
    ) -> Iterator[Question]:
        """What is open of one item: its value, what held when it was taken, its records."""
        if item.kind == "derived" or view.evidence.applicable(item) is FALSE:
            return
        way = way_of(item)
        here = at(view.page.data, way)
        if here in (None, ""):
            if way not in left:
                yield Question(way, "list" if item.kind == "records" else "value", item, None, item.section)
        elif item.kind == "records":
            yield from self._of_records(view, item, here, left)
            if item.id in lists:
                yield Question(way, "list", item, None, item.section)
        else:
            yield from self._of_results(view, item, here, left)

    def _of_records(self, view: View, item: Item, here: Answer, left: frozenset[Way]) -> Iterator[Question]:
        for index, record in enumerate(view.case.lists.get(item.id, ())):
            for field in item.fields.values():
                way = (*way_of(item), index, field.id)
                if field.kind == "derived" or way in left or at(here, (index, field.id)) not in (None, ""):
                    continue
                if view.evidence.applicable(field, Context(record)) is not FALSE:
                    yield Question(way, "value", field, item, item.section)

    def _of_results(self, view: View, item: Item, here: Answer, left: frozenset[Way]) -> Iterator[Question]:
        places = _places(item, here)
        for way, result in zip(places, view.case.results.get(item.id, ()), strict=False):
            for name in self._beside(view, item, result, left, way):
                kind = name if name in BESIDE else "circumstance"
                asked = self.book.circumstances.get(name, item)
                yield Question((*way, name), kind, asked, item, item.section)
        further: Way = (*way_of(item), len(places))
        usable = any(result.value is not None for result in view.case.results.get(item.id, ()))
        if item.id in self.repeated and usable and further not in left:
            yield Question(further, "more", item, item, item.section)

    def _beside(
        self, view: View, item: Item, result: Result, left: frozenset[Way], way: Way
    ) -> Iterator[str]:
        """What is not known of a result and could make it count or not."""
        has_value = result.value is not None
        if not has_value and result.missing != "pending":
            return
        if item.id in self.dated - self.of_now and result.date is None and (*way, "date") not in left:
            yield "date"
        measured = item.kind in ("quantity", "derived") and result.value is not None and not result.value.word
        unflagged = Name(item.id) in self.flagged and result.range is None and not result.flag
        if measured and unflagged and (*way, "range") not in left:
            yield "range"
            return  # with a range of the laboratory's own no other is looked for
        if not has_value:
            return
        seen = next((s for s in view.evidence.seen(item.id) if s.result is result), None)
        context = Context(seen=seen or Seen(item, result, "usable", result.date))
        truths = {id(c): view.evidence.truth(c, context) for c in (*item.set_aside_if, *item.counts_only_if)}
        if any(truths[id(c)] is TRUE for c in item.set_aside_if):
            return
        if any(truths[id(c)] is FALSE for c in item.counts_only_if):
            return
        wanted = [c for c in (*item.counts_only_if, *item.set_aside_if) if truths[id(c)] is UNKNOWN]
        if unflagged:
            ranges = [c for r in item.references for c in r.when]
            wanted += [c for c in ranges if view.evidence.truth(c, context) is UNKNOWN]
        else:  # a range of the laboratory's own that may be meant for others: whom it is for
            beside = [r.when for r in item.references if r.beside_own]
            doubted = [w for w in beside if all(view.evidence.truth(c, context) is TRUE for c in w)]
            wanted += [n for w in doubted for c in w for n in walk(c) if isinstance(n, IsKnown)]
        names = [
            n.name for c in wanted for n in walk(c) if hasattr(n, "name") and n.name.of == "circumstance"
        ]
        for name in dict.fromkeys(n.item for n in names if n.item != "value"):
            known = name in result.around or view.evidence.candidates(Name(name, "circumstance"), context)
            if not known and (*way, name) not in left:
                yield name

    def question_at(self, view: View, way: Way, kind: str = "") -> Question | None:
        """The question whose answer stands, or would stand, at a place; `None` where it does not apply."""
        base = way[:2] if way[0] == "partner" else way[:1]
        item = self.places.get(base)
        if item is None or view.evidence.applicable(item) is FALSE:
            return None
        rest = way[len(base) :]
        if not rest:
            return Question(base, "list" if item.kind == "records" else "value", item, None, item.section)
        if item.kind == "records":
            records = view.case.lists.get(item.id, ())
            index, field = int(rest[0]), item.fields.get(str(rest[-1]))
            if len(rest) < 2 or field is None or index >= len(records):
                return None
            if view.evidence.applicable(field, Context(records[index])) is FALSE:
                return None
            return Question(way, "value", field, item, item.section)
        name = rest[-1]
        if isinstance(name, int):
            fresh = name >= len(_places(item, at(view.page.data, base)))
            return Question(way, "more" if fresh else "value", item, item, item.section)
        asked = self.book.circumstances.get(name, item)
        return Question(way, name if name in BESIDE else "circumstance", asked, item, item.section)

    # --- what an answer can change

    def answered(self, page: Page, before: View, today: int, strict: bool = True) -> tuple[View, list[str]]:
        """What a text with an answer comes to, without what the answer has made irrelevant; and what that was.

        What did not apply before either is left alone. Raises NeedsFixing and UnsafeError.
        """
        standing = irrelevant(before.page, before.case, before.evidence)
        dropped: list[str] = []
        while True:
            case, evidence = _read(page, self.book, today)
            new = {
                way: label for way, label in irrelevant(page, case, evidence).items() if way not in standing
            }
            if not new:
                kept = self._kept(before, page) if evidence.day == before.evidence.day else {}
                return _judged(page, case, evidence, self.book, strict, kept), dropped
            for way, label in new.items():
                dropped.append(f"{label}: {shown_answer(at(page.data, way))}")
                page = put(page, way, None)

    def _kept(self, before: View, after: Page) -> dict[str, Finding]:
        """The findings that a change of the text cannot have changed; red flags are always judged again."""
        changed = {way for way in self.places if _known(before.page, way) != _known(after, way)}
        return {
            name: finding
            for name, finding in before.findings.items()
            if finding.rule.kind != "red_flag" and not changed & self.ways[name]
        }

    # --- the shortest way

    def weights(self, view: View) -> dict[Way, Weight]:
        """What each thing that may become known is worth, by the place of its answer.

        The sum over open findings of 1 / size of the smallest set that settles the finding and holds it,
        suspected findings twice, divided by the burden of finding it out.
        """
        shares: dict[Way, dict[str, int]] = {}
        for name, finding in view.findings.items():
            if finding.judgement.when.truth is UNKNOWN and finding.status != NOT_APPLICABLE:
                for atom, size in self._sizes(name, view).items():
                    mine = shares.setdefault(self.way_of_atom(atom, view), {})
                    share = _WHOLE // size * (2 if finding.status == SUSPECTED else 1)
                    mine[name] = max(share, mine.get(name, 0))
        concluded = [name for name in self.concludes if view.findings[name].judgement.when.truth is UNKNOWN]
        found = {}
        for way, mine in shares.items():
            names = sorted(mine, key=lambda name: -mine[name])
            names += [n for n in concluded if n not in mine and not self.concludes[n].isdisjoint(mine)]
            found[way] = Weight(Fraction(sum(mine.values()), _WHOLE * self.burden(way)), tuple(names))
        return found

    def _sizes(self, rule: str, view: View) -> dict[Atom, int]:
        """The size of the smallest settle set that holds each atom; kept while nothing the rule hangs on changes."""
        condition = self.book.rules[rule].when
        if rule in self.concludes:
            return {}  # what settles each cause stands with the cause
        key = (view.evidence.day, {way: _known(view.page, way) for way in self.ways[rule]})
        kept = self._settled.get(rule)
        if kept is not None and kept[0] == key:
            return kept[1]
        solver = Solver(condition, self.book, view.evidence)
        atoms: dict[Atom, int] = {}
        for together in (*solver.sets("true"), *solver.sets("false")):
            for atom in together:
                atoms[atom] = min(len(together), atoms.get(atom, len(together)))
        if solver.cut:  # sets that large are not listed: what the rule looks at may still matter
            whole = {atom.name for atom in atoms if not atom.field}
            for name in self.looked_at[rule] - whole:
                kind = "list" if self.book.items[name].kind == "records" else "item"
                atoms[Atom(kind, name)] = MOST_ATOMS + 1
        self._settled[rule] = (key, atoms)
        return atoms

    def way_of_atom(self, atom: Atom, view: View) -> Way:
        """Where the answer to one thing that may become known goes."""
        item = self.book.items[atom.name]
        way = way_of(item)
        match atom.kind:
            case "field":
                return (*way, atom.number - 1, atom.field)
            case "next" | "member":
                here = at(view.page.data, way)
                return (
                    *way,
                    len(here)
                    if atom.kind == "member" and isinstance(here, list)
                    else len(_places(item, here)),
                )
            case "date" | "value":
                places = _places(item, at(view.page.data, way))
                place = places[atom.number - 1] if atom.number <= len(places) else way
                return (*place, "date") if atom.kind == "date" else place
            case _:
                return way

    def burden(self, way: Way) -> int:
        """The least burden of finding out what stands at a place, by the investigations that yield it."""
        return min((BURDEN[i.burden] for i in self._yielding(way)), default=1)

    def in_the_room(self, way: Way) -> bool:
        """Whether asking or examining is enough to find it out."""
        found = self._yielding(way)
        return not found or any(i.burden in IN_THE_ROOM for i in found)

    def _yielding(self, way: Way) -> list[Investigation]:
        base = way[:2] if way[0] == "partner" else way[:1]
        item = self.places[base]
        field = way[-1] if len(way) > len(base) + 1 else ""
        if item.kind != "records" or not field:
            return self.timed.get(item.id, [])
        return self.named.get(f"{item.id}.{field}", [])

    def shortest(
        self, view: View, left: frozenset[Way], lists: tuple[str, ...]
    ) -> tuple[Question, Weight | None] | None:
        """The open question worth most, and what it is worth; `None` when nothing in the room changes a finding."""
        questions = list(self.questions(view, left, lists))
        for question in questions:
            of = question.about or question.item
            if of.id in lists and (question.kind == "list" or _first(question)):
                return question, None
        weights = self.weights(view)
        undecided = [name for name, f in view.findings.items() if f.judgement.when.truth is UNKNOWN]
        looked_at = frozenset().union(*(self.looked_at[name] for name in undecided))
        for question in questions:  # what held when a result was taken comes with the result
            if (
                question.kind in (*BESIDE, "circumstance")
                and question.about
                and question.about.id in looked_at
            ):
                return question, weights.get(question.way)
        known = [(weights[q.way], q) for q in questions if q.way in weights and weights[q.way].worth > 0]
        if not any(self.in_the_room(q.way) for _, q in known):
            return None
        weight, question = max(known, key=lambda pair: pair[0].worth)
        return question, weight


def _in_turn(items: list[Item]) -> list[Item]:
    """The items in their order, but each behind those that say whether it applies."""
    waits = {
        item.id: {n.name.of or n.name.item for n in walk(item.ask_if) if hasattr(n, "name")}
        if item.ask_if
        else set()
        for item in items
    }
    turned: list[Item] = []
    while items:
        here = {item.id for item in items}
        ready = next((item for item in items if not (waits[item.id] - {item.id}) & here), items[0])
        items = [item for item in items if item is not ready]
        turned.append(ready)
    return turned


def way_of(item: Item) -> Way:
    """Where an item stands in a case."""
    return ("partner", item.key) if item.partner else (item.key,)


def _first(question: Question) -> bool:
    """Whether a field is what a record cannot do without: the first one, and its date."""
    of = question.about
    return of is not None and question.item.id in (next(iter(of.fields), ""), of.dated_by)


def _places(item: Item, here: Answer | None) -> list[Way]:
    """The place of each result of an item."""
    way = way_of(item)
    if here is None or here == "":
        return []
    return [(*way, index) for index, part in enumerate(here) if part != ""] if several(item, here) else [way]


def several(item: Item, here: Answer | None) -> bool:
    """Whether a list of results stands there, and not one answer of several choices."""
    return isinstance(here, list) and not (item.kind == "choices" and all(isinstance(p, str) for p in here))


def _known(page: Page, way: Way) -> Answer | None:
    """What is known of an item; a word for why nothing is says as little as nothing, but for pending."""
    here = at(page.data, way)
    return None if here in ("", "unknown", "not done", "not applicable") else here


def _judged_by(rule: Rule, book: Rulebook) -> Iterator[str]:
    """The items and lists that a rule, and the rules it refers to, look at or name as testing them."""
    yield from rule.tested_by
    for condition in (rule.when, rule.suspect_when, rule.today.when if rule.today else None):
        for node in walk(condition) if condition else ():
            yield from (
                _judged_by(book.rules[node.rule], book) if isinstance(node, RuleHolds) else _names(node)
            )


def _looked_at(condition: Condition, book: Rulebook) -> Iterator[str]:
    """The items and lists a condition looks at, those of other rules included."""
    for node in walk(condition):
        if isinstance(node, RuleHolds):
            yield from _looked_at(book.rules[node.rule].when, book)
        else:
            yield from _names(node)


def _names(node: Condition) -> Iterator[str]:
    """The item or list that a node itself looks at."""
    if isinstance(node, Count | Run):
        yield node.of
    elif hasattr(node, "name") and node.name.of is None:
        yield node.name.item


# --- answers ---------------------------------------------------------------------------------------


def read_answer(question: Question, typed: str, today: int) -> str:
    """What was typed, as it is to stand in the file. Raises UnreadableError in the reader's own words."""
    text = " ".join(typed.split())
    if text in MISSING:
        if question.kind in BESIDE:
            raise UnreadableError(
                "missing-word", f"{quoted(text)} is said of the result itself", "leave this open"
            )
        return text
    if question.kind == "date" or (
        question.kind in ("value", "circumstance") and question.item.kind == "date"
    ):
        text = _day(text, today)
        span = dated(text)
        if span.low is not None and span.low > today:
            raise UnreadableError(
                "future", f"{brief(text)} lies in the future (today is {iso(today)})", "check the date"
            )
        return text
    if question.kind == "range":
        parsed = read_quantity(text.replace("−", "-"))
        if parsed is None or parsed.span.is_point:
            hint = f"write both ends, or one with < or >, as in 0–34 {question.item.unit} or <35 {question.item.unit}"
            raise UnreadableError("bad-range", f"{quoted(text)} is not a range", hint)
        return text
    if question.item.kind == "choices":
        read_choices(question.item, [text])
    else:
        read_value(question.item, text)
    return text


def _day(text: str, today: int) -> str:
    """A day said from today, as a date: `today`, `5 weeks ago`. An age of weeks is a span, which must lie in one month."""
    word = text.casefold()
    if word in ("today", "yesterday"):
        return iso(today - (word == "yesterday"))
    found = re.fullmatch(r"(\d{1,4})\s*(days?|d|weeks?|wks?|w)(?:\s+ago)?", word)
    if found is None:
        return text
    number = int(found[1])
    if found[2].startswith("d"):
        return iso(max(1, today - number))
    first, last = iso(max(1, today - number * 7 - 6)), iso(max(1, today - number * 7))
    if first[:7] == last[:7]:
        return first[:7]
    says = f"{brief(text)} lies between {first} and {last}"
    raise UnreadableError("two-months", says, f"write {first[:7]}, or {last[:7]}, or the day")


def placed(page: Page, question: Question, answer: Answer) -> tuple[Way, Answer]:
    """Where an answer goes in the file, and what is written there."""
    way = question.way
    if question.kind in (*BESIDE, "circumstance"):
        here = at(page.data, way[:-1])
        return (way, answer) if isinstance(here, dict) else (way[:-1], {"value": here, way[-1]: answer})
    here = at(page.data, way)
    if question.kind == "more":
        before = at(page.data, way[:-1])
        return (way, answer) if several(question.item, before) else (way[:-1], [before, answer])
    if isinstance(answer, dict):
        return way, answer
    if isinstance(here, dict) and "value" in here:
        return (*way, "value"), answer
    if isinstance(here, list) and here and question.item.kind not in ("records", "choices"):
        return (*way, len(here) - 1) if not isinstance(here[-1], dict) else (
            *way,
            len(here) - 1,
            "value",
        ), answer
    return way, answer


def irrelevant(page: Page, case: Case, evidence: Evidence) -> dict[Way, str]:
    """What stands in the file although it does not apply, with its label."""
    found: dict[Way, str] = {}
    for item in evidence.items.values():
        way = way_of(item)
        here = at(page.data, way)
        if here in (None, ""):
            continue
        if evidence.applicable(item) is FALSE:
            found[way] = item.label
            continue
        for index, record in enumerate(case.lists.get(item.id, ())) if item.kind == "records" else ():
            for field in item.fields.values():
                given = at(here, (index, field.id))
                if given not in (None, "") and evidence.applicable(field, Context(record)) is FALSE:
                    found[(*way, index, field.id)] = f"{field.label} of {item.label} {index + 1}"
    return found


def changes(before: View | None, after: View) -> list[Finding]:
    """The findings newly met, suspected, or met by today's criterion alone; red flags first."""
    found = []
    for name, finding in after.findings.items():
        old = before.findings[name] if before is not None else None
        risen = finding.status in (MET, SUSPECTED) and (old is None or old.status != finding.status)
        if risen or (finding.only_today and not (old is not None and old.only_today)):
            found.append(finding)
    return sorted(found, key=lambda f: f.rule.kind != "red_flag")


# --- words -----------------------------------------------------------------------------------------


def shown_answer(answer: Answer | None, item: Item | None = None) -> str:
    """An answer as a person reads it; of a record what is known, and how much of it is not."""
    if isinstance(answer, dict):
        fields = item.fields if item else {}
        said = [shown_answer(answer["value"], item)] if "value" in answer else []
        unknown = 0
        for key, part in answer.items():
            if key in ("value", "note") or part == "":
                continue
            if not fields:
                said.append(f"{key.replace('_', ' ')} {shown_answer(part)}")
            elif part in MISSING:
                unknown += 1
            else:
                said.append(shown_answer(part, fields.get(key)))
        return ", ".join(said + [f"{unknown} not known"] * bool(unknown)) or "nothing known yet"
    if isinstance(answer, list):
        return "; ".join(shown_answer(part, item) for part in answer) or "none"
    choice: Choice | None = item.choices.get(str(answer)) if item else None
    return choice.label if choice else str(answer)


def hint_of(question: Question) -> str:
    """How an answer may be written: units, range, an example."""
    item = question.item
    if question.kind == "date" or (question.kind != "range" and item.kind == "date"):
        return "2024-01-19, 2024-01 or 2024; also: today, 10 days ago, 5 weeks ago"
    if question.kind == "range":
        return f"as printed beside the result, as in 0–34 {item.unit} or <35 {item.unit}".rstrip()
    if item.kind == "gestation":
        return "as in 8w2d, or 8 weeks, or 8–9 weeks"
    if item.kind == "quantity":
        units = " or ".join(u.text for u in item.units.values() if u.text)
        said = [
            f"in {units}"
            if units and not item.bare
            else f"a number, or with {units}"
            if units
            else "a number"
        ]
        if item.plausible and item.plausible.low is not None and item.plausible.high is not None:
            said.append(
                f"plausible {written(item.plausible.low)}–{written(item.plausible.high)} {item.unit}".rstrip()
            )
        return "; ".join(said)
    return ""


def help_of(
    question: Question, questionnaire: Questionnaire, statements: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """What the item is, how it may be written, when it is measured, what it is there for."""
    item, of = question.item, question.about
    lines = [f"{item.label}: {item.help}" if item.help else f"{item.label}: {item.question or item.label}"]
    if hint := hint_of(question):
        lines.append(f"Write it {hint}.")
    for name, choice in item.choices.items():
        if choice.inconclusive:
            lines.append(f"{choice.label or name}: decides nothing, to be repeated.")
    if item.usual:
        lines.append(f"Usual: {span_text(item.usual, item.kind)} {item.unit}".rstrip())
    wanted = f"{of.id}.{item.id}" if of is not None and item.of else item.id
    for investigation in questionnaire.book.investigations.values():
        if wanted in investigation.yields or (of is None and item.id in investigation.yields):
            timing = f" {investigation.timing}." if investigation.timing else ""
            lines.append(f"By: {investigation.label} ({investigation.occasion}).{timing}")
    for name in item.serves or (of.serves if of else ()):
        says = str(statements.get(name, {}).get("says", ""))
        lines.append(f"{name}: {says}" if says else name)
    return lines


def problems_in(error: NeedsFixing) -> list[Problem]:
    """What stops a case, remarks aside."""
    return [p for p in error.problems if not p.remark]
