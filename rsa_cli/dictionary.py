"""Items: what a case may hold, and how the text of a value becomes a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple, cast

from rsa_cli.light import Light
from rsa_cli.nodes import UNPLACED, Condition
from rsa_cli.problems import Place, brief, nearest_or_all, quoted, without_comma
from rsa_cli.source import Mapping, Node, Shaper, Text
from rsa_cli.units import MOST_DIGITS, Number, number, unit_key, written
from rsa_cli.values import Parsed, Span, read_date, read_gestation, read_quantity, span_text

KINDS = ("flag", "choice", "choices", "quantity", "gestation", "date", "text", "records", "derived")
MISSING = ("unknown", "not done", "pending", "not applicable")
FLAGS = ("high", "low", "normal", "positive", "negative")

# The shape of an item, of a choice and so on: the one declaration that reader, schema and docs share.
ITEM = {
    "label": "text!", "question": "text", "help": "text", "section": "text", "kind": "text!",
    "unit": "text", "units": "mapping", "bare": "yes", "words": "yes", "dated": "yes", "plausible": "text", "usual": "text",
    "reference": "any", "levels": "mapping", "choices": "any", "partner": "yes", "ask_if": "any",
    "set_aside_if": "any", "counts_only_if": "any", "stale_after": "text",
    "fields": "mapping", "list": "text", "dated_by": "text",
    "formula": "text", "same_sample": "texts", "lasting": "texts", "tolerance": "text", "when": "any",
    "worked_out": "any", "now": "text", "serves": "texts", "source": "texts", "codes": "any",
    "accepts": "mapping",
}  # fmt: skip
# The keys that mean something for some kinds only.
ONLY_FOR = {
    "unit": ("quantity", "derived"), "units": ("quantity", "derived"), "bare": ("quantity",), "words": ("quantity",),
    "plausible": ("quantity", "gestation", "derived"), "usual": ("quantity", "gestation", "derived"),
    "reference": ("quantity", "derived"), "levels": ("quantity", "derived"), "choices": ("choice", "choices", "flag"),
    "fields": ("records",), "list": ("records",), "dated_by": ("records",),
    "formula": ("derived",), "same_sample": ("derived",), "lasting": ("derived",), "tolerance": ("derived",),
    "when": ("derived",),
}  # fmt: skip
CHOICE = {"label": "text", "inconclusive": "yes", "covers": "texts", "implies": "text"}
REFERENCE = {"low": "text", "high": "text", "when": "any", "beside_own": "yes", "source": "texts!"}
LEVEL = {"from": "text", "above": "text", "source": "texts!"}


class Value(NamedTuple):
    """What was typed, understood.

    `span` is in the unit typed, `canon` in the item's own unit (`None` where that must not be
    converted); gestations and dates are in days. `choices` are the choices it may be: one, or
    several where the choice covers others. `word` is a laboratory's word in place of a number.
    """

    text: str
    span: Span | None = None
    unit: str = ""
    canon: Span | None = None
    choices: frozenset[str] | None = None
    word: str = ""


class Unit(Light):
    """A unit of an item: × `times` + `plus` gives the item's own; a separate one is never converted."""

    text: str
    times: Number = 1
    plus: Number = 0
    separate: bool = False


class Choice(Light):
    """One answer of a choice item."""

    label: str
    inconclusive: bool = False
    covers: tuple[str, ...] = ()
    implies: tuple[str, Span] | None = None


class Reference(Light):
    """A reference range: limits by unit (spans where sources disagree), when it holds, its source.

    One `beside_own` is for where the laboratory's own range may be meant for others: both must agree.
    """

    low: dict[str, Span] | None
    high: dict[str, Span] | None
    when: tuple[Condition, ...]
    source: tuple[str, ...]
    beside_own: bool = False


class Level(Light):
    """A named band, from a limit (`begins`) or above it (`above`); both where sources disagree."""

    name: str
    begins: dict[str, Span] | None
    above: dict[str, Span] | None
    source: tuple[str, ...]


