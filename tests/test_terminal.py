"""The real program in a real terminal: what fits, what is coloured, and that nothing typed gives orders."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pexpect
import pyte
import pytest
from rsa_cli.assess import (
    MET,
    NOT_APPLICABLE,
    NOT_ASSESSED,
    NOT_MET,
    SUSPECTED,
    UNDETERMINED,
    read_and_assess,
)
from rsa_cli.renderers import Options, render
from rsa_cli.renderers._words import SIGNS
from rsa_cli.rulebook import read_rulebook
from rsa_cli.source import read_file

SAMPLES = Path(__file__).parents[1] / "sample_cases"
CASE = SAMPLES / "antiphospholipid-awaiting.yaml"
RULEBOOK = read_rulebook()
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|.)", re.DOTALL)
STYLE = re.compile(r"\x1b\[[0-9;]*m")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")


class Shown(NamedTuple):
    """What a program left in a terminal: its status, what it sent, the screen and the lines on it."""

    status: int | None
    raw: str
    screen: pyte.Screen
    lines: list[str]

    @property
    def words(self) -> str:
        """Everything on the screen as if it were one line."""
        return " ".join(" ".join(self.lines).split())


@pytest.fixture(autouse=True)
def _kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@cache
def terminal(*arguments: str, size: tuple[int, int] = (80, 24), **settings: str) -> Shown:
    """Run the program in a terminal of so many columns and lines.

    The screen is wider and longer than the terminal, so that what runs over its edge is seen there.
    What was run once is not run again.
    """
    columns, rows = size
    unset = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"TERM": "xterm-256color", **settings}
    running = pexpect.spawn(sys.executable, ["-m", "rsa_cli", *arguments], env=environment, timeout=30,
                            encoding="utf-8", dimensions=(rows, columns))  # fmt: skip
    try:
        raw = running.read()
    finally:
        running.close(force=True)
    # Of something very long (JSON) only the end stays on the screen.
    screen = pyte.Screen(columns + 60, min(raw.count("\n") + len(raw) // columns + 2, 400))
    pyte.Stream(screen).feed(raw)
    lines = "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")
    return Shown(running.exitstatus, raw, screen, lines)


# --- width ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["assess", CASE], (80, 24)),
        (["assess", CASE], (120, 40)),
        (["assess", CASE, "--all"], (80, 24)),
        (["explain", CASE, "antiphospholipid_syndrome"], (80, 24)),
        (["assess", "--help"], (80, 24)),
    ],
    ids=["report 80", "report 120", "all 80", "proof 80", "help 80"],
)
def test_everything_fits_the_terminal(arguments: list[str | Path], size: tuple[int, int]):
    shown = terminal(*map(str, arguments), size=size)
    assert shown.status == 0
    longest = max(map(len, shown.lines))
    assert size[0] - 12 < longest <= size[0]


def test_a_wide_terminal_shows_the_statements_a_finding_rests_on():
    assert "S-E" in terminal("assess", str(CASE), size=(120, 40)).words
    assert "S-E" not in terminal("assess", str(CASE), size=(80, 24)).words


def test_a_terminal_far_too_narrow_still_gets_its_report():
    shown = terminal("assess", str(CASE), size=(10, 24))
    assert shown.status == 0
    assert "suspected Antiphospholipid syndrome" in shown.words


# --- colour --------------------------------------------------------------------------------------


def test_the_report_is_coloured_and_says_the_same_without():
    coloured = terminal("assess", str(CASE))
    assert STYLE.search(coloured.raw)
    line = next(n for n, text in enumerate(coloured.lines) if "◐ suspected" in text)
    sign = coloured.screen.buffer[line][coloured.lines[line].index("◐")]
    assert sign.bold
    assert sign.fg == "magenta"

    for settings in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = terminal("assess", str(CASE), **settings)
        assert plain.status == 0
        assert "\x1b" not in plain.raw
        assert plain.lines == coloured.lines


def test_no_color_set_to_nothing_is_not_set():
    assert STYLE.search(terminal("assess", str(CASE), NO_COLOR="").raw)


def test_the_report_moves_nothing_but_its_styles():
    for arguments in (["assess", str(CASE), "--all"], ["explain", str(CASE), "antiphospholipid_syndrome"]):
        raw = terminal(*arguments).raw
        assert ESCAPE.search(raw)
        assert [e for e in ESCAPE.findall(raw) if not STYLE.fullmatch(e)] == []


@pytest.mark.parametrize("case", sorted(SAMPLES.glob("*.yaml")), ids=lambda p: p.stem)
def test_without_colour_every_finding_stands_there_with_its_sign_and_its_status(case: Path):
    assessment = read_and_assess(read_file(case), RULEBOOK)
    words = " ".join(render(assessment, "terminal", Options(100, everything=True)).split())
    findings = assessment.of_kind("definition", "etiology", "association")
    assert len(findings) > 10
    for finding in findings:
        sign, called = re.escape(SIGNS[finding.status]), re.escape(finding.rule.finding)
        # Alike ones that are undetermined stand behind one another under one sign.
        between = r"(?:[^●◐○]* · )?" if finding.status == UNDETERMINED else ""
        assert re.search(rf"{sign} {finding.status} {between}{called}", words), finding.rule.id


def test_each_status_has_words_of_its_own():
    statuses = (MET, SUSPECTED, UNDETERMINED, NOT_ASSESSED, NOT_MET, NOT_APPLICABLE)
    assert tuple(SIGNS) == statuses
    assert all(len(sign) == 1 and not sign.isspace() for sign in SIGNS.values())
    assert len({SIGNS[status] for status in (MET, SUSPECTED, UNDETERMINED, NOT_ASSESSED, NOT_MET)}) == 5


# --- what a case may not do ----------------------------------------------------------------------

# As YAML writes them in double quotes: red, the window's title, a cleared screen, a bell, the same in one byte.
ORDERS = r"\e[31mRED\e]0;owned\a\e[2J\b\r\x9b31m"
NEVER = ("\x1b[31m", "\x1b]", "\x1b[2J", "\x07", "\x08", "\x9b")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A case that gives orders to the terminal, and can be judged."""
    path = tmp_path / "told.yaml"
    path.write_text(
        f'case: "{ORDERS}"\n'
        "as_of: 2026-03-01\n"
        "pregnancies: [{outcome: miscarriage}, {outcome: miscarriage}]\n"
        f'tsh: {{value: 9 mIU/L, date: 2026-01-10, note: "{ORDERS}", assay: "{ORDERS}"}}\n'
        f'note: "{ORDERS}"\n',
        encoding="utf-8",
    )
    return path


