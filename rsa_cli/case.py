"""A case file becomes results and records, by the dictionary; all that is wrong in it is said at once."""

from __future__ import annotations

from collections.abc import Mapping as Names
from pathlib import PurePath
from typing import Any, NamedTuple

from rsa_cli.dictionary import (
    FLAGS,
    MISSING,
    Item,
    UnreadableError,
    Value,
    converted,
    read_choices,
    read_value,
    unusual,
)
from rsa_cli.problems import Place, Problem, visible
from rsa_cli.source import Mapping, Node, Sequence, Shaper, Source, Text
from rsa_cli.units import unit_key, written
from rsa_cli.values import Span, iso, read_date, read_quantity

FORMAT = "1"
# What may stand in a case besides items, and with every result besides circumstances.
CASE = {"format": "text", "case": "text", "as_of": "text", "partner": "mapping", "note": "any"}
RESULT = {"value": "any!", "date": "text", "range": "text", "flag": "text", "assay": "text", "note": "any"}


class Result(NamedTuple):
    """One value of an item, with its date and what held when it was taken.

    `missing` is empty for a value, else the kind of missing, `inconclusive` included. `implied`
    marks a bound that another field of the record implies: known, but not a result.
    """

    value: Value | None
    missing: str
    place: Place
    date: Span | None = None
    around: dict[str, Result] = {}
    flag: str = ""
    range: Span | None = None
    assay: str = ""
    implied: bool = False


class Record(NamedTuple):
    """One member of a list, `number` counted from 1 in the order written."""

    number: int
    fields: dict[str, Result]
    date: Span | None
    place: Place


class Case(NamedTuple):
    """What a file says of one couple. A list left out is not in `lists`; `digest` is over content."""

    id: str
    as_of: int | None
    results: dict[str, tuple[Result, ...]]
    lists: dict[str, tuple[Record, ...]]
    digest: str
    name: str
    lines: list[str]
    remarks: list[Problem]
    as_of_place: Place


def read_case(source: Source, items: Names[str, Item], circumstances: Names[str, Item], today: int) -> Case:
    """The case in a source. `today` is the real day, as an ordinal: nothing may lie after it.

    Raises NeedsFixing with everything that is wrong in the file.
    """
    reader = _CaseReader(source, items, circumstances, today)
    case = reader.read()
    reader.shaper.refuse(source)
    assert case is not None
    remarks = [p for p in [*source.problems, *reader.shaper.problems] if p.remark]
    return case._replace(remarks=remarks)


