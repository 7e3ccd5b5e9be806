"""Items: what a case may hold, and how the text of a value becomes a value."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

from rsa_cli.nodes import Condition
from rsa_cli.problems import Place, nearest, visible
from rsa_cli.source import Mapping, Node, Shaper, Text
from rsa_cli.units import Number, number, unit_key, written
from rsa_cli.values import Parsed, Span, read_date, read_gestation, read_quantity

KINDS = ("flag", "choice", "choices", "quantity", "gestation", "date", "text", "records", "derived")
MISSING = ("unknown", "not done", "pending", "not applicable")
FLAGS = ("high", "low", "normal", "positive", "negative")

# The shape of an item, of a choice and so on: the one declaration that reader, schema and docs share.
ITEM = {
    "label": "text!", "question": "text", "help": "text", "section": "text", "kind": "text!",
    "unit": "text", "units": "mapping", "bare": "yes", "words": "yes", "plausible": "text", "usual": "text",
    "reference": "any", "levels": "mapping", "choices": "any", "partner": "yes", "ask_if": "any",
    "set_aside_if": "any", "counts_only_if": "any", "stale_after": "text",
    "fields": "mapping", "list": "text", "dated_by": "text",
    "formula": "text", "same_sample": "texts", "lasting": "texts", "tolerance": "text", "when": "any",
    "worked_out": "any", "now": "text", "serves": "texts", "source": "texts", "codes": "any",
}  # fmt: skip
CHOICE = {"label": "text", "inconclusive": "yes", "covers": "texts", "implies": "text"}
REFERENCE = {"low": "text", "high": "text", "when": "any", "source": "texts!"}
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


class Unit(NamedTuple):
    """A unit of an item: × `times` + `plus` gives the item's own; a separate one is never converted."""

    text: str
    times: Number = 1
    plus: Number = 0
    separate: bool = False


class Choice(NamedTuple):
    """One answer of a choice item."""

    label: str
    inconclusive: bool = False
    covers: tuple[str, ...] = ()
    implies: tuple[str, Span] | None = None


class Reference(NamedTuple):
    """A reference range: limits by unit (spans where sources disagree), when it holds, its source."""

    low: dict[str, Span] | None
    high: dict[str, Span] | None
    when: tuple[Condition, ...]
    source: tuple[str, ...]


class Level(NamedTuple):
    """A named band, from a limit (`begins`) or above it (`above`); both where sources disagree."""

    name: str
    begins: dict[str, Span] | None
    above: dict[str, Span] | None
    source: tuple[str, ...]


class Item(NamedTuple):
    """One data element; `of` names the list whose records hold it as a field."""

    id: str
    kind: str
    label: str
    place: Place
    of: str | None = None
    question: str = ""
    help: str = ""
    section: str = ""
    unit: str = ""
    units: dict[str, Unit] = {}
    bare: bool = False
    words: bool = False
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

_INSTEAD = {"n/a": "not applicable", "na": "not applicable", "none": "no, [] or not done", "-": "unknown",
            "--": "unknown", "–": "unknown", "?": "unknown", "nd": "not done", "not known": "unknown",
            "not_done": "not done", "not_applicable": "not applicable", "missing": "unknown",
            "normal": "a value, or unknown", "awaited": "pending"}  # fmt: skip


def read_value(item: Item, text: str) -> Value:
    """The value that a text is for an item. Raises UnreadableError with words for the reader."""
    text = text.strip()
    match item.kind:
        case "flag" | "choice" | "derived" if item.choices:
            return _choice(item, text)
        case "date":
            span = read_date(text)
            if span is None:
                raise UnreadableError(
                    "not-a-date", f"{visible(text)!r} is not a date", "write 2024-01-19, or 2024-01, or 2024"
                )
            return Value(text, span, "", span)
        case "gestation":
            return _gestation(item, text)
        case "text":
            return Value(text)
        case _:
            return _quantity(item, text)


