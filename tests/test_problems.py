"""What people get wrong in a file: which problems are named, where they stand, and in which words.

A broken file of `bad/` says on the line itself what is expected, `# problem: no-unit`, or, where a
comment would change what is broken, in its first line: `# problems: 3:1 duplicate-key`.
"""

from __future__ import annotations

import io
import os
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rsa_cli.assess import read_and_assess
from rsa_cli.case import Case, read_case
from rsa_cli.problems import NeedsFixing, Place, Problem, brief, nearest, shown, visible, without_comma
from rsa_cli.rulebook import read_rulebook
from rsa_cli.source import MAX_BYTES, MAX_DEPTH, Mapping, Source, Text, read_bytes, read_file

BAD = Path(__file__).parent / "bad"
CASES = sorted(BAD.glob("*.yaml"))
RULEBOOKS = sorted(path.parent for path in BAD.glob("rules/*/rulebook.yaml"))
RULEBOOK = read_rulebook("article")
TODAY = date(2026, 3, 1)
HEAD = "case: BAD\nas_of: 2026-03-01\n"

_ON_THE_LINE = re.compile(r"#\s*(?:problem|remark): ([a-z_0-9, -]+)$")
_IN_THE_FIRST = re.compile(r"# problems: (.+)$")


# --- the files of bad/ ------------------------------------------------------------------------------


class Expected(NamedTuple):
    """A problem that a file expects of itself; the column is 0 where only the line is named."""

    line: int
    column: int
    code: str


def expected_of(text: str) -> list[Expected]:
    """What a broken file says is wrong with it."""
    lines = text.splitlines()
    found = []
    if lines and (first := _IN_THE_FIRST.match(lines[0])):
        for entry in first[1].split("; "):
            place, code = entry.split(" ")
            line, column = place.split(":")
            found.append(Expected(int(line), int(column), code))
    for number, line in enumerate(lines, 1):
        if named := _ON_THE_LINE.search(line):
            found += [Expected(number, 0, code) for code in named[1].split(", ")]
    return sorted(found)


def compare(problems: list[Problem], text: str) -> None:
    """Exactly the problems that the text expects of itself, on those lines and, where named, columns."""
    expected = expected_of(text)
    columns = {e.line for e in expected if e.column}
    found = [
        Expected(p.place.line, p.place.column if p.place.line in columns else 0, p.code) for p in problems
    ]
    assert sorted(found) == expected


# Words of the machine, which mean nothing to the person who wrote the file.
_MACHINE = re.compile(
    r"Traceback|Error\b|Exception|\bNone\b|NoneType|\bdict\b|\bstr\b|\bint\b|\btuple\b|object at 0x|rsa_cli"
    r"|\bscalar\b|\btoken\b|\bmapping\b|\bsequence\b|\bflow\b|\bnode\b|\bparse|\bparsing|\bscanning|\bYAML\b|\bindicator\b"
)


def assert_clear(problem: Problem, lines: dict[str, list[str]]) -> None:
    """The message names its place, shows the line with a marker under it, and says what to do."""
    place = problem.place
    text = shown(problem, lines)
    first, *rest = text.split("\n")
    assert first.startswith(f"{visible(str(place))}: "), text
    assert problem.says, text
    assert problem.hint, text
    assert rest[-1] == f"      → {visible(problem.hint)}", text
    assert not _MACHINE.search(f"{problem.says} {problem.hint}"), text
    assert all(c.isprintable() for line in text.split("\n") for c in line), text
    if not place.line:
        return
    assert re.search(r":\d+:\d+$", str(place)), text
    line = lines[place.file][place.line - 1] if place.line <= len(lines[place.file]) else ""
    if line.isascii() and line.isprintable() and 0 < len(line) <= 100:
        prefix = f"{place.line:>5} | "
        assert rest[0] == prefix + line, text
        assert rest[1].index("^") == len(prefix) + place.column - 1, text
        assert rest[1].count("^") >= 1, text
        assert len(rest[1].rstrip()) <= max(len(rest[0]), len(prefix) + place.column), text


def test_there_are_bad_files_of_both_kinds():
    assert len(CASES) >= 55
    assert len(RULEBOOKS) >= 18
    assert all(expected_of(path.read_text(encoding="utf-8")) for path in CASES)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_bad_case(path: Path):
    problems, lines = problems_of(path.read_bytes(), path.name)
    compare(problems, path.read_text(encoding="utf-8"))
    for problem in problems:
        assert problem.place.file == path.name
        assert_clear(problem, lines)


@pytest.mark.parametrize("folder", RULEBOOKS, ids=lambda p: p.name)
def test_bad_rulebook(folder: Path):
    with pytest.raises(NeedsFixing) as error:
        read_rulebook(folder, whole=True)
    files = sorted(folder.glob("*.yaml"))
    assert {p.place.file for p in error.value.problems} <= {str(path) for path in files}
    assert any(expected_of(path.read_text(encoding="utf-8")) for path in files)
    for path in files:
        here = [p for p in error.value.problems if p.place.file == str(path)]
        compare(here, path.read_text(encoding="utf-8"))
    for problem in error.value.problems:
        assert_clear(problem, error.value.lines)


def problems_of(data: str | bytes, name: str = "case.yaml") -> tuple[list[Problem], dict[str, list[str]]]:
    """The problems and remarks of a case, by the article's rulebook and as of the fixed day."""
    source = read_bytes(name, data.encode() if isinstance(data, str) else data)
    try:
        found = read_and_assess(source, RULEBOOK, today=TODAY.toordinal())
    except NeedsFixing as error:
        return list(error.problems), error.lines
    return [p for p in found.remarks if p.code != "as-of-today"], {name: source.lines}