class Item(Light):
    """One data element; `of` names the list whose records hold it as a field."""

    id: str
    kind: str
    label: str
    place: Place = UNPLACED  # of one that was kept: nothing reports where it stands
    of: str | None = None
    question: str = ""
    help: str = ""
    section: str = ""
    unit: str = ""
    units: dict[str, Unit] = {}
    bare: bool = False
    words: bool = False
    dated: bool = False
    plausible: Span | None = None
    usual: Span | None = None
    references: tuple[Reference, ...] = ()
    levels: tuple[Level, ...] = ()
    choices: dict[str, Choice] = {}
    partner: bool = False
    ask_if: Condition | None = None
    set_aside_if: tuple[Condition, ...] = ()
    counts_only_if: tuple[Condition, ...] = ()
    stale_after: int | None = None
    fields: dict[str, Item] = {}
    series: bool = False
    dated_by: str = ""
    formula: tuple[Any, ...] | None = None
    same_sample: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    tolerance: Number | None = None
    when: Condition | None = None
    worked_out: tuple[str, tuple[str, ...]] | None = None
    now: str = ""
    serves: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name it is written under in a case."""
        return self.id.removeprefix("partner_") if self.partner else self.id

    def settled_choices(self) -> tuple[str, ...]:
        """The choices that decide something: neither inconclusive nor covering others."""
        return tuple(c for c, choice in self.choices.items() if not choice.inconclusive and not choice.covers)


class UnreadableError(Exception):
    """A value that cannot be read; `code`, what is wrong, what to do."""

    def __init__(self, code: str, says: str, hint: str = "") -> None:
        self.code, self.says, self.hint = code, says, hint
        super().__init__(says)


# --- text of a value -----------------------------------------------------------------------------

_INSTEAD = {"n/a": "not applicable", "na": "not applicable", "not_applicable": "not applicable",
            "-": "unknown", "--": "unknown", "–": "unknown", "—": "unknown", "?": "unknown", "??": "unknown",
            "missing": "unknown", "not known": "unknown", "nk": "unknown", "tbd": "unknown",
            "nd": "not done", "not_done": "not done", "not tested": "not done",
            "awaited": "pending", "awaiting": "pending", "to follow": "pending",
            **{word: word for word in MISSING}}  # fmt: skip


def read_value(item: Item, text: str) -> Value:
    """The value that a text is for an item. Raises UnreadableError with words for the reader."""
    text = text.strip()
    match item.kind:
        case "flag" | "choice" | "derived" if item.choices:
            return _choice(item, text)
        case "date":
            span = dated(text)
            return Value(text, span, "", span)
        case "gestation":
            return _gestation(item, text)
        case "text":
            return Value(text)
        case _:
            return _quantity(item, text)


def dated(text: str) -> Span:
    """A date as a person wrote it. Raises UnreadableError with the same date as it should be written."""
    span = read_date(text)
    if span is not None:
        return span
    says, hint = f"{quoted(text)} is not a date", "write 2024-01-19, or 2024-01, or 2024"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        says, hint = f"there is no day {text.strip()}", "check year, month and day"
    elif found := re.match(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})(?!\d)", text):
        hint = f"write {found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    elif found := re.fullmatch(r"\s*(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})\s*", text):
        # In 05/06/2024 the day may come first or second; nothing is guessed.
        first, second, year = int(found[1]), int(found[2]), found[3]
        ways = [
            f"{year}-{month:02}-{day:02}"
            for day, month in {(first, second): 0, (second, first): 0}
            if month <= 12
        ]
        hint = f"write the year first: {' or '.join(ways) or '2024-01-19'}"
    raise _instead(text) or UnreadableError("not-a-date", says, hint)


def _choice(item: Item, text: str) -> Value:
    if item.kind != "choice" and text in ("true", "false"):
        text = "yes" if text == "true" else "no"
    choice = item.choices.get(text)
    if choice is None:
        raise _instead(text, item) or UnreadableError(
            "not-a-choice",
            f"{quoted(text)} is none of the answers to {item.label}",
            nearest_or_all(text, item.choices),
        )
    return Value(text, choices=frozenset(choice.covers or (text,)))


def read_choices(item: Item, texts: list[str]) -> Value:
    """The value of an item of which several answers may hold."""
    found = [_choice(item, text) for text in texts]
    return Value(", ".join(texts) or "none", choices=frozenset(c for v in found for c in v.choices or ()))


def _instead(text: str, item: Item | None = None) -> UnreadableError | None:
    """Which word to write instead of one that only says that something is missing; `None` for other words."""
    word = _INSTEAD.get(text.casefold())
    if text.casefold() in ("none", "nil"):
        word = {"flag": "no", "choices": "[]", "records": "[]"}.get(
            item.kind if item else "", "not done, or unknown"
        )
    if word is None:
        return None
    says = "does not say what is missing"
    if text in MISSING:
        says, word = "is no answer beside others", f"{text}, without brackets"
    elif text.casefold() in MISSING:
        says = "is written in small letters"
    return UnreadableError("missing-word", f"{quoted(text)} {says}", f"write: {word}")


def _gestation(item: Item, text: str) -> Value:
    span = read_gestation(text)
    if span is None:
        raise _instead(text) or UnreadableError(
            "not-a-gestation",
            f"{quoted(text)} is not a gestation",
            f"write {text} weeks, or weeks and days as in 8w2d"
            if re.fullmatch(r"[1-4]?\d", text)
            else "write weeks and days (0 to 6) as in 8w2d, or 8 weeks, 8–9 weeks, unknown",
        )
    if item.plausible and not _within(_typed(span), Unit(""), item.plausible):
        hint = f"plausible: {span_text(item.plausible, 'gestation')}; check the number"
        says = f"{item.label} {brief(text)} lies outside what is plausible"
        raise UnreadableError("implausible", says, hint)
    return Value(text, span, "", span)


def _quantity(item: Item, text: str) -> Value:
    if item.words and (text in ("positive", "negative") or any(text == level.name for level in item.levels)):
        return Value(text, word=text)
    parsed = read_quantity(text.replace("−", "-"))
    # 1e3 and 1/2 are no numbers here, and their rest no unit.
    if parsed is None or re.match(r"[eE]\d|/\d", parsed.unit):
        raise _instead(text, item) or _not_a_quantity(item, text)
    if not parsed.unit and item.unit and not item.bare and unit_key(item.unit) != "1":
        with_units = ", or ".join(f"{brief(text)} {u.text}" for u in item.units.values())
        raise UnreadableError("no-unit", f"{item.label} {brief(text)} has no unit", f"write {with_units}")
    unit = item.units.get(unit_key(parsed.unit or item.unit))
    if unit is None:
        hint = f"its units: {_units(item)}" if item.unit else "write the number alone"
        if item.bare:
            hint = f"write the number alone, or with {_units(item)}"
        if "#" in parsed.unit:
            hint = "put two spaces before #"
        elif "(" in parsed.unit:
            hint += "; write one value, without brackets"
        raise UnreadableError("unknown-unit", f"{item.label} is not measured in {quoted(parsed.unit)}", hint)
    canon = None if unit.separate else converted(parsed.span, unit)
    if item.plausible and canon and not _within(parsed.typed, unit, item.plausible):
        raise _implausible(item, text, parsed)
    return Value(text, parsed.span, unit.text, canon)


def _not_a_quantity(item: Item, text: str) -> UnreadableError:
    if re.search(r"\d,\d", text):
        return UnreadableError(
            "decimal-comma", f"a comma stands in the number {quoted(text)}", without_comma(text)
        )
    example = f"10 {item.unit}".strip()
    hint = f"write a number, as in {example}; or unknown, not done, pending"
    if item.words:
        hint += "; or positive, negative"
    if text.casefold() in FLAGS:
        hint = f"write the number, as in {example}, and the laboratory's word as  flag: {text.casefold()}; or unknown"
    elif text[:1] in ("“", "”", "„", "‘", "’", "«"):
        hint = 'leave the quotes out, or write straight ones: "…"'
    elif re.match(r"\d+(\.\d+)?[eE/]\d", text):
        hint = "write the number in full, with a point before the decimals"
    elif re.match(r"\d{1,3}([ '’]\d{3})+(?!\d)", text):
        hint = "write nothing between the thousands, as in 1000"
    elif found := re.match(r"\s*([\d.]+)\s*[-–—]\s*([\d.]+)", text):
        hint = f"write the lower number first: {found[2]}–{found[1]}"
    return UnreadableError("not-a-quantity", f"{quoted(text)} is not a value of {item.label}", hint)


def _implausible(item: Item, text: str, parsed: Parsed) -> UnreadableError:
    assert item.plausible is not None
    fits = [u.text for u in item.units.values()
            if not u.separate and _within(parsed.typed, u, item.plausible)]  # fmt: skip
    low, high = item.plausible.low, item.plausible.high
    bounds = f"{written(low or 0)}–{written(high)}" if high is not None else f"from {written(low or 0)}"
    hint = (
        f"plausible in {' or '.join(fits)}: is that the unit?"
        if fits
        else f"plausible: {bounds} {item.unit}".rstrip() + "; check the number and its unit"
    )
    return UnreadableError("implausible", f"{item.label} {brief(text)} lies outside what is plausible", hint)


def unusual(item: Item, value: Value) -> bool:
    """Whether the value is plausible but lies outside what is usual."""
    return bool(item.usual and value.canon and not _within(_typed(value.canon), Unit(""), item.usual))


def _typed(span: Span) -> tuple[Number, ...]:
    """The ends of a span that a person wrote: the 0 of `<150` was not typed."""
    ends = (span.high,) if span.low == 0 and span.high is not None else (span.low, span.high)
    return tuple(end for end in ends if end is not None)


def _within(numbers: tuple[Number, ...], unit: Unit, outer: Span) -> bool:
    """Whether numbers in a unit lie in a span of the item's own unit, ends included."""
    low, high = outer.low, outer.high
    own = [n * unit.times + unit.plus for n in numbers]
    return all((low is None or n >= low) and (high is None or n <= high) for n in own)