def _choice(item: Item, text: str) -> Value:
    if item.kind != "choice" and text in ("true", "false"):
        text = "yes" if text == "true" else "no"
    choice = item.choices.get(text)
    if choice is None:
        raise _instead(text) or UnreadableError(
            "not-a-choice",
            f"{visible(text)!r} is none of the answers to {item.label}",
            nearest(text.replace(" ", "_").casefold(), item.choices) or f"known: {', '.join(item.choices)}",
        )
    return Value(text, choices=frozenset(choice.covers or (text,)))


def read_choices(item: Item, texts: list[str]) -> Value:
    """The value of an item of which several answers may hold."""
    found = [_choice(item, text) for text in texts]
    return Value(", ".join(texts) or "none", choices=frozenset(c for v in found for c in v.choices or ()))


def _instead(text: str) -> UnreadableError | None:
    word = _INSTEAD.get(text.casefold())
    if word is None:
        return None
    return UnreadableError(
        "missing-word", f"{visible(text)!r} does not say what is missing", f"write: {word}"
    )


def _gestation(item: Item, text: str) -> Value:
    span = read_gestation(text)
    if span is None:
        raise _instead(text) or UnreadableError(
            "not-a-gestation",
            f"{visible(text)!r} is not a gestation",
            "write 8w2d, 8 weeks, 8–9 weeks, or unknown",
        )
    value = Value(text, span, "", span)
    if item.plausible and not _within(_typed(span), Unit(""), item.plausible):
        raise UnreadableError("implausible", f"{item.label} {visible(text)} lies outside what is plausible",
                              "check the number; the gestation at the end of the pregnancy is meant")  # fmt: skip
    return value


def _quantity(item: Item, text: str) -> Value:
    if item.words and (text in ("positive", "negative") or any(text == level.name for level in item.levels)):
        return Value(text, word=text)
    parsed = read_quantity(text.replace("−", "-"))
    if parsed is None:
        raise _instead(text) or _not_a_quantity(item, text)
    if not parsed.unit and item.unit and not item.bare and unit_key(item.unit) != "1":
        raise UnreadableError(
            "no-unit", f"{item.label} {visible(text)} has no unit", f"write {visible(text)} {_units(item)}"
        )
    unit = item.units.get(unit_key(parsed.unit or item.unit))
    if unit is None:
        known = nearest(parsed.unit, [u.text for u in item.units.values()])
        raise UnreadableError("unknown-unit", f"{item.label} is not measured in {visible(parsed.unit)!r}",
                              known or f"its units: {_units(item)}")  # fmt: skip
    canon = None if unit.separate else converted(parsed.span, unit)
    if item.plausible and canon and not _within(parsed.typed, unit, item.plausible):
        raise _implausible(item, text, parsed)
    return Value(text, parsed.span, unit.text, canon)


def _not_a_quantity(item: Item, text: str) -> UnreadableError:
    if re.search(r"\d,\d", text):
        return UnreadableError(
            "decimal-comma",
            f"a decimal comma in {visible(text)!r}",
            f"write {visible(text.replace(',', '.'))}",
        )
    example = f"10 {item.unit}".strip()
    hint = f"write a number, as in {example}; where only a word is known: unknown"
    return UnreadableError("not-a-quantity", f"{visible(text)!r} is not a value of {item.label}", hint)


def _implausible(item: Item, text: str, parsed: Parsed) -> UnreadableError:
    assert item.plausible is not None
    fits = [u.text for u in item.units.values()
            if not u.separate and _within(parsed.typed, u, item.plausible)]  # fmt: skip
    low, high = item.plausible.low, item.plausible.high
    bounds = f"{written(low or 0)}–{written(high)}" if high is not None else f"from {written(low or 0)}"
    hint = (
        f"plausible in {' or '.join(fits)}: is that the unit?"
        if fits
        else f"plausible: {bounds} {item.unit}".rstrip()
    )
    return UnreadableError(
        "implausible", f"{item.label} {visible(text)} lies outside what is plausible", hint
    )


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

