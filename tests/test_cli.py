"""The command line: exit statuses, what goes to which stream, and what it loads to get there."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

import pytest
from rsa_cli import __main__, __version__
from rsa_cli import commands as doing
from rsa_cli.cli import app
from rsa_cli.problems import NeedsFixing
from rsa_cli.rulebook import read_rulebook, rules_folder
from typer.main import get_command
from typer.testing import CliRunner, Result

ROOT = Path(__file__).parents[1]
CASES = sorted((ROOT / "sample_cases").glob("*.yaml"))
CASE = str(ROOT / "sample_cases" / "antiphospholipid-awaiting.yaml")
FINDING = "antiphospholipid_syndrome"
DONE, WRONG_USAGE, NEEDS_FIXING, INTERRUPTED = 0, 2, 3, 130
BROKEN = "case: BROKEN\nas_of: 2026-03-01\ntsh: 2.1 furlongs\nkaryotpye: normal\n"
EVERY_COMMAND = {
    "assess": ["assess", CASE],
    "explain": ["explain", CASE, FINDING],
    "schema": ["schema", "assessment"],
}
ON_A_CASE = {"assess": ["assess"], "json": ["assess", "--format", "json"], "explain": ["explain"]}
# What the person running the tests has set must not decide them.
UNSET = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONHASHSEED", "PYTHONIOENCODING", "RSA_CACHE")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def rsa(*arguments: str, text: str | None = None) -> Result:
    """The command line in this process. A mistake of the program is raised, not swallowed."""
    return CliRunner().invoke(app, arguments, input=text, catch_exceptions=False)


def process(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, with its streams captured unless said otherwise."""
    return started("-m", "rsa_cli", *arguments, **more)


def python(code: str, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Code of a test in a process of its own, with the arguments of a command line."""
    return started("-c", code, *arguments, **more)


def started(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more.pop("env", {})}
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, encoding="utf-8", timeout=30, check=False, **streams)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    return str(path)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook's folder, to be broken."""
    shutil.copytree(rules_folder(), tmp_path / "rules")
    return tmp_path / "rules" / "article"


# --- 0: done -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.stem)
def test_the_status_never_depends_on_the_patient(case: Path):
    done = rsa("assess", str(case))
    assert (done.exit_code, done.stderr) == (DONE, "")
    assert "Supports review by a clinician. Not a diagnosis." in done.stdout


def test_json_is_one_object_and_the_report_of_the_same_case():
    done = rsa("assess", CASE, "--format", "json")
    assert (done.exit_code, done.stderr) == (DONE, "")
    assert json.loads(done.stdout)["case"]["id"] == "APS-AWAITING"


def test_explain_shows_the_proof_of_one_finding():
    done = rsa("explain", CASE, FINDING)
    assert (done.exit_code, done.stderr) == (DONE, "")
    assert "Antiphospholipid syndrome" in done.stdout
    assert "criteria" in done.stdout


def test_the_schema_is_json():
    done = rsa("schema", "assessment")
    assert (done.exit_code, done.stderr) == (DONE, "")
    assert json.loads(done.stdout)["type"] == "object"


@pytest.mark.parametrize("command", [["assess"], ["explain"]], ids=["assess", "explain"])
def test_remarks_go_to_standard_error(command: list[str], tmp_path: Path):
    case = tmp_path / "undated.yaml"
    case.write_text("case: UNDATED\npregnancies: []\n", encoding="utf-8")
    done = rsa(*command, str(case), *([FINDING] if command == ["explain"] else []))
    assert done.exit_code == DONE
    assert "UNDATED" in done.stdout
    assert "remark: no day of judgement" in done.stderr
    assert "remark:" not in done.stdout


def test_as_of_decides_the_day_over_the_case():
    done = rsa("assess", CASE, "--as-of", "2026-02-01")
    assert done.exit_code == DONE
    assert "as of 2026-02-01" in done.stdout
    assert "after the day of judgement" in done.stderr
    assert "as of 2026-03-01" in rsa("assess", CASE).stdout


def test_a_case_comes_through_standard_input():
    text = Path(CASE).read_text(encoding="utf-8")
    assert rsa("assess", "-", text=text).stdout == rsa("assess", CASE).stdout
    done = rsa("assess", "-", "--format", "json", text=text)
    assert done.exit_code == DONE
    assert json.loads(done.stdout)["case"]["file"] == "standard input"


def test_a_case_comes_through_a_real_pipe():
    done = process("assess", "-", stdin=None, input=Path(CASE).read_text(encoding="utf-8"))
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "case APS-AWAITING" in done.stdout


def test_the_rulebook_may_be_a_folder(rules: Path):
    manifest = rules / "rulebook.yaml"
    manifest.write_text(
        manifest.read_text(encoding="utf-8").replace("name: article", "name: ours"), encoding="utf-8"
    )
    done = rsa("assess", CASE, "--rules", str(rules))
    assert done.exit_code == DONE
    assert "rulebook ours" in done.stdout


# --- 3: a file needs fixing ----------------------------------------------------------------------


@pytest.mark.parametrize("command", ON_A_CASE.values(), ids=list(ON_A_CASE))
def test_a_case_with_problems_is_not_judged(command: list[str], broken: str):
    done = rsa(*command, broken, *([FINDING] if command == ["explain"] else []))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert f"{broken}:3:6: " in done.stderr
    assert f"{broken}:4:1: " in done.stderr
    assert "did you mean karyotype?" in done.stderr
    assert "    4 | karyotpye: normal\n      | ^^^^^^^^^\n" in done.stderr
    assert done.stderr.endswith("2 problems in 1 file: nothing was judged.\n")


def test_a_case_with_problems_is_not_judged_from_standard_input():
    done = rsa("assess", "-", text=BROKEN)
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert "standard input:3:6: " in done.stderr


def test_with_problems_nothing_is_written(broken: str, tmp_path: Path):
    assert rsa("assess", broken, "--output", str(tmp_path / "report.txt")).exit_code == NEEDS_FIXING
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.yaml"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing.yaml", "there is no such file"), (".", "this is a folder, not a case file")],
    ids=["missing", "folder"],
)
@pytest.mark.parametrize("command", ON_A_CASE.values(), ids=list(ON_A_CASE))
def test_no_case_there(command: list[str], name: str, says: str, tmp_path: Path):
    done = rsa(*command, str(tmp_path / name), *([FINDING] if command == ["explain"] else []))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert says in done.stderr


