"""The quick way from the text of a case to what the rules look at, for very many cases.

It takes the plain cases: no problem, no remark, nothing that has to be shown with its place. Of each text
that stands for a value the ordinary reader is asked once, and its answer remembered. Where anything is
unusual it says so and stops; the ordinary reader and the reference engine then have the word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from rsa_cli.case import CASE, FORMAT, RESULT, CaseReader, Result, canonical, digest
from rsa_cli.dictionary import MISSING, Item, UnreadableError, Value, dated
from rsa_cli.engines.compiled import (
    Compiled,
    Entry,
    FieldThings,
    Given,
    RecordOf,
    Sample,
    Sheet,
    Then,
    Things,
    Truths,
    UnusualError,
)
from rsa_cli.problems import Place, Problem, brief, visible
from rsa_cli.source import CONTROL, MAX_BYTES, MAX_DEPTH, Mapping, Node, Sequence, Source, Text
from rsa_cli.units import Number
from rsa_cli.values import Span

_KEPT = 10_000  # texts remembered of one item, before it begins anew
_LONG = 500  # signs of a text that is not remembered
_MANY = 1000  # entries, or members of a list, are too many to be looked at one by one
_DATE, _DATE_TEXT = "\0", "\\u0000"  # stands where a date is to stand
# How what is said of an item is taken: by itself, by what held at its date, as one of those that count only
# of the same sample, only where it applies; else once everything is read.
_ALONE, _DATED, _SAMPLED, _ASKED, _LATER = range(5)
_NOWHERE = Place("")


_QUOTED = json.encoder.encode_basestring_ascii  # as `canonical` writes a text


class _Line(NamedTuple):
    """Stands for libyaml's mark in a line of JSON."""

    line: int
    column: int = 0


_MARK = _Line(0)
_NONE: dict[str, Truths] = {}


class Read(NamedTuple):
    """A case that was read the quick way: ready to be judged."""

    id: str
    line: int
    as_of: int | None
    digest: str
    sheet: Sheet


class _Texts(dict[Any, Given]):
    """The results that texts stand for: of one item, each read once by the ordinary reader."""

    def __init__(self, things: Things, reader: CaseReader) -> None:
        super().__init__()
        self.things = things
        self.reader = reader

    def __missing__(self, key: Any) -> Given:
        _seen(key)
        result = self.read(*key) if type(key) is tuple else self.read(key)
        if len(self) > _KEPT:
            self.clear()
        fact = self.things.fact(result)
        self[key] = found = Given(fact, None, None, _NONE)
        return found

    def read(self, value: str | tuple[str, ...], flag: str = "", around: str = "") -> Result:
        """The result, as the ordinary reader reads it; `around` is the laboratory's own range."""
        node = _node(value)
        if flag or around:
            parts = {"value": node, **({"flag": _node(flag)} if flag else {})}
            parts |= {"range": _node(around)} if around else {}
            node = Mapping(parts, {key: _text(key) for key in parts}, "", _MARK, _MARK)
        result = self.reader.result(self.things.item, node)
        if result is None or self.reader.shaper.problems:
            self.reader.shaper.problems.clear()
            raise UnusualError(self.things.item.id)
        return result._replace(place=_NOWHERE)


def _text(text: str) -> Text:
    return Text(text, False, "", _MARK, _MARK)


def _node(value: str | tuple[str, ...]) -> Node:
    if type(value) is tuple:
        return Sequence([_text(part) for part in value], "", _MARK, _MARK)
    assert type(value) is str
    return _text(value)


class _Dates(dict[str, "tuple[Number | None, Number | None]"]):
    """The days that texts stand for, up to the real day."""

    def __init__(self, today: int) -> None:
        super().__init__()
        self.today = today

    def __missing__(self, text: str) -> tuple[Number | None, Number | None]:
        found: tuple[Number | None, Number | None] = (None, None)
        if text and text not in MISSING:
            try:
                span = dated(text)
            except UnreadableError:
                raise UnusualError(text) from None
            if not text.isascii() or (span.low is not None and span.low > self.today):
                raise UnusualError(text)
            found = (span.low, span.high)
        if len(self) > _KEPT:
            self.clear()
        self[text] = found
        return found


class _Template:
    """A mapping of which one text is a date, whatever its date."""

    __slots__ = ("by", "data")

    def __init__(self, data: dict[str, Any], by: str) -> None:
        self.data = data
        self.by = by  # the name of that text


