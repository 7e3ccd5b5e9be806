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
import yaml
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


# --- what the words are -----------------------------------------------------------------------------


def only(body: str | bytes, head: str = HEAD) -> Problem:
    """The one problem of a case; its message is held against the rules for messages."""
    data = head.encode() + (body.encode() if isinstance(body, str) else body)
    problems, lines = problems_of(data)
    assert len(problems) == 1, [(p.code, str(p.place), p.says) for p in problems]
    assert_clear(problems[0], lines)
    return problems[0]


# A line of a case, what is wrong with it, what to do: word for word, as a nurse would read them.
WORDS = [
    ("tsg: 2.1 mIU/L", "there is no 'tsg' in a case", "did you mean tsh?"),
    ("TSH: 2.1 mIU/L", "there is no 'TSH' in a case", "did you mean tsh?"),
    (
        "zzzz: 1",
        "there is no 'zzzz' in a case",
        "the names stand in the dictionary of the rulebook",
    ),
    (
        "patient: Jane Doe",
        "there is no 'patient' in a case",
        "a case has no name and no address: write  case: and an id",
    ),
    (
        "partner_karyotype: normal",
        "there is no 'partner_karyotype' in a case",
        "write  karyotype:  below  partner:",
    ),
    (
        "date: 2025-01-01",
        "there is no 'date' in a case",
        "it belongs to a result: indent it below the name of that result",
    ),
    ("outcome: ectopic", "there is no 'outcome' in a case", "it belongs to each entry of pregnancies"),
    ("partner: {tsh: 2 mIU/L}", "there is no 'tsh' below partner", "write it outside  partner:"),
    ("tsh: 2.1 mg/dL", "TSH is not measured in 'mg/dL'", "its units: mIU/L or µIU/mL"),
    ("tsh: 2.1 mIU/L#x", "TSH is not measured in 'mIU/L#x'", "put two spaces before #"),
    ("tsh: 2.1", "TSH 2.1 has no unit", "write 2.1 mIU/L, or 2.1 µIU/mL"),
    (
        "cigarettes_per_day: 20 mg",
        "cigarettes a day is not measured in 'mg'",
        "write the number alone, or with /day",
    ),
    ("tsh: 0,3 mIU/L", "a comma stands in the number '0,3 mIU/L'", "write 0.3 mIU/L"),
    ("tsh: {value: 0,3 mIU/L}", "a comma stands in the number '0,3 mIU/L'", "write 0.3 mIU/L"),
    # 1.000 for 1,000 would be wrong a thousandfold.
    (
        "tpo_antibodies: 1,000 IU/mL",
        "a comma stands in the number '1,000 IU/mL'",
        "write 1000 IU/mL, or 1.000 IU/mL where the comma begins the decimals",
    ),
    (
        "tsh: 1e3 mIU/L",
        "'1e3 mIU/L' is not a value of TSH",
        "write the number in full, with a point before the decimals",
    ),
    ("tsh: 3-2 mIU/L", "'3-2 mIU/L' is not a value of TSH", "write the lower number first: 2–3"),
    (
        "tsh: normal",
        "'normal' is not a value of TSH",
        "write the number, as in 10 mIU/L, and the laboratory's word as  flag: normal; or unknown",
    ),
    (
        "tsh: “2.1 mIU/L”",
        "'“2.1 mIU/L”' is not a value of TSH",
        'leave the quotes out, or write straight ones: "…"',
    ),
    (
        "tsh: yes",
        "'yes' is not a value of TSH",
        "write a number, as in 10 mIU/L; or unknown, not done, pending",
    ),
    (
        "fasting_glucose: 95 mmol/L",
        "fasting glucose 95 mmol/L lies outside what is plausible",
        "plausible in mg/dL: is that the unit?",
    ),
    (
        "tsh: 9000 mIU/L",
        "TSH 9000 mIU/L lies outside what is plausible",
        "plausible: 0.001–500 mIU/L; check the number and its unit",
    ),
    (
        "currently_pregnant: maybe",
        "'maybe' is none of the answers to pregnant now",
        "known: yes | no",
    ),
    (
        "lupus_anticoagulant: positiv",
        "'positiv' is none of the answers to lupus anticoagulant",
        "did you mean positive?",
    ),
    ("tsh: n/a", "'n/a' does not say what is missing", "write: not applicable"),
    ("tsh: -", "'-' does not say what is missing", "write: unknown, or not done"),
    ("tsh: ?", "'?' does not say what is missing", "write: unknown, or not done"),
    ("tsh: none", "'none' does not say what is missing", "write: not done, or unknown"),
    ("currently_pregnant: none", "'none' does not say what is missing", "write: no"),
    ("thyroid_disease: none", "'none' does not say what is missing", "write: []"),
    ("tsh: Not done", "'Not done' is written in small letters", "write: not done"),
    ("tsh: {value: 2 mIU/L, date: 2024-02-30}", "there is no day 2024-02-30", "check year, month and day"),
    (
        "tsh: {value: 2 mIU/L, date: 05.06.2024}",
        "'05.06.2024' is not a date",
        "write the year first: 2024-06-05 or 2024-05-06",
    ),
    (
        "tsh: {value: 2 mIU/L, date: 13/06/2024}",
        "'13/06/2024' is not a date",
        "write the year first: 2024-06-13",
    ),
    ("tsh: {value: 2 mIU/L, date: 2024-6-5}", "'2024-6-5' is not a date", "write 2024-06-05"),
    (
        "tsh: {value: 2 mIU/L, date: 2026-03-02}",
        "2026-03-02 lies in the future (today is 2026-03-01)",
        "check the date",
    ),
    (
        "pregnancies: [{gestation: 10}]",
        "'10' is not a gestation",
        "write 10 weeks, or weeks and days as in 8w2d",
    ),
    (
        "pregnancies: [{gestation: 58w0d}]",
        "gestation 58w0d lies outside what is plausible",
        "plausible: 2w0d–45w0d; check the number",
    ),
    (
        "pregnancies: [{outcome: miscarriage, gestation: 30 weeks}]",
        "gestation 30 weeks does not go with outcome: miscarriage",
        "check both: miscarriage means gestation < 28w0d",
    ),
    (
        "pregnancies: none",
        "pregnancies must be a list",
        "write  pregnancies: []  for none, else a line for each:  - {outcome: …}",
    ),
    (
        "pregnancies: [unknown]",
        "an entry of pregnancies must hold names with values",
        "write  - {outcome: unknown}",
    ),
    (
        "tsh: [[2 mIU/L]]",
        "TSH is one value, not a list",
        "write  tsh: and one value, or  {value: …, date: …}, or a list of such",
    ),
    (
        "tpo_antibodies: >1000 IU/mL",
        "a value cannot begin with > unless it stands in quotes",
        'put it in quotes: ">1000 IU/mL", or write: over 1000 IU/mL',
    ),
    (
        "tpo_antibodies: >=1000 IU/mL",
        "a value cannot begin with > unless it stands in quotes",
        'put it in quotes: ">=1000 IU/mL", or write: at least 1000 IU/mL',
    ),
    (
        "tpo_antibodies: >2",
        "a value cannot begin with > unless it stands in quotes",
        'put it in quotes: ">2", or write: over 2',
    ),
    (
        "ft4: |\n  12 pmol/L",
        "a block of text stands where a value is expected",
        "write the value behind its name, in one line; a text of several lines is read only below  note:",
    ),
    (
        "rhd: {value: positive, weak}",
        "a comma inside braces cuts 'positive, weak' in two",
        'put it in quotes: "positive, weak"',
    ),
    (
        "rhd: {value: positive, date: }",
        "'date' has no value inside these braces",
        "write a value behind it, or delete it",
    ),
    ("tsh：2 mIU/L", "a full-width ： or ， is not read", "write ': ' or ', ' in its place"),
    ("tsh: &a 2 mIU/L", "a value that begins with & is not read", 'put the value in quotes: "…"'),
    ("tsh: *a", "a value that begins with * is not read", 'put the value in quotes: "…"'),
    ("tsh: !a 2 mIU/L", "a value that begins with ! is not read", 'put the value in quotes: "…"'),
    ("tsh: @2", "a value cannot begin with this sign", 'put the value in quotes: "…"'),
    ("tsh:2 mIU/L", "a blank is missing after the colon", "write  tsh: 2 mIU/L"),
    ("tsh 2 mIU/L\nabo: A", "a colon is missing in this line", "write  name: value"),
    (
        "note: a: b",
        "a second ': ' stands in this line",
        'put a value that holds a colon in quotes: "…"',
    ),
    (
        "abo: A\n rhd: positive",
        "this line is indented further than the one above",
        "let names of one group begin in one column",
    ),
    (
        "partner:\n    abo: A\n  rhd: positive",
        "this line does not fit the lines above it",
        "let names of one group begin in one column",
    ),
    (
        "partner:\n\tabo: A",
        "a tab cannot be used to indent a line",
        "put blanks in its place",
    ),
    (
        'note: "free\nabo: A',
        "a quote is opened here and never closed",
        "write the closing quote where the value ends",
    ),
    (
        "rhd: {value: positive\nabo: A",
        "this { is never closed",
        "write } where it ends; a comma between two lines may be missing too",
    ),
    (
        "rhd: {value: positive date: 2025}",
        "a comma or a closing } is missing before this place",
        'write it; and put a value that holds a colon or a comma in quotes: "…"',
    ),
    (
        "rhd: {value: positive]",
        "] stands where } is expected",
        "close { with }",
    ),
    (
        "rhd: {value: positive}}",
        "this } has nothing to close",
        "delete it, or write { where the value begins",
    ),
    (
        "rhd: - positive",
        "a list cannot begin in this line",
        "begin it in the next one, each entry with '- '",
    ),
    ("---\ncase: B", "a second document (---) begins here", "put it in a file of its own"),
]