def _units(item: Item) -> str:
    return " or ".join(u.text for u in item.units.values())


def converted(span: Span, unit: Unit) -> Span:
    """A span of this unit in the item's own unit."""
    if unit.times == 1 and unit.plus == 0:
        return span
    low = None if span.low is None else span.low * unit.times + unit.plus
    high = None if span.high is None else span.high * unit.times + unit.plus
    return Span(low, high, span.low_in, span.high_in)


def expressed(span: Span, unit: Unit) -> Span:
    """A span of the item's own unit in this unit: the inverse of `converted`."""
    if unit.times == 1 and unit.plus == 0:
        return span
    low = None if span.low is None else Fraction(span.low - unit.plus) / unit.times
    high = None if span.high is None else Fraction(span.high - unit.plus) / unit.times
    return Span(low, high, span.low_in, span.high_in)


# --- limits --------------------------------------------------------------------------------------

_BOTH = r"(?P<one>[^()]+?)\s*\((?P<two>[^()]+)\)\Z"


def read_limits(item: Item, text: str) -> dict[str, Span]:
    """A limit in a rule, by unit as the item spells it: `7.0 mmol/L (126 mg/dL)`, `28–30 kg/m2`, `10 weeks`.

    Raises UnreadableError.
    """
    if item.kind == "gestation":
        span = read_gestation(text, exact=True)
        if span is None:
            raise UnreadableError(
                "bad-limit", f"{quoted(text)} is not a gestation", "write 10 weeks, or 10w0d"
            )
        return {"": span}
    if item.kind == "date":
        return {"": dated(text)}
    both = re.match(_BOTH, text)
    limits: dict[str, Span] = {}
    for piece in (both["one"], both["two"]) if both else (text,):
        parsed = read_quantity(piece.replace("−", "-"))
        if parsed is None or (len(parsed.typed) == 1 and not parsed.span.is_point):
            hint = f"write one number with its unit, as in 10 {item.unit}".rstrip()
            if re.search(r"\d,\d", piece):
                hint = without_comma(piece)
            raise UnreadableError("bad-limit", f"{quoted(piece)} is not a limit", hint)
        unit = item.units.get(unit_key(parsed.unit or ("" if item.unit and not item.bare else item.unit)))
        if unit is None:
            says = f"{item.id} is not measured in {quoted(parsed.unit)}"
            if not parsed.unit:
                says = f"the limit {brief(piece)} has no unit"
            raise UnreadableError("unknown-unit", says, f"its units: {_units(item)}")
        if unit.text in limits:
            raise UnreadableError(
                "bad-limit", f"both limits are in {unit.text}", "write one of them in another unit"
            )
        limits[unit.text] = parsed.span
    return limits


