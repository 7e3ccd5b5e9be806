"""The questionnaire as a person meets it: keys through a pipe, and the real program in a real terminal."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pexpect
import pyte
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from rsa_cli.ask import Plain, Screen, run
from rsa_cli.journal import digest_of
from rsa_cli.rulebook import read_rulebook
from rsa_cli.session import Command, Option, Prompt
from rsa_cli.splice import data, page

from asked import small

ENTER, BACK, ESCAPE = "\r", "\x1b[Z", "\x1b"
KEYS = {
    "F1": "\x1bOP",
    "F2": "\x1bOQ",
    "F3": "\x1bOR",
    "F4": "\x1bOS",
    "F5": "\x1b[15~",
    "F8": "\x1b[19~",
    "F10": "\x1b[21~",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")


# --- keys through a pipe -----------------------------------------------------------------------------


@contextmanager
def piped() -> Iterator[tuple[PipeInput, StringIO]]:
    """A screen that reads a pipe and draws into a text."""
    drawn = StringIO()
    output = Vt100_Output(drawn, lambda: Size(rows=24, columns=80), term="xterm", enable_cpr=False)
    with create_pipe_input() as keys, create_app_session(input=keys, output=output):
        yield keys, drawn


def replied(prompt: Prompt, *keys: str) -> Any:
    with piped() as (pipe, _):
        for key in keys:
            pipe.send_text(key)
        return Screen().ask(prompt)


def _check(typed: str) -> str:
    return "" if typed.endswith("g") else f"{typed} has no unit: write {typed} g"


WORD = Prompt("How much?", "in g", check=_check, missing=True, leave="leave it open")
FLAG = Prompt(
    "Is it?", options=(Option("yes", "yes"), Option("no", "no")), missing=True, leave="leave it open"
)
CHOICE = FLAG._replace(options=(Option("one", "the one"), Option("two", "the other")))
TITRES = CHOICE._replace(
    options=(Option("positive", "positive"), Option("low_positive", "low, as the laboratory says"))
)
SEVERAL = CHOICE._replace(options=(*CHOICE.options, Option("[]", "none of these")), several=True)


@pytest.mark.parametrize(
    ("prompt", "keys", "reply"),
    [
        (WORD, "3 g\r", "3 g"),
        (WORD, "3\r g\r", "3 g"),  # not taken until it can be read
        (WORD, "\r", Command.LEAVE),
        (WORD, "  \r", Command.LEAVE),
        (WORD, "unknown\r", "unknown"),
        (WORD, "u\r", "unknown"),
        (WORD, "a\r", "not applicable"),
        (WORD, KEYS["F2"], "unknown"),
        (WORD, KEYS["F3"], "not done"),
        (WORD, KEYS["F4"], "pending"),
        (WORD, "half" + KEYS["F5"], "not applicable"),
        (WORD, BACK, Command.BACK),
        (WORD, "<\r", Command.BACK),
        (WORD, "?", Command.HELP),
        (WORD, KEYS["F1"], Command.HELP),
        (WORD, KEYS["F8"], Command.ANSWERS),
        (WORD, KEYS["F10"], Command.FINISH),
        (WORD, "3\x1b[200~3\n4 g\x1b[201~\r g\r", "3 g"),  # pasted lines are one too many
        (WORD, "\x1b[200~3\n\x1b[201~ g\r", "3 g"),  # a cell of a table comes with its line break
        (WORD._replace(default="3 g"), ENTER, "3 g"),
        (WORD._replace(default="3 g"), "\x7f\x7f\x7f\r", Command.LEAVE),
        (FLAG, ENTER, Command.LEAVE),  # Enter alone never answers
        (FLAG, "1\r", "yes"),
        (FLAG, "2\r", "no"),
        # A word is as good as a number: that it is typed is shown, and what it fits is taken.
        (FLAG, "yes\r", "yes"),
        (FLAG, "n\r", "no"),
        (FLAG, "No\r", "no"),
        (FLAG, "unknown\r", "unknown"),
        (FLAG, "u\r", "unknown"),
        (FLAG, "Not D\r", "not done"),
        (FLAG, "pending\r", "pending"),
        (FLAG, "not a\r", "not applicable"),
        (FLAG, "0\r", Command.LEAVE),
        (FLAG, "leave\r", Command.LEAVE),
        # What fits nothing, or more than one, answers nothing: not the choice pointed at, and not open either.
        (FLAG, "maybe\r\x7f\x7f\x7f\x7f\x7fy\r", "yes"),
        (FLAG, "maybe, no\r\x15no\r", "no"),
        (FLAG, "20\r\x7f\r", "no"),
        (FLAG, "yesterday\r" + KEYS["F4"], "pending"),
        (FLAG, "not\r done\r", "not done"),
        (FLAG, "\x1b[200~yes\nno\n\x1b[201~\r", Command.LEAVE),
        (FLAG, "\x1b[200~yes\x1b[201~\r", "yes"),
        (FLAG, "\x1b[200~yes\r\n\x1b[201~\r", "yes"),  # a cell of a table comes with its line break
        (FLAG, "y\x7f\r", Command.LEAVE),  # rubbed out, it points where it did
        (FLAG, "y\x1b[B\r", "no"),
        (FLAG, "y-\x7f\r", "yes"),  # inside words a sign is no command
        (FLAG, "3" * 5000 + "\r\x152\r", "no"),
        (FLAG._replace(leave=""), "leave\r\x15no\r", "no"),
        (FLAG._replace(leave=""), "-no\r", "no"),
        (FLAG._replace(missing=False), "unknown\r\x15no\r", "no"),
        (FLAG._replace(commands=False), "<\r\x15no\r", "no"),
        (FLAG, KEYS["F2"], "unknown"),
        (FLAG, KEYS["F3"], "not done"),
        (FLAG, "<", Command.BACK),
        (FLAG, BACK, Command.BACK),
        (FLAG, "?", Command.HELP),
        (FLAG, "=", Command.ANSWERS),
        (FLAG, "-", Command.LEAVE),
        (FLAG, "\x1b[B\r", "yes"),
        (FLAG._replace(default="no"), ENTER, "no"),
        (CHOICE, "2\r", "two"),
        (CHOICE, "9\r" + KEYS["F2"], "unknown"),
        (CHOICE, "the\r other\r", "two"),
        (CHOICE, "one\r", "one"),
        (TITRES, "p\r" + KEYS["F8"], Command.ANSWERS),  # positive, or pending
        (TITRES, "po\r", "positive"),
        (TITRES, "low\r", "low_positive"),
        (TITRES, "LOW_P\r", "low_positive"),
        (SEVERAL, " \r", ["one"]),
        (SEVERAL, " \x1b[B \r", ["one", "two"]),
        (SEVERAL, "\x1b[B\x1b[B \r", ["[]"]),
        (SEVERAL, " \x1b[B\x1b[B \r \r", ["one"]),  # none does not go with others
        (SEVERAL, ENTER, Command.LEAVE),
        (SEVERAL, "a\r" + KEYS["F3"], "not done"),  # and not everything
        (SEVERAL, "2\r\r", ["two"]),
        (SEVERAL, "2 1 \r", ["one", "two"]),
        (SEVERAL, "the o \x15the other \r", ["two"]),
        (SEVERAL, "unknown\r", "unknown"),
        (SEVERAL, "1 unknown\r\x15\r", ["one"]),  # what is marked does not go with it
        (SEVERAL, "pend\r", "pending"),
        (SEVERAL, "unknown \x15none\r\r", ["[]"]),
        # Pointed at and not marked is no answer, nor is it left open.
        (SEVERAL, "\x1b[B\r \r", ["two"]),
        (SEVERAL, "  \r2\r\r", ["two"]),  # nor is what was marked and is no more
        (SEVERAL, "-", Command.LEAVE),
        (SEVERAL, KEYS["F5"], "not applicable"),
        (SEVERAL._replace(default="two"), ENTER, ["two"]),
    ],
)  # fmt: skip
def test_what_keys_say(prompt: Prompt, keys: str, reply: Any):
    assert replied(prompt, keys) == reply


def test_an_answer_is_not_offered_to_the_next_question():
    with piped() as (pipe, _):
        screen = Screen()
        pipe.send_text("3 g\r")
        assert screen.ask(WORD) == "3 g"
        pipe.send_text("\x1b[A\r")
        assert screen.ask(WORD) is Command.LEAVE


@pytest.mark.parametrize("prompt", [WORD, FLAG, SEVERAL])
def test_control_c_is_no_answer(prompt: Prompt):
    with pytest.raises(KeyboardInterrupt):
        replied(prompt, "1\x03")


@pytest.mark.parametrize("prompt", [WORD, FLAG, SEVERAL])
def test_pasted_lines_are_refused_in_words_that_fit_the_screen(prompt: Prompt):
    with piped() as (pipe, drawn):
        pipe.send_text("\x1b[200~yes\nno\n\x1b[201~")
        Thread(target=lambda: (time.sleep(0.4), pipe.send_text(KEYS["F2"]))).start()
        assert Screen().ask(prompt) == "unknown"
    assert "several lines were pasted" in drawn.getvalue()


def test_no_word_is_cut_at_the_edge_of_the_screen():
    text = f"Is this {'-' * 60} interminable?"
    wrong = f"This is {'=' * 60} indecipherable."
    for prompt in (WORD._replace(text=text, check=lambda _: wrong), FLAG._replace(text=text)):
        with piped() as (pipe, drawn):
            pipe.send_text("9\r")
            Thread(target=lambda pipe=pipe: (time.sleep(0.4), pipe.send_text(KEYS["F2"]))).start()
            Screen().ask(prompt)
        asked = drawn.getvalue().partition("F5")[0]
        assert "interminable?" in asked
        assert prompt.options or "indecipherable." in drawn.getvalue()


def test_a_long_list_can_be_chosen_from():
    options = tuple(Option(str(n), f"number {n}") for n in range(1, 51))
    assert replied(CHOICE._replace(options=options, leave=""), "\x1b[A\r") == "50"
    assert replied(CHOICE._replace(options=options), "37\r") == "37"
    assert replied(CHOICE._replace(options=options), "3\r") == "3"
    assert replied(CHOICE._replace(options=options), "512\r\x7f\x7f\r") == "5"  # 512 is not there


def lines_to(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(text))


@pytest.mark.parametrize(
    ("prompt", "typed", "reply"),
    [
        (WORD, "3\n3 g\n", "3 g"),
        (WORD, "\n", Command.LEAVE),
        (WORD, "d\n", "not done"),
        (WORD, "?\n", Command.HELP),
        (WORD._replace(default="3 g"), "\n", "3 g"),
        (WORD._replace(default="3 g"), "-\n", Command.LEAVE),
        (WORD._replace(leave=""), "\n-\n3 g\n", "3 g"),
        (FLAG._replace(leave=""), "-\n1\n", "yes"),
        (FLAG, "1\n", "yes"),
        (FLAG, "n\n", "no"),
        (FLAG, "NO\n", "no"),
        (FLAG, "3\n0\n2\n", "no"),
        (FLAG, "u\n", "unknown"),
        (CHOICE, "the other\n", "two"),
        (CHOICE, "The\nthe ot\n", "two"),
        (TITRES, "p\n1\n", "positive"),  # p is pending where no answer begins with it
        (TITRES, "pe\n", "pending"),
        (FLAG, "maybe\nleave\n", Command.LEAVE),
        (SEVERAL, "1,3\n1,unknown\nunk\n", "unknown"),
        (SEVERAL, "1, 2\n", ["one", "two"]),
        (SEVERAL, "1,9\n3\n", ["[]"]),
        (SEVERAL, "p\n", "pending"),
    ],
)
def test_what_plain_lines_say(monkeypatch: pytest.MonkeyPatch, prompt: Prompt, typed: str, reply: Any):
    lines_to(monkeypatch, typed)
    assert Plain().ask(prompt) == reply


def test_the_end_of_input_is_not_an_answer(monkeypatch: pytest.MonkeyPatch):
    lines_to(monkeypatch, "")
    with pytest.raises(EOFError):
        Plain().ask(WORD)


@pytest.mark.parametrize("answers", [0, 1])
def test_a_disk_that_is_full_from_the_start_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answers: int
):
    book = read_rulebook(small(tmp_path / "small"))
    case, part = tmp_path / "case.yaml", tmp_path / "case.yaml.part"
    kept = '{"format":1,"case":"other"}\n["put",["smoker"],"yes"]\n' if answers else ""
    part.write_text(kept, encoding="utf-8")

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rsa_cli.journal.os.write", full)
    lines_to(monkeypatch, "apply\n")
    assert run(case, book, plain=True) == (2, None)
    said = "".join(capsys.readouterr().out.split())  # a long path is folded
    assert f"nojournalcanbewrittenbeside{case}:" in said
    assert part.exists() == bool(answers)
    assert not answers or part.read_text(encoding="utf-8") == kept


# --- a real terminal ---------------------------------------------------------------------------------


class Terminal:
    """The program in a pseudo-terminal, and what its screen shows."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (80, 24), **settings: str) -> None:
        columns, rows = size
        unset = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"TERM": "xterm-256color", **settings}
        self.running = pexpect.spawn(sys.executable, ["-m", "rsa_cli", *arguments], env=environment, timeout=20,
                                     encoding="utf-8", dimensions=(rows, columns))  # fmt: skip
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self.screen.write_process_input = self.running.send  # where the cursor is, when the program asks
        self.stream = pyte.Stream(self.screen)
        self.raw = ""

    def until(self, text: str, seconds: float = 20) -> Terminal:
        """Wait until the lines at the end of the screen hold a text."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} never came:\n" + "\n".join(self.screen.display)
            try:
                self._feed(self.running.read_nonblocking(65536, min(left, 1)))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert text in self.shown, f"ended before {text!r}:\n" + "\n".join(self.screen.display)
        return self

    def seen(self, text: str) -> Terminal:
        """Wait until the screen shows a text: of what is drawn again only the change is sent."""
        end = time.monotonic() + 20
        while text not in " ".join(" ".join(self.screen.display).split()):
            assert time.monotonic() < end, "\n".join(self.screen.display)
            with suppress(pexpect.TIMEOUT):
                self._feed(self.running.read_nonblocking(65536, 1))
        return self

    def type(self, keys: str, until: str) -> Terminal:
        """Type, and wait for what follows on a screen that is looked at from here on."""
        self.mark = len(self.raw)
        self.running.send(keys)
        return self.until(until)

    mark = 0

    @property
    def shown(self) -> str:
        """What was drawn since the last keys were typed, as plain text without line breaks."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][A-Z0-9]?|\r", "", self.raw[self.mark :])
        return " ".join(plain.split())

    def _feed(self, text: str) -> None:
        self.raw += text
        self.stream.feed(text)

    def ended(self) -> int | None:
        """Read to the end; the status the program left with."""
        with suppress(pexpect.EOF):
            while True:
                self._feed(self.running.read_nonblocking(65536, 20))
        self.running.close(force=True)
        return self.running.exitstatus


