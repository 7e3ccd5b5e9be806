"""What is wrong with a file a person wrote: values with a place, and how they are shown."""

from __future__ import annotations

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
        super().__init__("\n".join(f"{p.place}: {p.says} ({p.hint})" for p in self.problems))


def shown(problem: Problem, lines: Mapping[str, list[str]], width: int = 100) -> str:
    """The problem as text: place and words, the line itself with a marker, what to do."""
    place = problem.place
    out = [f"{visible(str(place))}: {'remark: ' if problem.remark else ''}{problem.says}"]
    text = lines.get(place.file, [])
    if 0 < place.line <= len(text):
        line = text[place.line - 1]
        # A line of 30 kB is cut to what lies around the place.
        start = max(0, place.column - 1 - width // 2) if len(line) > width else 0
        piece = line[start : start + width]
        length = place.end_column - place.column if place.end_line == place.line else len(line)
        marker = "^" * max(1, min(length, len(piece) - (place.column - 1 - start)))
        number = f"{place.line:>5} "
        before = visible("…" * bool(start) + piece[: place.column - 1 - start])
        tail = "…" * (start + width < len(line))
        out += [
            f"{number}| {visible('…' * bool(start) + piece)}{tail}",
            f"{' ' * len(number)}| {' ' * _columns(before)}{marker}",
        ]
    if problem.hint:
        out.append(f"      → {problem.hint}")
    return "\n".join(out)


def visible(text: str) -> str:
    """The text with control characters and terminal escapes made visible, so that it is inert."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ("→" if c == "\t" else f"\\x{ord(c):02x}") for c in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known words, or the empty text when none is near."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _columns(text: str) -> int:
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