# --- items of a rule file ------------------------------------------------------------------------


def read_item(
    name: Text, node: Node, shaper: Shaper, of: str | None = None
) -> tuple[Item, dict[str, Any]] | None:
    """An item of a rule file without its conditions, and the raw nodes those are still to be read from."""
    what = f"item {brief(name.text)}"
    raw = shaper.shaped(node, ITEM, what, name.place)
    if raw is None:
        return None
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name.text):
        hint = "small letters, digits and _ only, beginning with a letter"
        shaper.problem("bad-name", name, f"{quoted(name.text)} cannot be a name", hint)
    kind = raw["kind"].text if "kind" in raw else ""
    if kind and kind not in KINDS:
        shaper.problem(
            "unknown-kind", raw["kind"], f"there is no kind {quoted(kind)}", nearest_or_all(kind, KINDS)
        )
        kind = ""
    for key, kinds in ONLY_FOR.items():
        if kind and key in raw and kind not in kinds:
            del raw[key]
            at = cast(Mapping, node).keys[key]
            says = f"{key} means nothing for an item of kind {kind}"
            shaper.problem(
                "key-not-for-kind", at, says, f"delete it; it belongs to kind {' or '.join(kinds)}"
            )
    if "unit" in raw and raw["unit"].plain and raw["unit"].text in ("null", "~"):
        del raw["unit"]  # nothing written: a pure number
    says_of = {
        key: raw[key].text for key in ("question", "help", "section", "dated_by", "now", "unit") if key in raw
    }
    item = Item(
        name.text, kind or "text", raw["label"].text if "label" in raw else name.text, name.place, of,
        bare=raw.get("bare", False), words=raw.get("words", False), dated=raw.get("dated", False), partner=raw.get("partner", False),
        series=raw["list"].text == "series" if "list" in raw else False,
        same_sample=_texts(raw, "same_sample"), lasting=_texts(raw, "lasting"),
        serves=_texts(raw, "serves"), source=_texts(raw, "source"), **says_of,
    )  # fmt: skip
    item = item._replace(units=_read_units(item, raw, shaper))
    before = len(shaper.problems)
    if "choices" in raw or kind == "flag" or (kind == "derived" and "formula" not in raw):
        item = item._replace(choices=_read_choices(raw.get("choices"), shaper, name, of))
    if kind in ("choice", "choices") and not item.choices and len(shaper.problems) == before:
        shaper.problem("choices-missing", name, f"{what} has no choices", "add  choices: [one, two]")
    if kind == "derived" and not ("formula" in raw or "when" in raw):
        hint = "add  formula: … for a number, or  when: … for a yes or no"
        shaper.problem("formula-missing", name, f"{what} is derived, and nothing says how", hint)
    for key, read in _READ.items():
        if key in raw:
            try:
                item = item._replace(**{key: read(item, raw[key])})
            except UnreadableError as error:
                shaper.problem(error.code, raw[key], error.says, error.hint)
    if "levels" in raw:
        item = item._replace(levels=_read_levels(item, raw["levels"], shaper))
    if kind == "records":
        item = item._replace(fields=_read_fields(name, node, raw, shaper))
    return item, raw