class _Dated(NamedTuple):
    """A mapping that differs from others by a date alone."""

    template: _Template
    on: str


def _whole(value: Any) -> Any:
    """Plain data as it was written."""
    return {**value.template.data, value.template.by: value.on} if type(value) is _Dated else value


class _Slot:
    """Where a name of a case leads."""

    def __init__(self, things: Things, reader: CaseReader, way: int) -> None:
        self.item = things.item
        self.name = things.item.id
        self.index = things.index
        self.way = way
        self.begins = _begins(things.item)
        self.several = things.item.kind == "choices"
        self.texts = _Texts(things, reader)
        self.known: dict[Any, _Met] = {}
        self.together: dict[Any, Entry] = {}  # what several results say
        self.implies: dict[Any, tuple[tuple[int, Given, Span], ...]] = {}


# What an entry of a case says, whatever its date, where the circumstances are the same: what it means for the
# rules; how it stands in the content, with its date between the two; and as a sample or whether it has a value.
_Met = tuple[Entry, str, str, Any]


class _ListSlot:
    """Where the name of a list leads."""

    way = _LATER

    def __init__(self, item: Item, fields: dict[str, _Slot]) -> None:
        self.name = item.id
        self.begins = _begins(item)
        self.fields = {name: slot for name, slot in fields.items() if slot.item.kind != "derived"}
        self.date = item.dated_by or ""
        self.known: dict[Any, _RecordMet] = {}
        self.dated_by = fields[item.dated_by].index if item.dated_by else -1
        self.ordered = bool(item.dated_by) and any(
            "previous" in str(field.formula) for field in item.fields.values()
        )
        self.choosing = [
            slot
            for slot in self.fields.values()
            if slot.item.kind == "choice" and any(c.implies for c in slot.item.choices.values())
        ]


class _RecordMet:
    """A record of a list, whatever its date."""

    __slots__ = ("begins", "ends", "fields")

    def __init__(self, fields: dict[int, Given], begins: str, ends: str) -> None:
        self.fields = fields
        self.begins = begins  # how it stands in the content, with its date between the two
        self.ends = ends


def _begins(item: Item) -> str:
    """How an entry begins in the content."""
    names = ["partner", item.key] if item.partner else [item.key]
    return f"{canonical(names)[:-1]},"


