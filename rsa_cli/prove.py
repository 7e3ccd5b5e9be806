"""What can become of a rule at all: can it be met, can it fail, is it met only where another one is.

Everything that a rule looks at can turn out in finitely many ways, the *cells* of `settle`: a value
between two limits, a choice, a list with so many records. A rule is decided by going through them,
cutting off whatever can no longer make a difference. What it looks at besides is left as it is not
known; derived items count as things of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from typing import NamedTuple

from rsa_cli.case import Case, Record
from rsa_cli.evidence import Context, Evidence
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, between, greatest, least, opposite
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
    Leaf,
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
from rsa_cli.problems import Place
from rsa_cli.rulebook import Rulebook
from rsa_cli.settle import Solver, Spot

MOST_ATOMS = 18
MOST_STEPS = 20_000  # of one question; beyond them it is not decided
MOST_STATES = 20_000  # of the lists of one question
MOST_RECORDS = 50_000  # different ones, of one list

Truths = frozenset[Truth]
ALL_THREE: Truths = frozenset((TRUE, FALSE, UNKNOWN))
Wanted = list[tuple[Condition, Truths]]
Vector = tuple[Truth, ...]


class NotDecidedError(Exception):
    """A question that is not decided, and why."""


class Space:
    """Every way in which the things that rules look at can turn out."""

    def __init__(self, rulebook: Rulebook, conditions: Iterable[Condition]) -> None:
        """`conditions` are those that are asked about, alone or together."""
        self.rulebook = rulebook
        whole = All(tuple(conditions), Place(rulebook.name))
        lists = {node.of for node in self.through(whole) if isinstance(node, Count | Run)}
        blank = {of: Record(1, {}, None, rulebook.items[of].place) for of in lists}
        place = Place(rulebook.name)
        given: dict[str, tuple[Record, ...]] = {of: (record,) for of, record in blank.items()}
        case = Case("BLANK", None, {}, given, "", rulebook.name, [], [], place)
        self.solver = Solver(whole, rulebook, Evidence(case, rulebook, 1))
        self.record = {of: Context(record) for of, record in blank.items()}
        self._truths: dict[int, tuple[Spot, list[Truth]]] = {}

    def through(self, condition: Condition) -> Iterator[Condition]:
        """Every node of a condition, those of the rules it names included."""
        for node in walk(condition):
            yield node
            if isinstance(node, RuleHolds):
                yield from self.through(self.rulebook.rules[node.rule].when)

    def atoms(self, condition: Condition) -> frozenset[str]:
        """The items, fields and lists that a condition looks at."""
        found = set()
        for node in self.through(condition):
            if isinstance(node, (*LEAVES, IsKnown)):
                found.add(str(node.name))
            elif isinstance(node, Count | Run):
                found.add(node.of)
        fields = {name.partition(".")[0] for name in found if "." in name}
        return frozenset(found - fields)

    def truths(self, leaf: Leaf | IsKnown | Repeated) -> tuple[Spot, list[Truth]]:
        """Where a comparison looks, and its truth for each way that place may turn out."""
        found = self._truths.get(id(leaf))
        if found is None:
            name = leaf.where.name if isinstance(leaf, Repeated) else leaf.name
            context = self.record[name.of] if name.of else Context()
            spot = self.solver.spot_of(name, context)
            if spot is None:
                found = ("nowhere", id(leaf)), [self.solver.here.verdict(leaf, context).truth]
            else:
                cells = range(len(self.solver.spots[spot]))
                found = (
                    spot,
                    [self.solver.engine(spot, cell).verdict(leaf, context).truth for cell in cells],
                )
            self._truths[id(leaf)] = found
        return found

    def can(self, *wanted: tuple[Condition, Truths]) -> bool:
        """Whether some way to turn out gives each condition one of the truths wanted of it, all at once.

        Raises NotDecidedError.
        """
        search = _Search(self, list(wanted))
        found = search.succeeds()
        if not found and search.partly:
            raise NotDecidedError(search.partly)
        return found


class _Listed(NamedTuple):
    """What is asked of one list: its counts and runs, and what those ask of each record."""

    nodes: list[Count | Run]
    asked: list[Condition]
    inner: list[Spot]
    outer: list[Spot]


class _Search:
    """One question, by depth-first search: a place is fixed only while it can make a difference."""

    def __init__(self, space: Space, wanted: Wanted) -> None:
        self.space = space
        self.wanted = wanted
        self.steps = 0
        self.leaves: dict[int, tuple[Spot, int]] = {}
        self.cells: dict[Spot, list[Vector]] = {}
        self.lists: dict[str, _Listed] = {}
        self.vectors: dict[tuple[str, tuple[int, ...]], list[Vector]] = {}
        self.chosen: dict[Spot, int] = {}
        self.turned: dict[str, Vector] = {}
        self.partly = ""  # why not every way to turn out is among those gone through
        self._gather()

    # --- what there is to choose

    def _gather(self) -> None:
        nodes = {id(n): n for condition, _ in self.wanted for n in self.space.through(condition)}
        about: dict[Spot, list[Leaf | IsKnown | Repeated]] = {}
        sampled = {id(n.where) for n in nodes.values() if isinstance(n, Repeated)}
        for node in nodes.values():
            if isinstance(node, (*LEAVES, IsKnown, Repeated)) and id(node) not in sampled:
                about.setdefault(self.space.truths(node)[0], []).append(node)
        for spot, asked in about.items():
            for index, node in enumerate(asked):
                self.leaves[id(node)] = (spot, index)
            self.cells[spot] = self._ways(asked)
        for node in nodes.values():
            if isinstance(node, Count | Run):
                listed = self.lists.setdefault(node.of, _Listed([], [], [], []))
                listed.nodes.append(node)
                listed.asked.extend(parts_of(node))
        for listed in self.lists.values():
            self._gather_list(listed)

    def _ways(self, asked: list[Leaf | IsKnown | Repeated]) -> list[Vector]:
        """The different ways a place can turn out, as the truths of all that is asked of it."""
        single = list(dict.fromkeys(zip(*(self.space.truths(node)[1] for node in asked), strict=True)))
        over = [getattr(node, "over", "latest") for node in asked]
        repeats = [node for node in asked if isinstance(node, Repeated)]
        if repeats:
            # Up to two results are gone through: enough for one series of two, and for nothing beside it.
            if len({node.text for node in asked}) > 1 or repeats[0].times > 2:
                self.partly = "samples are looked at in more than one way"
            return single
        if set(over) == {"latest"}:
            return single
        # Of several results, each one further may change what holds of any and of all of them.
        ways, ahead = dict.fromkeys(single), single[1:]
        while ahead:
            before = ahead.pop()
            for further in single[1:]:
                after = tuple(
                    greatest((b, f)) if o == "ever" else least((b, f)) if o == "always" else f
                    for b, f, o in zip(before, further, over, strict=True)
                )
                if after not in ways:
                    ways[after] = None
                    ahead.append(after)
        return list(ways)

    def _gather_list(self, listed: _Listed) -> None:
        for condition in listed.asked:
            for node in self.space.through(condition):
                if isinstance(node, Count | Run):
                    raise NotDecidedError("a list is looked at for each record of a list")
                found = self.leaves.get(id(node))
                if found is not None:
                    spots = listed.inner if found[0][0] == "field" else listed.outer
                    spots.extend([found[0]] if found[0] not in spots else [])

    def _turns(self, of: str) -> list[Vector] | None:
        """The ways the counts and runs over a list can turn out together; `None` while that hangs on more."""
        listed = self.lists[of]
        if any(spot not in self.chosen for spot in listed.outer):
            return None
        key = (of, tuple(self.chosen[spot] for spot in listed.outer))
        if key not in self.vectors:
            self.vectors[key] = self._sequences(listed)
        return self.vectors[key]

    def _sequences(self, listed: _Listed) -> list[Vector]:
        """Every list of records, of any length, as far as the counts and runs can tell lists apart."""
        records: dict[Vector, None] = {}
        if prod(len(self.cells[spot]) for spot in listed.inner) > MOST_RECORDS:
            raise NotDecidedError("too many different records")
        for cells in product(*(range(len(self.cells[spot])) for spot in listed.inner)):
            self.chosen.update(zip(listed.inner, cells, strict=True))
            records[tuple(next(iter(self.possible(asked))) for asked in listed.asked)] = None
        for spot in listed.inner:
            self.chosen.pop(spot, None)
        start = tuple(map(_begun, listed.nodes))
        states, ahead = {start}, [start]
        while ahead:
            state = ahead.pop()
            for record in records:
                asked = iter(record)
                after = tuple(
                    _after(node, s, [next(asked) for _ in parts_of(node)])
                    for s, node in zip(state, listed.nodes, strict=True)
                )
                if after not in states:
                    states.add(after)
                    ahead.append(after)
                    if len(states) > MOST_STATES:
                        raise NotDecidedError("too many different lists")
        left_out = tuple(
            between(0, node.out_of, node.at_least) if isinstance(node, Count) and node.out_of else UNKNOWN
            for node in listed.nodes
        )
        given = (
            tuple(_come_to(node, s) for s, node in zip(state, listed.nodes, strict=True)) for state in states
        )
        return list(dict.fromkeys([left_out, *given]))

    # --- the search

    def succeeds(self) -> bool:
        """Whether the truths wanted can be had."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise NotDecidedError("too many ways to turn out")
        reached = True
        for condition, truths in self.wanted:
            possible = self.possible(condition)
            if not possible & truths:
                return False
            reached = reached and possible <= truths
        if reached:
            return True
        return self._fixing()

    def _fixing(self) -> bool:
        inner = {spot for listed in self.lists.values() for spot in listed.inner}
        for spot, cells in self.cells.items():
            if spot in self.chosen or spot in inner:
                continue
            for cell in range(len(cells)):
                self.chosen[spot] = cell
                if self.succeeds():
                    return True
            del self.chosen[spot]
            return False
        for of in self.lists:
            if of in self.turned:
                continue
            for vector in self._turns(of) or ():
                self.turned[of] = vector
                if self.succeeds():
                    return True
            self.turned.pop(of, None)
            return False
        return False

    def possible(self, node: Condition) -> Truths:
        """The truths that a condition may still come to; more than those perhaps, never fewer."""
        match node:
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown() | Repeated():
                spot, index = self.leaves[id(node)]
                cell = self.chosen.get(spot)
                cells = self.cells[spot] if cell is None else [self.cells[spot][cell]]
                return frozenset(vector[index] for vector in cells)
            case RuleHolds():
                return self.possible(self.space.rulebook.rules[node.rule].when)
            case Undecidable():
                return frozenset((UNKNOWN,))
            case All():
                return _least([self.possible(part) for part in node.parts])
            case Any():
                found = _least([_mirrored(self.possible(part)) for part in node.parts])
                return _mirrored(found)
            case Not():
                return _mirrored(self.possible(node.part))
            case NotKnown():
                return frozenset(FALSE if truth is TRUE else TRUE for truth in self.possible(node.part))
            case Some():
                parts = [[(1, self.possible(part))] for part in node.parts]
                return _reaching(parts, node.at_least)
            case Points():
                weighted = [
                    [(w.points, self.possible(w.when)) for w in (p.parts if isinstance(p, Highest) else (p,))]
                    for p in node.parts
                ]
                return _reaching(weighted, node.at_least)
            case Count() | Run():
                index = self.lists[node.of].nodes.index(node)
                if node.of in self.turned:
                    return frozenset((self.turned[node.of][index],))
                turns = self._turns(node.of)
                return ALL_THREE if turns is None else frozenset(vector[index] for vector in turns)


