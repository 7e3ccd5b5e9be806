"""What would settle an undecided condition: the smallest sets of things that, once known, can decide it.

An *atom* is one thing that may become known; it has finitely many *cells*, cut at the limits that
the condition compares it with. A *place to look* (`Spot`) is one item, one field of a record, one
list or one further member of a series: its cells are the ways its atoms may turn out, the way
"nothing new is known" among them. For a truth wanted of a node, a *solution* says which cells of
which spots bring it about; solutions combine as the node combines its parts, so the sets are exact
without trying every combination of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, pairwise, product
from typing import Any, Literal, NamedTuple

from rsa_cli.case import Case, Record, Result
from rsa_cli.dictionary import Item, Value, converted, names_in
from rsa_cli.engines.reference import Engine, Verdict, tested
from rsa_cli.engines.reference import names_in as looked_at
from rsa_cli.evidence import USABLE, Context, Evidence, Seen, hangs_on
from rsa_cli.keep import fetch, keep
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth
from rsa_cli.light import Light
from rsa_cli.nodes import (
    LEAVES,
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
    alike,
    walk,
)  # fmt: skip
from rsa_cli.nodes import (
    Any as AnyOf,
)
from rsa_cli.problems import Place
from rsa_cli.rulebook import Rule, Rulebook
from rsa_cli.units import Number
from rsa_cli.values import Span, point

MOST_SETS, MOST_ATOMS, MOST_SOLUTIONS = 12, 6, 300
# Of how many parts alike so many are chosen, lest their combinations run away.
_FEW = {1: 99, 2: 24, 3: 10, 4: 9}

# What may be wanted of a node: true, false, and their opposites, which *not known* needs.
Want = Literal["true", "false", "not true", "not false"]
_MIRROR: dict[Want, Want] = {
    "true": "false",
    "false": "true",
    "not true": "not false",
    "not false": "not true",
}


class Atom(NamedTuple):
    """One thing that may become known.

    `kind` is `item` (a value), `next` (one further result), `value` or `date` (of a result that
    has none yet), `field` (of record `number`), `list` (left out) or `member` (one further record).
    """

    kind: str
    name: str
    number: int = 0
    field: str = ""

    @property
    def yields(self) -> str:
        """What an investigation must yield to make it known: an item, a list or `list.field`."""
        return f"{self.name}.{self.field}" if self.field else self.name


AtomSet = frozenset[Atom]
Weigh = Callable[[Atom], int]


class Settled(Light):
    """The smallest sets of atoms that can make a finding met, and not met; `more` when lists were cut."""

    met: tuple[AtomSet, ...]
    not_met: tuple[AtomSet, ...]
    more: bool


class Cell(NamedTuple):
    """One way the atoms of a spot may turn out: which of them, and what the evidence then supposes."""

    atoms: AtomSet
    given: tuple[tuple[Any, Any], ...]


NOTHING_NEW = Cell(frozenset(), ())
_FLAGGED = Value("flagged")  # whatever the number: the laboratory's word decides
Spot = tuple[Any, ...]
Solution = dict[Spot, int]  # of each spot the cells allowed, as bits; a spot not named may stay as it is


def settle(
    condition: Condition, rulebook: Rulebook, evidence: Evidence, verdict: Verdict, weigh: Weigh | None = None
) -> Settled:
    """What would settle a condition that is unknown; empty when it is decided.

    Fewest atoms come first, then the least weight by `weigh`.
    """
    if verdict.truth is not UNKNOWN:
        return Settled((), (), False)
    solver = Solver(condition, rulebook, evidence)

    def order(atoms: AtomSet) -> tuple[int, int, list[Atom]]:
        return len(atoms), sum(map(weigh, atoms)) if weigh else 0, sorted(atoms)

    met, not_met = sorted(solver.sets("true"), key=order), sorted(solver.sets("false"), key=order)
    more = solver.cut or len(met) > MOST_SETS or len(not_met) > MOST_SETS
    return Settled(tuple(met[:MOST_SETS]), tuple(not_met[:MOST_SETS]), more)


Unasked = dict[str, tuple[frozenset[str], Settled]]


def unasked(rulebook: Rulebook, weigher: Callable[[Rule], Weigh]) -> Unasked:
    """For each rule what bears on it, and what would settle it where nothing of that is known.

    It is the same for every case, and kept beside a rulebook that is kept; empty for one that is not.
    """
    if not rulebook.kept_as:
        return {}
    key = f"{rulebook.kept_as}-settled"
    kept = fetch(key, (Settled, Atom))
    if type(kept) is dict and kept.keys() == rulebook.rules.keys() and all(map(_is_pair, kept.values())):
        return kept
    nothing = Case("", None, {}, {}, "", "", [], [], Place(""))
    evidence = Evidence(nothing, rulebook, 1)
    engine = Engine(rulebook, evidence, timing=False)
    found: Unasked = {}
    for rule in rulebook.rules.values():
        verdict = engine.rule(rule.id).when
        settled = Settled((), (), True)
        if rule.kind != "conclusion":
            settled = settle(rule.when, rulebook, evidence, verdict, weigher(rule))
        barring = [n for n in _through(rule.when, rulebook) if isinstance(n, RuleHolds) and n.bars]
        names = [
            *looked_at(rule.when, rulebook),
            *(t for n in barring for t in tested(rulebook.rules[n.rule], rulebook)),
        ]
        found[rule.id] = (hangs_on(names, rulebook, circumstances=False), settled)
    keep(key, found, (Settled, Atom))
    return found


def _is_pair(kept: object) -> bool:
    return isinstance(kept, tuple) and tuple(map(type, kept)) == (frozenset, Settled)


class Solver:
    """Finds the minimal sets for one condition over one case. `cut` says that something was left out."""

    def __init__(
        self, condition: Condition, rulebook: Rulebook, evidence: Evidence, most_atoms: int = MOST_ATOMS
    ) -> None:
        self.condition = condition
        self.rulebook = rulebook
        self.evidence = evidence
        self.most_atoms = most_atoms
        self.cut = False
        self.nodes = list({id(n): n for n in _through(condition, rulebook)}.values())
        self.leaves = _leaves(self.nodes)
        self.engines: dict[tuple[Spot, int], Engine] = {}
        self.here = Engine(rulebook, evidence, timing=False)
        self.spots: dict[Spot, list[Cell]] = {}
        self._smallest: dict[tuple[Spot, int], int] = {}
        self._ways: dict[tuple[Spot, int], list[AtomSet]] = {}
        self._truths: dict[Any, list[Truth]] = {}
        # The cells of an item, by what is asked of it: rules ask the same of a case again and again.
        self._asked: dict[str, tuple[str, ...]] = {}

    def sets(self, want: Want) -> tuple[AtomSet, ...]:
        """Every set of atoms, minimal by inclusion, that can bring the truth wanted about."""
        found: set[AtomSet] = set()
        for solution in self.solve(self.condition, want, Context()):
            choices = [self._subsets(spot, mask) for spot, mask in solution.items()]
            for chosen in product(*choices):
                atoms = frozenset().union(*chosen)
                if len(atoms) <= self.most_atoms:
                    found.add(atoms)
                else:
                    self.cut = True
        minimal: list[AtomSet] = []
        for atoms in sorted(found, key=len):  # whatever lies inside a set has fewer, and is kept already
            if not any(kept <= atoms for kept in minimal):
                minimal.append(atoms)
        return tuple(sorted(minimal, key=lambda s: (len(s), sorted(s))))

    # --- solutions of a node

    def solve(self, node: Condition, want: Want, context: Context) -> list[Solution]:
        """Each way to bring the truth wanted about; none when nothing can, `{}` when it is so already."""
        match node:
            case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel() | IsKnown():
                return self._leaf(node, want, context, self.spot_of(node.name, context))
            case Repeated():
                return self._leaf(node, want, context, self.spot_of(node.where.name, context))
            case RuleHolds():
                if node.bars and not self.here.applicable(self.rulebook.rules[node.rule]):
                    return self._leaf(node, want, context, None)
                return self.solve(self.rulebook.rules[node.rule].when, want, Context())
            case Undecidable():
                return self._leaf(node, want, context, None)
            case Not():
                return self.solve(node.part, _MIRROR[want], context)
            case NotKnown():
                wanted: Want = "not true" if want in ("true", "not false") else "true"
                return self.solve(node.part, wanted, context)
            case All() | AnyOf():
                every = isinstance(node, All) == (want in ("true", "not false"))
                parts = [self.solve(part, want, context) for part in node.parts]
                return self._together(parts) if every else self._pruned([s for part in parts for s in part])
            case Some():
                return self._enough(
                    [self.solve(part, want, context) for part in node.parts], node.at_least, want
                )
            case Points():
                return self._points(node, want, context)
            case Count():
                return self._count(node, want)
            case Run():
                return self._run(node, want)

    def _leaf(self, node: Condition, want: Want, context: Context, spot: Spot | None) -> list[Solution]:
        if spot is None:
            truth = self.here.verdict(node, context).truth
            return [{}] if _is(truth, want) else []
        cells = self.spots[spot]
        known: dict[Any, list[Truth]] = self._truths
        key: Any = (id(node), spot)
        if spot[0] == "item" and isinstance(node, (*LEAVES, IsKnown, Repeated)):
            known, key = self.evidence.told, (node.text, spot, self._asked_of(spot[1]))
        truths = known.get(key)
        if truths is None:
            truths = [self.engine(spot, index).verdict(node, context).truth for index in range(len(cells))]
            known[key] = truths
        mask = 0
        for index, truth in enumerate(truths):
            if _is(truth, want):
                mask |= 1 << index
        if mask == 0:
            return []
        return [{}] if mask == (1 << len(cells)) - 1 else [{spot: mask}]

    def engine(self, spot: Spot, index: int) -> Engine:
        """An engine over the case with one cell of a spot supposed."""
        if index == 0:
            return self.here
        found = self.engines.get((spot, index))
        if found is None:
            given = dict(self.spots[spot][index].given)
            found = self.engines[spot, index] = Engine(
                self.rulebook, self.evidence.supposing(given, self.rulebook), timing=False
            )
        return found

    def _together(self, parts: list[list[Solution]]) -> list[Solution]:
        """Every part at once."""
        found: list[Solution] = [{}]
        for part in sorted(parts, key=len):
            if not part:
                return []
            found = self._pruned([m for a in found for b in part if (m := self._merged(a, b)) is not None])
        return found

    def _merged(self, one: Solution, two: Solution) -> Solution | None:
        if not one or not two:
            return one or two
        merged = dict(one)
        for spot, mask in two.items():
            both = merged.get(spot, mask) & mask
            if both == 0:
                return None
            merged[spot] = both
        if self._cost(merged) > self.most_atoms:
            self.cut = True
            return None
        return merged

    def _cost(self, solution: Solution) -> int:
        """The fewest atoms that a solution needs."""
        return sum(self._least(spot, mask) for spot, mask in solution.items())

    def _least(self, spot: Spot, mask: int) -> int:
        """The fewest atoms of a spot that one of these cells needs."""
        found = self._smallest.get((spot, mask))
        if found is None:
            cells = self.spots[spot]
            found = min(len(cells[i].atoms) for i in range(len(cells)) if mask >> i & 1)
            self._smallest[spot, mask] = found
        return found

    def _subsets(self, spot: Spot, mask: int) -> list[AtomSet]:
        found = self._ways.get((spot, mask))
        if found is None:
            sets = {cell.atoms for i, cell in enumerate(self.spots[spot]) if mask >> i & 1}
            found = [s for s in sets if not any(other < s for other in sets)]
            self._ways[spot, mask] = found
        return found

    def _pruned(self, solutions: list[Solution]) -> list[Solution]:
        """Without those that another one allows more than."""
        if len(solutions) < 2:
            return solutions
        if {} in solutions:
            return [{}]
        unique = {frozenset(solution.items()): solution for solution in solutions}
        ordered = sorted(unique.values(), key=len)
        if len(ordered) > MOST_SOLUTIONS:
            self.cut = True
            ordered = ordered[:MOST_SOLUTIONS]
        if len(ordered) > 80:  # pruning more costs more than it saves
            return ordered
        kept: list[Solution] = []
        for solution in ordered:
            for other in kept:
                for spot, mask in other.items():
                    if solution.get(spot, ~mask) & ~mask:
                        break
                else:
                    break  # the other allows as much
            else:
                kept.append(solution)
        return kept

    def _enough(self, parts: list[list[Solution]], at_least: int, want: Want) -> list[Solution]:
        """At least so many of the parts (true), or too few of them (false). `parts` are solved for the truth wanted."""
        needed = at_least if want in ("true", "not false") else len(parts) - at_least + 1
        if needed <= 0:
            return [{}]
        needed -= sum(part == [{}] for part in parts)
        open_ = [part for part in parts if part and part != [{}]]
        if needed <= 0:
            return [{}]
        # What several parts look at costs them one atom together, so it does not count against the cap here.
        places = [{spot for solution in part for spot in solution} for part in open_]
        alone = {spot for spot in set().union(*places) if sum(spot in place for place in places) == 1}

        def cost(part: list[Solution]) -> int:
            return min(self._cost({s: m for s, m in solution.items() if s in alone}) for solution in part)

        open_ = sorted(open_, key=cost)
        costs = [cost(part) for part in open_]
        if sum(costs[:needed]) > self.most_atoms:
            self.cut = True
            return []
        most = max(_FEW.get(needed, needed + 2), needed)
        if len(open_) > most:
            self.cut = True  # so many records alike: some of them show how
            open_ = open_[:most]
        # The ways to bring about k of the parts met so far, for every k up to the number needed.
        ways: list[list[Solution]] = [[{}], *([] for _ in range(needed))]
        for part in open_:
            for k in range(needed, 0, -1):
                more = [m for a in ways[k - 1] for b in part if (m := self._merged(a, b)) is not None]
                if more:
                    ways[k] = self._pruned(ways[k] + more)
        return ways[needed]

    def _points(self, node: Points, want: Want, context: Context) -> list[Solution]:
        """Choices part by part: what counts for certain (true), or what may still count (false)."""
        reach = want in ("true", "not false")
        sums: dict[int, list[Solution]] = {0: [{}]}
        for part in node.parts:
            weighted = sorted(part.parts if isinstance(part, Highest) else (part,), key=lambda w: -w.points)
            options: list[tuple[int, list[Solution]]] = []
            if reach:
                options = [(0, [{}]), *((w.points, self.solve(w.when, want, context)) for w in weighted)]
            else:  # the greatest ones are ruled out one after another
                ruled: list[Solution] = [{}]
                for w in weighted:
                    options.append((w.points, ruled))
                    ruled = self._together([ruled, self.solve(w.when, want, context)])
                options.append((0, ruled))
            after: dict[int, list[Solution]] = {}
            for total, ways in sums.items():
                for points, solutions in options:
                    reached = min(total + points, node.at_least)
                    after.setdefault(reached, []).extend(self._together([ways, solutions]))
            sums = {total: self._pruned(ways) for total, ways in after.items() if ways}
        if reach:
            return sums.get(node.at_least, [])
        return self._pruned([s for total, ways in sums.items() if total < node.at_least for s in ways])

    def _count(self, node: Count, want: Want) -> list[Solution]:
        if self.evidence.applicable(self.evidence.items[node.of]) is FALSE:
            return self._leaf(node, want, Context(), None)
        records = self.evidence.records(node.of)
        if records is None and node.out_of is None:
            return self._leaf(node, want, Context(), self._list_spot(node.of))
        parts = [self._record(node, record, node.where, want) for record in records or ()]
        further = range(len(records or ()), node.out_of or 0)
        parts += [self._member(node, index, want) for index in further]
        return self._enough(parts, node.at_least, want)

    def _record(self, node: Count | Run, record: Record, part: Condition, want: Want) -> list[Solution]:
        if self.evidence.record_set_aside(node.of, record):
            return [{}] if want.startswith("not") else []
        return self.solve(part, want, Context(record))

    def _member(self, node: Count, index: int, want: Want) -> list[Solution]:
        """One further member of a series, of which each count over it may hold or not."""
        counts = [n for n in self.nodes if isinstance(n, Count) and n.of == node.of and n.out_of]
        spot: Spot = ("member", node.of, index)
        if spot not in self.spots:
            atom = frozenset({Atom("member", node.of, index + 1)})
            ways = (dict(zip(counts, t, strict=True)) for t in product((TRUE, FALSE), repeat=len(counts)))
            self.spots[spot] = [NOTHING_NEW] + [
                Cell(atom, tuple((("member", node.of, index, id(n)), t) for n, t in way.items()))
                for way in ways
                if all(
                    way[one] is way[two] for one, two in combinations(way, 2) if alike(one.where, two.where)
                )
            ]
        mask = 0
        for i, cell in enumerate(self.spots[spot]):
            if _is(dict(cell.given).get(("member", node.of, index, id(node)), UNKNOWN), want):
                mask |= 1 << i
        return [{spot: mask}] if mask else []

    def _list_spot(self, of: str) -> Spot:
        """A list left out: each count or run over it may be reached or not."""
        spot: Spot = ("list", of)
        if spot not in self.spots:
            over = [n for n in self.nodes if isinstance(n, Count | Run) and n.of == of]
            atom = frozenset({Atom("list", of)})
            ways = (dict(zip(over, t, strict=True)) for t in product((TRUE, FALSE), repeat=len(over)))
            self.spots[spot] = [NOTHING_NEW] + [
                Cell(atom, tuple((("node", id(n)), t) for n, t in way.items()))
                for way in ways
                if not any(
                    way[two] is FALSE and _reaches(one, two) for one in way if way[one] is TRUE for two in way
                )
            ]
        return spot

    def _run(self, node: Run, want: Want) -> list[Solution]:
        if self.evidence.applicable(self.evidence.items[node.of]) is FALSE:
            return self._leaf(node, want, Context(), None)
        records = self.evidence.records(node.of)
        if records is None:
            return self._leaf(node, want, Context(), self._list_spot(node.of))
        reach = want in ("true", "not false")
        # State: how long the run is now, up to the number needed -> the ways that lead there.
        states: dict[int, list[Solution]] = {0: [{}]}
        for record in records:
            after: dict[int, list[Solution]] = {}
            for effect, solutions in self._effects(node, record, want):
                for length, ways in states.items():
                    if reach and length == node.at_least:
                        after.setdefault(length, []).extend(ways)
                        continue
                    then = length + 1 if effect == "longer" else 0 if effect == "broken" else length
                    if then >= node.at_least and not reach:
                        continue
                    after.setdefault(then, []).extend(self._together([ways, solutions]))
            states = {length: self._pruned(ways) for length, ways in after.items() if ways}
        if reach:
            return states.get(node.at_least, [])
        return self._pruned([s for ways in states.values() for s in ways])

    def _effects(self, node: Run, record: Record, want: Want) -> list[tuple[str, list[Solution]]]:
        """What a record may do to the run that is certain (true) or possible (false), and how."""

        def where(wanted: Want) -> list[Solution]:
            return self._record(node, record, node.where, wanted)

        def skip(wanted: Want) -> list[Solution]:
            if node.skip is None:
                return [{}] if wanted in ("false", "not true") else []
            return (
                self._record(node, record, node.skip, wanted)
                if not _aside(self, node, record)
                else self.solve(node.skip, wanted, Context(record))
            )

        def both(one: list[Solution], two: list[Solution]) -> list[Solution]:
            return self._together([one, two])

        def either(one: list[Solution], two: list[Solution]) -> list[Solution]:
            return self._pruned(one + two)

        match want:
            case (
                "true"
            ):  # certain: lengthened where it holds and is not skipped, unbroken where it holds or is skipped
                return [
                    ("longer", both(where("true"), skip("false"))),
                    ("same", either(skip("true"), where("true"))),
                    ("broken", [{}]),
                ]
            case "not false":
                return [
                    ("longer", both(where("not false"), skip("not true"))),
                    ("same", skip("not false")),
                    ("broken", [{}]),
                ]
            case "false":  # possible: a record is left as it is, or can no longer lengthen, or breaks the run
                return [
                    ("longer", [{}]),
                    ("same", either(where("false"), skip("true"))),
                    ("broken", both(where("false"), skip("false"))),
                ]
            case "not true":
                return [
                    ("longer", [{}]),
                    ("same", either(where("not true"), skip("not false"))),
                    ("broken", both(where("not true"), skip("not true"))),
                ]

    # --- atoms and cells

    def spot_of(self, name: Name, context: Context) -> Spot | None:
        """The spot a leaf looks at, or `None` when nothing new can become known there."""
        if name.of and context.record is None:
            return None
        spot: Spot = (
            ("field", name.of, context.record.number, self._implying(name))
            if name.of and context.record
            else ("item", name.item)
        )
        if spot not in self.spots and name.of and context.record:
            linked = self._linked_cells(Name(self._implying(name), name.of), context.record)
            self.spots[spot] = [NOTHING_NEW, *linked]
        elif spot not in self.spots:
            key = ("cells", name.item, self._asked_of(name.item))
            if key not in self.evidence.told:
                before, self.cut = self.cut, False
                self.evidence.told[key] = [NOTHING_NEW, *self._item_cells(name.item)], self.cut
                self.cut = before
            self.spots[spot], cut = self.evidence.told[key]
            self.cut = self.cut or cut
        return spot if len(self.spots[spot]) > 1 else None

    def _asked_of(self, name: str) -> tuple[str, ...]:
        """The words of everything that the condition asks of an item."""
        found = self._asked.get(name)
        if found is None:
            repeats = [n.text for n in self.nodes if isinstance(n, Repeated) and n.where.name.item == name]
            found = (*(leaf.text for leaf in self.leaves.get(Name(name), ())), *repeats)
            self._asked[name] = tuple(sorted(set(found)))
        return self._asked[name]

    def _implying(self, name: Name) -> str:
        """The field whose choices imply a bound on this one, else itself."""
        assert name.of is not None
        found = self.evidence.told.get(name)
        if found is None:
            found = name.item
            for other in self.evidence.items[name.of].fields.values():
                if any(c.implies and c.implies[0] == name.item for c in other.choices.values()):
                    found = other.id
                    break
            self.evidence.told[name] = found
        return str(found)

    def _linked_cells(self, name: Name, record: Record) -> list[Cell]:
        """The cells of a field, together with those of the field that its choices imply a bound on."""
        assert name.of is not None
        fields = self.evidence.items[name.of].fields
        first = self._field_cells(name, record)
        implies = {c: choice.implies for c, choice in fields[name.item].choices.items() if choice.implies}
        if not implies:
            return first
        [other] = {field for field, _ in implies.values()}
        second = self._field_cells(Name(other, name.of), record)
        key = ("field", name.of, record.number, other)
        written = record.fields.get(other)
        cells = list(second)
        for cell in first:
            choices = cell.given[0][1].value.choices or frozenset()
            bound = implies.get(next(iter(choices)), ("", None))[1] if len(choices) == 1 else None
            if bound is None:
                cells += [cell, *(Cell(cell.atoms | two.atoms, cell.given + two.given) for two in second)]
                continue
            known = written is not None and written.value is not None
            value = Value("implied", bound, "", bound)
            result = Result(value, "", record.place, implied=True)
            cells.append(cell if known else Cell(cell.atoms, (*cell.given, (key, result))))
            cells += [
                Cell(cell.atoms | two.atoms, cell.given + two.given)
                for two in second
                if two.given[0][1].value.canon.within(bound)
            ]
        return cells

    def _field_cells(self, name: Name, record: Record) -> list[Cell]:
        assert name.of is not None
        item = self.evidence.items[name.of].fields[name.item]
        seen = self.evidence.field(name.of, record, name.item)
        if self.evidence.applicable(item, Context(record)) is FALSE or self.evidence.record_set_aside(
            name.of, record
        ):
            return []
        within = seen.result.value if seen is not None and seen.state == USABLE else None
        if within is not None and not _open(within):
            return []
        ways = self._ways_to_know_field(item, record)
        key = ("field", name.of, record.number, name.item)
        told = [Seen(item, Result(None, "", item.place), USABLE, record.date, record=record.number)]
        values = self._values(item, name, within, told)
        return [Cell(atoms, ((key, value),)) for atoms in ways for value in values]

    def _item_cells(self, name: str) -> list[Cell]:
        item = self.evidence.items[name]
        if self.evidence.applicable(item) is FALSE:
            return []
        usable = self.evidence.candidates(Name(name))
        repeats = [n for n in self.nodes if isinstance(n, Repeated) and n.where.name.item == name]
        singles: list[list[Cell]] = []
        within = usable[0].result if len(usable) == 1 else None
        straddles = within is not None and within.value is not None and _open(within.value)
        later = self.evidence.day + 2 * max((n.apart for n in repeats), default=0)
        empty = Result(None, "", item.place)
        days = {self.evidence.day, later} if item.references else {later}
        told = [Seen(item, empty, USABLE, point(day)) for day in sorted(days)]
        values = self._values(item, Name(name), within.value if straddles and within else None, told)
        if repeats:
            for index, result in enumerate(self.evidence.case.results.get(name, ())):
                seen = next((s for s in self.evidence.seen(name) if s.result is result), None)
                if seen is None or seen.state not in (USABLE, "pending", "inconclusive"):
                    continue
                open_value = result.value is None or result.missing or _open(result.value)
                if open_value:
                    known = result.value if not result.missing else None
                    inner = self._values(item, Name(name), known, [Seen(item, result, USABLE, seen.date)])
                    atom = frozenset({Atom("value", name, index + 1)})
                    singles.append([Cell(atom, ((("value", name, index), v),)) for v in inner])
                if seen.date is None or not seen.date.is_point:
                    atom = frozenset({Atom("date", name, index + 1)})
                    singles.append(
                        [
                            Cell(atom, ((("date", name, index), d),))
                            for d in self._dates(name, seen.date, repeats)
                        ]
                    )
            atom = frozenset({Atom("next", name)})
            singles.append([Cell(atom, ((("next", name), v._replace(date=point(later))),)) for v in values])
        if not usable or straddles or len(usable) > 1:
            ways = self._ways_to_know(name)
            awaited = any(atom.kind == "value" for group in singles for atom in group[0].atoms)
            if not (repeats and (straddles or usable or awaited)):
                singles.insert(0, [Cell(atoms, ((("item", name), v),)) for atoms in ways for v in values])
        if len(singles) > 4:
            self.cut = True
            singles = [singles[0], *singles[-2:]]
        cells: list[Cell] = []
        for size in range(1, len(singles) + 1):
            for chosen in combinations(singles, size):
                if _further_without_first(chosen, singles):
                    continue
                cells += [
                    Cell(
                        frozenset().union(*(c.atoms for c in combo)), tuple(g for c in combo for g in c.given)
                    )
                    for combo in product(*chosen)
                ]
        return cells

    def _ways_to_know(self, name: str) -> list[AtomSet]:
        """An item itself; of one that is worked out, also what is missing of what it is worked out from."""
        inputs = dict.fromkeys(used for used, _ in names_in(self.evidence.items[name].formula or ("",)))
        missing = [used for used in inputs if not self.evidence.candidates(Name(used))]
        ways = [frozenset({Atom("item", name)})]
        if missing:
            found = [self._ways_to_know(used)[-1] for used in missing]
            ways.append(frozenset().union(*found))
        return ways

    def _ways_to_know_field(self, field: Item, record: Record) -> list[AtomSet]:
        """Likewise a field of a record, where it is worked out from others of the same record."""
        assert field.of is not None
        fields = self.evidence.items[field.of].fields
        inputs = dict.fromkeys(used for used, _ in names_in(field.formula or ("",)))
        missing = [n for n in inputs if n in fields and self.evidence.field(field.of, record, n) is None]
        ways = [frozenset({Atom("field", field.of, record.number, field.id)})]
        if missing and "previous" not in str(field.formula):
            ways.append(frozenset(Atom("field", field.of, record.number, n) for n in missing))
        return ways

    def _dates(self, name: str, within: Span | None, repeats: list[Repeated]) -> list[Span]:
        """Days that tell: at every distance asked for from the other results, and just short of it."""
        others = [
            s.date.low
            for s in self.evidence.seen(name)
            if s.date and s.date.is_point and s.date.low is not None
        ]
        low = within.low if within and within.low is not None else min([*others, self.evidence.day]) - 10**4
        high = within.high if within and within.high is not None else self.evidence.day
        days = {low, high}
        for other in others:
            for node in repeats:
                days |= {
                    other,
                    other - node.apart,
                    other - node.apart + 1,
                    other + node.apart,
                    other + node.apart - 1,
                    other - 1,
                    other + 1,
                }
        return [point(day) for day in sorted(days) if low <= day <= min(high, self.evidence.day)]

    def _values(self, item: Item, name: Name, within: Value | None, places: list[Seen]) -> list[Result]:
        """One result for each cell of an item's value, within what is known of it.

        `places` are the results it may be the value of, with their dates and circumstances.
        """
        about = self.leaves.get(name, [])
        values: list[Value] = []
        if item.kind == "choices":
            mentioned = sorted({leaf.choice for leaf in about if isinstance(leaf, Includes)})
            sets = [frozenset(c) for k in range(len(mentioned) + 1) for c in combinations(mentioned, k)]
            values = [Value(", ".join(sorted(s)) or "none", choices=s) for s in sets]
        elif item.choices:
            allowed = within.choices if within and within.choices else item.settled_choices()
            values = [Value(c, choices=frozenset({c})) for c in item.settled_choices() if c in allowed]
        elif item.kind == "text":
            values = [Value("known")]
        else:
            cuts = {cut for leaf in about for cut in self._cuts(leaf, item)}
            span = within.canon if within and within.canon else item.plausible or Span(None, None)
            values = [Value(str(n), point(n), item.unit, point(n)) for n in _cells(cuts, span, item.kind)]
        # High, low and normal may be the laboratory's own word, whatever the number.
        words = [leaf for leaf in about if isinstance(leaf, IsFlagged)]
        numbers = [leaf for leaf in about if not isinstance(leaf, IsFlagged)] if words else about
        by_flag = {
            flag: self._told(words, Result(_FLAGGED, "", item.place, flag=flag), places)
            for flag in (("high", "normal", "low") if words else ())
        }
        found: dict[tuple[object, ...], Result] = {}
        for value in values:
            plain = Result(value, "", item.place)
            # Values that no comparison tells apart, wherever they may stand, are one cell.
            told = self._told(numbers, plain, places)
            choice = item.choices.get(value.text)
            implies = choice.implies if choice else None
            found.setdefault((told, self._told(words, plain, places), implies), plain)
            for flag, said in by_flag.items():
                if (told, said, implies) not in found:
                    found[told, said, implies] = plain._replace(flag=flag)
        return list(found.values())

    def _told(self, leaves: Sequence[Leaf], result: Result, places: list[Seen]) -> tuple[Truth, ...]:
        """What the comparisons come to for a value and its flag, wherever it may stand."""
        if not leaves:
            return ()
        seen = [
            s._replace(
                result=s.result._replace(value=result.value, missing="", flag=result.flag), by="supposed"
            )
            for s in places
        ]
        return tuple([self.evidence.holds(leaf, s) for s in seen for leaf in leaves])

    def _cuts(self, leaf: Condition, item: Item) -> Iterator[Number]:
        limits: list[dict[str, Span]] = []
        match leaf:
            case Compare():
                limits = [leaf.limits]
            case IsLevel():
                limits = [ends for level in item.levels for ends in (level.begins, level.above) if ends]
            case IsFlagged():
                limits = [ends for r in item.references for ends in (r.low, r.high) if ends]
            case _:
                pass
        for ends in limits:
            for unit, span in ends.items():
                scale = next((u for u in item.units.values() if u.text == unit), None)
                if scale is not None and scale.separate:
                    continue
                own = converted(span, scale) if scale else span
                yield from (end for end in (own.low, own.high) if end is not None)
                break


def _leaves(nodes: list[Condition]) -> dict[Name, list[Leaf]]:
    """The different comparisons of each item or field."""
    found: dict[Name, dict[str, Leaf]] = {}
    for node in nodes:
        leaf = node.where if isinstance(node, Repeated) else node
        if isinstance(leaf, LEAVES):
            text = leaf.text.removeprefix(f"{leaf.over} ")
            found.setdefault(leaf.name, {}).setdefault(text, leaf)
    return {name: list(leaves.values()) for name, leaves in found.items()}


def _further_without_first(chosen: tuple[list[Cell], ...], singles: list[list[Cell]]) -> bool:
    """A further result needs a first one: where the item has none, the two are taken in this order."""

    def kinds(groups: Iterable[list[Cell]]) -> set[str]:
        return {atom.kind for group in groups if group for atom in group[0].atoms}

    return "item" in kinds(singles) and "next" in kinds(chosen) and not kinds(chosen) & {"item", "value"}


def _cells(cuts: set[Number], within: Span, kind: str) -> list[Number]:
    """One number on each cut, and one between every two neighbours, inside a span."""
    whole = kind in ("gestation", "date")
    ends = sorted(cuts | {end for end in (within.low, within.high) if end is not None})
    if not ends:
        return [1]
    from fractions import Fraction

    numbers: list[Number] = [] if within.low is not None else [ends[0] - 1]
    for one, two in pairwise(ends):
        numbers.append(one)
        if not whole:
            numbers.append(Fraction(one + two) / 2)
        elif two - one > 1:
            numbers.append(one + 1)
    numbers.append(ends[-1])
    if within.high is None:
        numbers.append(ends[-1] + 1)
    return [n for n in numbers if point(n).within(within)]


def _open(value: Value) -> bool:
    """Whether more may become known of a value: a span, or a choice that covers several."""
    if value.choices is not None:
        return len(value.choices) > 1 and "," not in value.text
    return bool(value.canon and not value.canon.is_point)


def _is(truth: object, want: Want) -> bool:
    if want == "true":
        return truth is TRUE
    if want == "false":
        return truth is FALSE
    return truth is not (TRUE if want == "not true" else FALSE)


def _reaches(one: Count | Run, two: Count | Run) -> bool:
    """Whether the one cannot be reached without the other: the same asked of the same list, no more often."""
    return one.at_least >= two.at_least and alike(one._replace(at_least=two.at_least), two)


def _aside(solver: Solver, node: Count | Run, record: Record) -> bool:
    return bool(solver.evidence.record_set_aside(node.of, record))


def _through(condition: Condition, rulebook: Rulebook) -> Iterator[Condition]:
    """Every node of a condition, those of the rules it refers to included."""
    for node in walk(condition):
        yield node
        if isinstance(node, RuleHolds):
            yield from _through(rulebook.rules[node.rule].when, rulebook)