_BOTH = re.compile(r"(?P<one>[^()]+?)\s*\((?P<two>[^()]+)\)\Z")


def read_limits(item: Item, text: str) -> dict[str, Span]:
    """A limit in a rule, by unit as the item spells it: `7.0 mmol/L (126 mg/dL)`, `28–30 kg/m2`, `10 weeks`.

    Raises UnreadableError.
    """
    if item.kind == "gestation":
        span = read_gestation(text, exact=True)
        if span is None:
            raise UnreadableError(
                "bad-limit", f"{visible(text)!r} is not a gestation", "write 10 weeks, or 10w0d"
            )
        return {"": span}
    if item.kind == "date":
        span = read_date(text)
        if span is None:
            raise UnreadableError("bad-limit", f"{visible(text)!r} is not a date", "write 2024-01-19")
        return {"": span}
    both = _BOTH.match(text)
    limits: dict[str, Span] = {}
    for piece in (both["one"], both["two"]) if both else (text,):
        parsed = read_quantity(piece)
        if parsed is None or parsed.span.low is None or parsed.span.high is None:
            raise UnreadableError(
                "bad-limit", f"{visible(piece)!r} is not a limit", f"write 10 {item.unit}".rstrip()
            )
        unit = item.units.get(unit_key(parsed.unit or ("" if item.unit and not item.bare else item.unit)))
        if unit is None:
            says = (
                f"{item.id} is not measured in {visible(parsed.unit)!r}"
                if parsed.unit
                else f"the limit {piece} has no unit"
            )
            raise UnreadableError("unknown-unit", says, f"its units: {_units(item)}")
        limits[unit.text] = parsed.span
    return limits


# --- items of a rule file ------------------------------------------------------------------------


def read_item(
    name: Text, node: Node, shaper: Shaper, of: str | None = None
) -> tuple[Item, dict[str, Any]] | None:
    """An item of a rule file without its conditions, and the raw nodes those are still to be read from."""
    raw = shaper.shaped(node, ITEM, f"item {name.text}")
    if raw is None:
        return None
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name.text):
        shaper.problem(
            "bad-name", name, f"{visible(name.text)!r} cannot be a name", "lower case, digits and _ only"
        )
    kind = raw["kind"].text if "kind" in raw else "text"
    if kind not in KINDS:
        shaper.problem(
            "unknown-kind", raw["kind"], f"there is no kind {visible(kind)!r}", f"known: {', '.join(KINDS)}"
        )
        kind = "text"
    if "unit" in raw and raw["unit"].plain and raw["unit"].text in ("null", "~"):
        del raw["unit"]  # nothing written: a pure number
    says = {
        key: raw[key].text for key in ("question", "help", "section", "dated_by", "now", "unit") if key in raw
    }
    item = Item(
        name.text, kind, raw["label"].text if "label" in raw else name.text, name.place, of,
        bare=raw.get("bare", False), words=raw.get("words", False), partner=raw.get("partner", False),
        series=raw["list"].text == "series" if "list" in raw else False,
        same_sample=_texts(raw, "same_sample"), lasting=_texts(raw, "lasting"),
        serves=_texts(raw, "serves"), source=_texts(raw, "source"), **says,
    )  # fmt: skip
    try:
        item = item._replace(units=_read_units(item, raw, shaper))
        if "choices" in raw or kind == "flag" or (kind == "derived" and "formula" not in raw):
            item = item._replace(choices=_read_choices(raw.get("choices"), shaper, name))
        if "plausible" in raw:
            item = item._replace(plausible=_bounds(item, raw["plausible"]))
        if "usual" in raw:
            item = item._replace(usual=_bounds(item, raw["usual"]))
        if "stale_after" in raw and raw["stale_after"].text != "never":
            item = item._replace(stale_after=read_days(raw["stale_after"].text))
        if "tolerance" in raw:
            item = item._replace(tolerance=next(iter(read_limits(item, raw["tolerance"].text).values())).low)
        if "levels" in raw:
            item = item._replace(levels=_read_levels(item, raw["levels"], shaper))
        if "formula" in raw:
            item = item._replace(formula=read_formula(raw["formula"].text))
        if "worked_out" in raw:
            item = item._replace(worked_out=_worked_out(raw["worked_out"]))
    except UnreadableError as error:
        shaper.problem(error.code, raw.get("_at", name), error.says, error.hint)
    if kind == "records":
        if "list" not in raw or raw["list"].text not in ("history", "series"):
            shaper.problem(
                "list-kind",
                name,
                f"{name.text} does not say what kind of list it is",
                "list: history, or list: series",
            )
        fields = {}
        for field, inner in (raw["fields"].items if "fields" in raw else {}).items():
            read = read_item(raw["fields"].keys[field], inner, shaper, name.text)
            if read is not None:
                fields[field], raw[f"field {field}"] = read
        item = item._replace(fields=fields)
    return item, raw


