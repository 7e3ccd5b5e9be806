"""`rsa batch`: joins the cases, the tables and where they are written; returns the exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic

from rsa_cli.assess import STATUSES
from rsa_cli.batch import (
    FAILED,
    JUDGED,
    NEEDS_FIXING,
    OUTCOMES,
    Counts,
    Deeper,
    Inputs,
    Interrupt,
    Output,
    Row,
    Run,
    Settings,
    Stopped,
    Summary,
    Task,
    WrongInputError,
    came_true,
    conditions,
    find,
    jobs_for,
    left_to_do,
    rows,
    stream,
)
from rsa_cli.light import Light
from rsa_cli.problems import visible
from rsa_cli.rulebook import Rulebook
from rsa_cli.tables import Table, table
from rsa_cli.values import iso

DONE, ASKED_TO_FAIL, WRONG_USAGE, NEED_FIXING, INTERRUPTED = 0, 1, 2, 3, 130
_IGNORED_SHOWN = 20


class Asked(Light):
    """What the command line asks for."""

    paths: tuple[str, ...]
    format: str
    rulebook: Rulebook
    today: int
    as_of: int | None = None
    jobs: int | None = None
    output: Path | None = None
    resume: bool = False
    summary: Path | None = None
    fail_on: tuple[str, ...] = ()
    explain: bool = False
    without_partner: bool = False


def run(asked: Asked) -> int:
    """Judge everything; what people are told goes to standard error."""
    try:
        return _Runner(asked).run()
    except WrongInputError as error:
        return _wrong(str(error))


class _Runner:
    def __init__(self, asked: Asked) -> None:
        if asked.resume and asked.output is None:
            raise WrongInputError("standard output cannot be gone on with: --resume needs --output")
        self.asked = asked
        self.failing = conditions(asked.fail_on, asked.rulebook)
        own = [path for path in (asked.output, asked.summary) if path is not None]
        parts = [path.with_name(f"{path.name}.part") for path in own]
        stdin = None if sys.stdin is None else sys.stdin.buffer
        self.inputs: Inputs = find(asked.paths, stdin, [*own, *parts])
        self.table: Table = table(asked.format, asked.rulebook)
        settings = Settings(asked.rulebook, asked.today, asked.as_of, asked.explain, asked.without_partner)
        self.how = Run(settings, self.table.line, Deeper() if asked.summary is not None else None)
        self.counts = Counts(len(asked.rulebook.rules))
        self.summary = Summary(asked.rulebook) if asked.summary is not None else None
        known = self.inputs.stream is None and not any(
            f.endswith((".ndjson", ".jsonl")) for f in self.inputs.files
        )
        self.total = len(self.inputs.files) if known else None
        self.output: Output | None = None

    def run(self) -> int:
        for name in self.inputs.ignored[:_IGNORED_SHOWN]:
            _say(f"ignored, no case: {name}")
        if len(self.inputs.ignored) > _IGNORED_SHOWN:
            _say(f"ignored, no case: {len(self.inputs.ignored) - _IGNORED_SHOWN} more files")
        try:
            if self.asked.output is not None:
                self.output = Output(self.asked.output)
            return self._run()
        except WrongInputError:
            if self.output is not None:
                self.output.leave()
            raise
        except BrokenPipeError:
            with suppress(OSError):  # the reader (`| head`) has gone: nothing more to say
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        except OSError as error:
            if self.output is not None:
                self.output.leave()
            where = self.asked.output or "to standard output"
            return _wrong(f"cannot write {where}: {error.strerror}{self._go_on()}")

    def _run(self) -> int:
        tasks: Iterable[Task] = self.inputs.tasks()
        before: list[Row] = []
        if self.output is not None:
            tasks, before = self._begun(tasks)
        write = self._writer()
        if not before:
            write(self.table.begin())
        jobs = jobs_for(self.asked.jobs, self.total)
        progress = _Progress(self.total, len(before), self.asked.output is not None)
        with Interrupt() as stop:
            try:
                found = rows(self.how, tasks, jobs, stop, before)
                stream(found, write, self.counts, self.summary, progress)
            except Stopped:
                progress.clear()
                if self.output is not None:
                    self.output.leave()
                _say(f"interrupted: {_number(self.counts.cases)} cases are done{self._go_on()}")
                return INTERRUPTED
        progress.clear()
        if not self.counts.cases:
            if self.output is not None:
                self.output.leave()
                self.output.part.unlink(missing_ok=True)
            raise WrongInputError("no case found: the files hold no line")
        write(self.table.end(self.counts))
        if self.output is not None:
            self.output.finish()
        return self._finished()

    # --- going on

    def _begun(self, tasks: Iterable[Task]) -> tuple[Iterable[Task], list[Row]]:
        """The tasks that are left, and the rows that an interrupted run has written already."""
        output = self.output
        assert output is not None
        if output.special or not self.asked.resume:
            output.begin()
            return tasks, []
        if not self.table.resumes or self.summary is not None:
            why = (
                "--summary counts every case anew"
                if self.table.resumes
                else f"{self.asked.format} is not read back"
            )
            _say(f"beginning again: {why}")
            output.begin()
            return tasks, []
        begins = self.table.begin()
        lines = output.whole_lines()
        head = "".join(islice(lines, begins.count("\n")))
        found: list[Row] = []
        try:
            for line in lines:
                found.append(self.table.row(line)._replace(text=""))
                last = line
        except ValueError:
            raise WrongInputError(self._not_ours(len(found) + 1)) from None
        if head not in ("", begins):
            raise WrongInputError(self._not_ours(0))
        if not found:
            output.begin()
            return tasks, []
        rest = left_to_do(tasks, found, str(output.part), self.how, last)
        for row in found:
            self.counts.add(row)
        _say(f"going on behind {_number(len(found))} cases that are done")
        return rest, found

    def _not_ours(self, line: int) -> str:
        assert self.output is not None
        return (
            f"cannot go on with {self.output.part}: case {line} was not written by this rulebook in this format; "
            "run without --resume to begin again"
        )

    def _go_on(self) -> str:
        """How to go on after an interruption."""
        if self.output is None:
            return "; what went to standard output cannot be gone on with (--output FILE can, with --resume)"
        if self.output.special:
            return ""
        if not self.table.resumes:
            return (
                f"; {self.output.part} stays, but {self.asked.format} is not read back (ndjson and csv are)"
            )
        return f"; {self.output.part} stays: the same command with --resume goes on"

    # --- what is written

    def _writer(self) -> Callable[[str], None]:
        if self.output is not None:
            return self.output.write
        if sys.stdout is None:
            raise WrongInputError("cannot write to standard output: it is closed")
        out = sys.stdout

        def write(text: str) -> None:
            try:
                out.write(text)
            except UnicodeEncodeError:
                out.flush()
                out.buffer.write(text.encode("utf-8", "backslashreplace"))
            out.flush()

        return write

    def _finished(self) -> int:
        asked, counts = self.asked, self.counts
        if self.summary is not None:
            try:
                self._write_summary(self.summary)
            except OSError as error:
                return _wrong(f"cannot write {asked.summary}: {error.strerror}")
        for line in _told(counts, asked.rulebook, self.summary):
            _say(line)
        if asked.without_partner:
            _say("the partner's items were left out of every case")
        if counts.day_taken:
            _say(
                f"{_number(counts.day_taken)} cases name no day of judgement: {iso(asked.today)}, today, was taken"
            )
        failed = came_true(self.failing, counts, asked.rulebook)
        if failed:
            _say(f"--fail-on: {', '.join(failed)}")
            return ASKED_TO_FAIL
        return NEED_FIXING if counts.outcomes[NEEDS_FIXING] or counts.outcomes[FAILED] else DONE

    def _write_summary(self, summary: Summary) -> None:
        assert self.asked.summary is not None
        output = Output(self.asked.summary)
        output.begin()
        output.write(json.dumps(summary.data(self.counts), ensure_ascii=False, indent=2) + "\n")
        output.finish()


class _Progress:
    """How many are done, how fast and how long it still takes: on a terminal, and where no table scrolls by."""

    def __init__(self, total: int | None, before: int, to_file: bool) -> None:
        self.total = total
        self.before = before
        self.began = self.shown = monotonic()
        self.on = sys.stderr is not None and sys.stderr.isatty() and (to_file or not sys.stdout.isatty())
        self.drawn = False

    def __call__(self, done: int) -> None:
        if not self.on or (now := monotonic()) - self.shown < 0.2:
            return
        self.shown = now
        rate = (done - self.before) / (now - self.began)
        said = f"{_number(done)} cases"
        if self.total is not None:
            said = f"{_number(done)} of {_number(self.total)} cases"
        said += f" · {rate:,.0f} a second"
        if self.total is not None and rate:
            seconds = int((self.total - done) / rate)
            said += f" · {seconds // 60}:{seconds % 60:02} left"
        sys.stderr.write(f"\r\x1b[K{said}")
        sys.stderr.flush()
        self.drawn = True

    def clear(self) -> None:
        """Take the line away."""
        if self.drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _told(counts: Counts, rulebook: Rulebook, summary: Summary | None) -> list[str]:
    """The counts for people: how many of each, and of each finding that came up."""
    said = ", ".join(
        f"{_number(counts.outcomes[o])} {o}" for o in OUTCOMES if counts.outcomes[o] or o == JUDGED
    )
    lines = [f"{_number(counts.cases)} case{'s' * (counts.cases != 1)}: {said}"]
    found = [
        (rule.finding, statuses)
        for rule, statuses in zip(rulebook.rules.values(), counts.statuses(), strict=True)
        if statuses[STATUSES.index("met")] or statuses[STATUSES.index("suspected")]
    ]
    if found:
        width = min(48, max(len(name) for name, _ in found))
        columns = ("cases", "assessable", *STATUSES[:5])
        lines.append(f"{'':{width}}" + "".join(f"{c:>{len(c) + 2}}" for c in columns))
        for name, statuses in found:
            cases = counts.outcomes[JUDGED]
            row = [cases, cases - statuses[STATUSES.index("not applicable")], *statuses[:5]]
            cut = name if len(name) <= width else f"{name[: width - 1]}…"
            lines.append(
                f"{cut:{width}}" + "".join(f"{n:>{len(c) + 2}}" for n, c in zip(row, columns, strict=True))
            )
    if summary is not None and summary.deep:
        missing = ", ".join(f"{name} ({number})" for name, number in summary.missing.most_common(5))
        lines.append(f"missing most: {missing or 'nothing'}")
        for name, number in summary.settles.most_common(1):
            label = rulebook.investigations[name].label
            lines.append(f"settles most open findings by itself: {label} ({number})")
    return lines


def _number(number: int) -> str:
    return f"{number:,}"


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{visible(text)}\n")
        sys.stderr.flush()


def _wrong(says: str) -> int:
    _say(f"rsa: {says}")
    return WRONG_USAGE