@pytest.mark.parametrize(("line", "says", "hint"), WORDS, ids=[line.split("\n")[0] for line, _, _ in WORDS])
def test_words(line: str, says: str, hint: str):
    problem = only(line + "\n")
    assert (problem.says, problem.hint) == (says, hint)


def test_no_message_is_without_a_hint_or_in_the_words_of_the_machine():
    """The rule is held against each bad file; here it is shown to be able to fail."""
    lines = {"case.yaml": ["tsh: 2"]}
    place = Place("case.yaml", 1, 6, 1, 7)
    assert_clear(Problem("no-unit", place, "TSH 2 has no unit", "write 2 mIU/L"), lines)
    for says, hint in (("TSH 2 has no unit", ""), ("a NoneType", "do"), ("did not find expected node", "do")):
        with pytest.raises(AssertionError):
            assert_clear(Problem("no-unit", place, says, hint), lines)


# --- what is missing has kinds ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unknown", "not done", "pending", "not applicable", '"unknown"'])
@pytest.mark.parametrize("name", ["tsh", "lupus_anticoagulant", "currently_pregnant", "thyroid_disease"])
def test_kinds_of_missing_are_read(name: str, kind: str):
    [result] = case_of(f"{name}: {kind}\n").results[name]
    assert (result.value, result.missing) == (None, kind.strip('"'))


