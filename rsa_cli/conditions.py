"""The text of a condition becomes nodes, with every name, unit, choice and level checked."""

from __future__ import annotations

import re
from collections.abc import Mapping as Names
from typing import cast

from rsa_cli.dictionary import FLAGS, Item, UnreadableError, read_days, read_limits
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
    Name,
    Not,
    NotKnown,
    Over,
    Points,
    Repeated,
    RuleHolds,
    Run,
    Some,
    Weighted,
)
from rsa_cli.problems import Place, nearest, visible
from rsa_cli.source import Mapping, Node, Sequence, Shaper, Text

# The shape of every form of the language.
FORMS: dict[str, str | dict[str, str]] = {
    "all": "sequence", "any": "sequence", "not": "any", "not_known": "any",
    "some": {"at_least": "text!", "of": "sequence!"},
    "points": {"at_least": "text!", "of": "sequence!"},
    "count": {"of": "text!", "where": "any!", "at_least": "text!", "out_of": "text"},
    "run": {"of": "text!", "where": "any!", "skip": "any", "at_least": "text!"},
    "repeated": {"where": "any!", "times": "text!", "apart": "text!"},
    "none_of": "text",
}  # fmt: skip
_LEAF = re.compile(r"(?:(ever|always) )?([a-z][a-z0-9_]*) (is|includes|>=|<=|>|<|≥|≤) ?(.+)\Z")