@pytest.fixture
def rules(tmp_path: Path) -> str:
    return str(small(tmp_path / "rules"))


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tmp_path / "case.yaml"


@pytest.fixture(autouse=True)
def _kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def held(path: Path) -> Any:
    return data(page(path.read_text(encoding="utf-8")).source.root)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80", "120"])
def test_a_whole_case_is_typed_in(rules: str, case: Path, size: tuple[int, int]):
    shown = Terminal("ask", str(case), "--rules", rules, size=size).until("Is she bleeding now?")
    shown.type("1\r", "All pregnancies")
    assert "! Bleeding. She bleeds. Look at once." in shown.shown
    shown.type("1\r", "How did it end?").type("1\r", "When did it end?").type(
        "2024-01-19\r", "Gestation when"
    )
    shown.type("8w2d\r", "add another").type("\r", "How did it end?").type("1\r", "When did it").type(
        "5 weeks ago", "5 weeks"
    )
    shown.type("\x15" + "2025-02\r", "Gestation").type(KEYS["F2"], "add another")
    shown.type("2\r", "Drugs")
    assert "now met: Recurrent loss" in shown.shown
    shown.type("2\r", "Does she smoke?").type("1\r", "Cigarettes a day").type(
        "200\r", "lies outside what is plausible"
    )
    shown.type("\x7f\r", "Which diseases?").type(" \r", "own words").type(
        "先生 said so: “often”\r", "the partner smoke"
    )
    shown.type(KEYS["F3"], "TSH of the thyroid").type("2.1", "has no unit").type(
        " mIU/L\r", "When was it taken (TSH)"
    )
    shown.type("2026-01\r", "own range").type("<4 mIU/L\r", "Lupus anticoagulant")
    shown.type(KEYS["F4"], "When was it taken (lupus").type("\r", "What did the scan show?").type(
        KEYS["F2"], "What now?"
    )
    shown.type("\r", "Saved:")
    assert shown.ended() == 0
    assert held(case) == {
        "format": "1",
        "case": "case",
        "bleeding": {"value": "yes", "date": time.strftime("%Y-%m-%d")},
        "pregnancies": [
            {"outcome": "miscarriage", "ended": "2024-01-19", "gestation": "8w2d"},
            {"outcome": "miscarriage", "ended": "2025-02", "gestation": "unknown"},
        ],
        "medications": [],
        "smoker": "yes",
        "cigarettes": "20",
        "diseases": ["lupus"],
        "words": "先生 said so: “often”",
        "partner": {"smoker": "not done"},
        "tsh": {"value": "2.1 mIU/L", "date": "2026-01", "range": "<4 mIU/L"},
        "lupus": "pending",
        "scan": "unknown",
    }
    assert not case.with_name("case.yaml.part").exists()
    report = " ".join(" ".join(line.split()) for line in shown.shown.split("\n"))
    assert "Work-up · case case" in report
    assert "Recurrent loss" in report
    assert max(len(line.rstrip()) for line in shown.screen.display) <= size[0]