def obeyed(shown: Shown) -> list[str]:
    """The orders that reached the terminal."""
    found = [order for order in NEVER if order in shown.raw]
    if shown.screen.title or shown.screen.icon_name:
        found.append("title")
    return found + [e for e in ESCAPE.findall(shown.raw) if not STYLE.fullmatch(e)]


def test_orders_in_a_case_are_shown_and_not_obeyed(told: Path):
    for arguments in (["assess", str(told), "--all"], ["explain", str(told), "hypothyroidism"]):
        shown = terminal(*arguments, size=(120, 40))
        assert shown.status == 0
        assert r"case \x1b[31mRED\x1b]0;owned\x07\x1b[2J\x08\x0d\x9b31m" in shown.words
        assert obeyed(shown) == []
        line = next(n for n, text in enumerate(shown.lines) if "RED" in text)
        assert shown.screen.buffer[line][shown.lines[line].index("RED")].fg == "default"


def test_orders_in_json_are_not_obeyed(told: Path):
    shown = terminal("assess", str(told), "--format", "json")
    assert shown.status == 0
    assert "\x1b" not in shown.raw
    assert obeyed(shown) == []


def test_orders_in_what_is_wrong_are_not_obeyed(tmp_path: Path):
    lines = [
        f'format: "{ORDERS}"',
        f'case: ["{ORDERS}"]',
        f'as_of: "{ORDERS}"',
        f'currently_pregnant: "{ORDERS}"',
        f'karyotype: "{ORDERS}"',
        f'tsh: "{ORDERS}"',
        f'ft4: {{value: 15 pmol/L, date: "{ORDERS}"}}',
        f'tpo_antibodies: {{value: 12 IU/mL, range: "{ORDERS}"}}',
        f'thyroglobulin_antibodies: {{value: 2 IU/mL, "{ORDERS}": yes}}',
        f'pregnancies: [{{outcome: "{ORDERS}"}}, {{"{ORDERS}": miscarriage}}, "{ORDERS}"]',
        f'"{ORDERS}": 1',
        f'"{ORDERS}": 2',
    ]
    case = tmp_path / "wrong.yaml"
    case.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = terminal("assess", str(case), size=(120, 40))
    assert shown.status == 3
    assert obeyed(shown) == []
    for number in range(1, len(lines) + 1):
        assert f"wrong.yaml:{number}:" in shown.words


def test_orders_as_they_are_in_a_file_are_refused_and_shown(tmp_path: Path):
    case = tmp_path / "raw.yaml"
    case.write_text("case: \x1b[31mRED\x1b]0;owned\x07\n", encoding="utf-8")
    shown = terminal("assess", str(case))
    assert shown.status == 3
    assert r"\x1b[31mRED\x1b]0;owned\x07" in shown.words
    assert obeyed(shown) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["assess", "{}"],
        ["assess", "{}", "-f", "json"],
        ["assess", "no{}"],
        ["assess", str(CASE), "-o", "{}/x"],
    ],
    ids=["report", "json", "missing", "output"],
)
def test_orders_in_the_name_of_a_file_are_not_obeyed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = "\x1b[31mRED\x1b]0;owned\x07\x9b31m.yaml"
    (tmp_path / name).write_text(
        CASE.read_text(encoding="utf-8") + "odd: 1\n" * ("-f" not in arguments), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    shown = terminal(*(a.replace("{}", name) for a in arguments))
    assert shown.status == (0 if "-f" in arguments else 2 if "-o" in arguments else 3)
    assert "RED" in shown.raw
    assert obeyed(shown) == []
