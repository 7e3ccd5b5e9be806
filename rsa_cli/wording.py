"""Conditions and cases in a clinician's words, with the labels of a rulebook's dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rsa_cli import nodes
from rsa_cli.dictionary import Item
from rsa_cli.nodes import Condition, Name
from rsa_cli.rulebook import Rulebook

Lines = list[tuple[int, str]]  # each line with the depth it stands at
_SIGNS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_VALUE = Name("value", "circumstance")


class Wording:
    """Says what the conditions and cases of one rulebook mean."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.book = rulebook

    # --- names

    def item(self, name: str) -> Item | None:
        """The item of an id, or the field of a `list.field`."""
        of, _, field = name.partition(".")
        item = self.book.items.get(of)
        return item.fields.get(field) if item is not None and field else item

    def called(self, name: str) -> str:
        """An item by its label, where its id is wanted too."""
        item, of = self.item(name), self.book.items.get(name.partition(".")[0])
        if item is None:
            return f"`{name}`"
        return f"{item.label}{f' of {of.label}' if of and item.of else ''} (`{name}`)"

    def _named(self, name: Name, itself: Item | None) -> tuple[str, Item]:
        """What a comparison is about; the item's own value is *the result*."""
        if name == _VALUE and itself is not None:
            return "the result", itself
        if name.of == "circumstance":
            item = self.book.circumstances[name.item]
        else:
            item = (self.book.items[name.of].fields if name.of else self.book.items)[name.item]
        return item.label, item

    # --- conditions

    def line(self, condition: Condition, itself: Item | None = None) -> str:
        """A condition in one line; `itself` is the item whose result it may speak of."""
        match condition:
            case nodes.All(parts=parts) | nodes.Any(parts=parts):
                word = "and" if isinstance(condition, nodes.All) else "or"
                said = [(part, self.line(part, itself)) for part in parts]
                bracket = " or " if word == "and" else " and "
                return f" {word} ".join(f"({text})" if bracket in text else text for part, text in said)
            case nodes.Not(part=part) if isinstance(part, nodes.All | nodes.Any):
                return f"not ({self.line(part, itself)})"
            case _:
                return "; ".join(text for _, text in self.lines(condition, 0, itself))

    def lines(self, condition: Condition, depth: int = 0, itself: Item | None = None) -> Lines:
        """A condition as an indented list."""
        match condition:
            case nodes.All(parts=parts):
                barred = [rule for part in parts if (rule := _barred(part))]
                if barred:  # *none of*, and what no rule covers
                    found = "; ".join(f"{self.book.rules[rule].finding} (`{rule}`)" for rule in barred)
                    head = f"none of these {len(barred)}: each is known not to be met, or does not apply"
                    others = [part for part in parts if not _barred(part)]
                    return [
                        (depth, f"{head}: {found}"),
                        *(line for o in others for line in self.lines(o, depth, itself)),
                    ]
                return self._several("all of", parts, depth, itself)
            case nodes.Any(parts=parts):
                return self._several("any of", parts, depth, itself)
            case nodes.Some(parts=parts):
                return self._several(
                    f"at least {condition.at_least} of these {len(parts)}", parts, depth, itself
                )
            case nodes.Not(part=nodes.NotKnown(part=part)):
                return self._under("it is known that", part, depth, itself)
            case nodes.Not(part=nodes.IsKnown(name=name)):
                return [(depth, f"{self._named(name, itself)[0]} not known")]
            case nodes.Not(part=part):
                return self._under("not:", part, depth, itself)
            case nodes.NotKnown(part=part):
                return self._under("unless it is known that", part, depth, itself)
            case nodes.Points():
                return [
                    (depth, f"at least {condition.at_least} points of:"),
                    *self._weights(condition, depth + 1),
                ]
            case nodes.Count():
                head = f"at least {condition.at_least} of the {self.book.items[condition.of].label}"
                if condition.out_of is not None and condition.out_of > condition.at_least:
                    head += f" (denied only once {condition.out_of} are known)"
                return self._under(f"{head}, where", condition.where, depth, itself)
            case nodes.Run():
                head = f"at least {condition.at_least} in a row of the {self.book.items[condition.of].label}"
                lines = self._under(f"{head}, where", condition.where, depth, itself)
                if condition.skip is not None:
                    head = "passed over, neither counted nor breaking the row, where"
                    lines += self._under(head, condition.skip, depth + 1, itself)
                return lines
            case nodes.Repeated():
                head = f"{condition.times} results, each at least {_time(condition.apart)} after the one before, with"
                return self._under(head, condition.where, depth, itself)
            case nodes.RuleHolds(rule=rule):
                return [(depth, f"{self.book.rules[rule].finding} met (`{rule}`)")]
            case nodes.Undecidable(text=text):
                return [(depth, f"never decided: {text}")]
            case nodes.IsKnown(name=name):
                return [(depth, f"{self._named(name, itself)[0]} known")]
            case nodes.Compare() | nodes.IsOneOf() | nodes.Includes() | nodes.IsFlagged() | nodes.IsLevel():
                over = {"latest": "", "ever": ", in any result", "always": ", in every result"}
                return [(depth, self._leaf(condition, itself) + over[condition.over])]

    def _leaf(self, leaf: nodes.Leaf, itself: Item | None) -> str:
        label, item = self._named(leaf.name, itself)
        match leaf:
            case nodes.Compare():
                limit = re.split(r">=|<=|>|<|≥|≤", leaf.text, maxsplit=1)[1].strip()
                between = ", not known between the two"
                spread = all(span.is_point for span in leaf.limits.values())
                return f"{_measure(item, label, f'{_SIGNS[leaf.sign]} {limit}')}{'' if spread else between}"
            case nodes.IsOneOf():
                return self._chosen(leaf, label, item)
            case nodes.Includes():
                return f"{label} includes {item.choices[leaf.choice].label}"
            case nodes.IsFlagged():
                return f"{label} {leaf.word}"
            case nodes.IsLevel():
                return f"{label} at least {leaf.level.replace('_', ' ')}"

    def _chosen(self, leaf: nodes.IsOneOf, label: str, item: Item) -> str:
        if leaf.name.of == "circumstance" and leaf.name != _VALUE:
            held = leaf.choices if not leaf.negated else frozenset(item.choices) - leaf.choices
            return self.circumstance(item, held)
        labels = [choice.label for name, choice in item.choices.items() if name in leaf.choices]
        joined = " or ".join(labels)
        if len(labels) > 1 and any(" or " in text or "," in text for text in labels):
            joined = f"one of “{'”, “'.join(labels)}”"
        return f"{label}: {'not ' * leaf.negated}{joined}"

    def circumstance(self, item: Item, held: Iterable[str]) -> str:
        """What held when a result was taken: the label alone where it says yes."""
        held = frozenset(held)
        if held == {"no"}:
            return f"not {item.label}"
        if held in ({"yes"}, {"yes", "perhaps"}) or held >= set(item.choices) - {"no"}:
            return item.label
        return f"{item.label} {' or '.join(c.label for name, c in item.choices.items() if name in held)}"

    def _several(self, head: str, parts: Sequence[Condition], depth: int, itself: Item | None) -> Lines:
        if len(parts) == 1:
            return self.lines(parts[0], depth, itself)
        return [
            (depth, f"{head}:"),
            *(line for part in parts for line in self.lines(part, depth + 1, itself)),
        ]

    def _under(self, head: str, part: Condition, depth: int, itself: Item | None) -> Lines:
        """A condition behind words: in their line where it is one, else below them."""
        first, *rest = self.lines(part, depth, itself)
        if not rest or isinstance(part, nodes.All | nodes.Any):
            return [(depth, f"{head} {first[1]}"), *rest]
        return [(depth, head), *((below + 1, text) for below, text in (first, *rest))]

    def _weights(self, points: nodes.Points, depth: int) -> Lines:
        lines: Lines = []
        for part in points.parts:
            if isinstance(part, nodes.Highest):
                lines.append((depth, "only the highest of:"))
            for weighted in part.parts if isinstance(part, nodes.Highest) else (part,):
                below = depth + isinstance(part, nodes.Highest)
                lines += self._under(f"{weighted.points} for", weighted.when, below, None)
        return lines

    # --- cases

    def given(self, case: dict[str, Any]) -> str:
        """What a case holds, as plain data, in a line."""
        said = []
        for key, value in case.items():
            if key == "partner" and isinstance(value, dict):
                theirs = {item.key: item for item in self.book.items.values() if item.partner}
                said += [self._results(theirs[name], inner) for name, inner in value.items()]
            elif key in self.book.items:
                said.append(self._results(self.book.items[key], value))
        return "; ".join(said) or "nothing"

    def _results(self, item: Item, value: Any) -> str:
        if item.kind == "records" and isinstance(value, list):
            return f"{item.label}: {self._records(item, value)}"
        if item.kind == "choices" and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return f"{item.label}: {', '.join(_answer(item, v) for v in value) or 'none'}"
        parts = value if isinstance(value, list) else [value]
        return f"{item.label}: {', then '.join(self._result(item, part) for part in parts)}"

    def _result(self, item: Item, value: Any) -> str:
        """One result, its date and circumstances in brackets."""
        if not isinstance(value, dict):
            return _answer(item, value)
        around = []
        for key, inner in value.items():
            circumstance = self.book.circumstances.get(key)
            if circumstance is None:
                words = {"value": "", "date": "{}", "range": "laboratory's range {}", "flag": "flagged {}"}
                around.append(words.get(key, f"{key} {{}}").format(inner))
            elif inner in circumstance.choices:
                around.append(self.circumstance(circumstance, {inner}))
            else:
                around.append(_measure(circumstance, circumstance.label, inner))
        held = value.get("value", "")
        shown = ", ".join(_answer(item, v) for v in ([held] if isinstance(held, str) else held))
        return f"{shown} ({', '.join(filter(None, around))})" if any(around) else shown

    def _records(self, item: Item, records: list[dict[str, Any]]) -> str:
        """Records of a list; those alike and side by side are counted."""
        counted: list[tuple[str, int]] = []
        for record in records:
            text = (
                ", ".join(self._field(item, name, value) for name, value in record.items())
                or "one, nothing said"
            )
            if counted and counted[-1][0] == text:
                counted[-1] = (text, counted[-1][1] + 1)
            else:
                counted.append((text, 1))
        return " / ".join(f"{number} × {text}" if number > 1 else text for text, number in counted) or "none"

    def _field(self, item: Item, name: str, value: Any) -> str:
        field = item.fields[name]
        text = self._result(field, value)
        if name == next(iter(item.fields)) and isinstance(value, str) and value in field.choices:
            return text  # what the record is: its outcome, its site
        return f"{field.label}: {text}" if field.choices else f"{field.label} {text}"


def _barred(part: Condition) -> str:
    """The finding that a part of *none of* is about; the empty text for other conditions."""
    if isinstance(part, nodes.Not) and isinstance(part.part, nodes.RuleHolds) and part.part.bars:
        return part.part.rule
    return ""


def _measure(item: Item, label: str, amount: str) -> str:
    """A label and an amount; `42 days since …` where the label begins with the unit of a circumstance."""
    if item.of == "circumstance" and item.unit and label.startswith(f"{item.unit} "):
        return f"{amount.removesuffix(f' {item.unit}')} {label}"
    return f"{label} {amount}"


def _answer(item: Item, text: str | list[str]) -> str:
    if isinstance(text, list):  # of an item of which several may hold
        return " and ".join(_answer(item, one) for one in text) or "none"
    choice = item.choices.get(text)
    return choice.label if choice is not None else text or "left empty"


def _time(days: int) -> str:
    if days % 7 == 0:
        return f"{days // 7} week{'s' * (days != 7)}"
    return f"{days} day{'s' * (days != 1)}"
