"""The rule language as values: one class a form, each with the place it was written at.

Two nodes are the same only when they are the same object. Nothing changes a node once it is read.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rsa_cli.light import Light
from rsa_cli.problems import Place
from rsa_cli.values import Span

Over = Literal["latest", "ever", "always"]


UNPLACED = Place("")  # of a condition that was kept: nothing reports where it stands


class Name(NamedTuple):
    """What a comparison is about: an item, or a field of the records of the list `of`."""

    item: str
    of: str | None = None

    def __str__(self) -> str:
        return f"{self.of}.{self.item}" if self.of else self.item


class Compare(Light):
    """`tsh > 4.0–4.5 mIU/L`: the limit by unit, one or both of the item's units in common use."""

    name: Name
    sign: str
    limits: dict[str, Span]
    text: str
    over: Over
    place: Place = UNPLACED


class IsOneOf(Light):
    """`outcome is miscarriage or stillbirth`, or with `negated` that it is none of them."""

    name: Name
    choices: frozenset[str]
    negated: bool
    text: str
    over: Over
    place: Place = UNPLACED


class Includes(Light):
    """`autoimmune_disease includes lupus`."""

    name: Name
    choice: str
    text: str
    over: Over
    place: Place = UNPLACED


class IsFlagged(Light):
    """`tpo_antibodies is high`: by the laboratory's flag or range, else the reference range."""

    name: Name
    word: str
    text: str
    over: Over
    place: Place = UNPLACED


class IsLevel(Light):
    """`anticardiolipin_igg is at least moderate`."""

    name: Name
    level: str
    text: str
    over: Over
    place: Place = UNPLACED


class IsKnown(Light):
    """`gestation is known`: there is a usable result."""

    name: Name
    text: str
    place: Place = UNPLACED


class RuleHolds(Light):
    """`recurrent_miscarriage is met`: the truth of another rule.

    With `bars`, as in *none of*, a finding that is not applicable is none: it stands in no way.
    """

    rule: str
    text: str
    place: Place = UNPLACED
    bars: bool = False


class Undecidable(Light):
    """Never true and never false: what no test can decide, with the reason."""

    text: str
    place: Place = UNPLACED


class All(Light):
    """Every part holds."""

    parts: tuple[Condition, ...]
    place: Place = UNPLACED


class Any(Light):
    """One of the parts holds."""

    parts: tuple[Condition, ...]
    place: Place = UNPLACED


class Not(Light):
    """The part does not hold."""

    part: Condition
    place: Place = UNPLACED


class NotKnown(Light):
    """Unless it is known that the part holds: never unknown itself."""

    part: Condition
    place: Place = UNPLACED


class Some(Light):
    """At least so many of the parts hold."""

    at_least: int
    parts: tuple[Condition, ...]
    place: Place = UNPLACED


class Weighted(Light):
    """A part of `points`, worth so many."""

    points: int
    when: Condition
    place: Place = UNPLACED


class Highest(Light):
    """A part of `points` of which only the greatest counts."""

    parts: tuple[Weighted, ...]
    place: Place = UNPLACED


class Points(Light):
    """The points of the parts reach so many."""

    at_least: int
    parts: tuple[Weighted | Highest, ...]
    place: Place = UNPLACED


class Count(Light):
    """At least so many records where something holds; over a series, out of so many."""

    of: str
    where: Condition
    at_least: int
    out_of: int | None
    place: Place = UNPLACED


class Run(Light):
    """So many records in a row where something holds; skipped ones neither lengthen nor break it."""

    of: str
    where: Condition
    skip: Condition | None
    at_least: int
    place: Place = UNPLACED


class Repeated(Light):
    """So many results of one item that satisfy, each at least `apart` days after the one before."""

    where: Leaf
    times: int
    apart: int
    text: str
    place: Place = UNPLACED


Leaf = Compare | IsOneOf | Includes | IsFlagged | IsLevel
Condition = (
    Leaf | IsKnown | RuleHolds | Undecidable | All | Any | Not | NotKnown | Some | Points | Count | Run | Repeated
)  # fmt: skip
LEAVES = (Compare, IsOneOf, Includes, IsFlagged, IsLevel)


def parts_of(node: Condition) -> tuple[Condition, ...]:
    """The conditions directly inside a condition."""
    match node:
        case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
            return ()
        case RuleHolds() | Undecidable():
            return ()
        case All(parts=parts) | Any(parts=parts) | Some(parts=parts):
            return parts
        case Not(part=part) | NotKnown(part=part):
            return (part,)
        case Points():
            return tuple(w.when for p in node.parts for w in (p.parts if isinstance(p, Highest) else (p,)))
        case Count():
            return (node.where,)
        case Run():
            return (node.where,) if node.skip is None else (node.where, node.skip)
        case Repeated():
            return (node.where,)


def walk(node: Condition) -> list[Condition]:
    """The condition and everything inside it, outermost first."""
    found = [node]
    for part in parts_of(node):
        found += walk(part)
    return found


def alike(one: object, other: object) -> bool:
    """Whether two conditions, or parts of them, say the same, wherever they stand."""
    if isinstance(one, Light) and type(one) is type(other):
        return all(alike(getattr(one, f), getattr(other, f)) for f in one._fields if f != "place")
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other