def read_days(text: str) -> int:
    """A time in days: `42 days`, `6 weeks`. Raises UnreadableError."""
    found = re.fullmatch(r"(\d+)\s*(days?|weeks?)", text)
    if found is None:
        raise UnreadableError(
            "bad-days", f"{visible(text)!r} is not a time in days or weeks", "write 42 days, or 6 weeks"
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
        raw["_at"] = raw["units"].keys[name]
        if key in units:
            raise UnreadableError(
                "unit-twice",
                f"{name} is the same unit as {units[key].text}",
                "leave it out: spelling does not matter",
            )
        if type(node) is Text and node.text == "separate":
            units[key] = Unit(name, separate=True)
        elif type(node) is Text:
            units[key] = Unit(name, _number(node.text))
        else:
            scale = shaper.shaped(node, {"times": "text!", "plus": "text"}, f"unit {name}") or {}
            if "times" in scale:
                units[key] = Unit(
                    name, _number(scale["times"].text), _number(scale["plus"].text) if "plus" in scale else 0
                )
    raw.pop("_at", None)
    return units


def _number(text: str) -> Number:
    try:
        return number(text)
    except ValueError:
        raise UnreadableError(
            "not-a-number", f"{visible(text)!r} is not a number", "write 3.18, or 5/9"
        ) from None


def _bounds(item: Item, text: Text) -> Span:
    if item.kind == "gestation":
        span = read_gestation(text.text, exact=True)
    else:
        parsed = read_quantity(text.text.replace("−", "-"))
        unit = item.units.get(unit_key(parsed.unit or item.unit)) if parsed else None
        span = converted(parsed.span, unit) if parsed and unit else None
    if span is None:
        raise UnreadableError(
            "bad-range", f"{visible(text.text)!r} is not a range of {item.id}", "write 0–500 mIU/L"
        )
    return span


def _read_choices(node: Node | None, shaper: Shaper, name: Text) -> dict[str, Choice]:
    if node is None:
        return {"yes": Choice("yes"), "no": Choice("no")}
    if type(node) is not Mapping:
        texts: list[Text] = shaper.value(node, "texts", f"choices of {name.text}") or []
        return {text.text: Choice(text.text.replace("_", " ")) for text in texts}
    choices = {}
    for choice, inner in node.items.items():
        raw = shaper.shaped(inner, CHOICE, f"choice {choice}") or {}
        if choice in MISSING:
            shaper.problem("choice-missing", node.keys[choice], f"{choice!r} is a kind of missing, not a choice",
                           "leave it out: every item may be answered so")  # fmt: skip
        implies = None
        if "implies" in raw:
            implies = _read_implied(raw["implies"].text)
        choices[choice] = Choice(
            raw["label"].text if "label" in raw else choice.replace("_", " "),
            raw.get("inconclusive", False), _texts(raw, "covers"), implies,
        )  # fmt: skip
    for choice, found in choices.items():
        for covered in found.covers:
            if covered not in choices:
                shaper.problem(
                    "unknown-choice",
                    node.keys[choice],
                    f"{choice} covers {covered!r}, which is no choice",
                    nearest(covered, choices),
                )
    return choices


def _read_implied(text: str) -> tuple[str, Span]:
    field, _, bound = text.partition(" ")
    span = read_gestation(bound, exact=True)
    if span is None:
        raise UnreadableError(
            "bad-implies", f"{visible(text)!r} is not a bound on a gestation", "write: gestation < 28 weeks"
        )
    return field, span


def _read_levels(item: Item, node: Mapping, shaper: Shaper) -> tuple[Level, ...]:
    levels = []
    for name, inner in node.items.items():
        raw = shaper.shaped(inner, LEVEL, f"level {name}") or {}
        if not ("from" in raw or "above" in raw):
            shaper.problem(
                "level-without-limit",
                node.keys[name],
                f"level {name} has no limit",
                "from: 40 GPL, or above: 40 GPL",
            )
            continue
        levels.append(Level(
            name,
            read_limits(item, raw["from"].text) if "from" in raw else None,
            read_limits(item, raw["above"].text) if "above" in raw else None,
            _texts(raw, "source"),
        ))  # fmt: skip
    return tuple(levels)


def _worked_out(node: Node) -> tuple[str, tuple[str, ...]]:
    if type(node) is Text and node.text in ("pregnant", "days_since_pregnancy_end"):
        return node.text, ()
    if type(node) is Mapping and len(node.items) == 1:
        [(how, inner)] = node.items.items()
        texts = [inner] if type(inner) is Text else getattr(inner, "parts", [])
        if how in ("medications", "later") and texts and all(type(t) is Text for t in texts):
            return how, tuple(t.text for t in texts)
    raise UnreadableError("bad-worked-out", "this is no way to work a circumstance out",
                          "pregnant, days_since_pregnancy_end, {medications: [class, …]} or {later: list}")  # fmt: skip


# --- formulas ------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-z][a-z0-9_]*)(?:\s*\[(?P<unit>[^\]]*)\])?|(?P<sign>[-+*/(),]))"
)


