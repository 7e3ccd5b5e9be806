"""What is wrong with a file a person wrote: values with a place, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """Where something stands: file, and line and column counted from 1; the end is exclusive."""

    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problem(NamedTuple):
    """One thing wrong in a file: a stable code, its place, what is wrong, what to do about it.

    A `remark` stops nothing; any other problem stops the file from being judged.
    """

    code: str
    place: Place
    says: str
    hint: str = ""
    remark: bool = False


class NeedsFixing(Exception):  # noqa: N818 - it is no mistake of the program
    """Files that a person has to mend first. Every other exception is a mistake of this program."""

    def __init__(self, problems: Iterable[Problem], lines: Mapping[str, list[str]] | None = None) -> None:
        """`lines` holds the text of each file by name, to show the line a problem stands on."""
        self.problems = tuple(sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column)))
        self.lines = dict(lines or {})
        super().__init__("\n".join(visible(f"{p.place}: {p.says} ({p.hint})") for p in self.problems))


def shown(problem: Problem, lines: Mapping[str, list[str]], width: int = 100) -> str:
    """The problem as text: place and words, the line itself with a marker, what to do."""
    place = problem.place
    out = [visible(f"{place}: {'remark: ' if problem.remark else ''}{problem.says}")]
    text = lines.get(place.file, [])
    if 0 < place.line <= len(text):
        line, marker = _marked(text[place.line - 1], place, width)
        number = f"{place.line:>5} "
        out += [f"{number}| {line}", f"{' ' * len(number)}| {marker}"]
    if problem.hint:
        out.append(visible(f"      → {problem.hint}"))
    return "\n".join(out)


def visible(text: str) -> str:
    """The text with control characters and terminal escapes made visible, so that it is inert."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def brief(text: str, most: int = 60) -> str:
    """The text made visible, and cut where it is long."""
    seen = visible(text[: most + 1])
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"


def quoted(text: str) -> str:
    """What a person wrote as a message quotes it: visible, brief, in quotes."""
    return f"'{brief(text)}'"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known words, or the empty text when none is near."""
    from difflib import get_close_matches

    alike = {_plain(name): name for name in known}
    plain = _plain(word[:60])
    found = [plain] if plain in alike else get_close_matches(plain, alike, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(alike[name] for name in found)}?" if found else ""


def nearest_or_all(word: str, known: Iterable[str], otherwise: str = "check the name") -> str:
    """A hint that names the nearest known words, else all of them while they are few, else `otherwise`."""
    names = list(known)
    few = f"known: {' | '.join(names)}" if 0 < len(names) <= 24 else ""
    return nearest(word, names) or few or otherwise


def without_comma(text: str) -> str:
    """A hint for a number that was written with a comma, which may stand for a point or for nothing."""
    text = brief(text)
    thousands = re.search(r"(?<![\d,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])", text)
    if "." in text or (not thousands and re.search(r"\d,\d+,\d", text)):
        return "write a point before the decimals and nothing between the thousands, as in 1000.5"
    decimal, whole = (re.sub(r"(?<=\d),(?=\d)", sign, text) for sign in (".", ""))
    if thousands is None:
        return f"write {decimal}"
    if thousands[0].count(",") > 1:
        return f"write {whole}"
    return f"write {whole}, or {decimal} where the comma begins the decimals"


def _plain(word: str) -> str:
    """A name as it is compared: capitals, blanks and hyphens make no difference to what was meant."""
    return word.casefold().replace(" ", "_").replace("-", "_")


def _escaped(c: str) -> str:
    return "→" if c == "\t" else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"


def _marked(line: str, place: Place, width: int) -> tuple[str, str]:
    """The line, and the line below it that marks the place; both cut to what lies around it."""
    start = place.column - 1
    end = max(place.end_column - 1, start) if place.end_line == place.line else len(line)
    # A line may be megabytes long: only what lies near the place is looked at.
    before, rest = visible(line[max(0, start - width) : start]), visible(line[start : start + width])
    marked = visible(line[start : min(end, start + width)])
    left, right = start > width, len(line) > start + width
    if left or right or _columns(before + rest) > width:
        near = _first(before[::-1], width // 2)[::-1]
        far = _first(rest, width - _columns(near))
        left, right = left or near != before, right or far != rest
        before, rest = near, far
    before = "…" * left + before
    marker = "^" * max(1, min(_columns(marked), _columns(rest)))
    return f"{before}{rest}{'…' * right}", " " * _columns(before) + marker


def _first(text: str, columns: int) -> str:
    """As much of the beginning of the text as so many columns of a terminal hold."""
    for number, c in enumerate(text):
        columns -= _columns(c)
        if columns < 0:
            return text[:number]
    return text


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