def test_an_unknown_rulebook_names_the_nearest():
    done = rsa("assess", CASE, "--rules", "artcle")
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert "there is no such rulebook" in done.stderr
    assert "did you mean article?" in done.stderr


def test_a_folder_that_is_no_rulebook(tmp_path: Path):
    done = rsa("assess", CASE, "--rules", str(tmp_path))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert f"{tmp_path / 'rulebook.yaml'}: there is no such file" in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [", "new.yaml:"),
        ("rulez: {}", "did you mean rules?"),
        ("rules: {odd: {finding: Odd, kind: reminder, says: Odd, rests_on: [S-E01], when: thc is high}}",
         "there is no item 'thc'"),
    ],
    ids=["syntax", "section", "name"],
)  # fmt: skip
def test_a_broken_rulebook_judges_nothing(text: str, says: str, rules: Path):
    (rules / "new.yaml").write_text(text + "\n", encoding="utf-8")
    done = rsa("assess", CASE, "--rules", str(rules))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert f"{rules / 'new.yaml'}:" in done.stderr
    assert says in done.stderr


def test_a_rulebook_file_that_cannot_be_read_is_a_problem_with_its_name(rules: Path):
    (rules / "topic.yaml").mkdir()
    done = rsa("assess", CASE, "--rules", str(rules))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert str(rules / "topic.yaml") in done.stderr


def test_an_empty_manifest_is_a_problem_of_that_file(rules: Path):
    (rules / "rulebook.yaml").write_text("\n", encoding="utf-8")
    done = rsa("assess", CASE, "--rules", str(rules))
    assert (done.exit_code, done.stdout) == (NEEDS_FIXING, "")
    assert str(rules / "rulebook.yaml") in done.stderr


