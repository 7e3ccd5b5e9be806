"""A page as plain data, a list of blocks, and how it becomes text: Markdown, or columns for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from rsa_cli.problems import visible

LABEL = 5  # the level of a heading within an entry: no section of its own


class Heading(NamedTuple):
    """A title; the deeper its level, the smaller it stands."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Running text."""

    text: str


class Points(NamedTuple):
    """A list: each line with the depth it stands at."""

    lines: tuple[tuple[int, str], ...]


class Table(NamedTuple):
    """Rows under a head; `fold` is the line it hides behind where a page can hide it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    fold: str = ""


Block = Heading | Paragraph | Points | Table


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks as a Markdown page."""
    out: list[str] = []
    for block in blocks:
        match block:
            case Heading(level, text):
                out.append(f"{'#' * level} {_inert(text)}" if level < LABEL else f"**{_inert(text)}**")
            case Paragraph(text):
                out.append(_inert(text))
            case Points(lines):
                out.append("\n".join(f"{'  ' * depth}- {_inert(text)}" for depth, text in lines))
            case Table(head, rows, fold):
                table = [_row(head), _row(("---",) * len(head)), *map(_row, rows)]
                if fold:
                    table = [f"<details><summary>{fold}</summary>", "", *table, "", "</details>"]
                out.append("\n".join(table))
    return "\n\n".join(out) + "\n"


def anchor(heading: str) -> str:
    """Where a link within a Markdown page leads to: the name its heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-")


def plain(blocks: Iterable[Block], width: int = 80) -> str:
    """The blocks as text of so many columns, for a terminal."""
    out: list[str] = []
    for block in blocks:
        match block:
            case Heading(level, text):
                underline = ["=" * min(len(_bare(text)), width)] if level < LABEL else []
                out += ["", *_wrapped(text, width), *underline]
            case Paragraph(text):
                out += ["", *_wrapped(text, width)]
            case Points(lines):
                for depth, text in lines:
                    out += _wrapped(text, width, f"{'  ' * depth}- ")
            case Table(head, rows, fold):
                out += ["", *([fold] if fold else []), *_columns(head, rows, width)]
    return "\n".join(line.rstrip() for line in out).strip("\n") + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_inert(cell).replace("|", "\\|") for cell in cells) + " |"


def _inert(text: str) -> str:
    """Text that means nothing to Markdown but its code and the links made here."""
    return re.sub(r"<(?=[a-zA-Z/!])", "&lt;", visible(text)).replace("*", "\\*")


def _bare(text: str) -> str:
    return visible(text).replace("`", "")


def _wrapped(text: str, width: int, lead: str = "") -> list[str]:
    later = " " * len(lead)
    lines = wrap(_bare(text), width, initial_indent=lead, subsequent_indent=later, break_on_hyphens=False)
    return lines or [lead]


def _columns(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], width: int) -> list[str]:
    """A table in columns as wide as they need, the widest cut until all fit; words are cut last."""
    columns = list(zip(head, *rows, strict=True))
    needs = [max(len(_bare(cell)) for cell in column) for column in columns]
    words = [max(_longest_word(_bare(cell)) for cell in column) for column in columns]
    room = width - 2 * (len(head) - 1)
    while sum(needs) > max(room, len(head)):
        spare = [need if need > word else 0 for need, word in zip(needs, words, strict=True)]
        among = spare if any(spare) else needs
        needs[among.index(max(among))] -= 1
    out = []
    for row in [head, tuple("-" * need for need in needs), *rows]:
        cells = [_wrapped(cell, need) for cell, need in zip(row, needs, strict=True)]
        for number in range(max(map(len, cells))):
            line = [cell[number] if number < len(cell) else "" for cell in cells]
            out.append("  ".join(text.ljust(need) for text, need in zip(line, needs, strict=True)))
    return out


def _longest_word(text: str) -> int:
    """The columns that the longest word of a text needs, its indent included."""
    indent = len(text) - len(text.lstrip(" "))
    return max((indent * (number == 0) + len(word) for number, word in enumerate(text.split())), default=0)