@pytest.mark.parametrize("nothing", ["", "null", "~"])
def test_an_empty_value_is_left_out(nothing: str):
    assert case_of(f"tsh: {nothing}\n").results == {}


def case_of(body: str | bytes, head: str = HEAD) -> Case:
    """A case that has no problem."""
    data = head.encode() + (body.encode() if isinstance(body, str) else body)
    source = read_bytes("case.yaml", data)
    return read_case(source, RULEBOOK.items, RULEBOOK.circumstances, TODAY.toordinal())


# --- files that are hardly files --------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    ["", "\n \n", "# a comment\n# and another\n", "---\n", "---\n...\n", "null\n", "\ufeff"],
    ids=["nothing", "blanks", "comments", "dashes", "dots", "null", "mark"],
)
def test_an_empty_file(data: str):
    problem = only(data, head="")
    assert (problem.code, problem.says) == ("empty", "the file is empty")
    assert problem.hint.startswith("a case begins with  case: and an id")


@pytest.mark.parametrize("data", ["- a\n- b\n", "hello\n", "[1, 2]\n", '"case: A"\n'])
def test_a_file_that_holds_no_case(data: str):
    assert only(data, head="").code == "not-a-case"


def test_a_blank_is_missing_in_the_only_line():
    assert only("case:A\n", head="").hint == "write a blank after the colon"


def test_a_folder(tmp_path: Path):
    assert said_of(tmp_path) == ("file-folder", "this is a folder, not a case file")


def test_a_file_that_is_not_there(tmp_path: Path):
    assert said_of(tmp_path / "missing.yaml") == ("file-missing", "there is no such file")
    assert said_of(tmp_path / "a\0b.yaml") == ("file-missing", "this is no file name")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read")
def test_a_file_that_may_not_be_read(tmp_path: Path):
    path = tmp_path / "case.yaml"
    path.write_text(HEAD, encoding="utf-8")
    path.chmod(0)
    assert said_of(path) == ("file-forbidden", "this file may not be read")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (PermissionError(13, "Permission denied"), "file-forbidden", "this file may not be read"),
        (OSError(5, "Input/output error"), "file-unreadable", "the file cannot be read: Input/output error"),
    ],
)
def test_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, code: str, says: str
):
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    assert said_of(tmp_path / "case.yaml") == (code, says)


def test_what_libyaml_says_without_a_place(monkeypatch: pytest.MonkeyPatch):
    class Loader:
        def __init__(self, _: str) -> None:
            pass

        def get_event(self) -> None:
            raise yaml.YAMLError("something else")

    monkeypatch.setattr(yaml, "CSafeLoader", Loader)
    problem = only("--- {tsh: 2}\n")  # not plain, so libyaml is asked
    assert (problem.code, problem.place) == ("syntax", Place("case.yaml"))


def said_of(path: Path) -> tuple[str, str]:
    """The code and the words of a file that cannot be read; the place is the file itself."""
    [problem] = read_file(path).problems
    assert problem.place == Place(str(path))
    assert_clear(problem, {})
    return problem.code, problem.says


def test_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"tsh: 2.1\n")))
    source = read_file("-")
    with pytest.raises(NeedsFixing) as error:
        read_case(source, RULEBOOK.items, RULEBOOK.circumstances, TODAY.toordinal())
    assert [str(p.place) for p in error.value.problems if not p.remark] == ["standard input:1:6"]


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)
    [problem] = read_file("-").problems
    assert (problem.code, problem.says) == ("file-unreadable", "the file cannot be read: it is closed")


def test_a_text_that_is_not_utf_8():
    problem = only(HEAD.encode() + "note: früh\n".encode("latin-1"), head="")
    assert (problem.code, problem.place[1:3]) == ("file-not-text", (3, 9))


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 40, HEAD.encode("utf-16"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
)
def test_a_file_that_is_no_text(data: bytes):
    problem = only(data, head="")
    assert (problem.code, problem.says) == ("file-not-text", "this is not a text file")


