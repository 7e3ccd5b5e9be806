"""What many cases cost: engines, folders of YAML, NDJSON, memory, the summary, and how it grows.

    python benchmarks/batch.py [--files 20000] [--rounds 5] [--peers]

Cases are generated, shaped like the samples (see cases.py). Everything that is compared runs in turn in one
run (A B A B …), and a ratio is one of medians: a busy machine makes the figures worse, but all of them.
`--peers` also takes the rule engines that are installed (datalogic-py, zen-engine), by a translator of what
they can express; they are no dependencies of this project.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import yaml
from rsa_cli import batch
from rsa_cli.batch import Counts, Judge, Outcome, Row, Run, Settings, Task, rows, stream
from rsa_cli.case import Case, read_case
from rsa_cli.engines import reference
from rsa_cli.engines.compiled import Compiled, UnusualError
from rsa_cli.evidence import Evidence
from rsa_cli.nodes import Condition, RuleHolds
from rsa_cli.quick import QuickReader, YamlReader, json_data
from rsa_cli.rulebook import Rule, Rulebook, Today, read_rulebook
from rsa_cli.source import read_bytes
from rsa_cli.tables import table
from rsa_cli.values import iso

from cases import cases, write_folder, yaml_text

ROOT = Path(__file__).resolve().parents[1]
TODAY = 10**6  # a real day that no case lies after
RSA = [sys.executable, str(Path(sys.executable).with_name("rsa"))]


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description="What many cases cost.")
    parser.add_argument("--files", type=int, default=20_000, help="files of YAML (default 20000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison (default 5)")
    parser.add_argument(
        "--memory", type=int, default=200_000, help="cases for the peak of memory (default 200000)"
    )
    parser.add_argument(
        "--only", default="", help="engine, folder, stages, ndjson, memory, summary, start, growth"
    )
    parser.add_argument("--peers", action="store_true", help="other rule engines too")
    asked = parser.parse_args()
    rulebook = read_rulebook()
    print("python benchmarks/batch.py", *sys.argv[1:])
    print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors; "
          f"rulebook {rulebook.name}: {len(rulebook.rules)} rules, {len(rulebook.items)} items")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], None]] = {
            "engine": lambda: engine(rulebook, asked.rounds, asked.peers),
            "folder": lambda: whole_folder(rulebook, folder, asked.files, asked.rounds),
            "stages": lambda: stages(rulebook, asked.rounds),
            "ndjson": lambda: ndjson(rulebook, asked.rounds),
            "memory": lambda: memory(folder, asked.memory),
            "summary": lambda: summary(rulebook, asked.rounds),
            "start": lambda: start(folder, asked.rounds),
            "growth": lambda: growth(rulebook, asked.rounds),
        }
        for part, measure in parts.items():
            if asked.only in ("", part):
                print(f"\n== {part}")
                measure()


# --- how it is measured ----------------------------------------------------------------------------


def in_turn(rounds: int, *works: Callable[[], Any]) -> list[float]:
    """The median seconds of each work, done in turn, after one round that warms up."""
    found: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for work, times in zip(works, found, strict=True):
            gc.collect()
            gc.disable()
            began = perf_counter()
            work()
            times.append(perf_counter() - began)
            gc.enable()
    return [median(times) for times in found]


def line(name: str, seconds: float, number: int, beside: float | None = None, target: str = "") -> None:
    """One line of a table: microseconds a case, how many a second, the ratio and its target."""
    text = f"{name:<46}{seconds / number * 1e6:10.1f} µs{number / seconds:12,.0f}/s"
    print(text + (f"{beside:9.2f}×  {target}" if beside is not None else ""))


def sound(rulebook: Rulebook, number: int) -> list[dict[str, Any]]:
    """So many generated cases of which none needs fixing."""
    judge = Judge(Settings(rulebook, TODAY))
    found = (
        case for case in cases(number * 2)
        if judge.outcome(Task("x", 1, json.dumps(case).encode())).outcome == batch.JUDGED
    )  # fmt: skip
    return list(islice(found, number))


def read(rulebook: Rulebook, data: dict[str, Any]) -> tuple[Case, int]:
    """A case read by the ordinary reader, and its day."""
    case = read_case(read_bytes("x", yaml_text(data).encode()), rulebook.items, rulebook.circumstances, TODAY)
    assert case.as_of is not None
    return case, case.as_of


# --- the engine ------------------------------------------------------------------------------------


def engine(rulebook: Rulebook, rounds: int, peers: bool) -> None:
    """Rules alone, over cases that have been read: every rule's truths, three-valued on all sides."""
    given = sound(rulebook, 200)
    compiled = Compiled(rulebook)
    quick = QuickReader(compiled, TODAY)
    typed = [read(rulebook, data) for data in given]
    plain = [data for data in given if _taken(quick, compiled, data)]
    print(f"{len(given)} cases, of which the compiled engine takes {len(plain)}")

    def by_reference() -> None:
        for case, day in typed:
            found = reference.Engine(rulebook, Evidence(case, rulebook, day), timing=False)
            for name in rulebook.rules:
                found.rule(name)

    # Its reading cannot be told from its judging, so it is counted in: the comparison is in our disfavour.
    def by_functions() -> None:
        for data in plain:
            compiled.truths(quick.read(data, 0, None, TODAY).sheet)

    slow, fast = in_turn(rounds, by_reference, by_functions)
    line("reference engine, cases read before", slow, len(given))
    line(
        "compiled engine, reading of values included",
        fast,
        len(plain),
        slow / len(given) / (fast / len(plain)),
        "≥ 5 ×",
    )
    _agree(rulebook, compiled, quick, given)
    if peers:
        from peers import measure

        measure(rulebook, rounds, in_turn, line)