def _read_fields(name: Text, node: Node, raw: dict[str, Any], shaper: Shaper) -> dict[str, Item]:
    """The fields of a list; their raw nodes join those of the list."""
    if "list" not in raw or raw["list"].text not in ("history", "series"):
        says, hint = (
            f"item {name.text} does not say what kind of list it is",
            "write  list: history, or  list: series",
        )
        shaper.problem("list-kind", raw.get("list", name), says, hint)
    fields: dict[str, Item] = {}
    for field, inner in (raw["fields"].items if "fields" in raw else {}).items():
        before = len(shaper.problems)
        read = read_item(raw["fields"].keys[field], inner, shaper, name.text)
        if read is not None:
            fields[field], raw[f"field {field}"] = read
        if len(shaper.problems) > before:
            raw.setdefault("doubtful", []).append(field)
    if not cast(Mapping, node).items.get("fields") or ("fields" in raw and not raw["fields"].items):
        hint = "add  fields: and below it what a record holds"
        shaper.problem("fields-missing", name, f"item {name.text} has no fields", hint)
    return fields


def read_days(text: str) -> int:
    """A time in days: `42 days`, `6 weeks`. Raises UnreadableError."""
    found = re.fullmatch(r"(\d{1,5})\s*(days?|weeks?)", text)
    if found is None:
        raise UnreadableError(
            "bad-days", f"{quoted(text)} is not a time in days or weeks", "write 42 days, or 6 weeks"
        )
    return int(found[1]) * (7 if found[2].startswith("week") else 1)