# --- 2: wrong usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["asess", CASE], "asess"),
        (["assess"], "name a case file"),
        (["assess", CASE, "--fromat", "json"], "--fromat"),
        (["assess", CASE, "--format", "jsn"], "did you mean json?"),
        (["assess", CASE, "--format", "xyzzy"], "json, terminal"),
        (["assess", CASE, "--format", "_words"], "there is no format '_words'"),
        (["assess", CASE, "--format", "../cli"], "there is no format '../cli'"),
        (["assess", CASE, "--format"], "--format"),
        (["assess", CASE, "--as-of", "2026-02-30"], "--as-of '2026-02-30' is not a day: write 2026-03-01"),
        (["assess", CASE, "--as-of", "2026-02"], "--as-of '2026-02' is not a day"),
        (["assess", CASE, "--as-of", "01.03.2026"], "is not a day"),
        (["assess", CASE, "--as-of", "soon"], "is not a day"),
        (["assess", CASE, CASE], "unexpected extra argument"),
        (["explain", CASE], "FINDING"),
        (["explain", CASE, "antiphospholipid_syndrom"], "did you mean antiphospholipid_syndrome"),
        (["explain", CASE, "xyzzy"], "one of "),
        (["explain", CASE, FINDING, "--as-of", "soon"], "is not a day"),
        (["schema", "xyzzy"], "xyzzy"),
    ],
    ids=lambda v: " ".join(v).replace(CASE, "CASE") if isinstance(v, list) else "",
)
def test_wrong_usage(arguments: list[str], says: str):
    done = rsa(*arguments)
    assert (done.exit_code, done.stdout) == (WRONG_USAGE, "")
    assert says in " ".join(done.stderr.split())


@pytest.mark.parametrize("arguments", [[], ["schema"]], ids=["rsa", "rsa schema"])
def test_without_a_command_the_help_is_shown(arguments: list[str]):
    done = rsa(*arguments)
    assert done.exit_code == WRONG_USAGE
    assert "Usage: rsa" in done.output


def test_wrong_usage_is_noticed_before_the_case_is_read(tmp_path: Path):
    missing = str(tmp_path / "missing.yaml")
    assert rsa("assess", missing, "--format", "jsn").exit_code == WRONG_USAGE
    assert rsa("assess", missing, "--as-of", "soon").exit_code == WRONG_USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ["assess", CASE, "--format"],
        ["assess", CASE, "--as-of"],
        ["assess", CASE, "--rules"],
        ["explain", CASE],
        ["assess"],
    ],
    ids=["format", "as-of", "rules", "finding", "case"],
)
def test_escapes_in_an_argument_are_inert(arguments: list[str]):
    done = rsa(*arguments, "\x1b[31mred")
    assert done.exit_code in (WRONG_USAGE, NEEDS_FIXING)
    assert "\\x1b[31mred" in done.stderr
    assert "\x1b" not in done.output


# --- --output ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["assess", CASE], ["assess", CASE, "-f", "json"], ["explain", CASE, FINDING]],
                         ids=list(ON_A_CASE))  # fmt: skip
def test_output_holds_what_would_have_been_shown(command: list[str], tmp_path: Path):
    path = tmp_path / "report.out"
    path.write_text("an older and very much longer report\n" * 1000, encoding="utf-8")
    done = rsa(*command, "--output", str(path))
    assert (done.exit_code, done.stdout, done.stderr) == (DONE, "", "")
    assert path.read_bytes() == rsa(*command).stdout_bytes
    assert [p.name for p in tmp_path.iterdir()] == ["report.out"]


@pytest.mark.parametrize("where", ["none/report.txt", ".", "file/report.txt"])
def test_output_where_nothing_can_be_written(where: str, tmp_path: Path):
    (tmp_path / "file").touch()
    done = rsa("assess", CASE, "--output", str(tmp_path / where))
    assert (done.exit_code, done.stdout) == (WRONG_USAGE, "")
    assert done.stderr.startswith("rsa: cannot write ")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert not list(tmp_path.parent.glob("*.part"))