def _taken(quick: QuickReader, compiled: Compiled, data: dict[str, Any]) -> bool:
    try:
        compiled.judge(quick.read(data, 0, None, TODAY).sheet)
    except UnusualError:
        return False
    return True


def _agree(
    rulebook: Rulebook, compiled: Compiled, quick: QuickReader, given: Iterable[dict[str, Any]]
) -> None:
    same = 0
    for data in given:
        if not _taken(quick, compiled, data):
            continue
        case, day = read(rulebook, data)
        found = compiled.truths(quick.read(data, 0, None, TODAY).sheet)
        slow = reference.Engine(rulebook, Evidence(case, rulebook, day), timing=False)
        for name in rulebook.rules:
            assert found[name][0] is slow.rule(name).when.truth, (name, data["case"])
            same += 1
    print(f"{same:,} answers compared one by one, all the same")


# --- YAML ------------------------------------------------------------------------------------------


def whole_folder(rulebook: Rulebook, folder: Path, number: int, rounds: int) -> None:
    """Reading to written NDJSON, beside the mere loading of the same files; one process, then two."""
    paths = write_folder(folder / "yaml", number)
    size = sum(path.stat().st_size for path in paths) / number
    print(f"{number:,} files of {size / 1000:.1f} kB on average")
    tasks = [Task(str(path)) for path in paths]
    how = Run(Settings(rulebook, TODAY), table("ndjson", rulebook).line)
    out = (folder / "out.ndjson").open("w", encoding="utf-8")

    def load() -> None:
        for path in paths:
            with open(path, "rb") as file:
                yaml.load(file, Loader=yaml.CSafeLoader)

    def judge(jobs: int) -> None:
        out.seek(0)
        stream(
            rows(how, tasks, jobs, lambda: False),
            out.write,
            Counts(len(rulebook.rules)),
            None,
            lambda _: None,
        )
        out.flush()

    loaded, one, two = in_turn(rounds, load, lambda: judge(1), lambda: judge(2))
    line("yaml.load(…, CSafeLoader) alone", loaded, number)
    line("one process, files to written NDJSON", one, number, one / loaded, "≤ 0.5 × the loading")
    line("two processes", two, number, one / two, "≥ 1.7 × one")
    out.close()


def stages(rulebook: Rulebook, rounds: int) -> None:
    """Where the time goes: each step alone, over cases of which every value has been met before."""
    given = sound(rulebook, 2000)
    texts = [yaml_text(data).encode() for data in given]
    compiled = Compiled(rulebook)
    quick = QuickReader(compiled, TODAY)
    writer = table("ndjson", rulebook)
    reader = YamlReader()
    data = [reader.read(text)[0] for text in texts]
    data = [one for one in data if _taken(quick, compiled, one)]
    texts = [text for text in texts if _taken(quick, compiled, reader.read(text)[0])]
    found: dict[str, list[Any]] = {}

    def events() -> None:
        for text in texts:
            following = yaml.CSafeLoader(text).get_event
            while following() is not None:
                pass

    def dictionary() -> None:
        found["read"] = [quick.read(one, 0, None, TODAY) for one in data]

    def judge() -> None:
        found["judged"] = [compiled.judge(one.sheet) for one in found["read"]]

    def write() -> None:
        for one, judged in zip(found["read"], found["judged"], strict=True):
            writer.line(Outcome(batch.JUDGED, "x", 0, one.id, 1, one.digest, iso(one.sheet.day), False,
                                bytes(judged.statuses), bytes(judged.today)))  # fmt: skip

    steps = {
        "yaml.load(…, CSafeLoader)": lambda: [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts],
        "libyaml's events": events,
        "parse: entries to plain data": lambda: [reader.read(text) for text in texts],
        "dictionary: plain data to values, digest": dictionary,
        "judge": judge,
        "write: a line of NDJSON": write,
    }
    times = in_turn(rounds, *steps.values())
    for name, seconds in zip(steps, times, strict=True):
        line(name, seconds, len(texts), seconds / times[0], "of the loading")
    line(
        "parse + dictionary + judge + write",
        sum(times[2:]),
        len(texts),
        sum(times[2:]) / times[0],
        "of the loading",
    )


