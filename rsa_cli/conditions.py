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
    Undecidable,
    Weighted,
)
from rsa_cli.problems import Place, brief, nearest_or_all, quoted
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
    "undecidable": "text",
}  # fmt: skip
LEAF = r"(?:(ever|always) )?([a-z][a-z0-9_]*) (is|includes|>=|<=|>|<|≥|≤) ?(.+)\Z"


class ConditionReader:
    """Reads conditions over the items of one rulebook; problems go to the shaper."""

    def __init__(
        self,
        shaper: Shaper,
        items: Names[str, Item],
        rules: Names[str, object],
        bars: Names[str, tuple[str, ...]],
        doubtful: frozenset[str] = frozenset(),
        whole: bool = True,
    ) -> None:
        """`bars` names, for each kind of rule, those that `none_of` stands for.

        Nothing is said about what is `doubtful`, items that have a problem of their own, nor, where
        the rulebook could not be read as a `whole`, about names that are not known.
        """
        self.shaper = shaper
        self.items = items
        self.rules = rules
        self.bars = bars
        self.doubtful = doubtful
        self.elsewhere: Names[str, str] = {}  # names that have a meaning, but not here, and a hint
        self.whole = whole
        self.not_covered: tuple[
            str, ...
        ] = ()  # causes that no rule decides: *none of* cannot answer for them

    def read(self, node: Node, scope: Names[str, Item] | None = None) -> Condition | None:
        """The condition, or `None` and problems. `scope` holds names that come before the items."""
        if type(node) is Text:
            return self._leaf(node, scope or {})
        if type(node) is Sequence:
            hint = "write  all:  or  any:  before it, and indent it"
            self.shaper.problem("bad-condition", node, "a list alone is no condition", hint)
            return None
        assert type(node) is Mapping
        if len(node.items) != 1:
            says = "a condition is missing here"
            hint = "write one, for instance  tsh > 4.0 mIU/L"
            if node.items:
                says = (
                    f"{brief(' and '.join(node.items))} stand side by side, where one condition is expected"
                )
                hint = "write them as a list, each with '- ', below  all:  or  any:"
            self.shaper.problem("bad-condition", node, says, hint)
            return None
        [(form, inner)] = node.items.items()
        key = node.keys[form]
        shape = FORMS.get(form)
        if shape is None:
            says = f"there is no form of condition {quoted(form)}"
            self.shaper.problem("unknown-form", key, says, nearest_or_all(form, FORMS))
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
                least = self._number(raw["at_least"], len(cast(Sequence, raw["of"]).parts))
                return None if parts is None or least is None else Some(least, parts, place)
            case "points":
                return self._points(raw, place, scope)
            case "count" | "run":
                return self._records(form, raw, place)
            case "repeated":
                return self._repeated(raw, place)
            case "undecidable":
                return Undecidable(cast(Text, raw[""]).text, place)
            case _:
                return self._none_of(cast(Text, raw[""]), place)

    def _parts(self, node: Sequence, scope: Names[str, Item] | None) -> tuple[Condition, ...] | None:
        if not node.parts:
            self.shaper.problem("bad-condition", node, "an empty list decides nothing", "add a condition")
            return None
        parts = [self.read(part, scope) for part in node.parts]
        return None if None in parts else cast("tuple[Condition, ...]", tuple(parts))

    def _number(self, node: Node, most: int | None = None) -> int | None:
        """A whole number from 1, and where `most` is given, one that so many can reach at all."""
        text = cast(Text, node)
        if not re.fullmatch(r"0*[1-9][0-9]{0,3}", text.text, re.ASCII):
            says = f"{quoted(text.text)} is not a whole number from 1"
            self.shaper.problem("bad-number", text, says, "write 1, 2, 3 …")
            return None
        if most and int(text.text) > most:
            says = f"{text.text} is more than can ever be reached here, which is {most}"
            self.shaper.problem("bad-number", text, says, f"write a number from 1 to {most}")
            return None
        return int(text.text)

    def _points(self, raw: dict[str, Node], place: Place, scope: Names[str, Item] | None) -> Condition | None:
        nodes = cast(Sequence, raw["of"])
        if not nodes.parts:
            self.shaper.problem("bad-condition", nodes, "an empty list decides nothing", "add a condition")
            return None
        parts: list[Weighted | Highest | None] = []
        for node in nodes.parts:
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
        raw = self.shaper.shaped(node, {"points": "text!", "when": "any!"}, "an entry of points")
        if not raw or "points" not in raw or "when" not in raw:
            return None
        points, when = self._number(raw["points"]), self.read(raw["when"], scope)
        return None if points is None or when is None else Weighted(points, when, node.place)

    def _records(self, form: str, raw: dict[str, Node], place: Place) -> Condition | None:
        of = cast(Text, raw["of"])
        item = self.items.get(of.text)
        if of.text in self.doubtful:
            return None
        if item is None or item.kind != "records":
            lists = [i.id for i in self.items.values() if i.kind == "records"]
            if self.whole:
                self.shaper.problem(
                    "unknown-list",
                    of,
                    f"there is no list {quoted(of.text)}",
                    nearest_or_all(of.text, lists, "lists are items of  kind: records"),
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
            says = f"{item.id} is a series, to which further entries can always be added"
            hint = "add how many are enough to answer no:  out_of: 3"
            self.shaper.problem("out-of-missing", place, says, hint)
            return None
        if not item.series and "out_of" in raw:
            says = f"{item.id} is a history: all of its entries are known, so out_of means nothing"
            self.shaper.problem("out-of-history", raw["out_of"], says, "delete out_of")
            return None
        if least is not None and out_of is not None and out_of < least:
            says = f"{least} are never reached out of {out_of}"
            self.shaper.problem("bad-number", raw["out_of"], says, f"write a number from {least}")
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
                "repeated takes one comparison of one item",
                "without ever or always, not a field of a list, not all: or any:",
            )
            return None
        return Repeated(
            where, times, apart, f"{where.text}, {times} times, {cast(Text, raw['apart']).text} apart", place
        )

    def _none_of(self, kind: Text, place: Place) -> Condition | None:
        if kind.text not in self.bars:
            says = f"there is no kind of rule {quoted(kind.text)}"
            self.shaper.problem("unknown-kind", kind, says, nearest_or_all(kind.text, self.bars))
            return None
        parts: list[Condition] = [
            Not(RuleHolds(rule, f"{rule} is met", place, True), place) for rule in self.bars[kind.text]
        ]
        if kind.text == "etiology" and self.not_covered:
            parts.append(Undecidable(f"not covered: {', '.join(self.not_covered)}", place))
        return All(tuple(parts), place)

    # --- leaves

    def _leaf(self, node: Text, scope: Names[str, Item]) -> Condition | None:
        text = " ".join(node.text.split())
        found = re.match(LEAF, text)
        if found is None or " and " in text:
            says = f"{quoted(text)} is not a comparison" if text else "a condition is missing here"
            hint = (
                "write, for instance  tsh > 4.0 mIU/L, or  outcome is miscarriage, or  tpo_antibodies is high"
            )
            if " and " in text:
                says = "two conditions stand in one line"
                hint = "write them as a list, each with '- ', below  all:"
            self.shaper.problem("bad-condition", node, says, hint)
            return None
        over, name, verb, rest = cast(Over, found[1] or "latest"), found[2], found[3], found[4]
        if verb == "is" and rest in ("met", "not met"):
            if name not in self.rules:
                if self.whole:
                    hint = nearest_or_all(name, self.rules, "write it under  rules:  or check the name")
                    self.shaper.problem("unknown-rule", node, f"there is no rule {quoted(name)}", hint)
                return None
            rule = RuleHolds(name, text, node.place)
            return Not(rule, node.place) if rest == "not met" else rule
        item = scope.get(name) or self.items.get(name)
        of = next((field.of for field in scope.values()), None)
        if f"{of}.{name}" in self.doubtful or (name in self.doubtful and name not in scope):
            return None
        if item is None:
            if self.whole:
                says = f"there is no item {quoted(name)}"
                self.shaper.problem("unknown-item", node, says, self._where(name, scope))
            return None
        try:
            return self._about(item, over, verb, rest, text, node.place)
        except UnreadableError as error:
            self.shaper.problem(error.code, node, error.says, error.hint)
            return None

    def _where(self, name: str, scope: Names[str, Item]) -> str:
        """A hint for a name that means nothing here: it may be a field of a list, or misspelt."""
        lists = [item.id for item in self.items.values() if name in item.fields]
        if lists:
            return f"{name} is a field of {lists[0]}: it stands inside  count:  or  run:  of {lists[0]}"
        otherwise = "check the name, or write it under  items:"
        return self.elsewhere.get(name) or nearest_or_all(name, [*scope, *self.items], otherwise)

    def _about(self, item: Item, over: Over, verb: str, rest: str, text: str, place: Place) -> Condition:
        name = Name(item.id, item.of)
        if over != "latest" and item.of:
            raise UnreadableError(
                "bad-condition", f"a record has one value of {item.id}", "leave ever or always away"
            )
        if verb not in ("is", "includes"):
            if item.kind not in ("quantity", "gestation", "date", "derived") or item.choices:
                hint = f"write  {item.id} is …, with one of: {' | '.join(item.choices) or 'known'}"
                raise UnreadableError("bad-condition", f"{item.id} is no number", hint)
            sign = {"≥": ">=", "≤": "<="}.get(verb, verb)
            return Compare(name, sign, read_limits(item, rest), text, over, place)
        if rest in ("known", "not known"):
            if item.when is not None:
                raise UnreadableError(
                    "bad-condition",
                    f"{item.id} is worked out, so it is never asked for",
                    "ask whether its fields are known",
                )
            known = IsKnown(name, text, place)
            return Not(known, place) if rest == "not known" else known
        negated = rest.startswith("not ")
        if negated and over != "latest" and not item.choices:
            # The leaf stands inside a *not*: always not high is not ever high.
            over = "always" if over == "ever" else "ever"
        rest = rest.removeprefix("not ")
        if rest.startswith("at least "):
            level = rest.removeprefix("at least ")
            if level not in [known.name for known in item.levels]:
                hint = nearest_or_all(
                    level, [k.name for k in item.levels], "it has no levels: give it  levels:  first"
                )
                raise UnreadableError("unknown-level", f"{item.id} has no level {quoted(level)}", hint)
            leaf: Leaf = IsLevel(name, level, text, over, place)
        elif item.choices or item.kind == "choices":
            return self._choice(item, name, over, verb, rest, negated, text, place)
        elif rest in FLAGS and item.kind in ("quantity", "derived"):
            leaf = IsFlagged(name, rest, text, over, place)
        else:
            words = [*FLAGS, "known"] if item.kind in ("quantity", "derived") else ["known"]
            words += [f"at least {level.name}" for level in item.levels]
            raise UnreadableError(
                "bad-condition", f"{item.id} cannot be {quoted(rest)}", nearest_or_all(rest, words)
            )
        return Not(leaf, place) if negated else leaf

    def _choice(
        self, item: Item, name: Name, over: Over, verb: str, rest: str, negated: bool, text: str, place: Place
    ) -> Condition:
        words = rest.split(" or ")
        for word in words:
            choice = item.choices.get(word)
            if choice is None:
                hint = nearest_or_all(word, item.choices, "its choices stand in the dictionary")
                raise UnreadableError("unknown-choice", f"{item.id} has no choice {quoted(word)}", hint)
            if choice.inconclusive:
                raise UnreadableError(
                    "inconclusive-choice",
                    f"{quoted(word)} decides nothing, so {item.id} is never known to be it",
                    f"write one that decides: {' | '.join(item.settled_choices())}",
                )
        if verb == "includes" or item.kind == "choices":
            if item.kind != "choices":
                hint = f"write  {item.id} is {rest}"
                raise UnreadableError(
                    "bad-condition", f"{item.id} has one answer, and includes nothing", hint
                )
            if len(words) > 1:
                hint = "write them as a list below  any:, each with  includes"
                raise UnreadableError("bad-condition", "includes takes one choice at a time", hint)
            leaf = Includes(name, words[0], text, over, place)
            return Not(leaf, place) if negated else leaf
        meant = frozenset(c for word in words for c in item.choices[word].covers or (word,))
        if item.when is not None:  # a flag defined by a condition over the same record
            if meant == {"yes", "no"}:
                return IsKnown(name, text, place)
            return Not(item.when, place) if (meant == {"no"}) != negated else item.when
        return IsOneOf(name, meant, negated, text, over, place)