class _CaseReader:
    def __init__(
        self, source: Source, items: Names[str, Item], circumstances: Names[str, Item], today: int
    ) -> None:
        self.source = source
        self.today = today
        self.shaper = Shaper()
        self.items = {item.key: item for item in items.values() if not item.partner}
        self.partner = {item.key: item for item in items.values() if item.partner}
        self.circumstances = circumstances

    def read(self) -> Case | None:
        source, shaper = self.source, self.shaper
        if source.root is None:
            if not source.problems:
                shaper.problem(
                    "empty", Place(source.name), "the file is empty", "a case begins with  case: and an id"
                )
            return None
        root = shaper.mapping(source.root, "a case")
        if root is None or (not root.items and type(source.root) is Text):
            if root is not None:
                shaper.problem(
                    "empty", Place(source.name), "the file is empty", "a case begins with  case: and an id"
                )
            return None
        results: dict[str, tuple[Result, ...]] = {}
        lists: dict[str, tuple[Record, ...]] = {}
        head: dict[str, Any] = {}
        for key, node in root.items.items():
            if key in CASE:
                head[key] = shaper.value(node, CASE[key], key) if not _empty(node) else None
                if key == "partner" and head[key] is not None:
                    for inner, value in head[key].items.items():
                        self.entry(head[key].keys[inner], value, self.partner, results, lists)
            else:
                self.entry(root.keys[key], node, self.items, results, lists)
        return self.case(head, results, lists)

    def case(
        self,
        head: dict[str, Any],
        results: dict[str, tuple[Result, ...]],
        lists: dict[str, tuple[Record, ...]],
    ) -> Case:
        shaper, source = self.shaper, self.source
        if head.get("format") and head["format"].text != FORMAT:
            shaper.problem(
                "unknown-format",
                head["format"],
                f"there is no case format {visible(head['format'].text)}",
                f"write  format: {FORMAT}",
            )
        if head.get("case") is None:
            name = PurePath(source.name).stem
            shaper.problem(
                "no-id",
                Place(source.name, 1, 1),
                f"the case has no id; its file name {visible(name)} is used",
                "add  case: and an id",
                remark=True,
            )
        else:
            name = visible(head["case"].text)
        as_of, place = None, Place(source.name)
        if head.get("as_of"):
            place = head["as_of"].place
            day = self.date(head["as_of"])
            if day is not None and not day.is_point:
                shaper.problem(
                    "not-a-day", head["as_of"], "the day of judgement is one day", "write 2026-03-01"
                )
            elif day is not None and day.low is not None:
                as_of = int(day.low)
        return Case(name, as_of, results, lists, _digest(source.root), source.name, source.lines, [], place)

    def entry(
        self, key: Text, node: Node, items: Names[str, Item],
        results: dict[str, tuple[Result, ...]], lists: dict[str, tuple[Record, ...]],
    ) -> None:  # fmt: skip
        item = items.get(key.text)
        if item is None:
            other = self.partner if items is self.items else self.items
            if key.text in other:
                hint = "write it under  partner:" if items is self.items else "write it outside  partner:"
                self.shaper.problem("unknown-key", key, f"there is no {visible(key.text)!r} here", hint)
            else:
                self.shaper.unknown(key, [*items, *(CASE if items is self.items else ())], "a case")
            return
        if _empty(node):
            return
        if item.kind == "records":
            records = self.records(item, node)
            if records is not None:
                lists[item.id] = records
            return
        several = type(node) is Sequence and not (
            item.kind == "choices" and all(type(p) is Text for p in node.parts)
        )
        found = [
            self.result(item, part) for part in (node.parts if several and type(node) is Sequence else [node])
        ]
        read = tuple(result for result in found if result is not None)
        undated = [r for r in read if r.date is None and (r.value is not None)]
        if len(undated) > 1:
            self.shaper.problem(
                "undated-twice",
                undated[1].place,
                f"two results of {item.label} without a date",
                "add  date: to each",
            )
        if read:
            results[item.id] = read

    # --- results

    def result(self, item: Item, node: Node, record: Record | None = None) -> Result | None:
        if type(node) is not Mapping:
            return self.plain(item, node)
        known = {**RESULT, **dict.fromkeys(self.circumstances, "text")}
        raw = self.shaper.shaped(node, known, f"a result of {item.label}")
        if not raw or "value" not in raw:
            return None
        result = self.plain(item, raw["value"])
        if result is None:
            return None
        around: dict[str, Result] = {}
        for name, circumstance in self.circumstances.items():
            if name in raw and raw[name].text:
                held = self.plain(circumstance, raw[name])
                if held is not None:
                    around[name] = held
        flag = raw["flag"].text if "flag" in raw else ""
        if flag and flag not in FLAGS:
            self.shaper.problem(
                "unknown-flag",
                raw["flag"],
                f"{visible(flag)!r} is no flag of a laboratory",
                f"known: {', '.join(FLAGS)}",
            )
        return result._replace(
            place=node.place if result.missing else result.place,
            date=self.date(raw["date"]) if "date" in raw and raw["date"].text else None,
            around=around, flag=flag,
            range=self.range(item, raw["range"], result.value) if "range" in raw and raw["range"].text else None,
            assay=visible(raw["assay"].text) if "assay" in raw else "",
        )  # fmt: skip

    def plain(self, item: Item, node: Node) -> Result | None:
        """A value without circumstances: a text, or the choices of an item of which several may hold."""
        if type(node) is Sequence and item.kind == "choices":
            texts = [part for part in node.parts if type(part) is Text]
            if len(texts) == len(node.parts):
                return self.understood(item, node, [text.text for text in texts])
        if type(node) is not Text:
            hint = (
                f"write  {item.key}: and one value, or  {{value: …, date: …}}"
                if not item.of
                else f"write  {item.id}: and one value"
            )
            self.shaper.problem("wrong-type", node, f"{item.label} cannot hold this", hint)
            return None
        if _empty(node):
            return None
        if node.text in MISSING:
            return Result(None, node.text, node.place)
        return self.understood(item, node, [node.text])

    def understood(self, item: Item, node: Node, texts: list[str]) -> Result | None:
        try:
            value = read_choices(item, texts) if item.kind == "choices" else read_value(item, texts[0])
        except UnreadableError as error:
            self.shaper.problem(error.code, node, error.says, error.hint)
            return None
        if item.kind == "date" and value.span and value.span.low is not None and value.span.low > self.today:
            self.shaper.problem("future", node, f"{visible(value.text)} lies in the future", "check the year")
            return None
        if unusual(item, value):
            self.shaper.problem(
                "unusual",
                node,
                f"{item.label} {visible(value.text)} is unusual",
                "check the number and its unit",
                remark=True,
            )
        inconclusive = any(item.choices[c].inconclusive for c in value.choices or () if c in item.choices)
        return Result(value, "inconclusive" if inconclusive else "", node.place)

    def date(self, text: Text) -> Span | None:
        if text.text in MISSING:
            return None
        span = read_date(text.text)
        if span is None:
            self.shaper.problem(
                "not-a-date",
                text,
                f"{visible(text.text)!r} is not a date",
                "write 2024-01-19, or 2024-01, or 2024",
            )
        elif span.low is not None and span.low > self.today:
            self.shaper.problem(
                "future",
                text,
                f"{visible(text.text)} lies in the future (today is {iso(self.today)})",
                "check the year",
            )
        return span

    def range(self, item: Item, text: Text, value: Value | None) -> Span | None:
        """The laboratory's own range of normal values, in the item's unit or, if separate, the value's."""
        parsed = read_quantity(text.text)
        if parsed is None:
            self.shaper.problem(
                "bad-range", text, f"{visible(text.text)!r} is not a range", "write 0–34, or <35 IU/mL"
            )
            return None
        unit = item.units.get(unit_key(parsed.unit or (value.unit if value else "") or item.unit))
        if unit is None:
            units = " or ".join(u.text for u in item.units.values())
            self.shaper.problem(
                "unknown-unit",
                text,
                f"{item.label} is not measured in {visible(parsed.unit)!r}",
                f"its units: {units}",
            )
            return None
        if unit.separate != bool(value and value.span and value.canon is None) or (
            unit.separate and value and value.unit != unit.text
        ):
            self.shaper.problem(
                "range-unit",
                text,
                f"the range is in {unit.text or 'no unit'}, the value is not, and the two do not convert",
                "write both in one unit",
            )
            return None
        return parsed.span if unit.separate else converted(parsed.span, unit)

    # --- records

    def records(self, item: Item, node: Node) -> tuple[Record, ...] | None:
        if type(node) is Text and node.text in MISSING:
            return None
        if type(node) is not Sequence:
            hint = f"write  {item.key}: []  for none, or one line each with '- '"
            self.shaper.problem("wrong-type", node, f"{item.label} is a list", hint)
            return None
        records = []
        for number, part in enumerate(node.parts, 1):
            mapping = part if type(part) is Mapping else None
            if mapping is None:
                example = next(iter(item.fields))
                self.shaper.problem(
                    "wrong-type",
                    part,
                    f"each of {item.label} is written as  key: value",
                    f"for instance  - {{{example}: …}}",
                )
                continue
            records.append(self.record(item, mapping, number))
        if item.dated_by:
            self.ordered(item, records)
        return tuple(records)

    def record(self, item: Item, node: Mapping, number: int) -> Record:
        fields: dict[str, Result] = {}
        for name, inner in node.items.items():
            field = item.fields.get(name)
            if name == "note":
                continue
            if field is None or (field.kind == "derived" and field.formula is None):
                self.shaper.unknown(node.keys[name], item.fields, item.label.casefold())
                continue
            result = self.result(field, inner) if type(inner) is Mapping else self.plain(field, inner)
            if result is not None:
                fields[name] = result
        self.implied(item, fields)
        dated = fields.get(item.dated_by)
        date = dated.value.span if dated and dated.value else None
        return Record(number, fields, date, node.place)

    def implied(self, item: Item, fields: dict[str, Result]) -> None:
        for name, result in list(fields.items()):
            for choice in (result.value.choices or ()) if result.value else ():
                implies = item.fields[name].choices[choice].implies
                if implies is None:
                    continue
                field, span = implies
                given = fields.get(field)
                if given is None or given.value is None:
                    text = f"implied by {name}: {choice}"
                    fields[field] = Result(Value(text, span, "", span), "", result.place, implied=True)
                elif given.value.canon and not given.value.canon.meets(span):
                    other = item.fields[field]
                    self.shaper.problem(
                        "contradiction", given.place,
                        f"{other.label} {visible(given.value.text)} does not go with {name}: {choice}",
                        "check both" + (f": {choice} is {field} under {written(span.high)} days" if span.high and other.kind != "gestation" else
                                        f": {choice} means before {int(span.high) // 7} weeks" if span.high else ""),
                    )  # fmt: skip

    def ordered(self, item: Item, records: list[Record]) -> None:
        latest: Record | None = None
        for record in records:
            if record.date is None or record.date.high is None:
                continue
            if (
                latest is not None
                and latest.date
                and latest.date.low is not None
                and record.date.high < latest.date.low
            ):
                place = record.fields[item.dated_by].place
                self.shaper.problem("order", place, f"this date lies before that of number {latest.number}, which stands above it",
                                    f"write {item.label.casefold()} first to last, or check the dates")  # fmt: skip
            if latest is None or (latest.date and (record.date.low or 0) > (latest.date.low or 0)):
                latest = record


def _empty(node: Node) -> bool:
    return type(node) is Text and node.plain and node.text in ("", "null", "~")


def _digest(node: Node | None) -> str:
    """Over the content, not the bytes: layout, comments and the order of keys do not change it."""
    from hashlib import sha256

    def canonical(part: Node) -> str:
        if type(part) is Text:
            return repr(part.text)
        if type(part) is Mapping:
            return "{" + ",".join(f"{key!r}:{canonical(part.items[key])}" for key in sorted(part.items)) + "}"
        return "[" + ",".join(canonical(inner) for inner in part.parts) + "]"  # type: ignore[union-attr]

    return sha256(canonical(node).encode()).hexdigest() if node is not None else ""