# --- NDJSON ----------------------------------------------------------------------------------------


def ndjson(rulebook: Rulebook, rounds: int) -> None:
    """Lines to written lines, beside json.loads alone; and what is not parsing, beside the same for YAML."""
    given = sound(rulebook, 3000)
    lines = [json.dumps(data, ensure_ascii=False).encode() for data in given]
    texts = [yaml_text(data).encode() for data in given]
    how = Run(Settings(rulebook, TODAY), table("ndjson", rulebook).line)
    tasks = [Task("x.ndjson", number, text) for number, text in enumerate(lines, 1)]
    judge = Judge(how.settings)

    def whole() -> None:
        for task in tasks:
            batch._judged(how, judge, task)

    def rest(data: list[Any], raw: list[bytes]) -> None:
        assert judge.quick is not None
        for one, text in zip(data, raw, strict=True):
            try:
                found = judge.quick.read(one, 0, None, TODAY, text)
                judge.quick.compiled.judge(found.sheet)
            except UnusualError:
                pass

    from_json, from_yaml = [json_data(text) for text in lines], [YamlReader().read(text)[0] for text in texts]
    loads, ours, of_json, of_yaml = in_turn(
        rounds, lambda: [json.loads(text) for text in lines], whole,
        lambda: rest(from_json, lines), lambda: rest(from_yaml, [b""] * len(texts)),
    )  # fmt: skip
    line("json.loads alone", loads, len(lines))
    line("lines to written lines", ours, len(lines), ours / loads, "≤ 4 × json.loads")
    line("what is not parsing, YAML", of_yaml, len(lines))
    line("what is not parsing, NDJSON", of_json, len(lines), of_json / of_yaml, "≤ 1.1 × that of YAML")


# --- memory, summary, start, growth ----------------------------------------------------------------


def memory(folder: Path, number: int) -> None:
    """The peak of one process over many cases beside that over few."""
    paths = write_folder(folder / "memory", 1000)
    texts = [path.read_text(encoding="utf-8") for path in paths]
    peaks = []
    for cases_of in (2000, number):
        at = folder / f"memory-{cases_of}"
        for index in range(cases_of):
            path = at / f"{index // 1000:03}" / f"GEN-{index:07}.yaml"
            if index % 1000 == 0:
                path.parent.mkdir(parents=True)
            path.write_text(texts[index % 1000].replace("GEN-0", f"M{index // 1000:04}-"), encoding="utf-8")
        code = (
            "import resource, sys; from rsa_cli.__main__ import main; sys.argv = ['rsa', *sys.argv[1:]]\n"
            "try: main()\nexcept SystemExit: pass\n"
            "sys.stderr.write(f'\\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}')"
        )
        command = [sys.executable, "-c", code, "batch", str(at), "--jobs", "1", "--format", "ndjson"]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        peaks.append(int(done.stderr.rsplit("peak ", 1)[1]) * (1 if sys.platform == "darwin" else 1024))
        print(f"{cases_of:>9,} cases: peak {peaks[-1] / 2**20:.1f} MiB")
    print(f"{(peaks[1] - peaks[0]) / (number - 2000):.0f} bytes a case more; ≤ 250")


def summary(rulebook: Rulebook, rounds: int) -> None:
    """Counts by status, beside the run without; and the deeper look, apart."""
    given = sound(rulebook, 2000)
    how = Run(Settings(rulebook, TODAY), table("ndjson", rulebook).line)
    tasks = [Task("x.ndjson", n, json.dumps(data).encode()) for n, data in enumerate(given, 1)]
    judge = Judge(how.settings)
    found: list[Row] = [batch._judged(how, judge, task) for task in tasks]

    def counting() -> None:
        counts = Counts(len(rulebook.rules))
        for row in found:
            counts.add(row)
        counts.statuses()

    whole, counted = in_turn(rounds, lambda: [batch._judged(how, judge, task) for task in tasks], counting)
    line("reading, judging, writing", whole, len(tasks))
    line("counts by status", counted, len(tasks), counted / whole, "≤ 0.05 ×")
    deeper = batch.Deeper()
    few = tasks[:5]
    (deep,) = in_turn(1, lambda: [deeper(judge, task) for task in few])
    line("--summary: reference engine and what would settle", deep, len(few))


MINIMAL = """\
from pathlib import Path

import typer
import yaml
from rich.console import Console
from rich.table import Table

app = typer.Typer()


@app.command()
def main(case: Path) -> None:
    table = Table("item", "value")
    for key, value in yaml.load(case.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items():
        table.add_row(str(key), str(value))
    Console().print(table)


if __name__ == "__main__":
    app()
"""