def test_byte_order_mark_and_line_ends_are_harmless():
    text = HEAD + "tsh: 2.1\nnote: |\n  free\n"
    plain, _ = problems_of(text)
    windows, _ = problems_of(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert [(p.code, p.place) for p in windows] == [(p.code, p.place) for p in plain]
    assert [p.code for p in plain] == ["no-unit"]


def test_a_file_of_ten_megabytes():
    assert only(b"# " + b"a" * 10_000_000, head="").code == "file-too-large"
    almost = HEAD.encode() + b"# " + b"a" * (MAX_BYTES - len(HEAD) - 2)
    assert problems_of(almost)[0] == []


@pytest.mark.parametrize(
    "opening", ["[", "{a: ", "- ", "[{a: ", "? "], ids=["lists", "braces", "dashes", "both", "keys"]
)
def test_thirty_kilobytes_of_brackets(opening: str):
    problem = only(opening * (30_000 // len(opening)), head="")
    assert problem.code in ("too-deep", "key-not-a-word")
    assert problem.place.line == 1


def test_nesting_is_read_to_its_limit():
    def nested(depth: int) -> str:
        return "tsh: " + "[" * (depth - 1) + "]" * (depth - 1) + "\n"

    assert only(nested(MAX_DEPTH)).code == "wrong-type"
    deep = only(nested(MAX_DEPTH + 1))
    assert (deep.code, deep.place[1:3]) == ("too-deep", (3, 5 + MAX_DEPTH))


def test_many_aliases_are_refused_at_the_first_anchor():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    problem = only(bomb)
    assert (problem.code, problem.place[1:3]) == ("anchor-or-tag", (3, 4))


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [ls]", "!!str 2.1 mIU/L", "!x 2.1 mIU/L", "!"]
)
def test_tags_are_refused(tag: str):
    assert only(f"tsh: {tag}\n").code == "anchor-or-tag"


# --- signs that cannot be seen ----------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x07", "\x7f", "\x9b", "\x0c"])
def test_control_characters_are_refused_where_they_stand(sign: str):
    problem = only(f"tsh: 2.1{sign} mIU/L\n")
    assert (problem.code, problem.place[1:3]) == ("control-character", (3, 9))
    assert f"\\x{ord(sign):02x}" in problem.says


def test_escapes_are_shown_and_not_obeyed():
    problems, lines = problems_of(HEAD + 'tsh: "\\e[31mred"\n"\\e[2J": x\nabo: "\\e]0;title\\a"\n')
    text = "\n".join(shown(problem, lines) for problem in problems)
    assert len(problems) == 3
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "'\\x1b[31mred' is not a value of TSH" in text


def test_writing_that_runs_backwards_is_shown():
    problem = only("tsh: \u202e2.1\n")
    assert problem.says == "'\\u202e2.1' is not a value of TSH"


def test_the_name_of_a_file_is_shown_inert():
    problems, lines = problems_of("tsg: 1\n", "case\x1b[2J.yaml")
    assert shown(problems[-1], lines).startswith("case\\x1b[2J.yaml:1:1: ")


def test_square_brackets_stay():
    assert only('tsh: "[red]2.1[/red]"\n').says == "'[red]2.1[/red]' is not a value of TSH"


def test_what_is_quoted_is_short():
    problem = only(f"tsh: {'x' * 5000}\n")
    assert problem.says == f"'{'x' * 59}…' is not a value of TSH"
    assert len(only(f"{'y' * 5000}: 1\n").says) < 120


@pytest.mark.parametrize("digits", ["9" * 5000, "0." + "3" * 5000, "<" + "9" * 5000, "1-" + "9" * 5000])
def test_endless_numbers_are_refused(digits: str):
    assert only(f"tsh: {digits} mIU/L\n").code == "not-a-quantity"
    assert only(f"tsh: {{value: 2 mIU/L, range: {digits} mIU/L}}\n").code == "bad-range"


@pytest.mark.parametrize("text", [">" * 3000, "8w-" * 3000, "1 to " * 3000])
def test_endless_gestations_are_refused(text: str):
    assert only(f'pregnancies: [{{gestation: "{text}"}}]\n').code == "not-a-gestation"


# --- the line and its marker ------------------------------------------------------------------------


def marked(line: str, column: int, length: int, width: int = 100) -> tuple[str, str]:
    """The line of a problem as shown, and its marker line, without their margin."""
    place = Place("c", 1, column, 1, column + length)
    _, shown_line, marker = shown(Problem("x", place, "says"), {"c": [line]}, width).split("\n")
    assert (shown_line[:8], marker[:8]) == ("    1 | ", "      | ")
    return shown_line[8:], marker[8:]


def test_the_marker_stands_under_the_place():
    assert marked("tsh: 2.1 mg/dL", 6, 9) == ("tsh: 2.1 mg/dL", "     ^^^^^^^^^")
    assert marked("tsh:", 5, 0) == ("tsh:", "    ^")


def test_wide_characters_take_two_columns():
    assert marked("甲状腺: 2", 6, 1) == ("甲状腺: 2", "        ^")
    assert marked("a: 甲状", 4, 2) == ("a: 甲状", "   ^^^^")
    assert marked("e\u0301e\u0301: 2", 7, 1) == ("e\u0301e\u0301: 2", "    ^")


def test_what_is_made_visible_takes_its_room():
    assert marked("a\x1bb: 2", 6, 1) == ("a\\x1bb: 2", "        ^")
    assert marked("a\tb: 2", 6, 1) == ("a→b: 2", "     ^")


@pytest.mark.parametrize("before", [0, 10, 49, 50, 51, 99, 100, 101, 5000])
@pytest.mark.parametrize("after", [0, 10, 51, 5000])
@pytest.mark.parametrize("filling", ["a", "甲"])
def test_a_long_line_is_cut_around_the_place(before: int, after: int, filling: str):
    line, marker = marked(filling * before + "HERE" + filling * after, before + 1, 4)
    at = columns(line[: line.index("HERE")])
    assert marker == " " * at + "^^^^"
    assert columns(line) <= 102
    left, right = line.split("HERE")
    assert left.startswith("…") == (len(left.strip("…")) < before)
    assert right.endswith("…") == (len(right.strip("…")) < after)


def columns(text: str) -> int:
    """How many columns a terminal gives a text of Latin and Chinese letters."""
    return sum(2 if "\u4e00" <= c <= "\u9fff" else 1 for c in text)


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first():
    problem = only("tsh:\n  - [a,\n     b]\n")
    assert problem.place[1:4] == (4, 5, 5)


# --- all at once ------------------------------------------------------------------------------------


def test_all_problems_of_a_file_are_said_at_once_and_in_order():
    problems, _ = problems_of((BAD / "eight-at-once.yaml").read_bytes())
    assert len(problems) == 8
    assert [p.place.line for p in problems] == sorted(p.place.line for p in problems)


def test_what_stands_before_a_line_that_cannot_be_read_is_said_too():
    codes = [p.code for p in problems_of(HEAD + "tsh: 2\nft4: 12\nnote: a: b\nhba1c: 5\n")[0]]
    assert codes == ["no-unit", "no-unit", "syntax"]


def test_a_line_that_was_drawn_into_the_next_is_not_complained_of():
    assert only("abo: A\n rhd: positive\n").code == "syntax"


def test_remarks_stop_nothing():
    source = read_bytes("case.yaml", b"as_of: 2026-03-01\ntsh: 2.1 mIU/L # why\n")
    case = read_case(source, RULEBOOK.items, RULEBOOK.circumstances, TODAY.toordinal())
    assert [(p.code, p.place.line) for p in case.remarks] == [("comment-touches", 2), ("no-id", 1)]
    for remark in case.remarks:
        assert ": remark: " in shown(remark, {})
        assert remark.hint


def test_an_unusual_value_is_a_remark(tmp_path: Path):
    topic = "items:\n  ft4: {label: FT4, kind: quantity, unit: pmol/L, plausible: 1–99 pmol/L, usual: 5–30 pmol/L}\n"
    ours = read_rulebook(book(tmp_path / "ours", topic=topic))
    for value, codes in (
        ("5 pmol/L", []),
        ("30 pmol/L", []),
        ("31 pmol/L", ["unusual"]),
        ("<4 pmol/L", ["unusual"]),
    ):
        source = read_bytes("case.yaml", f"case: A\nft4: {value}\n".encode())
        case = read_case(source, ours.items, ours.circumstances, TODAY.toordinal())
        assert [p.code for p in case.remarks] == codes


def test_a_remark_is_shown_with_the_problems():
    problems, _ = problems_of("tsh: 2.1 mg/dL # why\n")
    assert {p.code for p in problems} == {"unknown-unit", "comment-touches", "no-id"}


# --- rulebooks --------------------------------------------------------------------------------------

MANIFEST = 'name: ours\nversion: "1"\ntitle: Ours\n'
ITEMS = """items:
  tsh: {label: TSH, kind: quantity, unit: mIU/L, levels: {raised: {from: 4 mIU/L, source: own}}}
  lupus: {label: lupus anticoagulant, kind: choice, choices: {positive: {}, negative: {}, failed: {inconclusive: yes}}}
  drugs: {label: drugs, kind: choices, choices: [aspirin, heparin]}
  pregnancies:
    label: pregnancies
    kind: records
    list: history
    fields:
      outcome: {label: outcome, kind: choice, choices: [miscarriage, live_birth]}
  cycles:
    label: cycles
    kind: records
    list: series
    fields:
      phase: {label: high phase, kind: quantity, unit: days}
circumstances:
  pregnant: {label: pregnant, kind: flag}
"""


def book(folder: Path, manifest: str | None = MANIFEST, **topics: str) -> Path:
    """A rulebook in a folder: a dictionary, and the topics given."""
    folder.mkdir(parents=True, exist_ok=True)
    if manifest is not None:
        (folder / "rulebook.yaml").write_text(manifest, encoding="utf-8")
    for name, text in {"items": ITEMS, **topics}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def rule(when: str, name: str = "r") -> str:
    """A rule file of one rule."""
    return f"rules:\n  {name}:\n    finding: F\n    kind: definition\n    rests_on: [S]\n    when: {when}\n"


def problems_in(folder: Path | str, whole: bool = True) -> list[Problem]:
    """What is wrong with a rulebook, each message held against the rules for messages."""
    with pytest.raises(NeedsFixing) as error:
        read_rulebook(folder, whole)
    for problem in error.value.problems:
        assert_clear(problem, error.value.lines)
    return list(error.value.problems)


# A condition, what is wrong with it, what to do: word for word.
WORDS_OF_RULES = [
    ("tsg > 4 mIU/L", "there is no item 'tsg'", "did you mean tsh?"),
    (
        "outcome is miscarriage",
        "there is no item 'outcome'",
        "outcome is a field of pregnancies: it stands inside  count:  or  run:  of pregnancies",
    ),
    (
        "pregnant is yes",
        "there is no item 'pregnant'",
        "it is a circumstance, and stands in set_aside_if, counts_only_if or a reference",
    ),
    ("other is met", "there is no rule 'other'", "known: r"),
    ("tsh > 4", "the limit 4 has no unit", "its units: mIU/L"),
    ("tsh > 4 mg/dL", "tsh is not measured in 'mg/dL'", "its units: mIU/L"),
    ("tsh > 4,0 mIU/L", "'4,0 mIU/L' is not a limit", "write 4.0 mIU/L"),
    ("tsh > <4 mIU/L", "'<4 mIU/L' is not a limit", "write one number with its unit, as in 10 mIU/L"),
    ("tsh is hihg", "tsh cannot be 'hihg'", "did you mean high?"),
    ("tsh is at least rased", "tsh has no level 'rased'", "did you mean raised?"),
    ("lupus is postive", "lupus has no choice 'postive'", "did you mean positive?"),
    (
        "lupus is failed",
        "'failed' decides nothing, so lupus is never known to be it",
        "write one that decides: positive | negative",
    ),
    ("lupus includes positive", "lupus has one answer, and includes nothing", "write  lupus is positive"),
    ("lupus > 3", "lupus is no number", "write  lupus is …, with one of: positive | negative | failed"),
    (
        "tsh > 4 mIU/L and lupus is positive",
        "two conditions stand in one line",
        "write them as a list, each with '- ', below  all:",
    ),
    (
        "tsh",
        "'tsh' is not a comparison",
        "write, for instance  tsh > 4.0 mIU/L, or  outcome is miscarriage, or  tpo_antibodies is high",
    ),
    (
        "{all: [tsh is high], any: [lupus is positive]}",
        "all and any stand side by side, where one condition is expected",
        "write them as a list, each with '- ', below  all:  or  any:",
    ),
    (
        "[tsh is high]",
        "a list alone is no condition",
        "write  all:  or  any:  before it, and indent it",
    ),
    ("{al: [tsh is high]}", "there is no form of condition 'al'", "did you mean all?"),
    ("{all: []}", "an empty list decides nothing", "add a condition"),
    ("{some: {at_least: 0, of: [tsh is high]}}", "'0' is not a whole number from 1", "write 1, 2, 3 …"),
    (
        "{some: {at_least: 3, of: [tsh is high]}}",
        "3 is more than can ever be reached here, which is 1",
        "write a number from 1 to 1",
    ),
    (
        "{count: {of: cycles, where: phase < 11 days, at_least: 2}}",
        "cycles is a series, to which further entries can always be added",
        "add how many are enough to answer no:  out_of: 3",
    ),
    (
        "{count: {of: pregnancies, where: outcome is miscarriage, at_least: 2, out_of: 3}}",
        "pregnancies is a history: all of its entries are known, so out_of means nothing",
        "delete out_of",
    ),
    (
        "{count: {of: pregnancy, where: outcome is x, at_least: 2}}",
        "there is no list 'pregnancy'",
        "did you mean pregnancies?",
    ),
    ("r is met", "a cycle of rules: r → r", "take one rule out of it: none can rest on itself"),
]


@pytest.mark.parametrize(
    ("when", "says", "hint"), WORDS_OF_RULES, ids=[when for when, _, _ in WORDS_OF_RULES]
)
def test_words_of_rules(tmp_path: Path, when: str, says: str, hint: str):
    [problem] = problems_in(book(tmp_path / "ours", topic=rule(when)))
    assert (problem.says, problem.hint) == (says, hint)
    assert problem.place.file == str(tmp_path / "ours" / "topic.yaml")


@pytest.mark.parametrize(
    "when",
    [
        "{any: [tsh is high, not_known: lupus is positive]}",
        "tsh > 4.0–4.5 mIU/L",
        "{not: ever lupus is positive}",
        "{count: {of: cycles, where: phase < 11 days, at_least: 2, out_of: 3}}",
    ],
)
def test_conditions_that_are_right(tmp_path: Path, when: str):
    assert list(read_rulebook(book(tmp_path / "ours", topic=rule(when))).rules) == ["r"]


def test_a_cycle_names_its_way(tmp_path: Path):
    folder = book(
        tmp_path / "ours",
        a=rule("b is met", "a"),
        b=rule("{any: [c is met, tsh is high]}", "b"),
        c=rule("{not: a is met}", "c"),
        d=rule("a is met", "d"),
    )
    [problem] = problems_in(folder)
    assert problem.says == "a cycle of rules: a → b → c → a"
    assert problem.place == Place(str(folder / "a.yaml"), 2, 3, 2, 4)


@pytest.mark.parametrize(
    ("items", "way"),
    [
        ({"a": "ask_if: b is yes", "b": "ask_if: a is no"}, "a → b → a"),
        ({"a": "ask_if: a is yes"}, "a → a"),
        ({"a": "kind: derived, unit: kg, formula: b + 1", "b": "kind: derived, unit: kg, formula: a"}, "a → b → a"),
        ({"a": "ask_if: b > 1 kg", "b": "kind: derived, unit: kg, formula: c", "c": "kind: quantity, unit: kg, ask_if: a is yes"},
         "a → b → c → a"),
        ({"a": "kind: records, list: history, fields: {x: {label: x, kind: flag, ask_if: y is yes}, y: {label: y, kind: flag, ask_if: x is yes}}"},
         "a.x → a.y → a.x"),
    ],
)  # fmt: skip
def test_an_item_that_rests_on_itself(tmp_path: Path, items: dict[str, str], way: str):
    """What is asked of it first would else decide what it comes to."""
    lines = [
        f"  {name}: {{label: {name}, {'' if 'kind' in says else 'kind: flag, '}{says}}}\n"
        for name, says in items.items()
    ]
    folder = book(tmp_path / "ours", more="items:\n" + "".join(lines))
    [problem] = problems_in(folder)
    assert (problem.code, problem.says) == ("cycle", f"a cycle of items: {way}")


@pytest.mark.parametrize(
    "when", ["{} is met", "{{any: [tsh is high, {{all: [{} is met, lupus is known]}}]}}"]
)
def test_rules_that_rest_on_one_another_very_deep(tmp_path: Path, when: str):
    """A chain so long that no person could follow it is a problem, and never a crash; one a little shorter is judged."""

    def chain(length: int, step: int = 1) -> Path:
        rules = {f"r{n}": when.format(f"r{n + 1}") for n in range(length - 1)}
        rules[f"r{length - 1}"] = "tsh is high"
        written = [rule(text, name).removeprefix("rules:\n") for name, text in rules.items()]
        return book(tmp_path / f"{length} {step}", topic="rules:\n" + "".join(written[::step]))

    [problem] = problems_in(chain(2000))
    assert (problem.code, problem.says) == ("too-deep", "r0 rests on a chain of more than 20 rules")
    [problem] = problems_in(chain(2000, -1))
    assert problem.says == "r1979 rests on a chain of more than 20 rules"
    case = read_bytes("case.yaml", b"case: X\nas_of: 2026-03-01\n")
    assert read_and_assess(case, read_rulebook(chain(20))).finding("r0").settled.met


def test_all_problems_of_all_files_are_said_at_once(tmp_path: Path):
    folder = book(
        tmp_path / "ours",
        manifest="titel: Ours\nname: ours\nversion: 1\n",
        a=rule("tsg is high", "a"),
        b=rule("lupus is postive", "b") + rule("{all: []}", "c").removeprefix("rules:\n"),
        c=rule("tsh > 4 mIU/L", "d"),
    )
    found = [(Path(p.place.file).name, p.code) for p in problems_in(folder)]
    assert found == [
        ("a.yaml", "unknown-item"),
        ("b.yaml", "unknown-choice"),
        ("b.yaml", "bad-condition"),
        ("rulebook.yaml", "unknown-key"),
    ]


def test_one_broken_rule_is_one_problem(tmp_path: Path):
    topic = rule("tsg is high", "a") + rule("a is met", "b").removeprefix("rules:\n")
    topic += "examples:\n  one: {given: {tsh: 5 mIU/L}, expect: {a: met, b: met}}\n"
    assert [p.code for p in problems_in(book(tmp_path / "ours", topic=topic))] == ["unknown-item"]


def test_a_broken_item_is_not_complained_of_where_it_is_used(tmp_path: Path):
    topic = "items:\n  ft4: {label: FT4, kind: quantitty, unit: pmol/L}\n" + rule("ft4 > 3 pmol/L")
    topic += "examples:\n  one: {given: {ft4: 5}, expect: {r: met}}\n"
    assert [p.code for p in problems_in(book(tmp_path / "ours", topic=topic))] == ["unknown-kind"]


def test_a_broken_field_is_not_complained_of_beside_it(tmp_path: Path):
    topic = """items:
  scans:
    label: scans
    kind: records
    list: series
    fields:
      wall: {label: wall, kind: choise, choices: [thin, thick]}
      gap: nothing
      by: {label: by, kind: flag, ask_if: {any: [wall is thin, gap is yes, wal is thin]}}
"""
    problems = problems_in(book(tmp_path / "ours", topic=topic))
    assert [(p.code, p.place.line) for p in problems] == [
        ("unknown-kind", 7),
        ("not-a-mapping", 8),
        ("unknown-item", 9),
    ]
    assert problems[-1].hint == "did you mean wall?"


def test_names_are_not_missed_while_a_file_is_half_read(tmp_path: Path):
    folder = book(
        tmp_path / "ours",
        half="items:\n  ft4: {label: FT4\n",
        topic=rule("{all: [ft4 is high, tsg is high]}"),
    )
    assert [p.code for p in problems_in(folder)] == ["syntax"]


def test_no_such_rulebook(tmp_path: Path):
    [problem] = problems_in("artikle")
    assert (problem.code, problem.hint) == ("no-rulebook", "did you mean article?")
    [problem] = problems_in(tmp_path / "nowhere")
    assert problem.code == "no-rulebook"


def test_a_folder_without_a_manifest(tmp_path: Path):
    folder = book(tmp_path / "ours", manifest=None)
    [problem] = problems_in(folder)
    assert (problem.code, problem.place) == ("no-manifest", Place(str(folder / "rulebook.yaml")))


def test_an_empty_manifest(tmp_path: Path):
    folder = book(tmp_path / "ours", manifest="")
    [problem] = problems_in(folder)
    assert problem.place == Place(str(folder / "rulebook.yaml"), 1, 1, 1, 2)
    assert problem.says == "the rulebook has no name, no version, no title"


def test_a_folder_that_is_used_and_not_there(tmp_path: Path):
    book(tmp_path / "common")
    folder = book(
        tmp_path / "ours", manifest=MANIFEST + "uses: [comon]\n", items="", topic=rule("tsh is high")
    )
    [problem] = problems_in(folder)
    assert (problem.code, problem.hint) == ("no-folder", "did you mean common?")
    assert problem.says == "there is no folder 'comon' beside this one"


@pytest.mark.parametrize("way", ["../common", "/common", ".", "..", "common/", "ours/../common"])
def test_a_folder_is_used_by_its_name_alone(way: str, tmp_path: Path):
    book(tmp_path / "common")
    folder = book(
        tmp_path / "ours", manifest=MANIFEST + f"uses: [{way}]\n", items="", topic=rule("tsh is high")
    )
    [problem] = problems_in(folder)
    assert (problem.code, problem.says) == ("no-folder", f"{way!r} is not the name of a folder")


def test_the_folder_beside_is_found_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    book(tmp_path / "common")
    book(
        tmp_path / "ours", manifest=MANIFEST + "uses: [common, common]\n", items="", topic=rule("tsh is high")
    )
    monkeypatch.chdir(tmp_path / "ours")
    assert list(read_rulebook(Path()).rules) == ["r"]


def test_a_rule_file_that_cannot_be_read_is_named_with_the_rest(tmp_path: Path):
    folder = book(tmp_path / "ours", topic=rule("{all: []}"))
    (folder / "folder.yaml").mkdir()
    (folder / "gone.yaml").symlink_to(tmp_path / "nowhere")
    found = [(Path(p.place.file).name, p.code) for p in problems_in(folder, whole=False)]
    assert found == [
        ("folder.yaml", "file-folder"),
        ("gone.yaml", "file-missing"),
        ("topic.yaml", "bad-condition"),
    ]


def test_a_folder_of_rules_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    folder = book(tmp_path / "ours")
    monkeypatch.setattr(Path, "glob", refuse)
    [problem] = problems_in(folder)
    assert (problem.code, problem.place) == ("file-unreadable", Place(str(folder)))


def test_examples_are_read_only_when_asked_for(tmp_path: Path):
    topic = rule("tsh is high") + "examples:\n  one: {given: {tsh: 5}, expect: {rr: met}}\n"
    folder = book(tmp_path / "ours", topic=topic)
    assert list(read_rulebook(folder).rules) == ["r"]
    assert [p.code for p in problems_in(folder)] == ["unknown-rule"]


@pytest.mark.parametrize(
    "formula", ["(" * 3000 + "tsh" + ")" * 3000, "tsh" + " + tsh" * 3000, "tsh * " + "9" * 5000]
)
def test_endless_formulas_are_refused(tmp_path: Path, formula: str):
    topic = f'items:\n  long: {{label: L, kind: derived, unit: g, formula: "{formula}"}}\n'
    assert [p.code for p in problems_in(book(tmp_path / "ours", topic=topic))] == ["bad-formula"]


@pytest.mark.parametrize(
    "when",
    [
        "{repeated: {where: lupus is positive, times: 2, apart: 99999999999 weeks}}",
        "{count: {of: pregnancies, where: outcome is miscarriage, at_least: " + "9" * 5000 + "}}",
        "tsh > " + "9" * 5000 + " mIU/L",
    ],
    ids=["apart", "at_least", "limit"],
)
def test_endless_numbers_in_rules_are_refused(tmp_path: Path, when: str):
    [problem] = problems_in(book(tmp_path / "ours", topic=rule(when)))
    assert problem.code in ("bad-days", "bad-number", "bad-limit")


def test_bars_unexplained_needs_a_reason(tmp_path: Path):
    etiology = rule("tsh is high").replace("kind: definition", "kind: etiology\n    standing: accepted")
    for written, bars in (
        ("", True),
        ("    bars_unexplained: yes\n", True),
        ("    bars_unexplained: {no: why}\n", False),
    ):
        folder = book(tmp_path / "ours", topic=etiology + written)
        assert read_rulebook(folder).rules["r"].bars_unexplained is bars
    folder = book(tmp_path / "ours", topic=etiology + "    bars_unexplained: no\n")
    assert [p.code for p in problems_in(folder)] == ["bad-bars"]


# --- the small parts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0,3 mIU/L", "write 0.3 mIU/L"),
        ("0,300", "write 0.300"),
        ("0,4-4,0", "write 0.4-4.0"),
        ("12,345", "write 12345, or 12.345 where the comma begins the decimals"),
        ("1,000,000", "write 1000000"),
        ("1.000,5", "write a point before the decimals and nothing between the thousands, as in 1000.5"),
        ("1,000.5", "write a point before the decimals and nothing between the thousands, as in 1000.5"),
        ("1,5,3", "write a point before the decimals and nothing between the thousands, as in 1000.5"),
    ],
)
def test_a_comma_in_a_number(text: str, hint: str):
    assert without_comma(text) == hint


