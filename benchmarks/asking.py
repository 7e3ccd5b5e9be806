"""What an answer costs: from a key press to the next question, in a real pseudo-terminal.

    python benchmarks/asking.py [--answers 60]

Beside it stands a bare questionary prompt that writes each answer to a file on the same disk and syncs
it. Both are asked in turn, in one run each round, and timed from the key press until the words of the
next question have arrived. Nothing here is a test: a busy machine makes every figure worse.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import pexpect
import rsa_cli
from rsa_cli.rulebook import read_rulebook

TARGET = 2.0
BARE = """\
import os
import sys

import questionary

with open(sys.argv[1], "ab", buffering=0) as file:
    for number in range(int(sys.argv[2])):
        answer = questionary.text(f"question {number} stands here").unsafe_ask()
        file.write(f"{answer}\\n".encode())
        os.fsync(file.fileno())
print("the end")
"""


def main() -> None:
    """Time both and print the table."""
    parser = argparse.ArgumentParser(description="What an answer costs, beside a bare questionary prompt.")
    parser.add_argument("--answers", type=int, default=60, help="answers timed in each round (default 60)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    wanted = parser.parse_args()
    if wanted.answers < 5 or wanted.rounds < 1:
        parser.error("--answers must be at least 5, --rounds at least 1")

    compileall.compile_dir(Path(rsa_cli.__file__).parent, quiet=1)
    book = read_rulebook()
    print(f"python benchmarks/asking.py --answers {wanted.answers} --rounds {wanted.rounds}")
    print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors; "
          f"rulebook {book.name}: {len(book.rules)} rules, {len(book.items)} items")  # fmt: skip
    print("milliseconds from the key press to the next question\n")
    found: dict[str, list[float]] = {"a bare prompt": [], "rsa ask": [], "rsa ask --shortest": []}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:  # on the disk that cases are on
        folder = Path(name)
        bare = folder / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        for number in range(wanted.rounds):
            found["a bare prompt"] += _bare(bare, folder / f"bare{number}", wanted.answers)
            found["rsa ask"] += _asked([str(folder / f"case{number}.yaml")], wanted.answers, folder)
            shortest = [str(folder / f"short{number}.yaml"), "--shortest"]
            found["rsa ask --shortest"] += _asked(shortest, wanted.answers, folder)
    print(f"{'':24}{'number':>8}{'median':>8}{'95th':>8}{'max':>8}{'ratio of 95th':>16}")
    beside = _at(found["a bare prompt"], 0.95)
    for what, times in found.items():
        ratio = _at(times, 0.95) / beside
        line = f"{what:24}{len(times):8}{_at(times, 0.5):8.1f}{_at(times, 0.95):8.1f}{max(times):8.1f}{ratio:15.2f}×"
        if what != "a bare prompt":
            line += f"  ≤ {TARGET:g}×  {'kept' if ratio <= TARGET else 'MISSED'}"
        print(line)


def _at(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def _spawn(arguments: list[str], folder: Path) -> Any:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "RSA_CACHE", "PYTHONDONTWRITEBYTECODE")
    }
    environment |= {
        "TERM": "xterm-256color",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }
    return pexpect.spawn(
        sys.executable, arguments, env=environment, timeout=30, encoding="utf-8", dimensions=(24, 80)
    )


def _bare(script: Path, to: Path, answers: int) -> list[float]:
    running = _spawn([str(script), str(to), str(answers + 1)], script.parent)
    running.delaybeforesend = None
    times = []
    running.expect("question 0 stands here")
    for number in range(1, answers + 1):
        began = perf_counter()
        running.send("n\r")
        running.expect(f"question {number} stands here")
        times.append((perf_counter() - began) * 1000)
    running.close(force=True)
    return times


def _asked(arguments: list[str], answers: int, folder: Path) -> list[float]:
    """Answer one question after the other: yes or not done, where that is an answer, else leave it open."""
    running = _spawn(["-m", "rsa_cli", "ask", *arguments], folder)
    running.delaybeforesend = None
    times: list[float] = []
    asks = r"Enter: | 0\) |What now\?"  # once in each question
    running.expect(asks)
    for _ in range(answers):
        if "What now?" in running.after:
            break
        key = "\x1bOR" if "F3" in running.before else "\r"
        if running.expect([r" 1\) yes", pexpect.TIMEOUT], timeout=0.1) == 0:
            key = "1\r"
        began = perf_counter()
        running.send(key)
        running.expect(asks)
        times.append((perf_counter() - began) * 1000)
    running.close(force=True)
    return times


if __name__ == "__main__":
    main()