def start(folder: Path, rounds: int) -> None:
    """Whole processes, beside a minimal program of Typer, PyYAML and Rich."""
    case = str(ROOT / "sample_cases" / "antiphospholipid-awaiting.yaml")
    program = folder / "minimal.py"
    program.write_text(MINIMAL, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k not in ("RSA_CACHE", "PYTHONDONTWRITEBYTECODE")}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")

    def process(*command: str) -> Callable[[], Any]:
        return lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)  # fmt: skip

    commands = {
        "minimal: case → table": ([sys.executable, str(program), case], ""),
        "rsa assess CASE": ([*RSA, "assess", case], "≤ 1.3 ×"),
        "rsa assess CASE --format json": ([*RSA, "assess", case, "--format", "json"], "≤ 0.75 ×"),
        "rsa batch CASE": ([*RSA, "batch", case], ""),
        "rsa --version": ([*RSA, "--version"], ""),
    }
    times = in_turn(max(rounds, 7), *(process(*command) for command, _ in commands.values()))
    for (name, (_, target)), seconds in zip(commands.items(), times, strict=True):
        print(f"{name:<46}{seconds * 1000:10.0f} ms{seconds / times[0]:9.2f}×  {target}")


def growth(rulebook: Rulebook, rounds: int) -> None:
    """Time a case with all rules 1, 4 and 16 times under other names, and with 1, 10 and 100 results an item."""
    given = sound(rulebook, 300)
    base = 0.0
    for times in (1, 4, 16):
        compiled = Compiled(repeated(rulebook, times))
        quick = QuickReader(compiled, TODAY)
        data = [one for one in given if _taken(quick, compiled, one)]
        (seconds,) = in_turn(rounds, partial(_judge, quick, compiled, data))
        base = base or seconds
        line(
            f"{len(rulebook.rules) * times} rules ({times} times)",
            seconds,
            len(data),
            seconds / base,
            f"≤ {times} ×",
        )
    compiled = Compiled(rulebook)
    quick = QuickReader(compiled, TODAY)
    base = 0.0
    for results in (1, 10, 100):
        data = [_with_results(one, results) for one in given]
        data = [one for one in data if _taken(quick, compiled, one)]
        (seconds,) = in_turn(rounds, partial(_judge, quick, compiled, data))
        base = base or seconds / len(data)
        ratio = seconds / len(data) / base
        line(f"{results} results of each of three items", seconds, len(data), ratio, f"≤ {results} ×")


def _judge(quick: QuickReader, compiled: Compiled, data: list[Any]) -> None:
    for one in data:
        compiled.judge(quick.read(one, 0, None, TODAY).sheet)


def repeated(rulebook: Rulebook, times: int) -> Rulebook:
    """The rulebook with every rule under so many names, each set resting on itself."""
    rules: dict[str, Rule] = {}
    for copy in range(times):
        for name, rule in rulebook.rules.items():
            new = f"{name}_{copy}" if copy else name
            today = rule.today
            if today is not None and today.when is not None:
                today = Today(today.says, today.source, _renamed(today.when, copy))
            suspect = _renamed(rule.suspect_when, copy) if rule.suspect_when is not None else None
            rules[new] = rule._replace(
                id=new, when=_renamed(rule.when, copy), suspect_when=suspect, today=today
            )
    return rulebook._replace(rules=rules)


def _renamed(condition: Condition, copy: int) -> Condition:
    """The condition with its rules of the same copy, and every comparison its own."""
    if not copy:
        return condition
    changed = type(condition).filled(dict(vars(condition)))
    for name, inner in vars(changed).items():
        if (
            isinstance(inner, tuple)
            and inner
            and hasattr(inner[0], "place")
            and not hasattr(inner, "_fields")
        ):
            changed.__dict__[name] = tuple(_renamed(part, copy) for part in inner)
        elif hasattr(inner, "place") and not hasattr(inner, "_asdict"):
            changed.__dict__[name] = _renamed(inner, copy)
    if isinstance(changed, RuleHolds):
        changed.__dict__["rule"] = f"{changed.rule}_{copy}"
    elif "text" in vars(changed):
        changed.__dict__["text"] = f"{vars(changed)['text']} #{copy}"
    return changed


def _with_results(data: dict[str, Any], number: int) -> dict[str, Any]:
    found = dict(data)
    for name, value in (
        ("lupus_anticoagulant", "negative"),
        ("anticardiolipin_igg", "5 GPL"),
        ("tsh", "2 mIU/L"),
    ):
        found[name] = [{"value": value, "date": iso(730_000 + 70 * n)} for n in range(number)]
    return found


if __name__ == "__main__":
    main()