def _texts(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(text.text for text in raw.get(key, ()))


def _read_units(item: Item, raw: dict[str, Any], shaper: Shaper) -> dict[str, Unit]:
    units = (
        {unit_key(item.unit): Unit(item.unit)} if item.unit or item.kind in ("quantity", "derived") else {}
    )
    for name, node in (raw["units"].items if "units" in raw else {}).items():
        key = unit_key(name)
        if key in units:
            says = f"{brief(name)} is the same unit as {units[key].text}"
            shaper.problem(
                "unit-twice", raw["units"].keys[name], says, "leave it out: spelling does not matter"
            )
            continue
        units[key] = Unit(name)
        if type(node) is Text and node.text == "separate":
            units[key] = Unit(name, separate=True)
            continue
        scale = {"times": node} if type(node) is Text else None
        if scale is None:
            scale = shaper.shaped(node, {"times": "text!", "plus": "text"}, f"unit {brief(name)}") or {}
        factors = {part: _factor_of(text, shaper, above_0=part == "times") for part, text in scale.items()}
        units[key] = Unit(name, factors.get("times", 1), factors.get("plus", 0))
    return units


def _factor_of(text: Text, shaper: Shaper, above_0: bool) -> Number:
    """A number of a unit; 1, and a problem, where it is none."""
    try:
        found = number(text.text)
    except ValueError:
        found = None
    if found is None or (above_0 and found <= 0):
        shaper.problem(
            "not-a-number", text, f"{quoted(text.text)} is no factor", "write 3.18, or 5/9, or separate"
        )
        return 1
    return found


def _bounds(item: Item, text: Text) -> Span:
    if item.kind == "gestation":
        span, example = read_gestation(text.text, exact=True), "2w0d–45w0d"
    else:
        parsed = read_quantity(text.text.replace("−", "-"))
        unit = item.units.get(unit_key(parsed.unit or item.unit)) if parsed else None
        span = converted(parsed.span, unit) if parsed and unit else None
        example = f"0–500 {item.unit}".rstrip()
    if span is None:
        hint = f"write both ends and the unit, the lower one first, as in {example}"
        raise UnreadableError("bad-range", f"{quoted(text.text)} is not a range of {item.id}", hint)
    return span


def _stale_after(item: Item, text: Text) -> int | None:
    return None if text.text == "never" else read_days(text.text)


def _tolerance(item: Item, text: Text) -> Number | None:
    return next(iter(read_limits(item, text.text).values())).low


def _formula(item: Item, text: Text) -> tuple[Any, ...]:
    return read_formula(text.text)


def _read_choices(node: Node | None, shaper: Shaper, name: Text, of: str | None) -> dict[str, Choice]:
    if node is None:
        return {"yes": Choice("yes"), "no": Choice("no")}
    choices: dict[str, Choice] = {}
    if type(node) is not Mapping:
        texts: list[Text] = shaper.value(node, "texts", f"choices of {brief(name.text)}") or []
        for text in texts:
            _check_choice(text, choices, shaper)
            choices[text.text] = Choice(text.text.replace("_", " "))
        return choices
    for choice, inner in node.items.items():
        raw = shaper.shaped(inner, CHOICE, f"choice {brief(choice)}") or {}
        _check_choice(node.keys[choice], choices, shaper)
        implies = None
        if "implies" in raw:
            try:
                implies = _implied(raw["implies"].text, of)
            except UnreadableError as error:
                shaper.problem(error.code, raw["implies"], error.says, error.hint)
        choices[choice] = Choice(
            raw["label"].text if "label" in raw else choice.replace("_", " "),
            raw.get("inconclusive", False), _texts(raw, "covers"), implies,
        )  # fmt: skip
        for covered in raw.get("covers", ()):
            if covered.text not in node.items:
                says = f"{brief(choice)} covers {quoted(covered.text)}, which is no choice"
                shaper.problem("unknown-choice", covered, says, nearest_or_all(covered.text, node.items))
    return choices


def _check_choice(choice: Text, before: dict[str, Choice], shaper: Shaper) -> None:
    if choice.text in MISSING:
        says = f"{choice.text} is a kind of missing, not a choice"
        shaper.problem("choice-missing", choice, says, "leave it out: every item may be answered so")
    if choice.text in before:
        shaper.problem(
            "choice-twice", choice, f"{quoted(choice.text)} stands here a second time", "delete it"
        )


def _implied(text: str, of: str | None) -> tuple[str, Span]:
    field, _, bound = text.partition(" ")
    span = read_gestation(bound, exact=True)
    if span is None:
        raise UnreadableError(
            "bad-implies", f"{quoted(text)} is not a bound on a gestation", "write: gestation < 28 weeks"
        )
    if of in (None, "circumstance"):
        raise UnreadableError(
            "bad-implies", "only a choice of a field implies something of its record", "delete it"
        )
    return field, span


def _read_levels(item: Item, node: Mapping, shaper: Shaper) -> tuple[Level, ...]:
    levels = []
    for name, inner in node.items.items():
        raw = shaper.shaped(inner, LEVEL, f"level {name}") or {}
        if not ("from" in raw or "above" in raw):
            hint = f"add  from: 40 {item.unit}, or  above: 40 {item.unit}"
            shaper.problem("level-without-limit", node.keys[name], f"level {brief(name)} has no limit", hint)
            continue
        ends: dict[str, dict[str, Span]] = {}
        for end in ("from", "above"):
            if end in raw:
                try:
                    ends[end] = read_limits(item, raw[end].text)
                except UnreadableError as error:
                    shaper.problem(error.code, raw[end], error.says, error.hint)
        levels.append(Level(name, ends.get("from"), ends.get("above"), _texts(raw, "source")))
    return tuple(levels)


def _worked_out(item: Item, node: Node) -> tuple[str, tuple[str, ...]]:
    if type(node) is Text and node.text in ("pregnant", "days_since_pregnancy_end"):
        return node.text, ()
    if type(node) is Mapping and len(node.items) == 1:
        [(how, inner)] = node.items.items()
        texts = [inner] if type(inner) is Text else getattr(inner, "parts", [])
        if how in ("medications", "later") and texts and all(type(t) is Text for t in texts):
            return how, tuple(t.text for t in texts)
    raise UnreadableError("bad-worked-out", "this is no way to work a circumstance out",
                          "write pregnant, days_since_pregnancy_end, {medications: [class, …]} or {later: list}")  # fmt: skip


# How the text below a key becomes what the item holds under that name. Each raises UnreadableError.
_READ: dict[str, Callable[[Item, Any], Any]] = {
    "plausible": _bounds, "usual": _bounds, "stale_after": _stale_after, "tolerance": _tolerance,
    "formula": _formula, "worked_out": _worked_out,
}  # fmt: skip


# --- formulas ------------------------------------------------------------------------------------

_TOKEN = r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-z][a-z0-9_]*)(?:\s*\[(?P<unit>[^\]]*)\])?|(?P<sign>[-+*/(),]))"