class QuickReader:
    """Reads plain data, from YAML or JSON, by the dictionary of a rulebook that was compiled."""

    def __init__(self, compiled: Compiled, today: int) -> None:
        """`today` is the real day: nothing may lie after it."""
        rulebook = compiled.rulebook
        self.compiled = compiled
        self.today = today
        reader = CaseReader(Source("", [], None, []), rulebook.items, rulebook.circumstances, today)
        self.dates = _Dates(today)
        self.hers: dict[str, _Slot | _ListSlot | None] = dict.fromkeys(CASE)  # what else stands in a case
        self.his: dict[str, _Slot | _ListSlot | None] = {}
        for item in rulebook.items.values():
            slot: _Slot | _ListSlot
            if item.kind == "records":
                fields = compiled.lists_of[item.id].fields
                slot = _ListSlot(item, {n: _Slot(things, reader, _LATER) for n, things in fields.items()})
            else:
                slot = _Slot(compiled.items[item.id], reader, self._way(item.id))
            (self.his if item.partner else self.hers)[item.key] = slot
        # What circumstances rest on is read first.
        self.first = [
            [key for key, slot in slots.items() if slot is not None and slot.name in compiled.first]
            for slots in (self.hers, self.his)
        ]
        self.around = {c.item.id: _Around(c.things, reader, c.given) for c in compiled.circumstances}
        self.keys = 0
        self.said: list[str] = []

    def _way(self, name: str) -> int:
        """How what is said of an item is taken."""
        compiled = self.compiled
        things = compiled.items[name]
        sampled, asked = name in compiled.same_sample, things.ask is not None
        if things.hard or name in compiled.first or name in compiled.formulas or (sampled and asked):
            return _LATER
        return _SAMPLED if sampled else _ASKED if asked else _DATED if name in compiled.later else _ALONE

    def read(self, data: Any, line: int, day: int | None, default: int, lines: bytes = b"") -> Read:
        """The case in plain data; `day` is the day of judgement asked for, else the case's, else the default.

        `lines` is the JSON it comes from, if any. Raises UnusualError.
        """
        if type(data) is not dict:
            raise UnusualError("not a case")
        name, as_of, partner = data.get("case"), data.get("as_of"), data.get("partner")
        if type(name) is not str or data.get("format", FORMAT) not in (FORMAT, None):
            raise UnusualError("head")
        if partner is not None and type(partner) is not dict:
            raise UnusualError("partner")
        if as_of is not None:
            low, high = self.dates[_word(as_of)]
            if low is None or low != high:
                raise UnusualError("as_of")
            as_of = int(low)
        judged = day or as_of or default
        sheet = Sheet(self.compiled, judged)
        self.keys = 0
        self.said = []
        for half, slots, first in (
            (data, self.hers, self.first[0]),
            (partner or {}, self.his, self.first[1]),
        ):
            for key in first:
                slot = slots[key]
                if slot is not None and half.get(key) is not None:
                    self.later(slot, half[key], sheet, judged)
        self.compiled.begin(sheet)
        self.entries(data, self.hers, sheet, judged)
        if partner:
            self.entries(partner, self.his, sheet, judged)
        if lines and self.keys != lines.count(b":"):  # a colon in a text, or a key that stands there twice
            unique_keys(lines)
        return Read(visible(name), line, as_of, digest(self.said), sheet)

    def entries(
        self, data: dict[str, Any], slots: dict[str, _Slot | _ListSlot | None], sheet: Sheet, day: int
    ) -> None:
        """Every entry of a case, or of what stands below *partner*."""
        entries, thens, said = sheet.entries, sheet.thens, self.said
        undated = sheet.then(None, None)
        keys = len(data)
        for key, value in data.items():
            slot: Any = slots.get(key, False)
            if not slot:
                if slot is False:
                    raise UnusualError(key)
                if key != "partner" or value is None:
                    _seen(value)
                    said.append(f'["{key}",{_QUOTED(value) if type(value) is str else canonical(value)}]')
                continue
            way = slot.way
            if value is None or way == _LATER:
                if value is None:
                    said.append(self.text(slot, value))
                elif slot.name not in self.compiled.first:
                    self.later(slot, value, sheet, day)
                continue
            kind = type(value)
            on = ""
            place: Any
            if kind is _Dated and value.template.by != "date":
                value, kind = _whole(value), dict
            if kind is str:
                place = (undated, value) if way else value
            elif kind is _Dated:
                on = value.on
                place = (thens.get(on) or self.then(sheet, on), value.template)
            elif kind is dict:
                keys += len(value)
                on = value.get("date") or ""
                if type(on) is not str:
                    raise UnusualError("date")
                if on:
                    # Of the date matters only what held then: it stands for the date in what is remembered.
                    value["date"] = thens.get(on) or self.then(sheet, on)
                    place = (*value, *value.values())
                    value["date"] = on
                else:
                    place = (undated, *value, *value.values())
            elif slot.several and all(type(part) is str for part in value):
                place = (tuple(value), undated)
            else:
                self.several(slot, value, sheet, day)
                continue
            try:
                met = slot.known[place]
            except KeyError:
                met = self.meet(slot, place, _whole(value), on, sheet)
            except TypeError:  # a list of choices, or a note of several parts
                met = self.meet(slot, None, value, on, sheet)
            entries[slot.index] = met[0]
            said.append(f"{met[1]}{on}{met[2]}" if on else met[1])
            if way == _SAMPLED:
                truths, state, _, _, found, implied = met[3]
                low, high = self.dates[on]
                sheet.samples[slot.name] = [
                    Sample(truths, state, low, high and min(high, day), found, implied)
                ]
            elif way == _ASKED:
                sheet.asked[slot.name] = met[3]
        self.keys += keys

    def then(self, sheet: Sheet, on: Any) -> Then:
        """The circumstances at a date."""
        low, high = self.dates[_word(on)]
        if low is not None and low > sheet.day:
            raise UnusualError("after the day")
        found = sheet.thens[on] = sheet.standing(low, high and min(high, sheet.day))
        return found

    def meet(self, slot: _Slot, place: Any, value: Any, on: str, sheet: Sheet) -> _Met:
        """What an entry says that was not met before; `place` is where it is to be remembered."""
        if type(value) is dict:
            given = self.result(slot, value, sheet.day)
        else:
            given = slot.texts[value if type(value) is str else (tuple(value),)]
        has_value = given.fact.value is not None
        if slot.item.dated and given.low is None and has_value:
            raise UnusualError(slot.name)
        entry = self.compiled.several(sheet, slot.texts.things, [given])
        begins, ends = _around_date(self.text(slot, {**value, "date": _DATE} if on else value))
        found = (entry, begins, ends, sheet.samples[slot.name][0] if slot.way == _SAMPLED else has_value)
        if place is not None and len(begins) + len(ends) < _LONG:
            if len(slot.known) > _KEPT:
                slot.known.clear()
            slot.known[place] = found
        return found

    def later(self, slot: _Slot | _ListSlot, value: Any, sheet: Sheet, day: int) -> None:
        """An entry that says something only together with others."""
        if type(slot) is _ListSlot:
            if type(value) is list:
                sheet.recorded[slot.name] = self.records(slot, value, day)
            elif value in MISSING:
                self.said.append(self.text(slot, value))
            else:
                raise UnusualError(slot.name)
            return
        assert type(slot) is _Slot
        if type(value) is list and not (slot.several and all(type(part) is str for part in value)):
            self.several(slot, value, sheet, day)
            return
        value = _whole(value)
        self.said.append(self.text(slot, value))
        if type(value) is dict:
            self.keys += len(value)
            given = self.result(slot, value, day)
        else:
            given = slot.texts[value if type(value) is str else (tuple(value),)]
        if slot.item.dated and given.low is None and given.fact.value is not None:
            raise UnusualError(slot.name)
        sheet.given[slot.name] = [given]

    def text(self, slot: _Slot | _ListSlot, value: Any) -> str:
        """How an entry stands in the content."""
        return f"{slot.begins}{_QUOTED(value) if type(value) is str else canonical(value)}]"

    def several(self, slot: _Slot, values: list[Any], sheet: Sheet, day: int) -> None:
        """Several results of one item."""
        values = [_whole(value) for value in values]
        self.keys += sum([len(value) for value in values if type(value) is dict])
        self.said.append(self.text(slot, values))
        key = self._together(slot, values, sheet)
        entry = slot.together.get(key) if key is not None else None
        if entry is not None:
            sheet.entries[slot.index] = entry
            return
        given = [
            self.result(slot, value, day) if type(value) is dict else slot.texts[_word(value)]
            for value in values
        ]
        undated = sum(g.low is None and g.fact.value is not None for g in given)
        if undated > 1 or (undated and slot.item.dated):
            raise UnusualError(slot.name)
        if slot.way > _DATED and given:
            sheet.given[slot.name] = given
        elif given:
            entry = sheet.entries[slot.index] = self.compiled.several(sheet, slot.texts.things, given)
            if key is not None:
                if len(slot.together) > _KEPT:
                    slot.together.clear()
                slot.together[key] = entry

    def _together(self, slot: _Slot, values: list[Any], sheet: Sheet) -> Any:
        """What several results have in common with others that say the same; `None` where that is not known.

        Of their dates only how they lie to each other matters, and what held then.
        """
        if slot.way > _DATED:
            return None
        key: list[Any] = []
        first: Number = 0
        for value in values:
            on = value.get("date") if type(value) is dict else None
            if type(on) is not str or not all(type(part) is str for part in value.values()):
                return None
            low, high = self.dates[on]
            if low is None or high is None:
                return None
            first = first or low
            then = sheet.thens.get(on) or self.then(sheet, on)
            key += [then, low - first, min(high, sheet.day) - first]
            key += [part for name, part in value.items() if name != "date" for part in (name, part)]
        return tuple(key)

    def result(self, slot: _Slot, data: dict[str, Any], day: int) -> Given:
        """A result with its date and circumstances."""
        value: Any = data.get("value")
        date = data.get("date")
        low: Number | None = None
        high: Number | None = None
        around = _NONE
        if date is not None:
            low, high = self.dates[_word(date)]
        if date is not None and type(value) is str and len(data) == 2:
            given = slot.texts[value]
        elif date is not None and type(value) is str and len(data) == 3 and type(data.get("range")) is str:
            given = slot.texts[value, "", data["range"]]
        else:
            flag = own = ""
            for key, part in data.items():
                if part is None or key in ("value", "date"):
                    continue
                if key == "range":
                    own = _word(part)
                elif key in self.around:
                    said = self.around[key][_word(part)] if part != "" else None
                    if said is not None:
                        around = {**around, key: said}
                elif key == "flag":
                    flag = _word(part)
                elif key not in RESULT or (key == "assay" and type(part) is not str):
                    raise UnusualError(key)
                else:
                    _seen(part)
            if type(value) is list and slot.several:
                value = tuple([_word(part) for part in value])
            elif type(value) is not str:
                raise UnusualError(slot.name)
            given = slot.texts[(value, flag, own) if flag or own or type(value) is tuple else value]
        if low is None and around is _NONE:
            return given
        if low is not None and high is not None:
            if low > day:
                raise UnusualError("after the day")
            if high > day and slot.item.of is None:
                high = day
        return Given(given.fact, low, high, around)

    # --- records

    def records(self, slot: _ListSlot, values: list[Any], day: int) -> list[RecordOf]:
        """The records of a list, in the order written."""
        found = []
        latest: Number | None = None
        points = True
        in_order = True
        texts = []
        for number, value in enumerate(values, 1):
            if type(value) is not dict and type(value) is not _Dated:
                raise UnusualError(slot.name)
            record, text = self.record(slot, value, number, day)
            found.append(record)
            texts.append(text)
            low, high = record.low, record.high
            if low is None or high is None:
                points = False
                continue
            points = points and low == high
            if latest is not None and low < latest:
                in_order = False
                if slot.ordered and high < latest:
                    raise UnusualError("order")
            if latest is None or low > latest:
                latest = low
        if points and not in_order:
            raise UnusualError("order")
        self.said.append(f"{slot.begins}[{','.join(texts)}]]")
        return found

    def record(
        self, slot: _ListSlot, data: dict[str, Any] | _Dated, number: int, day: int
    ) -> tuple[RecordOf, str]:
        """One record, and how it stands in the content."""
        place: Any
        if type(data) is _Dated and data.template.by == slot.date:
            on, place = data.on, data.template
        else:
            plain = _whole(data)
            self.keys += len(plain)
            on = plain.get(slot.date) or ""
            if type(on) is str and on:
                plain[slot.date] = None
                place = (*plain, *plain.values())
                plain[slot.date] = on
            else:
                on, place = "", (on, *plain, *plain.values())
        try:
            met = slot.known.get(place)
        except TypeError:  # a result with its circumstances, or a note of several parts
            place = met = None
        if met is None:
            met = self.meet_record(slot, place, _whole(data), on)
        if not on.isascii():
            raise UnusualError("date")
        text = f"{met.begins}{on}{met.ends}"
        fields = met.fields.copy()
        if on:
            fields[slot.dated_by] = slot.fields[slot.date].texts[on]
        dated = fields.get(slot.dated_by)
        span = dated.fact.value.span if dated is not None and dated.fact.value is not None else None
        like = met if place is not None else None
        if span is None:
            return RecordOf(number, fields, None, None, like), text
        if span.low is None or span.high is None or span.low > day:
            raise UnusualError("after the day")
        return RecordOf(number, fields, span.low, span.high, like), text

    def meet_record(self, slot: _ListSlot, place: Any, data: dict[str, Any], on: str) -> _RecordMet:
        """A record that was not met before; `place` is where it is to be remembered."""
        fields: dict[int, Given] = {}
        known = slot.fields
        for key, value in data.items():
            if on and key == slot.date:
                continue
            field = known.get(key)
            if field is None:
                if key != "note":
                    raise UnusualError(key)
                _seen(value)
            elif type(value) is str:
                fields[field.index] = field.texts[value]
            elif type(value) is dict:
                self.keys += len(value)
                fields[field.index] = self.result(field, value, 10**9)
            elif value is not None:
                raise UnusualError(key)
        for field in slot.choosing:
            given = fields.get(field.index)
            if given is not None:
                self.implied(slot, field, given, fields)
        if on and slot.dated_by in fields:
            raise UnusualError("a date implied")
        begins, ends = _around_date(canonical({**data, slot.date: _DATE} if on else data))
        found = _RecordMet(fields, begins, ends)
        if place is not None and len(begins) + len(ends) < _LONG:
            if len(slot.known) > _KEPT:
                slot.known.clear()
            slot.known[place] = found
        return found

    def implied(self, slot: _ListSlot, field: _Slot, given: Given, fields: dict[int, Given]) -> None:
        """What a choice says of another field of its record."""
        choices = given.fact.value.choices if given.fact.value is not None else None
        if not choices or len(choices) != 1:
            return
        (choice,) = choices
        found = field.implies.get(choice)
        if found is None:
            found = field.implies[choice] = self._implications(slot, field, choice)
        for index, implied, span in found:
            there = fields.get(index)
            if there is None or there.fact.value is None:
                fields[index] = implied
            elif there.fact.value.canon and not there.fact.value.canon.meets(span):
                raise UnusualError("contradiction")

    def _implications(
        self, slot: _ListSlot, field: _Slot, choice: str
    ) -> tuple[tuple[int, Given, Span], ...]:
        implies = field.item.choices[choice].implies
        if implies is None:
            return ()
        name, span = implies
        things = slot.fields[name].texts.things
        assert isinstance(things, FieldThings)
        result = Result(Value("", span, "", span), "", _NOWHERE, implied=True)
        return ((things.index, Given(things.fact(result), None, None, _NONE), span),)