def _mirrored(truths: Truths) -> Truths:
    return frozenset(map(opposite, truths))


def _least(parts: list[Truths]) -> Truths:
    """What *all* of the parts may come to."""
    found = set()
    if all(TRUE in part for part in parts):
        found.add(TRUE)
    if any(FALSE in part for part in parts):
        found.add(FALSE)
    if all(part & {TRUE, UNKNOWN} for part in parts) and any(UNKNOWN in part for part in parts):
        found.add(UNKNOWN)
    return frozenset(found)


def _reaching(parts: list[list[tuple[int, Truths]]], needed: int) -> Truths:
    """What a sum of points may come to, of each part the greatest that counts."""

    def most(wanted: Truths, only: bool) -> int:
        """The sum, where a part counts that may have, or only can have, one of the truths wanted."""
        return sum(
            max(
                (points for points, found in part if (found <= wanted if only else found & wanted)), default=0
            )
            for part in parts
        )

    true, perhaps = frozenset((TRUE,)), frozenset((TRUE, UNKNOWN))
    found = set()
    if most(true, False) >= needed:
        found.add(TRUE)
    if most(perhaps, True) < needed:
        found.add(FALSE)
    if most(true, True) < needed <= most(perhaps, False):
        found.add(UNKNOWN)
    return frozenset(found)