def test_what_is_typed_in_a_list_is_shown_and_fits_or_answers_nothing(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.running.send("unk")
    shown.seen("typed: unk → unknown")
    shown.running.send("empt\r")
    shown.seen("unkempt is not there: write a number or a word of the list")
    assert not case.with_name("case.yaml.part").read_text(encoding="utf-8").count("put")
    shown.type("\x15no\r", "All pregnancies").type("\x03", "Stopped")
    assert shown.ended() == 130
    assert '["put",["bleeding"],{"value":"no"' in case.with_name("case.yaml.part").read_text(encoding="utf-8")


def test_back_over_three_questions_and_changed(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.type("2\r", "All pregnancies").type("2\r", "Drugs").type("2\r", "Does she smoke?").type(
        "2\r", "Which diseases?"
    )
    shown.type(BACK, "Does she smoke?").type(BACK, "Drugs").type(BACK, "All pregnancies").type(
        KEYS["F2"], "Which diseases?"
    )
    shown.type("\x03", "resume with: rsa ask")
    assert shown.ended() == 130
    lines = case.with_name("case.yaml.part").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == '["put",["pregnancies"],"unknown"]'
    assert not case.exists()


def test_interrupted_and_resumed(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.type("2\r", "All pregnancies").type("1\r", "How did it end?").type("1\r", "When did it end?")
    shown.type("2024-0\x03", "resume with: rsa ask")
    assert shown.ended() == 130
    assert stat.S_IMODE(case.with_name("case.yaml.part").stat().st_mode) == 0o600
    shown = Terminal("ask", str(case), "--rules", rules).until("When did it end?")
    assert "Resumed" in shown.shown
    shown.type("2024\r", "Gestation").type("\r", "these are all").type("2\r", "Drugs").type(
        KEYS["F8"], "All answers so far"
    )
    shown.type("2\r", "Saved:")
    assert shown.ended() == 0
    assert held(case)["pregnancies"] == [{"outcome": "miscarriage", "ended": "2024"}]


def test_killed_in_the_middle_of_typing(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.type("2\r", "All pregnancies").type("1\r", "How did it end?").type("2\r", "When did it end?").type(
        "2024-", "2024-"
    )
    shown.running.kill(signal.SIGKILL)
    shown.running.wait()
    shown = Terminal("ask", str(case), "--rules", rules).until("When did it end?")
    shown.type("\x03", "resume with")
    assert shown.ended() == 130


def test_a_closed_terminal_loses_nothing(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.type("2\r", "All pregnancies").type("2\r", "Drugs")
    shown.running.close(force=True)
    text = case.with_name("case.yaml.part").read_text(encoding="utf-8")
    assert text.endswith('["put",["pregnancies"],[]]\n')


def test_a_second_session_is_refused(rules: str, case: Path):
    first = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    second = Terminal("ask", str(case), "--rules", rules).until("another session is asking")
    assert second.ended() == 2
    first.type("\x03", "Stopped")
    assert first.ended() == 130
    assert not case.with_name("case.yaml.part").exists()  # nothing had been answered


def test_a_resized_window(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules, size=(120, 40)).until("Is she bleeding now?")
    shown.running.setwinsize(24, 60)
    shown.screen.resize(24, 60)
    shown.type("2\r", "All pregnancies").type("2\r", "Drugs")
    assert max(len(line.rstrip()) for line in shown.screen.display) <= 60
    shown.running.setwinsize(40, 120)
    shown.screen.resize(40, 120)
    shown.type("2\r", "Does she smoke?").type("1\r", "Cigarettes a day").type("\x03", "Stopped")
    assert shown.ended() == 130


@pytest.mark.parametrize("plain", [False, True], ids=["screen", "plain"])
def test_lines_pasted_together_answer_one_question_only(rules: str, case: Path, plain: bool):
    case.write_text(
        "case: C\nbleeding: no\npregnancies: []\nmedications: []\nsmoker: yes\ndiseases: []\n",
        encoding="utf-8",
    )
    arguments = ["ask", str(case), "--rules", rules, *(["--plain"] if plain else [])]
    shown = Terminal(*arguments).until("Cigarettes a day").until("answers")
    time.sleep(0.2)
    shown.type("20\rnot hers\r9 mIU/L\r", "Several lines came at once: only the first was taken.")
    shown.until("own words?").type("\x03", "Stopped")
    assert shown.ended() == 130
    assert case.with_name("case.yaml.part").read_text(encoding="utf-8").splitlines()[1:] == [
        '["put",["cigarettes"],"20"]'
    ]


def test_a_plain_terminal_gets_lines_only(rules: str, case: Path):
    for how in (["--plain"], []):
        settings = {} if how else {"TERM": "dumb"}
        shown = (
            Terminal("ask", str(case), "--rules", rules, *how, **settings)
            .until("Is she bleeding now?")
            .until("answers")
        )
        shown.type("2\r", "All pregnancies").type("2\r", "Drugs").type("u\r", "Does she smoke?").type(
            "?\r", "Smoking matters."
        )
        shown.type("1\r", "Cigarettes").type("lots\r", "is not a value of cigarettes a day").type(
            "<\r", "Does she smoke?"
        )
        shown.type("\r", "Cigarettes").type("=\r", "smoker: yes").type("2\r", "Saved:")
        assert shown.ended() == 0
        assert "\x1b" not in shown.raw
        assert held(case)["smoker"] == "yes"
        case.unlink()


def test_a_case_is_gone_on_with_and_its_text_stays(rules: str, case: Path, tmp_path: Path):
    text = "# Hers.\r\ncase: C   # an id\r\nsmoker:   # asked by phone\r\npregnancies:\r\n  - {outcome: live_birth}   # 3200 g\r\nnote: |\r\n  Long.\r\n"
    case.write_bytes(b"\xef\xbb\xbf" + text.encode())
    case.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(case)
    shown = Terminal("ask", str(link), "--rules", rules).until("Is she bleeding now?")
    shown.type(KEYS["F2"], "When did it end?").type("2024\r", "Gestation").type("\r", "Drugs").type(
        "\r", "Does she smoke?"
    )
    shown.type("1\r", "Cigarettes a day").type(KEYS["F10"], "Saved:")
    assert shown.ended() == 0
    assert link.is_symlink()
    assert stat.S_IMODE(case.stat().st_mode) == 0o640
    assert case.read_bytes().decode("utf-8") == "\ufeff" + (
        "# Hers.\r\ncase: C   # an id\r\nbleeding: unknown\r\nsmoker: yes   # asked by phone\r\npregnancies:\r\n"
        "  - {outcome: live_birth, ended: 2024}   # 3200 g\r\nnote: |\r\n  Long.\r\n"
    )


def test_a_case_changed_meanwhile_is_not_written_over(rules: str, case: Path):
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    shown.type("2\r", "All pregnancies").type("\x03", "Stopped")
    assert shown.ended() == 130
    case.write_text("case: OTHER\nsmoker: no\n", encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("What shall become of them?")
    shown.type("\r", "Is she bleeding now?").type("\x03", "Stopped")
    assert shown.ended() == 130
    assert case.read_text(encoding="utf-8") == "case: OTHER\nsmoker: no\n"
    assert "bleeding" in case.with_name("case.yaml.part-1").read_text(encoding="utf-8")


def test_a_case_changed_while_it_is_asked_is_not_written_over(rules: str, case: Path):
    case.write_text("case: C\n", encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?")
    case.write_text("case: C\nsmoker: no\n", encoding="utf-8")
    shown.type(KEYS["F2"], "All pregnancies").type(KEYS["F10"], "Saved:")
    assert "case-2.yaml" in shown.shown
    assert shown.ended() == 0
    assert held(case) == {"case": "C", "smoker": "no"}
    assert held(case.with_name("case-2.yaml")) == {"case": "C", "bleeding": "unknown"}


def test_a_journal_of_another_rulebook_stops_nothing_but_itself(rules: str, case: Path):
    lines = [
        '{"format":1,"case":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}',
        '["put",["nothing_known"],"yes"]',
    ]
    case.with_name("case.yaml.part").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("do not fit this case")
    assert shown.ended() == 3
    assert "nothing_known" in shown.shown
    assert "nothing_known" in case.with_name("case.yaml.part").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", '["open","no_such_list"]', "there is no list no_such_list"),
        ("case: C\nlupus: positive\n", '["put",["lupus",3],"negative"]', "there is no such entry"),
    ],
)
def test_a_journal_that_fits_no_more_says_so_and_stays(
    rules: str, case: Path, text: str, line: str, says: str
):
    if text:
        case.write_text(text, encoding="utf-8")
    part = case.with_name("case.yaml.part")
    part.write_text(f'{{"format":1,"case":"{digest_of(text)}"}}\n{line}\n', encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("do not fit this case")
    assert shown.ended() == 3
    assert says in shown.shown
    assert "Traceback" not in shown.shown
    assert line in part.read_text(encoding="utf-8")


def test_a_case_that_needs_fixing_is_not_asked(rules: str, case: Path):
    case.write_text("case: C\ntsh: 2.1\n", encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("needs fixing first")
    assert shown.ended() == 3
    assert "TSH 2.1 has no unit" in shown.shown
    assert [p.name for p in case.parent.glob("case*")] == ["case.yaml"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/dev/zero", "this is no file"),  # which would never end
        (".", "this is a folder"),
        ("none/case.yaml", "there is no folder"),
        ("case.txt", "ends with .yaml"),
        ("-", "ends with .yaml"),
    ],
)
def test_where_no_case_can_stand_nothing_is_asked(rules: str, name: str, says: str):
    shown = Terminal("ask", "--rules", rules, "--", name).until(says)
    assert shown.ended() == 2


def test_the_way_on_is_what_was_typed_at_first(rules: str, tmp_path: Path):
    (tmp_path / "with blanks").mkdir()
    case = tmp_path / "with blanks" / "case.yaml"
    shown = Terminal("ask", str(case), "--rules", rules, "--shortest", "--plain", size=(400, 24)).until(
        "first to last"
    )
    shown.type("\x03", "Stopped")
    shown.until(f"resume with: rsa ask '{case}' --rules {rules} --shortest --plain")
    assert shown.ended() == 130


def test_answers_written_into_a_changed_case_are_not_asked_about_again(rules: str, case: Path):
    Terminal("ask", str(case), "--rules", rules).until("Is she bleeding now?").type(
        "2\r", "All preg"
    ).running.close()
    case.write_text("case: OTHER\nsmoker: no\n", encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("What shall become of them?")
    shown.type("1\r", "All pregnancies").type("\x03", "Stopped")
    assert shown.ended() == 130
    shown = Terminal("ask", str(case), "--rules", rules).until("Resumed").until("All pregnancies")
    assert "What shall become" not in shown.shown
    shown.type(KEYS["F10"], "Saved:")
    assert shown.ended() == 0
    assert held(case) == {
        "case": "OTHER",
        "smoker": "no",
        "bleeding": {"value": "no", "date": time.strftime("%Y-%m-%d")},
    }


def test_the_file_is_named_before_anything_else(rules: str, tmp_path: Path):
    shown = Terminal("assess", "--rules", rules).until("Which file shall hold the case?")
    shown.type(f"{tmp_path}/none/x.yaml\r", "there is no folder")
    shown.running.send("\x15" + f"{tmp_path}/x\r")
    shown.seen("ends with .yaml")
    shown.type(".yaml\r", "Is she bleeding now?").type("2\r", "All pregnancies").type(KEYS["F10"], "Saved:")
    assert shown.ended() == 0
    assert held(tmp_path / "x.yaml")["case"] == "x"
    shown = (
        Terminal("ask", "--rules", rules).until("Which file shall hold the case?").type("\x03", "Stopped.")
    )
    assert shown.ended() == 130


def test_without_a_terminal_it_says_what_else_there_is(rules: str, case: Path):
    import subprocess

    for command in (["ask", str(case)], ["ask"]):
        done = subprocess.run(
            [sys.executable, "-m", "rsa_cli", *command, "--rules", rules],
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 2
        assert "rsa assess FILE" in done.stderr
        assert "rsa new" in done.stderr


def test_orders_in_a_case_are_shown_and_not_obeyed(rules: str, case: Path):
    case.write_text('case: C\nbleeding: no\nwords: "\\e[31mRED\\e]0;owned\\a"\n', encoding="utf-8")
    shown = Terminal("ask", str(case), "--rules", rules).until("All pregnancies")
    shown.type(KEYS["F8"], "RED").type("\x03", "Stopped")
    shown.ended()
    assert "\x1b]0;owned" not in shown.raw
    assert "\x1b[31mRED" not in shown.raw
