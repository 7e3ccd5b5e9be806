"""Numbers exactly as typed, and units recognised however they are spelt."""

from __future__ import annotations

import re
from fractions import Fraction

Number = int | Fraction
MOST_DIGITS = 40  # more is a slip of the keyboard, and Python refuses to read thousands of digits

# Spellings that mean the same unit everywhere. Which units an item has, and by which
# factor they convert, is data of the item: the same pair of units differs from item to item.
SPELLINGS = {
    "day": "days", "d": "days", "week": "weeks", "wk": "weeks", "wks": "weeks", "w": "weeks",
    "month": "months", "year": "years", "yr": "years", "yrs": "years", "y": "years", "a": "years",
    "percent": "%", "c": "°c", "degc": "°c", "celsius": "°c", "f": "°f", "degf": "°f",
    "kg/m²": "kg/m2", "kg/m^2": "kg/m2", "cycle": "cycles",
}  # fmt: skip
_POWER = r"[x×*]?10(?:\^|\*\*?|e|)([0-9]+)(?=/)"
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹μ", "0123456789µ")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:/\d+)?\Z")


def unit_key(text: str) -> str:
    """One spelling for all spellings of a unit: case, `µ`/`u`, `10^9/L`/`x10E9/L` do not matter."""
    key = text.replace(" ", "").translate(_SUPERSCRIPT).casefold().translate(_SUPERSCRIPT)
    if "10" in key:
        key = re.sub(_POWER, r"10*\1", key)
    if key.startswith(("ug", "umol", "ui")):
        key = "µ" + key[1:]
    return SPELLINGS.get(key, key)


def number(text: str) -> Number:
    """The number as typed, exact: an int, or a Fraction where it has decimals or is a ratio.

    Raises ValueError when the text is no number, or longer than any number a person means.
    """
    if not _NUMBER.match(text) or len(text) > MOST_DIGITS:
        raise ValueError(text)
    if text.isdecimal():
        return int(text)
    above, _, below = text.partition("/")
    if below and not int(below):
        raise ValueError(text)
    value = Fraction(above) / int(below or 1)
    return value.numerator if value.denominator == 1 else value


def written(value: Number, places: int = 4) -> str:
    """The number as a person writes it, rounded to at most `places` decimals."""
    if isinstance(value, int):
        return str(value)
    rounded = round(value, places)
    return f"{float(rounded):.{places}f}".rstrip("0").rstrip(".")
