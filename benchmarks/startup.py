"""What a start costs: whole processes, timed in turn (A B C, A B C …) and set beside minimal programs.

    python benchmarks/startup.py [--pairs 15]

The programs beside ours are what Typer, PyYAML and Rich cost without any of our code: one that prints a
string, one that loads the same case and prints it as a table. A ratio is one of medians. Nothing here is
a test: a machine that is busy with something else makes every figure worse.

A rulebook that was read is kept; "read anew" is with RSA_CACHE=off, which is about what the very first
start costs. The kept ones of this script are in a folder of its own that goes with it.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CASE = ROOT / "sample_cases" / "antiphospholipid-awaiting.yaml"
TIMES = 6  # how often the larger rulebook holds everything

PRINTS = '''\
import typer

app = typer.Typer()


@app.command()
def main() -> None:
    """Print a string."""
    typer.echo("peer 1.0")


if __name__ == "__main__":
    app()
'''
SHOWS = '''\
from pathlib import Path

import typer
import yaml
from rich.console import Console
from rich.table import Table

app = typer.Typer()


@app.command()
def main(case: Path) -> None:
    """Load a case and print it as a table."""
    table = Table("item", "value")
    for key, value in yaml.load(case.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items():
        table.add_row(str(key), str(value))
    Console().print(table)


if __name__ == "__main__":
    app()
'''


class Run(NamedTuple):
    """One program of a group: its name in the table, its arguments, what it is set beside, the target."""

    name: str
    arguments: list[str]
    beside: int | None = None
    target: float | None = None
    anew: bool = False


def main() -> None:
    """Time every group and print the table."""
    parser = argparse.ArgumentParser(description="What a start costs, beside minimal programs.")
    parser.add_argument("--pairs", type=int, default=15, help="rounds of each group (default 15)")
    pairs = parser.parse_args().pairs
    if pairs < 1:
        parser.error("--pairs must be at least 1")

    compileall.compile_dir(_package(), quiet=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prints, shows = folder / "prints.py", folder / "shows.py"
        prints.write_text(PRINTS, encoding="utf-8")
        shows.write_text(SHOWS, encoding="utf-8")
        size = six_times(ROOT / "rules", folder / "rules")
        rsa, larger, case = _rsa(), str(folder / "rules" / "article"), str(CASE)
        assess = [*rsa, "assess", case]
        groups = [
            [
                Run("python -c pass", ["-c", "pass"]),
                Run("a Typer program that prints a string", [str(prints)]),
                Run("rsa --version", [*rsa, "--version"], beside=1, target=1.2),
            ],
            [
                Run("a Typer program: case → table", [str(shows), case]),
                Run("rsa assess CASE", assess, beside=0, target=1.3),
                Run("rsa assess CASE --format json", [*assess, "--format", "json"], beside=0, target=0.75),
                Run("  rulebook read anew", assess, beside=0, anew=True),
                Run(f"rsa assess CASE, rulebook {TIMES}×", [*assess, "--rules", larger], beside=0),
                Run("  rulebook read anew", [*assess, "--rules", larger], beside=0, anew=True),
            ],
        ]
        print(f"python benchmarks/startup.py --pairs {pairs}")
        print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors; {size}")
        print(f"CASE: {CASE.relative_to(ROOT)}; milliseconds of whole processes, standard output thrown away")
        print()
        print(f"{'':38}{'min':>8}{'median':>8}{'max':>8}{'ratio':>8}{'target':>9}")
        for group in groups:
            for line in _table(group, _timed(group, pairs, folder / "cache")):
                print(line)
            print()


def _package() -> Path:
    """The folder of the package that this interpreter would start."""
    from importlib.util import find_spec

    spec = find_spec("rsa_cli")
    if spec is None or spec.origin is None:
        sys.exit(
            "rsa_cli is not installed here: run `make test` once, then .venv/bin/python benchmarks/startup.py"
        )
    return Path(spec.origin).parent


def _rsa() -> list[str]:
    """The console script as installed beside the interpreter, else the module."""
    script = Path(sys.executable).with_name("rsa")
    return [str(script)] if script.is_file() else ["-m", "rsa_cli"]


def _environment(cache: Path, anew: bool) -> dict[str, str]:
    """As a person's: byte code is kept, nothing is unbuffered, no colours."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "FORCE_COLOR", "COLUMNS", "RSA_CACHE")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, "XDG_CACHE_HOME": str(cache), **({"RSA_CACHE": "off"} if anew else {})}