class ConditionReader:
    """Reads conditions over the items of one rulebook; problems go to the shaper."""

    def __init__(
        self,
        shaper: Shaper,
        items: Names[str, Item],
        rules: Names[str, object],
        bars: Names[str, tuple[str, ...]],
    ) -> None:
        """`bars` names, for each kind of rule, those that `none_of` stands for."""
        self.shaper = shaper
        self.items = items
        self.rules = rules
        self.bars = bars

    def read(self, node: Node, scope: Names[str, Item] | None = None) -> Condition | None:
        """The condition, or `None` and problems. `scope` holds names that come before the items."""
        if type(node) is Text:
            return self._leaf(node, scope or {})
        if type(node) is Sequence:
            self.shaper.problem(
                "bad-condition", node, "a list is no condition", "write  all: [...]  or  any: [...]"
            )
            return None
        assert type(node) is Mapping
        if len(node.items) != 1:
            says = "a condition has one key here, and this has " + (", ".join(node.items) or "none")
            self.shaper.problem(
                "bad-condition", node, says, "several conditions are a list under  all:  or  any:"
            )
            return None
        [(form, inner)] = node.items.items()
        key = node.keys[form]
        shape = FORMS.get(form)
        if shape is None:
            hint = nearest(form, FORMS) or f"known: {', '.join(FORMS)}"
            self.shaper.problem("unknown-form", key, f"there is no form {visible(form)!r}", hint)
            return None
        if isinstance(shape, dict):
            raw = self.shaper.shaped(inner, shape, form)
            if raw is None or any(k.endswith("!") and name not in raw for name, k in shape.items()):
                return None
        else:
            value = self.shaper.value(inner, shape, form)
            if value is None:
                return None
            raw = {"": value}
        place = Place(
            key.place.file, key.place.line, key.place.column, node.place.end_line, node.place.end_column
        )
        return self._form(form, raw, place, scope)

    def _form(
        self, form: str, raw: dict[str, Node], place: Place, scope: Names[str, Item] | None
    ) -> Condition | None:
        match form:
            case "all" | "any":
                parts = self._parts(cast(Sequence, raw[""]), scope)
                return None if parts is None else (All if form == "all" else Any)(parts, place)
            case "not" | "not_known":
                part = self.read(raw[""], scope)
                return None if part is None else (Not if form == "not" else NotKnown)(part, place)
            case "some":
                parts = self._parts(cast(Sequence, raw["of"]), scope)
                least = self._number(raw["at_least"], len(parts or ()))
                return None if parts is None or least is None else Some(least, parts, place)
            case "points":
                return self._points(raw, place, scope)
            case "count" | "run":
                return self._records(form, raw, place)
            case "repeated":
                return self._repeated(raw, place)
            case _:
                return self._none_of(cast(Text, raw[""]), place)

    def _parts(self, node: Sequence, scope: Names[str, Item] | None) -> tuple[Condition, ...] | None:
        if not node.parts:
            self.shaper.problem("bad-condition", node, "an empty list decides nothing", "add a condition")
            return None
        parts = [self.read(part, scope) for part in node.parts]
        return None if None in parts else cast("tuple[Condition, ...]", tuple(parts))

    def _number(self, node: Node, most: int | None = None) -> int | None:
        text = cast(Text, node)
        if not text.text.isdecimal() or int(text.text) < 1 or (most is not None and int(text.text) > most):
            bound = "a whole number from 1" + (f" to {most}" if most is not None else "")
            self.shaper.problem("bad-number", text, f"{visible(text.text)!r} is not {bound}", "")
            return None
        return int(text.text)

    def _points(self, raw: dict[str, Node], place: Place, scope: Names[str, Item] | None) -> Condition | None:
        parts: list[Weighted | Highest | None] = []
        for node in cast(Sequence, raw["of"]).parts:
            if type(node) is Mapping and list(node.items) == ["highest"]:
                inner = self.shaper.value(node.items["highest"], "sequence", "highest")
                found = [self._weighted(part, scope) for part in inner.parts] if inner else [None]
                parts.append(
                    None if None in found else Highest(cast("tuple[Weighted, ...]", tuple(found)), node.place)
                )
            else:
                parts.append(self._weighted(node, scope))
        least = self._number(raw["at_least"])
        if None in parts or least is None:
            return None
        return Points(least, cast("tuple[Weighted | Highest, ...]", tuple(parts)), place)

    def _weighted(self, node: Node, scope: Names[str, Item] | None) -> Weighted | None:
        raw = self.shaper.shaped(node, {"points": "text!", "when": "any!"}, "a part of points")
        if not raw or "points" not in raw or "when" not in raw:
            return None
        points, when = self._number(raw["points"]), self.read(raw["when"], scope)
        return None if points is None or when is None else Weighted(points, when, node.place)

    def _records(self, form: str, raw: dict[str, Node], place: Place) -> Condition | None:
        of = cast(Text, raw["of"])
        item = self.items.get(of.text)
        if item is None or item.kind != "records":
            lists = [i.id for i in self.items.values() if i.kind == "records"]
            self.shaper.problem(
                "unknown-list",
                of,
                f"there is no list {visible(of.text)!r}",
                nearest(of.text, lists) or f"known: {', '.join(lists)}",
            )
            return None
        where = self.read(raw["where"], item.fields)
        least = self._number(raw["at_least"])
        if form == "run":
            skip = self.read(raw["skip"], item.fields) if "skip" in raw else None
            if where is None or least is None or ("skip" in raw and skip is None):
                return None
            return Run(item.id, where, skip, least, place)
        out_of = self._number(raw["out_of"]) if "out_of" in raw else None
        if item.series and "out_of" not in raw:
            self.shaper.problem("out-of-missing", place, f"{item.id} is a series, which can always be continued",
                                "say how many members are enough to deny: out_of: 3")  # fmt: skip
            return None
        if not item.series and "out_of" in raw:
            self.shaper.problem(
                "out-of-history",
                raw["out_of"],
                f"{item.id} is a history, complete when given",
                "leave out_of away",
            )
            return None
        return None if where is None or least is None else Count(item.id, where, least, out_of, place)

    def _repeated(self, raw: dict[str, Node], place: Place) -> Condition | None:
        where = self.read(raw["where"])
        times = self._number(raw["times"])
        try:
            apart = read_days(cast(Text, raw["apart"]).text)
        except UnreadableError as error:
            self.shaper.problem(error.code, raw["apart"], error.says, error.hint)
            return None
        if where is None or times is None:
            return None
        if apart < 1:
            self.shaper.problem(
                "bad-days", raw["apart"], "the results must lie at least a day apart", "apart: 6 weeks"
            )
            return None
        if not isinstance(where, LEAVES) or where.over != "latest" or where.name.of:
            self.shaper.problem(
                "bad-repeated",
                raw["where"],
                "repeated takes one plain comparison of one item",
                "without ever or always",
            )
            return None
        return Repeated(
            where, times, apart, f"{where.text}, {times} times, {cast(Text, raw['apart']).text} apart", place
        )

    def _none_of(self, kind: Text, place: Place) -> Condition | None:
        if kind.text not in self.bars:
            self.shaper.problem(
                "unknown-kind",
                kind,
                f"there is no kind of rule {visible(kind.text)!r}",
                nearest(kind.text, self.bars),
            )
            return None
        return All(
            tuple(Not(RuleHolds(rule, f"{rule} is met", place), place) for rule in self.bars[kind.text]),
            place,
        )

    # --- leaves

    def _leaf(self, node: Text, scope: Names[str, Item]) -> Condition | None:
        text = " ".join(node.text.split())
        found = _LEAF.match(text)
        if found is None:
            self.shaper.problem("bad-condition", node, f"{visible(text)!r} is not a comparison",
                                "for instance: tsh > 4.0 mIU/L, outcome is miscarriage, tpo_antibodies is high")  # fmt: skip
            return None
        over, name, verb, rest = cast(Over, found[1] or "latest"), found[2], found[3], found[4]
        if verb == "is" and rest in ("met", "not met"):
            if name not in self.rules:
                self.shaper.problem(
                    "unknown-rule", node, f"there is no rule {name!r}", nearest(name, self.rules)
                )
                return None
            rule = RuleHolds(name, text, node.place)
            return Not(rule, node.place) if rest == "not met" else rule
        item = scope.get(name) or self.items.get(name)
        if item is None:
            self.shaper.problem(
                "unknown-item", node, f"there is no item {name!r}", nearest(name, [*scope, *self.items])
            )
            return None
        try:
            return self._about(item, over, verb, rest, text, node.place)
        except UnreadableError as error:
            self.shaper.problem(error.code, node, error.says, error.hint)
            return None

    def _about(self, item: Item, over: Over, verb: str, rest: str, text: str, place: Place) -> Condition:
        name = Name(item.id, item.of)
        if over != "latest" and item.of:
            raise UnreadableError(
                "bad-condition", f"a record has one value of {item.id}", "leave ever or always away"
            )
        if verb not in ("is", "includes"):
            if item.kind not in ("quantity", "gestation", "date", "derived") or item.choices:
                raise UnreadableError(
                    "bad-condition", f"{item.id} is no quantity", "write: is, and one of its choices"
                )
            sign = {"≥": ">=", "≤": "<="}.get(verb, verb)
            return Compare(name, sign, read_limits(item, rest), text, over, place)
        if rest in ("known", "not known"):
            known = IsKnown(name, text, place)
            return Not(known, place) if rest == "not known" else known
        negated = rest.startswith("not ")
        rest = rest.removeprefix("not ")
        if rest.startswith("at least "):
            level = rest.removeprefix("at least ")
            if level not in [known.name for known in item.levels]:
                raise UnreadableError("unknown-level", f"{item.id} has no level {visible(level)!r}",
                                      nearest(level, [k.name for k in item.levels]) or "its levels are in the dictionary")  # fmt: skip
            leaf: Leaf = IsLevel(name, level, text, over, place)
        elif item.choices or item.kind == "choices":
            return self._choice(item, name, over, verb, rest, negated, text, place)
        elif rest in FLAGS and item.kind in ("quantity", "derived"):
            leaf = IsFlagged(name, rest, text, over, place)
        else:
            raise UnreadableError(
                "bad-condition",
                f"{item.id} cannot be {visible(rest)!r}",
                f"known: {', '.join(FLAGS)}, at least LEVEL, known",
            )
        return Not(leaf, place) if negated else leaf

    def _choice(
        self, item: Item, name: Name, over: Over, verb: str, rest: str, negated: bool, text: str, place: Place
    ) -> Condition:
        words = rest.split(" or ")
        for word in words:
            choice = item.choices.get(word)
            if choice is None:
                raise UnreadableError("unknown-choice", f"{item.id} has no choice {visible(word)!r}",
                                      nearest(word, item.choices) or f"known: {', '.join(item.choices)}")  # fmt: skip
            if choice.inconclusive:
                raise UnreadableError(
                    "inconclusive-choice", f"{word!r} decides nothing, so {item.id} is never known to be it"
                )
        if verb == "includes" or item.kind == "choices":
            if len(words) > 1 or item.kind != "choices":
                raise UnreadableError(
                    "bad-condition", "includes takes one choice of an item of which several may hold"
                )
            leaf = Includes(name, words[0], text, over, place)
            return Not(leaf, place) if negated else leaf
        meant = frozenset(c for word in words for c in item.choices[word].covers or (word,))
        if item.when is not None:  # a flag defined by a condition over the same record
            if meant == {"yes", "no"}:
                return IsKnown(name, text, place)
            return Not(item.when, place) if (meant == {"no"}) != negated else item.when
        return IsOneOf(name, meant, negated, text, over, place)
