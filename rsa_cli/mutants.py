"""A rulebook broken on purpose, in every way that one of its examples must notice.

A *mutant* is the rulebook with one thing changed: a comparison that is always true, a limit one step
further, a part left out. Where no example comes out differently, nothing pins that thing down.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from rsa_cli import nodes
from rsa_cli.assess import came_to, read_example
from rsa_cli.case import Case
from rsa_cli.dictionary import Choice, Item, Level, Reference, names_in, read_limits
from rsa_cli.engines.reference import Engine
from rsa_cli.entries import Entries, Entry
from rsa_cli.evidence import SIGNS, Evidence
from rsa_cli.kleene import TRUE
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
    parts_of,
    walk,
)
from rsa_cli.problems import NeedsFixing, Place
from rsa_cli.rulebook import Check, Example, Rule, Rulebook
from rsa_cli.units import Number
from rsa_cli.values import Span, gestation_text, iso, point, span_text

Look = Callable[[Name], Item]
Formula = tuple[typing.Any, ...]
Change = Callable[[Rulebook], Rulebook]

_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_EDGE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_OPPOSITE = {"high": "low", "low": "high", "positive": "negative", "negative": "positive"}
_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


class Mutant(Light):
    """One thing broken in one entry; `name` says which, and `accepts` names it so.

    `of` is what the change is in: a rule, a check, an item or a circumstance. With `rereads`, the
    cases of the examples are read anew by the changed dictionary.
    """

    name: str
    place: Place
    entry: Entry
    of: Of
    change: Change
    rereads: bool = False


class Of(NamedTuple):
    """Something of a rulebook that expectations may rest on: `rule`, `check`, `item` or `circumstance`."""

    kind: str
    id: str


class Unread(NamedTuple):
    """A number that no condition reads, so that to change it means the same."""

    name: str
    place: Place


# --- limits --------------------------------------------------------------------------------------

_BOTH = re.compile(r"(.+?)\s*\((.+)\)\Z")


class Piece(NamedTuple):
    """A limit as written in one unit: its ends, and with how many decimals each is written."""

    unit: str
    low: Number
    high: Number
    decimals: tuple[int, int]
    kind: str
    text: str

    def moved(self, low: int, high: int) -> Piece:
        """The limit with each end so many steps further; its text says so.

        A step is one unit of the last digit written; of a gestation or a date, a day.
        """
        first, last = (Fraction(1, 10**n) for n in self.decimals)
        moved = self._replace(low=self.low + low * first, high=self.high + high * last)
        ends = zip(dict.fromkeys((moved.low, moved.high)), self.decimals, strict=False)
        return moved._replace(text=f"{'–'.join(self._one(*end) for end in ends)} {self.unit}".strip())

    def _one(self, end: Number, decimals: int) -> str:
        if self.kind == "date":
            return iso(end)
        return gestation_text(end) if self.kind == "gestation" else f"{float(end):.{decimals}f}"


def pieces(item: Item, text: str) -> tuple[Piece, ...]:
    """A limit as it is written, once for each unit: `7.0 mmol/L (126 mg/dL)` has two pieces."""
    both = _BOTH.match(text)
    found = []
    for part in both.groups() if both else (text,):
        [(unit, span)] = read_limits(item, part).items()
        assert span.low is not None
        assert span.high is not None
        first, *more = [len(n) for n in re.findall(r"\d+\.?(\d*)", part)]
        decimals = (first, first if span.is_point else more[0])
        if item.kind in ("gestation", "date"):
            decimals = (0, 0)
        found.append(Piece(unit, span.low, span.high, decimals, item.kind, part))
    return tuple(found)


def limit_text(leaf: Compare) -> str:
    """What stands behind the sign of a comparison."""
    return re.split(r"[<>≤≥]=?", leaf.text, maxsplit=1)[1].strip()


def limits_of(limit: Iterable[Piece]) -> dict[str, Span]:
    """The limit as a comparison holds it, by unit."""
    return {piece.unit: Span(piece.low, piece.high) for piece in limit}


def written(limit: tuple[Piece, ...]) -> str:
    """The limit as a person writes it, the second unit in brackets."""
    return limit[0].text + "".join(f" ({piece.text})" for piece in limit[1:])


def moves(limit: tuple[Piece, ...]) -> Iterator[tuple[Piece, ...]]:
    """The limit one step down and up; of one between two numbers, each of them."""
    ends = ((1, 1),) if all(piece.low == piece.high for piece in limit) else ((1, 0), (0, 1))
    for low, high in ends:
        for by in (-1, 1):
            moved = tuple(piece.moved(by * low, by * high) for piece in limit)
            if all(piece.low <= piece.high for piece in moved):
                yield moved


# --- conditions ----------------------------------------------------------------------------------


class Broken(NamedTuple):
    """A condition with one thing changed, in words, and where that thing stands."""

    words: str
    place: Place
    condition: Condition


def broken(tree: Condition, look: Look, flags: dict[int, str] | None = None) -> Iterator[Broken]:
    """Every way to break a condition.

    `flags` names the conditions of derived flags by identity: they are broken where they are
    declared, and here only forced to be true or false.
    """
    flags = {k: v for k, v in (flags or {}).items() if k != id(tree)}
    for node, place, sampled in _within(tree, flags, tree.place, False):
        if id(node) in flags:
            changed = _forced(f"{flags[id(node)]} is yes", place)
        elif sampled and isinstance(node, LEAVES):
            changed = _sampled(node, look)
        else:
            changed = _changed(node, look)
        for words, new in changed:
            yield Broken(words, place, swapped(tree, node, new))


def _within(
    node: Condition, flags: dict[int, str], place: Place, sampled: bool
) -> Iterator[tuple[Condition, Place, bool]]:
    """The nodes of a condition with their places, and whether each is what a *repeated* asks of its samples."""
    if id(node) in flags:
        yield node, place, sampled  # it stands in the dictionary: here it is only named
        return
    yield node, node.place, sampled
    if not _none_of(node):
        for part in parts_of(node):
            yield from _within(part, flags, node.place, isinstance(node, Repeated))


def swapped(tree: Condition, old: Condition, new: Condition) -> Condition:
    """The condition with another one in place of one of its parts, wherever that very part stands."""
    if tree is old:
        return new
    match tree:
        case All(parts=parts) | Any(parts=parts) | Some(parts=parts):
            return tree._replace(parts=tuple(swapped(part, old, new) for part in parts))
        case Not(part=part) | NotKnown(part=part):
            return tree._replace(part=swapped(part, old, new))
        case Points():
            return tree._replace(parts=tuple(_swapped_part(part, old, new) for part in tree.parts))
        case Count():
            return tree._replace(where=swapped(tree.where, old, new))
        case Run():
            skip = tree.skip and swapped(tree.skip, old, new)
            return tree._replace(where=swapped(tree.where, old, new), skip=skip)
        case Repeated():
            where = swapped(tree.where, old, new)
            return tree if where is tree.where else _resampled(tree._replace(where=where))
        case _:
            return tree


def _swapped_part(part: Weighted | Highest, old: Condition, new: Condition) -> Weighted | Highest:
    if isinstance(part, Weighted):
        return part._replace(when=swapped(part.when, old, new))
    return part._replace(parts=tuple(w._replace(when=swapped(w.when, old, new)) for w in part.parts))


def _resampled(node: Repeated) -> Repeated:
    """The node with words of its own: an engine knows again by its words what it has judged."""
    return node._replace(text=f"{node.where.text}, {node.times} times, {node.apart} days apart")


def _forced(text: str, place: Place) -> Iterator[tuple[str, Condition]]:
    """A condition that is always true, and one that always is false."""
    yield f"{text} → true", All((), place)
    yield f"{text} → false", Any((), place)


def _changed(node: Condition, look: Look) -> Iterator[tuple[str, Condition]]:
    """A node changed in one way after another; what is below it is changed elsewhere."""
    match node:
        case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel():
            yield from _forced(worded(node), node.place)
            for leaf in _leaves(node, look(node.name)):
                yield f"{worded(node)} → {leaf.text}", leaf
            if isinstance(node, Includes | IsLevel) or (
                isinstance(node, IsFlagged) and node.word == "normal"
            ):
                yield f"{worded(node)} → not", Not(node, node.place)
        case IsKnown() | RuleHolds():
            yield from _forced(worded(node), node.place)
            yield f"{worded(node)} → not", Not(node, node.place)
        case Undecidable():
            return
        case All() | Any():
            yield from _changed_list(node)
        case Not():
            yield "not → without not", node.part
        case NotKnown():
            yield "not_known → not", Not(node.part, node.place)
            yield "not_known → without not_known", node.part
        case Some():
            for least in (node.at_least - 1, node.at_least + 1):
                yield f"some, at_least {node.at_least} → {least}", node._replace(at_least=least)
            for part, rest in _without_one(node.parts):
                yield f"some, without {said(part)}", node._replace(parts=rest)
        case Points():
            yield from _changed_points(node)
        case Count():
            about = f"count of {node.of}"
            for least in (node.at_least - 1, node.at_least + 1):
                yield f"{about}, at_least {node.at_least} → {least}", node._replace(at_least=least)
            for out_of in (node.out_of - 1, node.out_of + 1) if node.out_of else ():
                if out_of >= node.at_least:
                    yield f"{about}, out_of {node.out_of} → {out_of}", node._replace(out_of=out_of)
        case Run():
            about = f"run of {node.of}"
            for least in (node.at_least - 1, node.at_least + 1):
                yield f"{about}, at_least {node.at_least} → {least}", node._replace(at_least=least)
            if node.skip is not None and not isinstance(node.skip, LEAVES):
                yield f"{about}, without skip", node._replace(skip=None)
        case Repeated():
            about = f"repeated {node.where.text}"
            for times in (node.times - 1, node.times + 1):
                if times:
                    yield f"{about}, times {node.times} → {times}", _resampled(node._replace(times=times))
            for apart in (node.apart - 1, node.apart + 1):
                if apart:
                    yield (
                        f"{about}, {node.apart} days apart → {apart}",
                        _resampled(node._replace(apart=apart)),
                    )


def _changed_list(node: All | Any) -> Iterator[tuple[str, Condition]]:
    one, other = ("all", "any") if isinstance(node, All) else ("any", "all")
    if _none_of(node):  # written as one thing: the rules it stands for are not named one by one
        yield from _forced("none_of", node.place)
    if len(node.parts) < 2:
        return
    turned = (Any if isinstance(node, All) else All)(node.parts, node.place)
    yield ("none_of → any not met" if _none_of(node) else f"{one} → {other}"), turned
    if not _none_of(node):
        for part, rest in _without_one(node.parts):
            yield f"{one}, without {said(part)}", node._replace(parts=rest)


def _without_one(parts: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple[Condition, ...]]]:
    """The parts with one left out, unless it is a comparison: to force that one means the same."""
    for number, part in enumerate(parts):
        if not isinstance(part, (*LEAVES, IsKnown, RuleHolds)):
            yield part, parts[:number] + parts[number + 1 :]


def _none_of(node: Condition) -> bool:
    """Whether a condition was written as *none of* a kind of rule."""
    return isinstance(node, All) and any(
        isinstance(part, Not) and isinstance(part.part, RuleHolds) and part.part.bars for part in node.parts
    )


def _changed_points(node: Points) -> Iterator[tuple[str, Condition]]:
    for least in (node.at_least - 1, node.at_least + 1):
        yield f"points, at_least {node.at_least} → {least}", node._replace(at_least=least)
    for number, part in enumerate(node.parts):

        def put(*new: Weighted | Highest, at: int = number) -> Points:
            return node._replace(parts=(*node.parts[:at], *new, *node.parts[at + 1 :]))

        weighted = part.parts if isinstance(part, Highest) else (part,)
        if len(node.parts) > 1:
            about = (
                said(part.when) if isinstance(part, Weighted) else f"highest of {said(part.parts[0].when)}"
            )
            yield f"points, without {about}", put()
        for index, one in enumerate(weighted):
            for points in (one.points - 1, one.points + 1):
                changed: Weighted | Highest = one._replace(points=points)
                if isinstance(part, Highest):
                    kept = (*part.parts[:index], one._replace(points=points), *part.parts[index + 1 :])
                    changed = part._replace(parts=kept)
                yield f"{one.points} points for {said(one.when)} → {points}", put(changed)
            if isinstance(part, Highest) and len(part.parts) > 1:
                rest = part._replace(parts=part.parts[:index] + part.parts[index + 1 :])
                yield f"highest, without {said(one.when)}", put(rest)


def said(node: Condition) -> str:
    """A condition in a few words, as the name of a mutant has them."""
    match node:
        case Count() | Run():
            return f"{type(node).__name__.lower()} of {node.of}"
        case Repeated():
            return f"repeated {node.where.text}"
        case All() | Any() | Some() | Points():
            return type(node).__name__.lower()
        case Not(part=part):
            return f"not {said(part)}"
        case NotKnown(part=part):
            return f"not_known {said(part)}"
        case _:
            return worded(node)


def worded(leaf: nodes.Leaf | IsKnown | RuleHolds | Undecidable) -> str:
    """A comparison as it is written, without the *not* that a reader takes out of it."""
    match leaf:
        case Includes() | IsFlagged() | IsLevel() | IsKnown() | RuleHolds():
            return leaf.text.replace(" is not ", " is ", 1)
        case _:
            return leaf.text


def _sampled(leaf: nodes.Leaf, look: Look) -> Iterator[tuple[str, Condition]]:
    """A comparison of samples, changed; it stays a comparison, since each sample is asked on its own."""
    item = look(leaf.name)
    for truth in ("true", "false"):
        yield f"{worded(leaf)} → {truth}", _constant(leaf, item, truth)
    for changed in _leaves(leaf, item):
        yield f"{worded(leaf)} → {changed.text}", changed


def _constant(leaf: nodes.Leaf, item: Item, truth: str) -> nodes.Leaf:
    """A comparison that every value of an item satisfies, or none."""
    text = f"{leaf.text} → {truth}"
    if item.choices:
        every = frozenset(item.choices) | {c for choice in item.choices.values() for c in choice.covers}
        return IsOneOf(leaf.name, every, truth == "false", text, leaf.over, leaf.place)
    limits = dict.fromkeys([unit.text for unit in item.units.values()] or [""], point(-(10**9)))
    return Compare(leaf.name, ">" if truth == "true" else "<", limits, text, leaf.over, leaf.place)


def _leaves(leaf: nodes.Leaf, item: Item) -> Iterator[nodes.Leaf]:
    """A comparison with another limit, sign, choice or word, or over other results."""
    before = "" if leaf.over == "latest" else f"{leaf.over} "
    name = leaf.name.item
    match leaf:
        case Compare():
            limit = pieces(item, limit_text(leaf))
            for sign in (_TURNED[leaf.sign], _EDGE[leaf.sign]):
                yield leaf._replace(sign=sign, text=f"{before}{name} {sign} {written(limit)}")
            for moved in moves(limit):
                text = f"{before}{name} {leaf.sign} {written(moved)}"
                yield leaf._replace(limits=limits_of(moved), text=text)
        case IsOneOf():
            named = [choice for choice in item.choices if choice in leaf.choices]
            named += sorted(leaf.choices - set(named))
            word = "is not" if leaf.negated else "is"
            other = "is" if leaf.negated else "is not"
            yield leaf._replace(negated=not leaf.negated, text=f"{before}{name} {other} {' or '.join(named)}")
            for left_out in named if len(named) > 1 else ():
                rest = [choice for choice in named if choice != left_out]
                text = f"{before}{name} {word} {' or '.join(rest)}"
                yield leaf._replace(choices=frozenset(rest), text=text)
        case IsFlagged():
            if leaf.word in _OPPOSITE:
                opposite = _OPPOSITE[leaf.word]
                yield leaf._replace(word=opposite, text=f"{before}{name} is {opposite}")
        case IsLevel():
            levels = [level.name for level in item.levels]
            at = levels.index(leaf.level)
            for level in levels[max(0, at - 1) : at] + levels[at + 1 : at + 2]:
                yield leaf._replace(level=level, text=f"{before}{name} is at least {level}")
        case Includes():
            pass
    if leaf.over in ("ever", "always"):
        over: nodes.Over = "always" if leaf.over == "ever" else "ever"
        yield leaf._replace(over=over, text=f"{over} {worded(leaf).split(' ', 1)[1]}")


# --- entries -------------------------------------------------------------------------------------


class Breaker:
    """Breaks a rulebook, read whole, in every way. `unread` gathers numbers that no condition reads."""

    def __init__(self, rulebook: Rulebook, entries: Entries) -> None:
        self.rulebook = rulebook
        self.entries = entries
        self.unread: list[Unread] = []
        lists = [item for item in rulebook.items.values() if item.fields]
        every = [*rulebook.items.values(), *(field for parent in lists for field in parent.fields.values())]
        self.flags = {id(item.when): item.id for item in every if item.when is not None}
        self.asked = set(self._asked())

    def mutants(self) -> Iterator[Mutant]:
        """Every mutant of the rulebook, entry by entry."""
        for rule in self.rulebook.rules.values():
            yield from _numbered(self._rule(rule))
        for check in self.rulebook.checks:
            yield from _numbered(self._check(check))
        for section, items in (
            ("items", self.rulebook.items),
            ("circumstances", self.rulebook.circumstances),
        ):
            for item in items.values():
                yield from _numbered(self._item(section, item))
                for field in item.fields.values():
                    yield from _numbered(self._item(section, field, item))

    # --- rules and checks

    def _rule(self, rule: Rule) -> Iterator[Mutant]:
        entry, of = self.entries.of("rules", rule.id), Of("rule", rule.id)
        today = rule.today.when if rule.today else None
        for key, tree in (("when", rule.when), ("suspect_when", rule.suspect_when), ("today", today)):
            for found in broken(tree, self.look, self.flags) if tree is not None else ():

                def change(book: Rulebook, key: str = key, new: Condition = found.condition) -> Rulebook:
                    changed = rule._replace(**{key: new})
                    if key == "today" and rule.today is not None:
                        changed = rule._replace(today=rule.today._replace(when=new))
                    return book._replace(rules={**book.rules, rule.id: changed})

                yield Mutant(f"{key}, {found.words}", found.place, entry, of, change)

    def _check(self, check: Check) -> Iterator[Mutant]:
        entry, of = self.entries.of("checks", check.id), Of("check", check.id)
        key = "remark_if" if check.remark else "problem_if"
        for found in broken(check.when, self.look, self.flags):

            def change(book: Rulebook, new: Condition = found.condition) -> Rulebook:
                changed = check._replace(when=new)
                return book._replace(checks=tuple(changed if c is check else c for c in book.checks))

            yield Mutant(f"{key}, {found.words}", found.place, entry, of, change)

    def look(self, name: Name) -> Item:
        """The item, field or circumstance that a comparison is about."""
        if name.of == "circumstance":
            return self.rulebook.circumstances[name.item]
        return self.rulebook.items[name.of].fields[name.item] if name.of else self.rulebook.items[name.item]

    # --- the dictionary

    def _item(self, section: str, item: Item, parent: Item | None = None) -> Iterator[Mutant]:
        entry = self.entries.of(section, f"{parent.id}.{item.id}" if parent else item.id)
        of = Of(section.rstrip("s"), parent.id if parent else item.id)
        for name, place, changed in self._changed_item(item, entry):

            def change(book: Rulebook, new: Item = changed) -> Rulebook:
                whole = new if parent is None else parent._replace(fields={**parent.fields, item.id: new})
                if section == "circumstances":
                    return book._replace(circumstances={**book.circumstances, of.id: whole})
                book = book._replace(items={**book.items, of.id: whole})
                if new.when is item.when or new.when is None or item.when is None:
                    return book
                return _reflagged(book, item.when, new.when)

            rereads = changed.choices is not item.choices or changed.words is not item.words
            yield Mutant(name, place, entry, of, change, rereads)

    def _changed_item(self, item: Item, entry: Entry) -> Iterator[tuple[str, Place, Item]]:
        def look(name: Name) -> Item:
            return item if name == Name("value", "circumstance") else self.look(name)

        for key in ("ask_if", "when"):
            tree = getattr(item, key)
            for found in broken(tree, look, self.flags) if tree is not None else ():
                yield f"{key}, {found.words}", found.place, item._replace(**{key: found.condition})
        for key in ("set_aside_if", "counts_only_if"):
            for words, place, conditions in _one_of(getattr(item, key), look):
                yield f"{key}, {words}", place, item._replace(**{key: conditions})
        if item.stale_after is not None:
            for days in (item.stale_after - 1, item.stale_after + 1):
                words = f"stale_after, {item.stale_after} days → {days}"
                yield words, entry.place("stale_after"), item._replace(stale_after=days)
        yield from self._changed_references(item, entry)
        yield from self._changed_levels(item, entry)
        if item.formula is not None:
            for words, formula in reformed(item.formula):
                yield f"formula, {words}", entry.place("formula"), item._replace(formula=formula)
        for key in ("same_sample", "lasting"):
            for name, rest in _each_left_out(getattr(item, key)):
                yield f"{key}, without {name}", entry.place(key), item._replace(**{key: rest})
        if item.words:
            yield "words, left out", entry.place("words"), item._replace(words=False)
        if item.worked_out is not None:
            how, names = item.worked_out
            yield "worked_out, left out", entry.place("worked_out"), item._replace(worked_out=None)
            for name, rest in _each_left_out(names) if len(names) > 1 else ():
                changed = item._replace(worked_out=(how, rest))
                yield f"worked_out, without {name}", entry.place("worked_out"), changed
        if item.now:
            yield "now, left out", entry.place("now"), item._replace(now="")
        yield from _changed_choices(item, entry)

    def _changed_references(self, item: Item, entry: Entry) -> Iterator[tuple[str, Place, Item]]:
        for number, reference in enumerate(item.references):

            def put(*new: Reference, at: int = number) -> Item:
                return item._replace(references=(*item.references[:at], *new, *item.references[at + 1 :]))

            ends = [end for end in ("low", "high") if getattr(reference, end) is not None]
            for end in ends:
                text, place = entry.text("reference", number, end), entry.place("reference", number, end)
                about = f"reference, {end} {text}"
                if not self.asked & {(entry.name, word) for word in _READ_BY[end]}:
                    self.unread.append(Unread(f"{entry.name}, {about}", place))
                    continue
                for moved in moves(pieces(item, text)):
                    changed = reference._replace(**{end: limits_of(moved)})
                    yield f"{about} → {written(moved)}", place, put(changed)
                if len(ends) > 1 or len(item.references) > 1:
                    yield f"{about}, left out", place, put(reference._replace(**{end: None}))
            if not self.asked & {(entry.name, word) for word in _OPPOSITE | {"normal": ""}}:
                continue
            for words, place, conditions in _one_of(reference.when, self.look):
                yield f"reference, when {words}", place, put(reference._replace(when=conditions))
            if not ends:
                yield "reference, left out", entry.place("reference", number), put()

    def _changed_levels(self, item: Item, entry: Entry) -> Iterator[tuple[str, Place, Item]]:
        for number, level in enumerate(item.levels):

            def put(new: Level, at: int = number) -> Item:
                return item._replace(levels=(*item.levels[:at], new, *item.levels[at + 1 :]))

            for key, held, other in (("from", "begins", level.above), ("above", "above", level.begins)):
                if getattr(level, held) is None:
                    continue
                text, place = entry.text("levels", level.name, key), entry.place("levels", level.name, key)
                about = f"levels, {level.name} {key} {text}"
                if (entry.name, f"at least {level.name}") not in self.asked:
                    self.unread.append(Unread(f"{entry.name}, {about}", place))
                    continue
                for moved in moves(pieces(item, text)):
                    yield (
                        f"{about} → {written(moved)}",
                        place,
                        put(level._replace(**{held: limits_of(moved)})),
                    )
                if other is not None:
                    yield f"{about}, left out", place, put(level._replace(**{held: None}))

    def _asked(self) -> Iterator[tuple[str, str]]:
        """Every word and level asked of an item, by a condition or as a sign of pregnancy, by the name of its entry."""
        for name, said in SIGNS.items():
            yield name, f"at least {said}"
        for condition in conditions_of(self.rulebook):
            for node in walk(condition):
                if isinstance(node, IsFlagged):
                    yield str(node.name), node.word
                elif isinstance(node, IsLevel):
                    yield str(node.name), f"at least {node.level}"


# The words of a comparison that read an end of a reference range.
_READ_BY = {"low": ("low", "normal"), "high": ("high", "normal", "positive", "negative")}


def conditions_of(rulebook: Rulebook) -> Iterator[Condition]:
    """Every condition that an example can notice: of rules, checks and the dictionary."""
    for rule in rulebook.rules.values():
        today = rule.today.when if rule.today else None
        yield from (c for c in (rule.when, rule.suspect_when, today) if c is not None)
    yield from (check.when for check in rulebook.checks)
    whole = [*rulebook.items.values(), *rulebook.circumstances.values()]
    for item in [*whole, *(field for parent in whole for field in parent.fields.values())]:
        yield from (c for c in (item.ask_if, item.when) if c is not None)
        yield from (*item.set_aside_if, *item.counts_only_if)
        yield from (c for reference in item.references for c in reference.when)


def _numbered(mutants: Iterator[Mutant]) -> Iterator[Mutant]:
    """The mutants of an entry, those of one name told apart by a number behind it."""
    times: dict[str, int] = {}
    for mutant in mutants:
        times[mutant.name] = times.get(mutant.name, 0) + 1
        number = times[mutant.name]
        yield mutant if number == 1 else mutant._replace(name=f"{mutant.name} ({number})")


def _one_of(
    conditions: tuple[Condition, ...], look: Look
) -> Iterator[tuple[str, Place, tuple[Condition, ...]]]:
    """Several conditions with one of them changed, or one of several parts left out."""
    for number, condition in enumerate(conditions):
        before, after = conditions[:number], conditions[number + 1 :]
        for found in broken(condition, look):
            yield found.words, found.place, (*before, found.condition, *after)
        if not isinstance(condition, (*LEAVES, IsKnown)):
            yield f"without {said(condition)}", condition.place, before + after


def _each_left_out(names: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, name in enumerate(names):
        yield name, names[:number] + names[number + 1 :]


def _reflagged(book: Rulebook, old: Condition, new: Condition) -> Rulebook:
    """The rulebook with the condition of a derived flag changed wherever a rule or a check names the flag."""

    def swap(tree: Condition | None) -> Condition | None:
        return None if tree is None else swapped(tree, old, new)

    rules = {
        rule.id: rule._replace(
            when=swapped(rule.when, old, new),
            suspect_when=swap(rule.suspect_when),
            today=rule.today and rule.today._replace(when=swap(rule.today.when)),
        )
        for rule in book.rules.values()
    }
    checks = tuple(check._replace(when=swapped(check.when, old, new)) for check in book.checks)
    return book._replace(rules=rules, checks=checks)


def _changed_choices(item: Item, entry: Entry) -> Iterator[tuple[str, Place, Item]]:
    """A choice that is not inconclusive or covers one less; the bound it implies, moved by a day and left out."""
    for name, choice in item.choices.items():

        def put(new: Choice, at: str = name) -> Item:
            return item._replace(choices={**item.choices, at: new})

        if choice.inconclusive:
            about, place = (
                f"choices, {name} inconclusive, left out",
                entry.place("choices", name, "inconclusive"),
            )
            yield about, place, put(choice._replace(inconclusive=False))
        for covered, rest in _each_left_out(choice.covers):
            about, place = (
                f"choices, {name} covers, without {covered}",
                entry.place("choices", name, "covers"),
            )
            yield about, place, put(choice._replace(covers=rest))
        if choice.implies is None:
            continue
        field, span = choice.implies
        place = entry.place("choices", name, "implies")
        about = f"choices, {name} implies {field} {span_text(span, 'gestation')}"
        for end in ("low", "high"):
            days = getattr(span, end)
            for moved in (days - 1, days + 1) if days else ():  # 0 was not written
                bound = span._replace(**{end: moved})
                words = f"{about} → {span_text(bound, 'gestation')}"
                yield words, place, put(choice._replace(implies=(field, bound)))
        yield f"{about}, left out", place, put(choice._replace(implies=None))


# --- formulas ------------------------------------------------------------------------------------


def reformed(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """A formula with a number one step further, another sign, or a part left out."""
    match formula:
        case ("name", *_):
            return
        case ("number", value):
            step = Fraction(1, 10 ** _decimals(value))
            for other in (value - step, value + step):
                yield f"{formula_text(formula)} → {formula_text(('number', other))}", ("number", other)
        case ("previous", inner):
            yield f"{formula_text(formula)} → {formula_text(inner)}", inner
            yield from ((words, ("previous", new)) for words, new in reformed(inner))
        case ("days_between", one, two):
            turned = ("days_between", two, one)
            yield f"{formula_text(formula)} → {formula_text(turned)}", turned
            yield from _reformed_parts(formula)
        case (sign, one, two):
            other = _INVERSE[sign]
            yield f"{formula_text(formula)} → {formula_text((other, one, two))}", (other, one, two)
            for part in (one, two):
                yield f"{formula_text(formula)} → {formula_text(part)}", part
            yield from _reformed_parts(formula)
        case _:
            raise TypeError(f"no formula: {formula!r}")


def _reformed_parts(formula: Formula) -> Iterator[tuple[str, Formula]]:
    sign, one, two = formula
    yield from ((words, (sign, new, two)) for words, new in reformed(one))
    yield from ((words, (sign, one, new)) for words, new in reformed(two))


def formula_text(formula: Formula) -> str:
    """A formula as it is written, without the units of its names."""
    match formula:
        case ("number", value):
            return f"{float(value):.{_decimals(value)}f}"
        case ("name", name, _):
            return str(name)
        case ("previous", inner):
            return f"previous({formula_text(inner)})"
        case ("days_between", one, two):
            return f"days_between({formula_text(one)}, {formula_text(two)})"
        case (sign, one, two):
            return f"({formula_text(one)} {sign} {formula_text(two)})"
        case _:
            raise TypeError(f"no formula: {formula!r}")


def _decimals(value: Number) -> int:
    return next(n for n in range(12) if (value * 10**n).denominator == 1)


# --- examples ------------------------------------------------------------------------------------


class _Trial:
    """An example with its case, and what of it comes out as it says."""

    def __init__(self, rulebook: Rulebook, example: Example) -> None:
        self.example = example
        self.case, self.day = read_example(rulebook, example)
        self.evidence = Evidence(self.case, rulebook, self.day)
        self.engine = engine = Engine(rulebook, self.evidence, timing=False)
        found = {name: came_to(engine, name, wanted) for name, wanted in example.expect.items()}
        self.wrong = {name: came for name, came in found.items() if came != example.expect[name]}
        self.right = {name: came for name, came in found.items() if name not in self.wrong}


class Trials:
    """All examples of a rulebook, to find one that notices a mutant."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.trials = [_Trial(rulebook, example) for example in rulebook.examples]
        self._rests_on = _rests_on(rulebook)
        self._about: dict[Of, list[tuple[_Trial, tuple[str, ...]]]] = {}

    def wrong(self) -> Iterator[tuple[Example, str, str]]:
        """Each expectation that does not hold: of which example, of what, and what it came to."""
        for trial in self.trials:
            yield from ((trial.example, name, came) for name, came in trial.wrong.items())

    def met_without(self, one: str, two: str) -> bool:
        """Whether an example shows the one rule met and the other one not."""
        for trial in self.trials:
            if trial.right.get(one) == "met" and trial.engine.rule(two).when.truth is not TRUE:
                return True
        return False

    def notice(self, mutant: Mutant) -> bool:
        """Whether an example comes out differently."""
        about = self._of(mutant.of)
        book = mutant.change(self.rulebook)
        for number, (trial, names) in enumerate(about):
            if self._differs(trial, names, book, mutant):
                about.insert(0, about.pop(number))  # what noticed once is asked first the next time
                return True
        return False

    def _differs(self, trial: _Trial, names: tuple[str, ...], book: Rulebook, mutant: Mutant) -> bool:
        evidence = trial.evidence
        if mutant.of.kind in ("item", "circumstance"):
            case: Case = trial.case
            if mutant.rereads:
                try:
                    case, _ = read_example(book, trial.example)
                except NeedsFixing:  # what it says contradicts the changed dictionary
                    return True
            evidence = Evidence(case, book, trial.day)
        engine = Engine(book, evidence, timing=False)
        return any(came_to(engine, name, trial.right[name]) != trial.right[name] for name in names)

    def _of(self, of: Of) -> list[tuple[_Trial, tuple[str, ...]]]:
        """The examples that expect something of what rests on it, and those expectations."""
        found = self._about.get(of)
        if found is None:
            named = {name for name, on in self._rests_on.items() if of in on}
            found = [(t, tuple(n for n in t.right if _expected_of(n) in named)) for t in self.trials]
            found = self._about[of] = [(trial, names) for trial, names in found if names]
        return found