@pytest.mark.parametrize("where", ["", "/", ".."])
def test_output_that_is_no_file_name(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = rsa("assess", CASE, "--output", where)
    assert (done.exit_code, done.stdout) == (WRONG_USAGE, "")
    assert "it is a folder" in done.stderr


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "report.txt"
    path.write_text("older", encoding="utf-8")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    done = rsa("assess", CASE, "--output", str(path))
    assert (done.exit_code, done.stdout) == (WRONG_USAGE, "")
    assert "No space left on device" in done.stderr
    assert path.read_text(encoding="utf-8") == "older"
    assert [p.name for p in tmp_path.iterdir()] == ["report.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_output_to_a_pipe_writes_into_it_and_does_not_replace_it(tmp_path: Path):
    # A device is the same; replaced with the rights of an administrator, it would be gone.
    path = tmp_path / "pipe"
    os.mkfifo(path)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = rsa("assess", CASE, "--output", str(path))
        assert stat.S_ISFIFO(path.stat().st_mode)
        assert done.exit_code == DONE
        assert os.read(end, 1 << 20) == rsa("assess", CASE).stdout_bytes
    finally:
        os.close(end)


# --- streams of a process ------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is of Linux")
@pytest.mark.parametrize("arguments", [["assess", CASE], ["--version"]], ids=["assess", "version"])
def test_a_full_disk_is_said_without_a_traceback(arguments: list[str]):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = process(*arguments, stdout=full)
    assert done.returncode == WRONG_USAGE
    assert done.stderr == "rsa: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [["assess", CASE], ["--version"]], ids=["assess", "version"])
def test_a_reader_who_has_gone_is_no_mistake(arguments: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process(*arguments, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (DONE, "")


def test_a_closed_standard_output_is_said_without_a_traceback():
    command = shlex.join([sys.executable, "-m", "rsa_cli", "assess", CASE])
    done = subprocess.run(
        f"{command} >&-", shell=True, capture_output=True, encoding="utf-8", timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (
        WRONG_USAGE,
        "rsa: cannot write to standard output: it is closed\n",
    )


def test_an_encoding_that_lacks_the_signs_gets_utf_8():
    done = process("assess", CASE, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "★" in done.stdout


def test_interrupted_while_it_waits_for_the_case():
    command = [sys.executable, "-m", "rsa_cli", "assess", "-"]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin is not None
    with running:
        try:
            # Far more than a pipe holds: once it is written, the program is reading; a moment later it waits.
            running.stdin.write(b"# a long case\n" * 40_000)
            running.stdin.flush()
            sleep(0.5)
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == INTERRUPTED
        finally:
            running.kill()
        assert running.stdout is not None
        assert running.stderr is not None
        assert (running.stdout.read(), running.stderr.read()) == (b"", b"")


def test_interrupted_while_modules_are_read(monkeypatch: pytest.MonkeyPatch):
    class Interrupts:
        def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
            if name == "rsa_cli.commands":
                raise KeyboardInterrupt
            return None

    monkeypatch.delitem(sys.modules, "rsa_cli.commands")
    monkeypatch.setattr(sys, "meta_path", [Interrupts(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == INTERRUPTED


# --- what a process shows ------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["", "FORCE_COLOR=1", "NO_COLOR=1", "TERM=dumb", "COLORTERM=truecolor"])
def test_what_is_piped_has_no_escapes(settings: str, monkeypatch: pytest.MonkeyPatch):
    if settings:
        monkeypatch.setenv(*settings.split("="))
    done = rsa("explain", CASE, FINDING) if settings == "FORCE_COLOR=1" else rsa("assess", CASE)
    assert done.exit_code == DONE
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        ("60", 60),
        ("80", 80),
        ("120", 120),
        ("140", 140),
        ("1000", 140),
        ("5", 40),
        ("", 80),
        ("wide", 80),
        ("-3", 80),
    ],
)
def test_columns_decide_the_width_of_what_is_piped(columns: str, width: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns)
    longest = max(map(len, rsa("assess", CASE, "--all").stdout.splitlines()))
    assert width - 12 < longest <= width


SEVERAL = """
import sys
from itertools import groupby
from rsa_cli.cli import app

for separates, words in groupby(sys.argv[1:], "next".__eq__):
    if not separates:
        app(list(words), standalone_mode=False)
"""


def test_the_same_input_gives_the_same_bytes():
    """Whatever the order of sets in a process."""
    runs = [["assess", CASE, "--all"], ["assess", CASE, "-f", "json"], ["explain", CASE, FINDING]]
    words = [word for run in runs for word in ("next", *run)]
    first, second = (python(SEVERAL, *words, env={"PYTHONHASHSEED": seed}) for seed in ("1", "2"))
    assert (first.returncode, first.stderr) == (DONE, "")
    assert first.stdout == "".join(rsa(*run).stdout for run in runs)
    assert first.stdout == second.stdout


def test_a_rulebook_that_was_kept_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def answers() -> list[str]:
        return [rsa("assess", str(case), "-f", "json").output for case in CASES]

    monkeypatch.setenv("RSA_CACHE", "off")
    without = answers()
    monkeypatch.delenv("RSA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert answers() == without
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert "APS-AWAITING" not in path.read_text(encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    assert rsa("assess", str(CASES[0]), "-f", "json").output == without[0]
    monkeypatch.setenv("XDG_CACHE_HOME", CASE)  # a file, so nothing can be kept
    assert rsa("assess", str(CASES[0]), "-f", "json").output == without[0]


def test_the_current_folder_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here = rsa("assess", CASE)
    monkeypatch.chdir(tmp_path)
    assert rsa("assess", CASE).output == here.output


@pytest.mark.parametrize("name", ["article", "rules", "shared", "_rules"])
def test_a_folder_named_as_the_rulebook_is_not_taken_for_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = rsa("assess", CASE)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / name
    folder.mkdir()
    (folder / "rulebook.yaml").write_text("name: other\nversion: '1'\ntitle: Another\n", encoding="utf-8")
    assert rsa("assess", CASE).output == here.output
    assert read_rulebook("article").name == "article"
    if name == "shared":
        with pytest.raises(NeedsFixing, match="there is no such rulebook"):
            read_rulebook("share")


def test_a_folder_of_rules_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("article", "ours"):
        (tmp_path / folder).mkdir()
        manifest = f"name: of {folder}\nversion: '1'\ntitle: Another\n"
        (tmp_path / folder / "rulebook.yaml").write_text(manifest, encoding="utf-8")
    assert read_rulebook("./article").name == "of article"
    assert read_rulebook("ours").name == "of ours"
    assert read_rulebook(Path("article")).name == "of article"


def test_it_starts_as_a_module_and_as_a_script(tmp_path: Path):
    script = Path(sys.executable).with_name("rsa")
    assert script.is_file(), "install the program into this environment: make test does"
    as_script = subprocess.run(
        [script, "--version"], cwd=tmp_path, capture_output=True, timeout=30, check=True
    )
    as_module = process("--version", cwd=tmp_path)
    assert as_script.stdout.decode() == as_module.stdout == f"rsa {__version__}\n"


@pytest.mark.parametrize("words", [["-o", "x" * 300], ["--output=" + "x" * 300]], ids=["plainly", "by Typer"])
def test_a_name_that_no_file_can_have_is_said(words: list[str]):
    done = process("assess", CASE, *words)
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert "cannot write" in done.stderr


# --- what is typed plainly needs no Typer ---------------------------------------------------------

PLAIN = [
    "case.yaml", "-", "'./a case.yaml'", "case.yaml -f json", "-f json case.yaml", "--format json -o out.json case.yaml",
    "case.yaml --all", "-a case.yaml --management", "case.yaml --without-partner --as-of 2026-03-01 --rules my-rules",
    "case.yaml --output out.txt", "case.yaml -o -",
]  # fmt: skip
NOT_PLAIN = [
    "", "--help", "case.yaml --help", "case.yaml --colour", "case.yaml other.yaml", "case.yaml -f", "-f json",
    "case.yaml -f json -f terminal", "case.yaml --format=json", "case.yaml -fjson", "-am case.yaml", "-- case.yaml",
    "case.yaml -o --all", "*.yaml", "~/case.yaml", "case.yaml -o ''", "''",
]  # fmt: skip
ASSESS = inspect.signature(doing.assess)


def as_typer_reads(words: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `assess` is called with, by the names of its options; those at their defaults are left out."""
    called: list[dict[str, Any]] = []

    def records(*given: Any, **named: Any) -> None:
        called.append(dict(ASSESS.bind(*given, **named).arguments))

    monkeypatch.setattr(doing, "assess", records)
    done = CliRunner().invoke(app, ["assess", *words])
    assert (done.exit_code, len(called)) == (DONE, 1), done.output
    return {k: v for k, v in called[0].items() if v != ASSESS.parameters[k].default}


@pytest.mark.parametrize("line", PLAIN)
def test_what_is_plain_is_read_as_typer_reads_it(line: str, monkeypatch: pytest.MonkeyPatch):
    assert doing.typed(shlex.split(line)) == as_typer_reads(shlex.split(line), monkeypatch)


@pytest.mark.parametrize("line", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_typer(line: str):
    assert doing.typed(shlex.split(line)) is None


def test_what_may_not_be_read_is_said_by_the_reader():
    """In words of its own: Typer looks at no file first, whatever the command."""
    looked_at = {
        (name, o.name)
        for name, command in get_command(app).commands.items()
        for o in command.params
        if getattr(o.type, "readable", False)
    }
    assert looked_at == set()


def test_every_option_of_assess_may_be_typed_plainly(monkeypatch: pytest.MonkeyPatch):
    command = get_command(app).commands["assess"]
    options = [o for o in command.params if o.name not in ("case", "help")]
    assert {o.name for o in options} == set(ASSESS.parameters) - {"case"}
    for option in options:
        for word in option.opts:
            words = [word, "case.yaml"] if option.is_flag else [word, "some", "case.yaml"]
            assert doing.typed(words) == as_typer_reads(words, monkeypatch), word


@pytest.mark.parametrize("words", [["assess"], ["explain", "case.yaml"], ["--version"], []])
def test_nothing_is_done_for_what_is_not_plain(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert not doing.plainly(words)
    assert capsys.readouterr() == ("", "")


# --- help ----------------------------------------------------------------------------------------


def commands(typer_app: Any = app, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command there is, with the words it is called by."""
    for command in typer_app.registered_commands:
        yield (*path, command.name or command.callback.__name__), command
    for group in typer_app.registered_groups:
        yield from commands(group.typer_instance, (*path, group.name))


def examples(text: str) -> list[list[str]]:
    """The command lines after *For instance*, as words; what a shell would do with them is left out."""
    lines = text.partition("For instance:")[2].split(" or ")
    return [shlex.split(re.split("[<>]", line)[0]) for line in lines if line.strip()]


def test_help_names_every_command():
    shown = rsa("--help")
    assert shown.exit_code == DONE
    assert "Supports review by a clinician" in shown.stdout
    assert len(list(commands())) >= 3
    for path, _ in commands():
        assert re.search(rf"^│ {path[0]} ", shown.stdout, re.MULTILINE), path
        if path[1:]:
            assert re.search(rf"^│ {path[1]} ", rsa(path[0], "--help").stdout, re.MULTILINE), path


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_help_of_a_command_has_an_example_of_it(path: tuple[str, ...]):
    shown = rsa(*path, "--help")
    assert shown.exit_code == DONE
    found = examples(" ".join(shown.stdout.split()))
    assert found
    assert any(words[: len(path) + 1] == ["rsa", *path] for words in found)


@pytest.mark.parametrize(
    "words",
    examples(app.info.epilog or "")
    + [words for _, command in commands() for words in examples(command.epilog or "")],
    ids=" ".join,
)
def test_an_example_of_the_help_works(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(CASE, tmp_path / "case.yaml")
    (tmp_path / "cases").mkdir()
    shutil.copy(CASE, tmp_path / "cases" / "case.yaml")
    (tmp_path / "my-rules").mkdir()
    mine = "{name: mine, version: '1', title: Mine}"
    (tmp_path / "my-rules" / "rulebook.yaml").write_text(mine, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert words[0] == "rsa"
    if words[1] == "ask":
        pytest.skip("asks, and so needs a terminal: test_ask_terminal.py")
    if words[1:] == ["rules", "check"]:
        pytest.skip("checks the whole rulebook, which takes its time: test_check.py")
    done = rsa(*words[1:], text=Path(CASE).read_text(encoding="utf-8"))
    if words[1:3] == ["rules", "check"]:  # this one holds no rule
        assert (done.exit_code, "there is no rule in this rulebook" in done.output) == (1, True)
        return
    assert done.exit_code == DONE
    # Of a batch the summary stands there.
    assert "1 case: 1 judged" in done.stderr if words[1] == "batch" else done.stderr == ""


# --- a patient's values --------------------------------------------------------------------------

MISTAKEN = """
import sys
import rsa_cli.assess

def mistaken(source, *rest, **named):
    secret = "".join(source.lines)
    raise RuntimeError(f"a mistake after {len(secret)} characters")

rsa_cli.assess.read_and_assess = mistaken
sys.argv[0] = "rsa"
from rsa_cli.__main__ import main
main()
"""


def test_a_mistake_of_the_program_shows_no_value_of_the_patient(tmp_path: Path):
    case = tmp_path / "case.yaml"
    case.write_text("case: SECRET-4711\n", encoding="utf-8")
    done = python(MISTAKEN, "assess", str(case))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" in done.stderr
    assert "RuntimeError: a mistake after 17 characters" in done.stderr
    assert "SECRET" not in done.stderr
    assert app.pretty_exceptions_show_locals is False


# --- what is loaded ------------------------------------------------------------------------------

LOADED = """
import atexit, sys
atexit.register(lambda: print("LOADED", *sys.modules, file=sys.stderr))
sys.argv[0] = "rsa"
from rsa_cli.__main__ import main
main()
"""
DECIDING = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print("LOADED", *sys.modules, file=sys.stderr)
"""
DRAWING = {"rich", "questionary", "prompt_toolkit", "pydantic"}


@cache
def loaded(code: str, *arguments: str) -> set[str]:
    done = python(code, *arguments)
    assert done.returncode == DONE, done.stderr
    return set(done.stderr.rpartition("LOADED ")[2].split())


def top(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_version_loads_next_to_nothing():
    modules = loaded(LOADED, "--version")
    ours = {name for name in modules if name.partition(".")[0] == "rsa_cli"}
    assert ours == {"rsa_cli", "rsa_cli.__main__", "rsa_cli.commands", "rsa_cli.cli"}
    assert top(modules) & (DRAWING | {"yaml", "hashlib", "json"}) == set()


def test_json_loads_nothing_that_draws():
    modules = loaded(LOADED, "assess", CASE, "--format", "json")
    assert "rsa_cli.renderers.json" in modules
    assert "rsa_cli.renderers.terminal" not in modules
    assert top(modules) & (DRAWING | {"typer"}) == set()


@pytest.mark.parametrize("arguments", EVERY_COMMAND.values(), ids=list(EVERY_COMMAND))
def test_no_command_loads_the_questionnaire(arguments: list[str]):
    assert top(loaded(LOADED, *arguments)) & (DRAWING - {"rich"}) == set()


def test_what_decides_knows_no_terminal():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    floors = [name for layer in layers["layers"] for name in layer.split(" | ")]
    deciding = [f"rsa_cli.{name}" for name in floors[floors.index("assess") :]]
    assert {"rsa_cli.assess", "rsa_cli.engines", "rsa_cli.source", "rsa_cli.problems"} <= set(deciding)
    modules = loaded(DECIDING, *deciding, "rsa_cli.engines.reference")
    assert set(deciding) <= modules
    assert top(modules) & (DRAWING | {"typer", "click"}) == set()


def test_the_guard_on_modules_would_notice():
    assert "rich" in top(loaded(LOADED, "assess", CASE))
    assert "typer" in top(loaded(LOADED, "--version"))


def test_the_module_under_test_is_the_one_that_processes_start():
    shown = python("import rsa_cli; print(rsa_cli.__file__)").stdout.strip()
    assert isinstance(__main__, ModuleType)
    assert Path(shown).parent == Path(__main__.__file__ or "").parent
