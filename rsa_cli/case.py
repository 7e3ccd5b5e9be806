"""A case file becomes results and records, by the dictionary; all that is wrong in it is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Names
from functools import cache
from pathlib import PurePath
from typing import Any, NamedTuple

from rsa_cli.dictionary import (
    FLAGS,
    MISSING,
    Item,
    UnreadableError,
    Value,
    converted,
    dated,
    read_choices,
    read_value,
    unusual,
)
from rsa_cli.light import Light
from rsa_cli.problems import Place, Problem, brief, nearest, nearest_or_all, quoted, visible, without_comma
from rsa_cli.source import Mapping, Node, Sequence, Shaper, Source, Text
from rsa_cli.units import unit_key
from rsa_cli.values import Span, iso, read_quantity, span_text

FORMAT = "1"
# What may stand in a case besides items, and with every result besides circumstances.
CASE = {"format": "text", "case": "text", "as_of": "text", "partner": "mapping", "note": "any"}
# What people write of a person, who has no name here.
_PERSON = (
    "name",
    "surname",
    "first_name",
    "patient",
    "address",
    "birthday",
    "date_of_birth",
    "dob",
    "id",
    "case_id",
    "mrn",
)
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
    said: str = ""


class Record(NamedTuple):
    """One member of a list, `number` counted from 1 in the order written."""

    number: int
    fields: dict[str, Result]
    date: Span | None
    place: Place


class Case(Light):
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


def read_case(
    source: Source,
    items: Names[str, Item],
    circumstances: Names[str, Item],
    today: int,
    without_partner: bool = False,
) -> Case:
    """The case in a source. `today` is the real day, as an ordinal: nothing may lie after it.

    With `without_partner` what stands under `partner:` is not read, nor said to be wrong.
    Raises NeedsFixing with everything that is wrong in the file.
    """
    if without_partner:
        source = _without_partner(source)
    reader = CaseReader(source, items, circumstances, today)
    case = reader.read()
    reader.shaper.refuse(source)
    assert case is not None
    remarks = [p for p in [*source.problems, *reader.shaper.problems] if p.remark]
    return case._replace(remarks=remarks)


def _without_partner(source: Source) -> Source:
    node = source.root.items.get("partner") if type(source.root) is Mapping else None
    if node is None:
        return source
    assert type(source.root) is Mapping
    kept = {key: part for key, part in source.root.items.items() if key != "partner"}
    his = range(node.place.line, node.place.end_line + 1)
    problems = [p for p in source.problems if p.place.line not in his]
    return source._replace(root=source.root._replace(items=kept), problems=problems)


class CaseReader:
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
        begins = "a case begins with  case: and an id; a line for each thing known follows, such as  tsh: 2.1 mIU/L"
        if source.root is None or _empty(source.root):
            if not source.problems:
                shaper.problem("empty", Place(source.name), "the file is empty", begins)
            return None
        if type(source.root) is not Mapping:
            if source.complete:
                tight = type(source.root) is Text and re.match(r"\w+:\S", source.root.text)
                hint = "write a blank after the colon" if tight else begins
                shaper.problem("not-a-case", source.root, "this is not a case", hint)
            return None
        root = source.root
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
        return self.case(root, head, results, lists)

    def case(
        self,
        root: Mapping,
        head: dict[str, Any],
        results: dict[str, tuple[Result, ...]],
        lists: dict[str, tuple[Record, ...]],
    ) -> Case:
        shaper, source = self.shaper, self.source
        if head.get("format") and head["format"].text != FORMAT:
            shaper.problem(
                "unknown-format",
                head["format"],
                f"there is no case format {quoted(head['format'].text)}",
                f"write  format: {FORMAT}",
            )
        if head.get("case") is None:
            name = visible(PurePath(source.name).stem)
            if source.complete and ("case" not in root.items or _empty(root.items["case"])):
                shaper.problem(
                    "no-id",
                    root.keys["case"].place if "case" in root.items else Place(source.name, 1, 1, 1, 2),
                    f"the case has no id; its file name {name} is used",
                    "add  case: and an id",
                    remark=True,
                )
        else:
            name = visible(head["case"].text)
        as_of, place = None, Place(source.name)
        if head.get("as_of"):
            place = head["as_of"].place
            day = None
            if head["as_of"].text in MISSING:
                hint = "write one day, as in 2026-03-01, or leave as_of out: then today is taken"
                shaper.problem("not-a-day", head["as_of"], "the day of judgement is not said", hint)
            else:
                day = self.date(head["as_of"])
            if day is not None and not day.is_point:
                hint = "write year, month and day, as in 2026-03-01"
                shaper.problem("not-a-day", head["as_of"], "the day of judgement must be one day", hint)
            elif day is not None and day.low is not None:
                as_of = int(day.low)
        return Case(name, as_of, results, lists, _digest(root), source.name, source.lines, [], place)

    def entry(
        self, key: Text, node: Node, items: Names[str, Item],
        results: dict[str, tuple[Result, ...]], lists: dict[str, tuple[Record, ...]],
    ) -> None:  # fmt: skip
        item = items.get(key.text)
        if item is None:
            self.unknown(key, of_partner=items is self.partner)
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
        if item.dated and undated:
            self.shaper.problem("undated", undated[0].place, f"{item.label} counts for a time only, and has no date",
                                f"write  {{value: …, date: {iso(self.today)}}}")  # fmt: skip
        if len(undated) > 1:
            self.shaper.problem(
                "undated-twice",
                undated[1].place,
                f"two results of {item.label} without a date",
                "add the date to each:  {value: …, date: 2026-01-10}",
            )
        if read:
            results[item.id] = read

    def unknown(self, key: Text, of_partner: bool) -> None:
        """Note a name that means nothing here; most often it is misspelt, or stands in the wrong half."""
        shaper, name = self.shaper, key.text
        if of_partner:
            if name in self.items or name in CASE:
                says = f"there is no {quoted(name)} below partner"
                shaper.problem("unknown-key", key, says, "write it outside  partner:")
            else:
                shaper.unknown(key, self.partner, "partner")
            return
        says = f"there is no {quoted(name)} in a case"
        theirs = name if name in self.partner else name.removeprefix("partner_")
        if theirs in self.partner:
            shaper.problem("unknown-key", key, says, f"write  {theirs}:  below  partner:")
        elif name.casefold() in _PERSON:
            shaper.problem(
                "unknown-key", key, says, "a case has no name and no address: write  case: and an id"
            )
        else:
            lists = [item.key for item in self.items.values() if name in item.fields]
            hint = nearest(name, [*self.items, *CASE])
            if name in RESULT or name in self.circumstances:
                hint = "it belongs to a result: indent it below the name of that result"
            elif lists:
                hint = f"it belongs to each entry of {' or '.join(lists)}"
            elif not hint and len(name) > 2:
                alike = [key for key in self.items if name in key]
                alike += [f"{f} in {i.key}" for i in self.items.values() for f in i.fields if name in f]
                hint = f"did you mean {' or '.join(alike[:3])}?" if alike else ""
            shaper.problem(
                "unknown-key", key, says, hint or "the names stand in the dictionary of the rulebook"
            )

    # --- results

    def result(self, item: Item, node: Node, record: Record | None = None) -> Result | None:
        if type(node) is not Mapping:
            return self.plain(item, node)
        known = {**RESULT, **dict.fromkeys(self.circumstances, "text")}
        if node.items and not any(key in known or nearest(key, ["value"]) for key in node.items):
            self.wrong_type(item, node)
            return None
        raw = self.shaper.shaped(node, known, f"a result of {item.label}")
        if raw is None:
            return None
        raw = {name: part for name, part in raw.items() if not _empty(part)}
        result = self.plain(item, raw["value"]) if "value" in raw else None
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
                f"{quoted(flag)} is no flag of a laboratory",
                nearest_or_all(flag, FLAGS),
            )
        elif flag and item.kind not in ("quantity", "derived"):
            says = f"{item.label} is no number, so a flag says nothing of it"
            self.shaper.problem("flag-misplaced", raw["flag"], says, "delete it; the value alone counts")
        day = self.date(raw["date"]) if "date" in raw and raw["date"].text else None
        value = result.value if result else None
        own = self.range(item, raw["range"], value) if "range" in raw and raw["range"].text else None
        if result is None:  # only now, so that all that is wrong with it has been said
            return None
        return result._replace(
            place=node.place if result.missing else result.place, date=day, around=around, flag=flag, range=own,
            assay=visible(raw["assay"].text) if "assay" in raw else "",
        )  # fmt: skip

    def plain(self, item: Item, node: Node) -> Result | None:
        """A value without circumstances: a text, or the choices of an item of which several may hold."""
        if type(node) is Sequence and item.kind == "choices":
            texts = [part for part in node.parts if type(part) is Text]
            if len(texts) == len(node.parts):
                return self.understood(item, node, texts)
        if type(node) is not Text:
            self.wrong_type(item, node)
            return None
        if _empty(node):
            return None
        if node.text in MISSING:
            return Result(None, node.text, node.place)
        return self.understood(item, node, [node])

    def wrong_type(self, item: Item, node: Node) -> None:
        """Say that a list, or lines of names and values, stands where one value is expected."""
        found = "a list" if type(node) is Sequence else "names with values"
        hint = f"write  {item.key}: and one value"
        if not item.of:
            hint += ", or  {value: …, date: …}, or a list of such"
        self.shaper.problem("wrong-type", node, f"{item.label} is one value, not {found}", hint)

    def understood(self, item: Item, node: Node, texts: list[Text]) -> Result | None:
        """The value of a text, or of several answers to one item; a problem for each that cannot be read."""
        wrong = False
        value = Value("")
        for text in texts:
            try:
                value = (
                    read_choices(item, [text.text]) if item.kind == "choices" else read_value(item, text.text)
                )
            except UnreadableError as error:
                self.shaper.problem(error.code, text, error.says, error.hint)
                wrong = True
        if wrong:
            return None
        if item.kind == "choices":
            value = read_choices(item, [text.text for text in texts])
        if item.kind == "date" and value.span and value.span.low is not None and value.span.low > self.today:
            self.future(node, value.text)
            return None
        if unusual(item, value):
            self.shaper.problem(
                "unusual",
                node,
                f"{item.label} {brief(value.text)} is unusual",
                "check the number and its unit",
                remark=True,
            )
        inconclusive = any(item.choices[c].inconclusive for c in value.choices or () if c in item.choices)
        return Result(value, "inconclusive" if inconclusive else "", node.place)

    def date(self, text: Text) -> Span | None:
        if text.text in MISSING:
            return None
        try:
            span = dated(text.text)
        except UnreadableError as error:
            self.shaper.problem(error.code, text, error.says, error.hint)
            return None
        if span.low is not None and span.low > self.today:
            self.future(text, text.text)
        return span

    def future(self, node: Node, text: str) -> None:
        says = f"{brief(text)} lies in the future (today is {iso(self.today)})"
        self.shaper.problem("future", node, says, "check the date")

    def range(self, item: Item, text: Text, value: Value | None) -> Span | None:
        """The laboratory's own range of normal values, in the item's unit or, if separate, the value's."""
        if not item.units:
            says = f"a range does not go with {item.label}, which is no measurement"
            self.shaper.problem("bad-range", text, says, "leave the range out")
            return None
        parsed = read_quantity(text.text.replace("−", "-"))
        if parsed is None or parsed.span.is_point:
            hint = f"write both ends, or one with < or >, as in 0–34 {item.unit} or <35 {item.unit}"
            if re.search(r"\d,\d", text.text):
                hint = without_comma(text.text)
            self.shaper.problem("bad-range", text, f"{quoted(text.text)} is not a range", hint)
            return None
        unit = item.units.get(unit_key(parsed.unit or (value.unit if value else "") or item.unit))
        if unit is None:
            units = " or ".join(u.text for u in item.units.values())
            says = f"{item.label} is not measured in {quoted(parsed.unit)}"
            self.shaper.problem("unknown-unit", text, says, f"its units: {units}")
            return None
        separate = value is not None and value.canon is None
        if value and value.span and (unit.separate != separate or (separate and value.unit != unit.text)):
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
        first = next(iter(item.fields))
        if type(node) is not Sequence:
            hint = f"write  {item.key}: []  for none, else a line for each:  - {{{first}: …}}"
            self.shaper.problem("wrong-type", node, f"{item.label} must be a list", hint)
            return None
        records = []
        for number, part in enumerate(node.parts, 1):
            if type(part) is Mapping:
                records.append(self.record(item, part, number))
                continue
            said = part.text if type(part) is Text and part.text in MISSING else "…"
            says = f"an entry of {item.label} must hold names with values"
            self.shaper.problem("wrong-type", part, says, f"write  - {{{first}: {said}}}")
        # Only where what came before matters: elsewhere the order written says nothing.
        if item.dated_by and any("previous" in str(field.formula) for field in item.fields.values()):
            self.ordered(item, records)
        return tuple(records)

    def record(self, item: Item, node: Mapping, number: int) -> Record:
        fields: dict[str, Result] = {}
        for name, inner in node.items.items():
            field = item.fields.get(name)
            if name == "note":
                continue
            if field is None or (field.kind == "derived" and field.formula is None):
                known = [f.id for f in item.fields.values() if f.kind != "derived"]
                self.shaper.unknown(node.keys[name], known, f"an entry of {item.label}")
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
            choices = result.value.choices if result.value and item.fields[name].kind == "choice" else None
            # Of several that it may be, none implies anything.
            for choice in choices if choices and len(choices) == 1 else ():
                implies = item.fields[name].choices[choice].implies
                if implies is None:
                    continue
                field, span = implies
                given = fields.get(field)
                if given is None or given.value is None:
                    text = f"implied by {name}: {choice}"
                    fields[field] = Result(
                        Value(text, span, "", span),
                        "",
                        result.place,
                        implied=True,
                        said=given.missing if given else "",
                    )
                elif given.value.canon and not given.value.canon.meets(span):
                    meant = f"check both: {choice} means {field} {span_text(span, 'gestation')}"
                    says = f"{item.fields[field].label} {brief(given.value.text)} does not go with {name}: {choice}"
                    self.shaper.problem("contradiction", given.place, says, meant)

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
                                    f"write {item.label} first to last, or check the dates")  # fmt: skip
            if latest is None or (latest.date and (record.date.low or 0) > (latest.date.low or 0)):
                latest = record


def _empty(node: Node) -> bool:
    return type(node) is Text and node.plain and node.text in ("", "null", "~")


def _digest(root: Mapping) -> str:
    """Over the content, not the bytes: layout, comments and the order of keys do not change it."""

    def plain(part: Node) -> Any:
        if isinstance(part, Text):
            return None if _empty(part) else part.text
        if isinstance(part, Mapping):
            return {key: plain(inner) for key, inner in part.items.items()}
        return [plain(inner) for inner in part.parts]

    entries = plain(root)
    partner = entries.pop("partner") if type(entries.get("partner")) is dict else {}
    return digest(
        [canonical([key, value]) for key, value in entries.items()]
        + [canonical(["partner", key, value]) for key, value in partner.items()]
    )


def digest(entries: Iterable[str]) -> str:
    """The digest of a case: over its entries, each in canonical form with its name, in any order."""
    from hashlib import sha256

    return sha256("\n".join(sorted(entries)).encode()).hexdigest()


@cache
def _encode() -> Callable[[Any], str]:
    import json

    return json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical(data: Any) -> str:
    """Plain data as JSON, the same whatever the order of keys."""
    return _encode()(data)
