"""Spans: what is known of a number, a gestation or a date, and how spans compare."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, opposite
from rsa_cli.units import Number, number, written


class Span(NamedTuple):
    """Every value between two ends, each in or out; `None` is no end on that side.

    Numbers are in some unit, gestations in days, dates in days of the calendar
    (`date.toordinal`): all three compare by one function.
    """

    low: Number | None
    high: Number | None
    low_in: bool = True
    high_in: bool = True

    @property
    def is_point(self) -> bool:
        """Whether the value is known exactly."""
        return self.low is not None and self.low == self.high

    def within(self, other: Span) -> bool:
        """Whether every value of this span lies in the other."""
        return _above(self, other) and _below(self, other)

    def meets(self, other: Span) -> bool:
        """Whether the two have a value in common."""
        return not (_apart(self, other) or _apart(other, self))


def point(value: Number) -> Span:
    """The span of one value."""
    return Span(value, value)


def compare(value: Span, sign: str, limit: Span) -> Truth:
    """Whether `value sign limit` holds for every pair of values (true), for none (false), else unknown.

    `sign` is one of `<`, `<=`, `>`, `>=`. The limit is a span where sources disagree.
    """
    if sign == ">":
        if _apart(limit, value):
            return TRUE
        return FALSE if _touches_at_most(value, limit) else UNKNOWN
    if sign == ">=":
        if _touches_at_most(limit, value):
            return TRUE
        return FALSE if _apart(value, limit) else UNKNOWN
    return opposite(compare(value, ">=" if sign == "<" else ">", limit))


def _apart(lower: Span, upper: Span) -> bool:
    """Every value of the one lies strictly below every value of the other."""
    if lower.high is None or upper.low is None:
        return False
    return lower.high < upper.low or (lower.high == upper.low and not (lower.high_in and upper.low_in))


def _touches_at_most(lower: Span, upper: Span) -> bool:
    """No value of the one lies above any value of the other."""
    return lower.high is not None and upper.low is not None and lower.high <= upper.low


def _above(inner: Span, outer: Span) -> bool:
    if outer.low is None:
        return True
    if inner.low is None:
        return False
    return inner.low > outer.low or (inner.low == outer.low and (outer.low_in or not inner.low_in))


def _below(inner: Span, outer: Span) -> bool:
    if outer.high is None:
        return True
    if inner.high is None:
        return False
    return inner.high < outer.high or (inner.high == outer.high and (outer.high_in or not inner.high_in))


# --- text ----------------------------------------------------------------------------------------

# Patterns are text, and compiled when first needed: a start that reads no gestation does not pay for one.
_SIGNS = {
    ">": ">", "<": "<", ">=": ">=", "<=": "<=", "≥": ">=", "≤": "<=", "over": ">", "above": ">",
    "under": "<", "below": "<", "at least": ">=", "at most": "<=", "from": ">=", "up to": "<=",
}  # fmt: skip
_POWER = r"(?<=\s)10(?:[*^⁰¹²³⁴⁵⁶⁷⁸⁹]|[eE]\d)"  # a count's unit begins with digits: 150 10^9/L
NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
QUANTITY = (
    rf"(?P<sign>>=|<=|≥|≤|>|<|over |above |under |below |at least |at most |from |up to )?\s*"
    rf"(?P<low>{NUMBER})(?:\s*(?:–|—|-|\bto\b)\s*(?P<high>{NUMBER}))?\s*(?P<unit>(?:{_POWER}|[^\d\s.,]).*)?\Z"
)


class Parsed(NamedTuple):
    """A quantity taken apart: its span in the unit written, the unit as written (may be empty), the numbers typed."""

    span: Span
    unit: str
    typed: tuple[Number, ...]


def read_quantity(text: str) -> Parsed | None:
    """`8.2 ng/mL`, `>1000 IU/mL`, `45–60 days`, `at least 3`; `None` when the text is none of these.

    A bare upper bound (`<150`) begins at 0.
    """
    found = re.match(QUANTITY, text)
    if found is None:
        return None
    try:
        low, top = number(found["low"]), number(found["high"] or found["low"])
    except ValueError:
        return None
    sign = _SIGNS[found["sign"].strip()] if found["sign"] else ""
    unit = (found["unit"] or "").strip()
    if found["high"]:
        return None if sign or top < low else Parsed(Span(low, top), unit, (low, top))
    return Parsed(_bounded(sign, low, 0 if low > 0 else None), unit, (low,))


def _bounded(sign: str, value: Number, floor: Number | None, top: Number | None = None) -> Span:
    """The values that `sign value` speaks of; `top` is the last one meant by the value itself."""
    last = value if top is None else top
    match sign:
        case ">" | ">=":
            return Span(value, None, sign == ">=")
        case "<" | "<=":
            return Span(floor, value if sign == "<" else last, True, sign == "<=")
        case _:
            return Span(value, last)


GESTATION = (
    r"(?i)(?P<weeks>\d{1,2})(?:\s*(?:w|weeks?|wks?)?\s*(?:\+|w|\s)\s*(?P<days>[0-6])\s*(?:d|days?)?"
    r"|\s*(?:w|weeks?|wks?))\Z"
)
RANGE = r"(?P<low>.+?)\s*(?:–|—|-|\bto\b)\s*(?P<high>.+)\Z"
SIGN = r"(>=|<=|≥|≤|>|<|over |under |above |below |at least |at most |from |up to )\s*(.+)\Z"


def read_gestation(text: str, exact: bool = False) -> Span | None:
    """A gestation in days: `8w2d`, `8+2`, `10 weeks` (10w0d to 10w6d), `9–10 weeks`, `under 12 weeks`.

    With `exact`, as in a limit of a rule, `10 weeks` is the day 10w0d.
    """
    text = text.strip()
    if signed := re.match(SIGN, text):
        inner = _one_gestation(signed[2], exact)
        if inner is None or inner.low is None:
            return None
        return _bounded(_SIGNS[signed[1].strip()], inner.low, 0, inner.high)
    if (whole := _one_gestation(text, exact)) is not None:
        return whole
    if parts := re.match(RANGE, text):
        high = _one_gestation(parts["high"], exact)
        low = _one_gestation(parts["low"] + (" weeks" if parts["low"].isdecimal() else ""), exact)
        if low is None or high is None or low.low is None or high.high is None or high.high < low.low:
            return None
        return Span(low.low, high.high)
    return None


def _one_gestation(text: str, exact: bool) -> Span | None:
    """One gestation in days, without a sign before it and no range."""
    if whole := re.match(GESTATION, text):
        first = int(whole["weeks"]) * 7
        if whole["days"] is not None:
            return point(first + int(whole["days"]))
        return point(first) if exact else Span(first, first + 6)
    if days := re.fullmatch(r"(\d{1,3})\s*(?:d|days?)", text, re.IGNORECASE):
        return point(int(days[1]))
    return None


DATE = r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z"


def read_date(text: str) -> Span | None:
    """A date as a span of calendar days: `2024-01-19`, `2024-05` (that month), `2024` (that year)."""
    found = re.match(DATE, text.strip())
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    if year is None or not 1900 <= year <= 2200:
        return None
    try:
        if day is not None and month is not None:
            return point(date(year, month, day).toordinal())
        if month is not None:
            after = date(year + month // 12, month % 12 + 1, 1).toordinal()
            return Span(date(year, month, 1).toordinal(), after - 1)
    except ValueError:
        return None
    return Span(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal())


def iso(day: Number) -> str:
    """The calendar day of an ordinal, as `2024-01-19`."""
    return date.fromordinal(int(day)).isoformat()


def gestation_text(days: Number) -> str:
    """A gestation in days as `8w2d`."""
    return f"{int(days) // 7}w{int(days) % 7}d"


def worked_out_text(span: Span) -> str:
    """A span that was worked out, as people give it: to one decimal, below ten to two."""

    def one(end: Number | None) -> Number | None:
        if end is None or isinstance(end, int):
            return end
        scale = 100 if abs(end) < 10 else 10
        return type(end)(round(end * scale), scale)

    return span_text(Span(one(span.low), one(span.high), span.low_in, span.high_in))


def span_text(span: Span, kind: str = "quantity") -> str:
    """The span as a person reads it, without its unit."""

    def one(value: Number) -> str:
        if kind == "date":
            return iso(value)
        return gestation_text(value) if kind == "gestation" else written(value)

    if span.low is None and span.high is None:
        return "any"
    if span.high is None and span.low is not None:
        return f"{'≥' if span.low_in else '>'} {one(span.low)}"
    if span.low is not None and span.high is not None and (span.low != 0 or span.is_point):
        return one(span.low) if span.is_point else f"{one(span.low)}–{one(span.high)}"
    return f"{'≤' if span.high_in else '<'} {one(span.high or 0)}"