class _Around(dict[str, Truths | None]):
    """What the texts given for a circumstance say of its comparisons; `None` where they say nothing."""

    def __init__(self, things: Things, reader: CaseReader, given: Any) -> None:
        super().__init__()
        self.texts = _Texts(things, reader)
        self.given = given

    def __missing__(self, text: str) -> Truths | None:
        _seen(text)
        result = self.texts.read(text)
        found: Truths | None = None if result.value is None else self.given(result)
        if len(self) > _KEPT:
            self.clear()
        self[text] = found
        return found


def _around_date(text: str) -> tuple[str, str]:
    """What stands before the sign for a date and behind it, where there is one."""
    parts = text.split(_DATE_TEXT)
    if len(parts) > 2:
        raise UnusualError("the sign for a date is typed")
    return parts[0], "".join(parts[1:])


def _word(part: Any) -> str:
    """A text."""
    if type(part) is not str:
        raise UnusualError("no text")
    return part


def _seen(part: Any) -> None:
    """Raises UnusualError where a sign cannot be seen, and at a note of several parts."""
    if type(part) is str:
        if CONTROL.search(part):
            raise UnusualError("control")
    elif type(part) is tuple:
        for inner in part:
            _seen(inner)
    elif part is not None:
        raise UnusualError("parts")