def _timed(group: list[Run], rounds: int, cache: Path) -> list[list[float]]:
    """The milliseconds of each run of each program, one of each in turn, after one that warms up."""
    environments = [_environment(cache, run.anew) for run in group]
    found: list[list[float]] = [[] for _ in group]
    for run, environment in zip(group, environments, strict=True):
        command = [sys.executable, *run.arguments]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode or (run.name != "python -c pass" and not done.stdout):
            sys.exit(f"{run.name} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    for _ in range(rounds):
        for run, environment, times in zip(group, environments, found, strict=True):
            began = perf_counter()
            subprocess.run(
                [sys.executable, *run.arguments], env=environment, check=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            times.append((perf_counter() - began) * 1000)
    return found


def _table(group: list[Run], found: list[list[float]]) -> list[str]:
    lines = []
    for run, times in zip(group, found, strict=True):
        line = f"{run.name:<38}{min(times):8.0f}{median(times):8.0f}{max(times):8.0f}"
        if run.beside is not None:
            ratio = median(times) / median(found[run.beside])
            line += f"{ratio:7.2f}×"
            if run.target is not None:
                line += f"{f'≤ {run.target}×':>9}  {'kept' if ratio <= run.target else 'MISSED'}"
        lines.append(line)
    return lines


# --- a rulebook of which everything stands there several times -------------------------------------------

_SECTION = re.compile(r"^([a-z]+):[ \t]*(?:#.*)?$", re.MULTILINE)
_ENTRY = re.compile(r"^  ([a-z]\w*):", re.MULTILINE)
_REPEATED = ("items", "investigations", "checks", "rules", "examples")


def six_times(rules: Path, to: Path) -> str:
    """Write `rules` to another folder with every item, rule and investigation under six names.

    By text: in each copy every whole word that is such a name gets a number. Circumstances, statements
    and sources stay single, since copies may share them. Returns how much the result holds; raises
    NeedsFixing where it does not read as a rulebook without problems.
    """
    from rsa_cli.rulebook import read_rulebook

    os.environ["RSA_CACHE"] = "off"  # this process reads to look, not to keep
    topics = {path: _sections(path.read_text(encoding="utf-8")) for path in sorted(rules.glob("*/*.y*ml"))}
    named = {
        name
        for sections in topics.values()
        for section in _REPEATED[:-1]
        for name in _ENTRY.findall(sections.get(section, ""))
    }
    # What is also a choice of a circumstance (hysterosalpingography as a method) is renamed only as a key.
    once = read_rulebook(rules / "article")
    named -= {choice for circumstance in once.circumstances.values() for choice in circumstance.choices}
    word = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(named, key=len, reverse=True))})(?![\w-])")
    for path, sections in topics.items():
        written = to / path.parent.name / path.name
        written.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "rulebook.yaml":
            written.write_bytes(path.read_bytes())
            continue
        text = []
        for section, body in sections.items():
            text.append(f"{section}:\n{body}")
            if section in _REPEATED:
                for copy in range(2, TIMES + 1):
                    renamed = word.sub(rf"\g<0>_{copy}", body)
                    text.append(_ENTRY.sub(lambda m, n=copy: f"  {m[1].removesuffix(f'_{n}')}_{n}:", renamed))
        written.write_text("".join(text), encoding="utf-8")

    often = read_rulebook(to / "article")
    for section in ("rules", "items", "investigations"):
        assert len(getattr(often, section)) == TIMES * len(getattr(once, section)), section
    one, six = (f"{len(book.rules)} rules and {len(book.items)} items" for book in (once, often))
    return f"{one}, {TIMES}×: {six}"


def _sections(text: str) -> dict[str, str]:
    """The text under each top-level key of a rule file, with line breaks at its end."""
    pieces = _SECTION.split(text)
    return {
        section: body.strip("\n") + "\n" for section, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }


if __name__ == "__main__":
    main()