def read_formula(text: str) -> tuple[Any, ...]:
    """A formula as nested tuples: `("name", item, unit)`, `("number", n)`, `("*", left, right)` …

    Names with their unit in square brackets, numbers, `+ - * /`, brackets, `days_between(a, b)` and
    `previous(field)`; nothing else. Raises UnreadableError.
    """
    token = re.compile(_TOKEN)
    tokens: list[re.Match[str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = token.match(text, at)
        if found is None:
            raise UnreadableError(
                "bad-formula", f"{quoted(text[at:].strip())} cannot stand in a formula", _IN_A_FORMULA
            )
        tokens.append(found)
        at = found.end()
        if len(tokens) > 100 or len(found[0]) > 60:
            raise UnreadableError(
                "bad-formula", "the formula is too long", "divide it over two derived items"
            )
    formula, rest = _sum(tokens)
    if rest:
        raise _misplaced(rest[0])
    return formula


_Tokens = list["re.Match[str]"]
_IN_A_FORMULA = "a formula holds names, numbers, + - * / ( ), days_between(a, b), previous(field)"


def _sum(tokens: _Tokens) -> tuple[tuple[Any, ...], _Tokens]:
    left, rest = _product(tokens)
    while rest and rest[0]["sign"] in ("+", "-"):
        right, after = _product(rest[1:])
        left, rest = (rest[0]["sign"], left, right), after
    return left, rest


def _product(tokens: _Tokens) -> tuple[tuple[Any, ...], _Tokens]:
    left, rest = _factor(tokens)
    while rest and rest[0]["sign"] in ("*", "/"):
        right, after = _factor(rest[1:])
        left, rest = (rest[0]["sign"], left, right), after
    return left, rest


def _factor(tokens: _Tokens) -> tuple[tuple[Any, ...], _Tokens]:
    if not tokens:
        raise UnreadableError("bad-formula", "the formula ends too early", "a name or a number is missing")
    first, rest = tokens[0], tokens[1:]
    if first["number"]:
        if len(first["number"]) > MOST_DIGITS:
            raise _misplaced(first)
        return ("number", number(first["number"])), rest
    if first["sign"] == "(":
        inner, rest = _sum(rest)
        return inner, _expect(")", rest)
    if first["name"] in ("days_between", "previous") and rest and rest[0]["sign"] == "(":
        inner, rest = _sum(rest[1:])
        if first["name"] == "previous":
            return ("previous", inner), _expect(")", rest)
        second, rest = _sum(_expect(",", rest))
        return ("days_between", inner, second), _expect(")", rest)
    if first["name"]:
        return ("name", first["name"], (first["unit"] or "").strip()), rest
    raise _misplaced(first)


def _misplaced(token: re.Match[str]) -> UnreadableError:
    says = f"{quoted(token[0].strip())} stands at the wrong place in the formula"
    return UnreadableError("bad-formula", says, _IN_A_FORMULA)


def _expect(sign: str, tokens: _Tokens) -> _Tokens:
    if not tokens or tokens[0]["sign"] != sign:
        raise UnreadableError("bad-formula", f"a {sign} is missing in the formula", f"write the {sign}")
    return tokens[1:]


def names_in(formula: tuple[Any, ...]) -> list[tuple[str, str]]:
    """The names in a formula with the unit each is taken in."""
    if formula[0] == "name":
        return [(formula[1], formula[2])]
    return [found for part in formula[1:] if isinstance(part, tuple) for found in names_in(part)]