# --- YAML ------------------------------------------------------------------------------------------

_EMPTY = ("", "null", "~")
# Before the first entry: empty lines, comments, the mark that begins a document.
_COMMENTS = r"(?: *(?:#.*)?\r?\n)*+"
_HEAD = re.compile(rf"{_COMMENTS}(?:--- *\r?\n{_COMMENTS})?")
# Line breaks, and signs that the ordinary reader looks at.
_OTHERWISE = (_DATE, "：", "，", "\x85", "\u2028", "\u2029")
# An entry begins where a line does, with a letter; a member of its list with a dash.
_LETTER = re.compile("[A-Za-z_]")
_BEGINS = re.compile(r"\n(?=[A-Za-z_])")
_MEMBER = re.compile(r"[^\n]*(\n *- )")
_DATED_TEXT = re.compile(r"(20[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?)")  # its first signs can be searched for fast


class YamlReader:
    """Reads YAML files as plain data, entry by entry: one that was met before, but for its dates, is not parsed again."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, Any]] = {}

    def read(self, data: bytes) -> tuple[dict[str, Any], int]:
        """The content of a file, and the line of the case's id. Raises UnusualError.

        Every entry is parsed by itself. One that was cut off in a wrong place, inside a quotation or a bracket that goes
        on in the first column, is no YAML; what bears on other entries, a mark or a second document, is not taken.
        """
        if len(data) > MAX_BYTES:
            raise UnusualError("size")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UnusualError("text") from None
        # Without a line break at its end a block of text is another one.
        if (
            text[-1:] != "\n"
            or text.count("\r") != text.count("\r\n")
            or any(sign in text for sign in _OTHERWISE)
        ):
            raise UnusualError("form")
        head = _HEAD.match(text)
        begin = head.end() if head else 0
        if not _LETTER.match(text, begin) or CONTROL.search(text, 0, begin):
            raise UnusualError("form")
        line, id_line = text.count("\n", 0, begin) + 1, 0
        entries = _BEGINS.split(text[begin:-1])
        if len(entries) > _MANY:
            raise UnusualError("size")
        known = self.known
        found: dict[str, Any] = {}
        for entry in entries:
            key, value = known.get(entry) or self._entry(entry)
            found[key] = value
            if not id_line:
                if key == "case":
                    id_line = line
                line += entry.count("\n") + 1
        if len(found) != len(entries):
            raise UnusualError("key")
        return found, id_line

    def _entry(self, entry: str) -> tuple[str, Any]:
        """One that has dates, or was not met before: its name and its value."""
        cut = _DATED_TEXT.split(entry)
        if len(cut) > 1 and (met := self.known.get(_DATE.join(cut[::2]))) is not None:
            key, value = met
            return key, _Dated(value, cut[1]) if type(value) is _Template else _filled(value, iter(cut[1::2]))
        member = _MEMBER.match(entry)
        # A list is seldom like another, but its members are; each is read below the line that names it.
        if member is not None and member.start(1) < _LONG and 1 < entry.count(member[1]) < _MANY:
            line, *members = entry.split(member[1])
            texts = [f"{line}{member[1]}{text}" for text in members]
            several = [self.known.get(text) or self._entry(text) for text in texts]
            if any(type(value) is not list or len(value) != 1 for _, value in several):
                raise UnusualError("form")
            return several[0][0], [value[0] for _, value in several]
        found = _parsed(f"{entry}\n")
        if len(found) != 1:
            raise UnusualError("form")
        [(key, value)] = found.items()
        dates: list[str] = []
        without = _without_dates(value, dates)
        # What is written with an escape may be a date, or the sign for one, and is not found in the text. Ids are not met again.
        if dates == cut[1::2] and "\\" not in entry and len(entry) < _LONG and key != "case":
            if len(self.known) > _KEPT:
                self.known.clear()
            self.known[_DATE.join(cut[::2])] = key, without
        return key, value


def _without_dates(value: Any, dates: list[str], inside: bool = False) -> Any:
    """Plain data without the texts that are dates, which are gathered in their order.

    A mapping with one date becomes a template where it is a result or a record, not `inside` another mapping.
    """
    if type(value) is dict:
        before = len(dates)
        found = {key: _without_dates(part, dates, True) for key, part in value.items()}
        own = [key for key, part in found.items() if part == _DATE]
        return _Template(found, own[0]) if not inside and len(own) == len(dates) - before == 1 else found
    if type(value) is list:
        return [_without_dates(part, dates, inside) for part in value]
    if value is None or not _DATED_TEXT.fullmatch(value):
        return value
    dates.append(value)
    return _DATE


def _filled(value: Any, dates: Iterator[str]) -> Any:
    """The same with dates, in their order."""
    kind = type(value)
    if kind is _Template:
        return _Dated(value, next(dates))
    if kind is dict:
        return {key: _filled(part, dates) for key, part in value.items()}
    if kind is list:
        return [_filled(part, dates) for part in value]
    return next(dates) if value == _DATE else value


def _parsed(text: str) -> dict[str, Any]:
    """A piece of YAML as plain data. Raises UnusualError.

    What is not taken is what the ordinary reader has something to say of, or may have: a problem of
    form, a comment that touches a value, blocks of text.
    """
    if text.count(" #") != text.count("  #"):
        raise UnusualError("form")
    parser = _Parser(text)
    following = parser.following
    try:
        following()  # the stream
        following()  # the document
        event = following()
        if type(event) is not yaml.MappingStartEvent or event.flow_style:
            raise UnusualError("not a case")
        found = parser.mapping(event, 1)
        end = following()
        if end.explicit or type(following()) is not yaml.StreamEndEvent:
            raise UnusualError("documents")
    except yaml.YAMLError:
        raise UnusualError("form") from None
    return found


class _Parser:
    """Collections from libyaml's events."""

    def __init__(self, text: str) -> None:
        self.following: Any = yaml.CSafeLoader(text).get_event
        self.marked = "&" in text or "!" in text  # else there are neither anchors nor tags

    def mapping(self, begin: Any, depth: int) -> dict[str, Any]:
        """The mapping that begins with an event."""
        marked, following, scalar = self.marked, self.following, yaml.ScalarEvent
        if depth > MAX_DEPTH or (marked and (begin.tag is not None or begin.anchor is not None)):
            raise UnusualError("form")
        flow = begin.flow_style
        found: dict[str, Any] = {}
        while True:
            event: Any = following()
            if type(event) is not scalar:
                if type(event) is yaml.MappingEndEvent:
                    return found
                raise UnusualError("key")
            key = event.value
            if key in found or (marked and (event.tag is not None or event.anchor is not None)):
                raise UnusualError("key")
            event = following()
            if type(event) is not scalar:
                found[key] = self.collection(event, depth + 1)
                continue
            value: Any = event.value
            if event.style:
                if event.style in "|>" and key != "note":
                    raise UnusualError("block")
            elif value in _EMPTY:
                if flow and not value:
                    raise UnusualError("empty")
                value = None
            if marked and (event.tag is not None or event.anchor is not None):
                raise UnusualError("tag")
            found[key] = value

    def collection(self, begin: Any, depth: int) -> Any:
        """The mapping or list that begins with an event."""
        if type(begin) is yaml.MappingStartEvent:
            return self.mapping(begin, depth)
        marked, following = self.marked, self.following
        if type(begin) is not yaml.SequenceStartEvent or depth > MAX_DEPTH:
            raise UnusualError("form")
        if marked and (begin.tag is not None or begin.anchor is not None):
            raise UnusualError("tag")
        found: list[Any] = []
        while type(event := following()) is not yaml.SequenceEndEvent:
            if type(event) is not yaml.ScalarEvent:
                found.append(self.collection(event, depth + 1))
                continue
            if (event.style and event.style in "|>") or (
                marked and (event.tag is not None or event.anchor is not None)
            ):
                raise UnusualError("form")
            found.append(None if not event.style and event.value in _EMPTY else event.value)
        return found


