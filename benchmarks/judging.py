"""What judging costs, inside one process, for each sample case beside the plain loading of its file.

    python benchmarks/judging.py [--repeat 200]

* `load`: yaml.load(text, CSafeLoader), without places or checks: the yardstick;
* `read`: the file's bytes to a case, by the dictionary;
* `judge`: every rule by the reference engine over fresh evidence, with the verdict on every part kept;
* `reasons`: checks, verdicts, their reasons in words and the checklist, but not what would settle;
* `all`: everything from bytes to assessment, with what would settle each open finding.

The rulebook is read once and not counted; benchmarks/startup.py counts it. Figures are medians.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import rsa_cli
import yaml
from rsa_cli import assess as assessing
from rsa_cli.assess import assess, read_and_assess
from rsa_cli.case import read_case
from rsa_cli.engines.reference import judge
from rsa_cli.evidence import Evidence
from rsa_cli.rulebook import Rulebook, read_rulebook
from rsa_cli.settle import Settled
from rsa_cli.source import read_bytes

ROOT = Path(__file__).resolve().parents[1]
ALMOST_EMPTY = "two-losses"
TARGET = 4.0
FAR = 10**6  # a day no date of a case lies after
STARTS = 15


class Figures(NamedTuple):
    """Medians for one case, in milliseconds."""

    load: float
    read: float
    judge: float
    reasons: float
    all: float


def main() -> None:
    """Measure every sample case and print the table."""
    parser = argparse.ArgumentParser(description="What judging costs, beside the loading of the same file.")
    parser.add_argument("--repeat", type=int, default=200, help="repetitions of each figure (default 200)")
    repeat = parser.parse_args().repeat
    if repeat < 1:
        parser.error("--repeat must be at least 1")

    os.environ["RSA_CACHE"] = "off"  # this process reads to look, not to keep
    rulebook = read_rulebook()
    paths = sorted((ROOT / "sample_cases").glob("*.yaml"))
    print(f"python benchmarks/judging.py --repeat {repeat}")
    print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors; "
          f"rulebook {rulebook.name}: {len(rulebook.rules)} rules, {len(rulebook.items)} items")  # fmt: skip
    print("Medians in milliseconds; × is against load.")
    print("`judge` keeps the verdict on every part and every result used, but not the words of a reason:")
    print("these come with `reasons`.")
    print()
    print(
        f"{'':27}{'load':>7}{'read':>8}{'×':>6}{'judge':>8}{'×':>6}  {'≤ 4×':<7}"
        f"{'reasons':>7}{'×':>6}{'all':>8}{'×':>7}"
    )
    found = {}
    for path in paths:
        found[path.stem] = figures = _measured(path, rulebook, repeat)
        print(_line(path.stem, figures))
    kept = sum(f.judge <= TARGET * f.load for f in found.values())
    loads, judges = sum(f.load for f in found.values()), sum(f.judge for f in found.values())
    print(f"\njudge ≤ {TARGET:g}× load: {kept} of {len(found)} cases; of all together {judges / loads:.1f}×")

    version = _version()
    everything = found[ALMOST_EMPTY].all
    print(f"\n{ALMOST_EMPTY}: all {everything:.1f} ms; `rsa --version`, whole process: {version:.0f} ms")
    print(f"all ≤ `rsa --version`: {'kept' if everything <= version else 'MISSED'}")


def _measured(path: Path, rulebook: Rulebook, repeat: int) -> Figures:
    data = path.read_bytes()
    text = data.decode("utf-8")
    items, circumstances = rulebook.items, rulebook.circumstances
    case = read_case(read_bytes(path.name, data), items, circumstances, FAR)
    day = case.as_of
    assert day is not None, f"{path.name} names no day of judgement"

    load, read, judged = _medians(
        repeat,
        lambda: yaml.load(text, Loader=yaml.CSafeLoader),
        lambda: read_case(read_bytes(path.name, data), items, circumstances, FAR),
        lambda: judge(rulebook, Evidence(case, rulebook, day)),
    )
    settle = assessing.settle
    assessing.settle = lambda *_: Settled((), (), False)
    try:
        (reasons,) = _medians(repeat, lambda: assess(case, rulebook, day))
    finally:
        assessing.settle = settle
    (everything,) = _medians(
        repeat, lambda: read_and_assess(read_bytes(path.name, data), rulebook, None, FAR)
    )
    return Figures(load, read, judged, reasons, everything)


def _medians(repeat: int, *works: Callable[[], Any]) -> list[float]:
    """The median milliseconds of each work, done in turn, after one round that warms up."""
    found: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(repeat):
        for work, times in zip(works, found, strict=True):
            began = perf_counter()
            work()
            times.append((perf_counter() - began) * 1000)
    return [median(times) for times in found]


def _line(name: str, figures: Figures) -> str:
    load, read, judged, reasons, everything = figures
    kept = "kept" if judged <= TARGET * load else "MISSED"
    return (
        f"{name:27}{load:7.3f}{read:8.2f}{read / load:6.1f}{judged:8.2f}{judged / load:6.1f}  {kept:<7}"
        f"{reasons:7.2f}{reasons / load:6.1f}{everything:8.1f}{everything / load:7.0f}"
    )


def _version() -> float:
    """The median milliseconds of the whole process `rsa --version`."""
    compileall.compile_dir(Path(rsa_cli.__file__).parent, quiet=1)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    script = Path(sys.executable).with_name("rsa")
    command = [sys.executable, *([str(script)] if script.is_file() else ["-m", "rsa_cli"]), "--version"]
    (found,) = _medians(
        STARTS, lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    )
    return found


if __name__ == "__main__":
    main()