def read_formula(text: str) -> tuple[Any, ...]:
    """A formula as nested tuples: `("name", item, unit)`, `("number", n)`, `("*", left, right)` …

    Names with their unit in square brackets, numbers, `+ - * /`, brackets, `days_between(a, b)` and
    `previous(field)`; nothing else. Raises UnreadableError.
    """
    tokens: list[re.Match[str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise UnreadableError(
                "bad-formula",
                f"{visible(text[at:].strip())!r} cannot stand in a formula",
                "names, numbers, + - * / ( )",
            )
        tokens.append(found)
        at = found.end()
    formula, rest = _sum(tokens)
    if rest:
        raise UnreadableError(
            "bad-formula", f"{rest[0][0].strip()!r} stands at the wrong place in the formula"
        )
    return formula


_Tokens = list["re.Match[str]"]


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
        raise UnreadableError("bad-formula", "the formula ends too early")
    first, rest = tokens[0], tokens[1:]
    if first["number"]:
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
    raise UnreadableError("bad-formula", f"{first[0].strip()!r} stands at the wrong place in the formula")


def _expect(sign: str, tokens: _Tokens) -> _Tokens:
    if not tokens or tokens[0]["sign"] != sign:
        raise UnreadableError("bad-formula", f"a {sign!r} is missing in the formula")
    return tokens[1:]


def names_in(formula: tuple[Any, ...]) -> list[tuple[str, str]]:
    """The names in a formula with the unit each is taken in."""
    if formula[0] == "name":
        return [(formula[1], formula[2])]
    return [found for part in formula[1:] if isinstance(part, tuple) for found in names_in(part)]