# --- JSON ------------------------------------------------------------------------------------------


def _no_number(text: str) -> Any:
    raise UnusualError(text)


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)


def json_data(data: bytes) -> Any:
    """A line of NDJSON as plain data: numbers as their text, true and false as yes and no. Raises UnusualError."""
    if len(data) > MAX_BYTES:
        raise UnusualError("size")
    try:
        found = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        raise UnusualError("form") from None
    return _as_words(found) if b"true" in data or b"false" in data else found


def _as_words(data: Any) -> Any:
    if type(data) is bool:
        return "yes" if data else "no"
    if type(data) is dict:
        return {key: _as_words(inner) for key, inner in data.items()}
    return [_as_words(part) for part in data] if type(data) is list else data


def unique_keys(data: bytes) -> None:
    """Raises UnusualError where a key stands twice in one object."""

    def once(pairs: list[tuple[str, Any]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise UnusualError("twice")

    json.loads(data, object_pairs_hook=once)


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON with all its keys, also those that stand there twice."""


def json_source(name: str, line: int, data: bytes, without_partner: bool = False) -> Source:
    """A line of NDJSON as the ordinary reader takes it; every place is the line."""
    at = _Line(line - 1)

    def refused(code: str, says: str, hint: str) -> Source:
        return Source(name, [], None, [Problem(code, Place(name, line, 1), says, hint)], False)

    if len(data) > MAX_BYTES:
        return refused(
            "file-too-large", "the line is larger than 4 MiB", "one case a line: is this the right file?"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return refused("file-not-text", "this line is not UTF-8", "write it anew with the encoding UTF-8")
    try:
        found = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        return refused(
            "too-deep", f"more than {MAX_DEPTH} brackets stand one inside the other", "take some away"
        )
    except ValueError as error:
        at_column = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        return refused(
            "syntax", f"this line is not JSON{at_column}", 'one object a line, as in  {"case": "RSA-0042"}'
        )
    if without_partner and isinstance(found, _Pairs):
        found = _Pairs(pair for pair in found if pair[0] != "partner")
    problems: list[Problem] = []

    def node(part: Any, depth: int) -> Node:
        if depth > MAX_DEPTH and isinstance(part, list):
            raise RecursionError
        if isinstance(part, _Pairs):
            items: dict[str, Node] = {}
            for name_of, inner in part:
                key = seen(name_of)
                if key in items:
                    says = f"{brief(key)} stands here a second time"
                    hint = "keep one of them; several results below one name are a list"
                    problems.append(Problem("duplicate-key", Place(name, line, 1), says, hint))
                items.setdefault(key, node(inner, depth + 1))
            return Mapping(items, {key: Text(key, False, name, at, at) for key in items}, name, at, at)
        if isinstance(part, list):
            return Sequence([node(inner, depth + 1) for inner in part], name, at, at)
        if part is None:
            return Text("", True, name, at, at)
        if part is True or part is False:
            return Text("yes" if part else "no", True, name, at, at)
        return Text(seen(part), False, name, at, at)

    def seen(text: str) -> str:
        if bad := CONTROL.search(text):
            says = f"a control character, which cannot be seen, stands here: {visible(bad[0])}"
            problems.append(Problem("control-character", Place(name, line, 1), says, "delete it"))
            return visible(text)
        return text

    try:
        root = node(found, 1)
    except RecursionError:
        return refused(
            "too-deep", f"more than {MAX_DEPTH} brackets stand one inside the other", "take some away"
        )
    return Source(name, [], root, problems)