def test_nearest_cares_neither_for_capitals_nor_for_blanks():
    known = ["live_birth", "tsh", "tpo_antibodies"]
    assert nearest("Live birth", known) == "did you mean live_birth?"
    assert nearest("tpo-antibody", known) == "did you mean tpo_antibodies?"
    assert nearest("zzz", known) == ""
    assert nearest("x" * 1_000_000, known) == ""


def test_visible_and_brief():
    assert visible("a\x1b[0m\tb\u202ec\u00a0") == "a\\x1b[0m→b\\u202ec\\xa0"
    assert visible("µ 甲 é") == "µ 甲 é"
    assert brief("a" * 60) == "a" * 60
    assert brief("a" * 61) == "a" * 59 + "…"


def test_a_refused_text_is_said_once():
    source = read_bytes("c", b"a: >2\nb: {c: x, y}\n")
    assert isinstance(source.root, Mapping)
    assert isinstance(source.root.items["a"], Text)
    assert source.root.items["a"].refused
    assert source.root.items["b"].items["c"].refused
    assert list(source.root.items["b"].items) == ["c"]


def test_a_source_that_stopped_is_not_complete():
    def of(text: str) -> Source:
        return read_bytes("c", text.encode())

    assert of("a: b\n").complete
    assert not of("a: b\nc: d: e\n").complete
    assert not of("a: b\n---\nc: d\n").complete
    assert not read_bytes("c", b"\xff").complete
    assert list(of("a: b\nc: {d: e\n").root.items) == ["a"]