def _expected_of(name: str) -> str:
    """What an expectation is about: a rule for today's criterion of it, a list for a field of it."""
    return name.partition(".")[0]


def _rests_on(rulebook: Rulebook) -> dict[str, frozenset[Of]]:
    """For everything that may be expected of, all that it rests on, itself included."""
    leads: dict[Of, set[Of]] = {}
    for rule in rulebook.rules.values():
        today = rule.today.when if rule.today else None
        conditions = [c for c in (rule.when, rule.suspect_when, today) if c is not None]
        tested = {Of("item", name.partition(".")[0]) for name in rule.tested_by}
        leads[Of("rule", rule.id)] = tested | _looked_at(conditions)
    for check in rulebook.checks:
        leads[Of("check", check.id)] = _looked_at([check.when]) | (
            {Of("item", check.of)} if check.of else set()
        )
    for kind, items in (("item", rulebook.items), ("circumstance", rulebook.circumstances)):
        for item in items.values():
            inner = [item, *item.fields.values()]
            leads[Of(kind, item.id)] = {found for one in inner for found in _leads_of(one, rulebook)}
    found: dict[str, frozenset[Of]] = {}
    for of in leads:
        if of.kind != "circumstance":
            reached, ahead = {of}, [of]
            while ahead:
                more = leads.get(ahead.pop(), set()) - reached
                reached |= more
                ahead += more
            found[of.id] = found.get(of.id, frozenset()) | reached
    return found


def _leads_of(item: Item, rulebook: Rulebook) -> Iterator[Of]:
    conditions = [c for c in (item.ask_if, item.when) if c is not None]
    conditions += [*item.set_aside_if, *item.counts_only_if]
    conditions += [c for reference in item.references for c in reference.when]
    yield from _looked_at(conditions)
    yield from (
        (Of("item", name) for name, _ in names_in(item.formula) if item.formula) if item.formula else ()
    )
    how, names = item.worked_out or ("", ())
    if item.now:
        yield Of("item", item.now)
    yield from (
        Of("item", name)
        for name in (names if how == "later" else ("pregnancies", "medications", *SIGNS))
        if how
    )


def _looked_at(conditions: Iterable[Condition]) -> set[Of]:
    found = set()
    for condition in conditions:
        for node in walk(condition):
            match node:
                case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
                    kind = "circumstance" if node.name.of == "circumstance" else "item"
                    found.add(
                        Of(kind, node.name.item if kind == "circumstance" else node.name.of or node.name.item)
                    )
                case RuleHolds(rule=rule):
                    found.add(Of("rule", rule))
                case Count() | Run():
                    found.add(Of("item", node.of))
                case _:
                    pass
    return found
