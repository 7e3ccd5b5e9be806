"""CONTRIBUTING.md is run to the letter: its files are written, its commands run, its output compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
# In the order of the page: a file and its text, or a command and lines of what it prints.
STEPS = re.findall(
    r"^`(?P<file>\S+\.yaml)`\n\n```yaml\n(?P<text>.*?)^```$"
    r"|^```sh\n(?P<command>[^\n]*)\n```\n\n```text\n(?P<lines>.*?)^```$",
    PAGE,
    re.MULTILINE | re.DOTALL,
)


def test_every_block_of_the_page_is_run():
    files = sum(bool(file) for file, *_ in STEPS)
    commands = [shlex.split(command) for _, _, command, _ in STEPS if command]
    assert PAGE.count("```yaml\n") == files == 4
    assert PAGE.count("```sh\n") == PAGE.count("```text\n") == len(commands)
    assert PAGE.count("```") == 2 * files + 4 * len(commands)
    run = {tuple(words[:3]) if words[1] == "rules" else tuple(words[:2]) for words in commands}
    assert run == {("rsa", "rules", "check"), ("rsa", "rules", "show"), ("rsa", "assess"), ("rsa", "explain")}


def test_the_page_opens_with_adding_a_rule_in_five_lines():
    title, opening, *_ = PAGE.split("\n\n")
    assert title == "# Contributing"
    assert opening.startswith("To add a rule")
    assert len(opening.splitlines()) == 5


def test_the_walk(tmp_path: Path):
    for file, text, command, lines in STEPS:
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text, encoding="utf-8")
            continue
        done = rsa(shlex.split(command)[1:], tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
        printed = [line.strip() for line in done.stdout.splitlines()]
        for line in lines.splitlines():
            assert line.strip(), command
            assert any(line.strip() in found for found in printed), f"{command} does not print {line!r}"


def rsa(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The program as a reader of the page would run it: 80 columns, its cache of rulebooks at work."""
    environment = {key: value for key, value in os.environ.items() if key not in ("RSA_CACHE", "COLUMNS")}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "rsa_cli", *arguments],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