# --- lists of any length -------------------------------------------------------------------------

# How far a count or a run has got after so many records, no further than it matters. Of a count: how
# many are certain, how many possible, how many records there are. Of a run: the longest that is
# certain and the one under way, and the same of what is possible.
_State = tuple[int, ...]


def _begun(node: Count | Run) -> _State:
    return (0, 0, 0) if isinstance(node, Count) else (0, 0, 0, 0)


def _after(node: Count | Run, state: _State, asked: list[Truth]) -> _State:
    """One record further; `asked` is what `where`, and of a run `skip`, come to for it."""
    where = asked[0]
    most = node.at_least
    if isinstance(node, Count):
        certain, possible, length = state
        return (
            min(most, certain + (where is TRUE)),
            min(most, possible + (where is not FALSE)),
            min(node.out_of or 0, length + 1),
        )
    surest, sure, likeliest, likely = state
    skip = asked[1] if node.skip is not None else FALSE
    if where is TRUE and skip is FALSE:
        sure = min(most, sure + 1)
    elif not (skip is TRUE or (where is TRUE and skip is UNKNOWN)):
        sure = 0
    if where is not FALSE and skip is not TRUE:
        likely = min(most, likely + 1)
    elif skip is FALSE:
        likely = 0
    return (max(surest, sure), sure, max(likeliest, likely), likely)


def _come_to(node: Count | Run, state: _State) -> Truth:
    """What it comes to where the list ends here."""
    if isinstance(node, Count):
        certain, possible, length = state
        return between(certain, possible + (node.out_of or 0) - length, node.at_least)
    return between(state[0], state[2], node.at_least)
