"""Many cases: a stream of outcomes in the order of the input, and counts. It draws nothing.

Each case is judged, needs fixing, or failed (a mistake of this program); none stops the others. Plain
cases go the quick way, everything else is read and judged as by `rsa assess`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from glob import glob
from multiprocessing import connection, get_context
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NamedTuple

from rsa_cli import __version__
from rsa_cli.assess import (
    STATUSES,
    Finding,
    Reason,
    Yields,
    finding_of,
    objections,
    read_and_assess,
    symptoms,
)
from rsa_cli.case import read_case
from rsa_cli.engines.compiled import Compiled, UnusualError
from rsa_cli.engines.reference import Engine, Verdict
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import UNKNOWN, Truth
from rsa_cli.light import Light
from rsa_cli.nodes import All, Condition, Not, NotKnown, Points, Some, parts_of
from rsa_cli.nodes import Any as AnyOf
from rsa_cli.problems import NeedsFixing, Place, Problem, quoted
from rsa_cli.quick import QuickReader, YamlReader, json_data, json_source
from rsa_cli.rulebook import Rulebook
from rsa_cli.source import MAX_BYTES, Source, read_file
from rsa_cli.values import iso
from rsa_cli.wording import Wording

JUDGED, NEEDS_FIXING, FAILED = OUTCOMES = ("judged", "needs fixing", "failed")
YAML, NDJSON = (".yaml", ".yml"), (".ndjson", ".jsonl")
_CHUNK = 64  # cases that a worker is given at a time
_CHUNK_BYTES = 256 * 1024
_AHEAD = 4  # chunks a worker may be ahead of the one that is to be written next
_WORTH_A_PROCESS = 100  # cases for which another process is worth its start
_FORK = sys.platform.startswith("linux")  # processes are born with what there is; else they begin anew
_BATCH = 256
_SWEEP = 5_000
_FILES = 2**20  # more files of NDJSON than anybody has


class WrongInputError(Exception):
    """What was asked for cannot be done at all: nothing was judged."""


# --- what there is to judge ------------------------------------------------------------------------


class Task(NamedTuple):
    """One case: a file, or a line of one with its content."""

    file: str
    line: int = 0
    data: bytes = b""


class Inputs(Light):
    """The files of a run in their order; the names of those that are ignored; lines of standard input, if any."""

    files: tuple[str, ...]
    ignored: tuple[str, ...]
    stream: tuple[bytes, BinaryIO] | None = None

    def tasks(self) -> Iterator[Task]:
        """Every case in its order; a file is opened when its turn comes."""
        if self.stream is not None:
            first, rest = self.stream
            yield from _lines("standard input", rest, first)
        for file in self.files:
            if not file.endswith(NDJSON):
                yield Task(file)
                continue
            try:
                with open(file, "rb") as opened:
                    yield from _lines(file, opened)
            except OSError:
                yield Task(file)  # whose reader says what is wrong with it


def _lines(name: str, opened: BinaryIO, first: bytes = b"") -> Iterator[Task]:
    """The lines of NDJSON that are not empty; of one that is too long only so much that this is seen."""
    number = 0
    line = first or opened.readline(MAX_BYTES + 2).removeprefix(b"\xef\xbb\xbf")
    while line:
        number += 1
        kept = line
        while not line.endswith(b"\n") and len(line) > MAX_BYTES:
            line = opened.readline(MAX_BYTES + 2)
        if kept.strip():
            yield Task(name, number, kept)
        line = opened.readline(MAX_BYTES + 2)


def find(paths: Iterable[str], stdin: BinaryIO | None, without: Iterable[Path] = ()) -> Inputs:
    """The inputs that paths name: folders, files, patterns, and `-`. Raises WrongInputError.

    `without` are files that are this run's own output.
    """
    own = {path.resolve() for path in without}
    files: list[str] = []
    ignored: list[str] = []
    stream = None
    for path in paths:
        if path == "-":
            listed, stream = _standard_input(stdin)
            files += listed
        elif os.path.isdir(path):
            _walk(path, files, ignored, own)
        elif os.path.lexists(path):
            files.append(path)
        elif found := sorted(glob(path, recursive=True)):
            for name in found:
                if os.path.isdir(name):
                    _walk(name, files, ignored, own)
                elif name.endswith(YAML + NDJSON) and Path(name).resolve() not in own:
                    files.append(name)
                else:
                    ignored.append(name)
        else:
            raise WrongInputError(f"there is no file or folder {quoted(path)}")
    unique = dict.fromkeys(os.path.normpath(file) if file != "./-" else file for file in files)
    if not unique and stream is None:
        what = ", ".join(quoted(path) for path in paths)
        raise WrongInputError(f"no case found in {what}: files end in {', '.join(YAML + NDJSON)}")
    if any(Path(file).resolve() in own for file in (files if len(files) < _BATCH else ())):
        raise WrongInputError("the output would overwrite an input: name another --output")
    return Inputs(tuple(unique), tuple(ignored), stream)


def _walk(folder: str, files: list[str], ignored: list[str], own: set[Path]) -> None:
    """The cases of a folder and the folders in it, by name; what begins with a point is passed over."""

    def refuse(error: OSError) -> None:
        raise WrongInputError(f"cannot read {quoted(str(error.filename))}: {error.strerror}")

    own_names = {path.name for path in own}
    for at, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(at, name)
            if name.startswith(".") or (name in own_names and Path(path).resolve() in own):
                continue
            (files if name.endswith(YAML + NDJSON) else ignored).append(path)


def _standard_input(stdin: BinaryIO | None) -> tuple[list[str], tuple[bytes, BinaryIO] | None]:
    """Paths, one a line; or lines of NDJSON, where the first that is not empty begins with a brace."""
    if stdin is None:
        raise WrongInputError("standard input is closed")
    line = stdin.readline(MAX_BYTES + 2)
    if line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return [], (line.removeprefix(b"\xef\xbb\xbf"), stdin)
    lines = [line, *stdin]
    try:
        names = [text for part in lines if (text := part.decode().rstrip("\r\n"))]
    except UnicodeDecodeError:
        raise WrongInputError("standard input is neither a list of files nor NDJSON") from None
    if not names:
        raise WrongInputError("standard input is empty: it is to hold names of files, or NDJSON")
    return names, None


# --- one case --------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What became of one case. `statuses` and `today` are in the order of the rules (of those with a condition)."""

    outcome: str
    file: str
    line: int
    id: str = ""
    id_line: int = 0
    digest: str = ""
    as_of: str = ""
    day_taken: bool = False
    statuses: bytes = b""
    today: bytes = b""
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    symptoms: tuple[str, ...] = ()
    reasons: tuple[tuple[str, tuple[Reason, ...]], ...] = ()
    error: str = ""

    @property
    def place(self) -> str:
        """The file, and the line where there are several cases in it."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Settings(Light):
    """How every case of a run is judged: today, and the day asked for, as ordinals; with the partner's items or not."""

    rulebook: Rulebook
    today: int
    as_of: int | None = None
    explain: bool = False
    without_partner: bool = False
    quick: bool = True


class Judge:
    """Judges one case after the other."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rulebook = settings.rulebook
        self.rules = list(self.rulebook.rules.values())
        self.quick: QuickReader | None = None
        self.yaml = YamlReader()
        if settings.quick and not settings.explain:
            self.quick = QuickReader(Compiled(self.rulebook), settings.today)

    def outcome(self, task: Task) -> Outcome:
        """What becomes of a case: judged, or with its problems. An exception is a mistake of this program."""
        return self._quickly(task) or self._in_full(task)

    def _quickly(self, task: Task) -> Outcome | None:
        if self.quick is None:
            return None
        compiled = self.quick.compiled
        settings = self.settings
        try:
            if task.line:
                data, line = json_data(task.data), task.line
            else:
                with open(task.file, "rb", buffering=0) as opened:
                    if not 0 < os.fstat(opened.fileno()).st_size <= MAX_BYTES:
                        return None  # empty, too large, or no file at all
                    data, line = self.yaml.read(opened.readall())
            if settings.without_partner and type(data) is dict:
                data.pop("partner", None)
            read = self.quick.read(data, line, settings.as_of, settings.today, task.data)
            judged = compiled.judge(read.sheet)
        except (UnusualError, OSError):
            return None
        return Outcome(
            JUDGED, task.file, task.line, read.id, read.line, read.digest, iso(read.sheet.day),
            settings.as_of is None and read.as_of is None, bytes(judged.statuses), bytes(judged.today),
        )  # fmt: skip

    def source(self, task: Task) -> Source:
        """A case as the ordinary reader takes it."""
        if task.line:
            return json_source(task.file, task.line, task.data, self.settings.without_partner)
        return read_file(task.file)

    def _in_full(self, task: Task) -> Outcome:
        rulebook, settings = self.rulebook, self.settings
        source = self.source(task)
        base = Outcome(JUDGED, task.file, task.line)
        try:
            case = read_case(
                source, rulebook.items, rulebook.circumstances, settings.today, settings.without_partner
            )
            base = base._replace(id=case.id, id_line=task.line or _id_line(source), digest=case.digest)
            day = settings.as_of or case.as_of or settings.today
            engine = Engine(rulebook, Evidence(case, rulebook, day), timing=settings.explain)
            problems = [*case.remarks, *objections(engine)]
            _refuse(problems)
        except NeedsFixing as error:
            present = symptoms(source, rulebook)
            return base._replace(outcome=NEEDS_FIXING, problems=error.problems, symptoms=present)
        findings = [finding_of(rule, engine) for rule in self.rules]
        return base._replace(
            as_of=iso(day),
            day_taken=settings.as_of is None and case.as_of is None,
            statuses=bytes(STATUSES.index(f.status) for f in findings),
            today=bytes(_CODE[f.today] for f in findings if f.today is not None),
            remarks=tuple(problems),
            reasons=self._reasons(findings, engine),
        )

    def _reasons(self, findings: list[Finding], engine: Engine) -> tuple[tuple[str, tuple[Reason, ...]], ...]:
        if not self.settings.explain:
            return ()
        found = ((f.rule.id, f.reasons) for f in findings)
        return tuple((name, reasons) for name, reasons in found if reasons)


def _refuse(problems: list[Problem]) -> None:
    if any(not p.remark for p in problems):
        raise NeedsFixing(problems)


_CODE = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 3}


def _id_line(source: Source) -> int:
    keys = getattr(source.root, "keys", {})
    return keys["case"].place.line if "case" in keys else 0


def _where(error: BaseException) -> str:
    """Which mistake of this program it was and where; never what it says, which may be a patient's data."""
    at = error.__traceback__
    place = ""
    while at is not None:
        path = Path(at.tb_frame.f_code.co_filename)
        if path.parent.name in ("rsa_cli", "engines", "tables"):
            place = f" in {path.parent.name}/{path.name}, line {at.tb_lineno}"
        at = at.tb_next
    return f"{type(error).__name__}{place}"


# --- counts ----------------------------------------------------------------------------------------


class Counts:
    """How many cases came to what, and how many findings of each rule to which status."""

    def __init__(self, rules: int) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.day_taken = 0
        self._statuses = [[0] * len(STATUSES) for _ in range(rules)]
        self._waiting: list[bytes] = []

    @property
    def cases(self) -> int:
        """All cases, whatever became of them."""
        return sum(self.outcomes.values())

    def add(self, row: Row) -> None:
        """Count one case."""
        self.outcomes[row.outcome] += 1
        self.day_taken += row.day_taken
        if row.outcome == JUDGED:
            self._waiting.append(row.statuses)
            if len(self._waiting) >= _BATCH:
                self._count()

    def _count(self) -> None:
        for of_rule, column in zip(self._statuses, zip(*self._waiting, strict=True), strict=False):
            together = bytes(column)
            for status in range(len(STATUSES)):
                of_rule[status] += together.count(status)
        self._waiting.clear()

    def statuses(self) -> list[list[int]]:
        """Of each rule in its order, how many cases came to each of `STATUSES`."""
        self._count()
        return self._statuses


def conditions(texts: Iterable[str], rulebook: Rulebook) -> list[tuple[str, str]]:
    """What `--fail-on` asks for, as pairs of a rule (or nothing) and a word. Raises WrongInputError."""
    from rsa_cli.problems import nearest

    found = []
    for text in texts:
        name, sign, word = text.rpartition("=")
        name, word = name.strip(), word.strip().replace("_", " ")
        known = STATUSES if sign else (NEEDS_FIXING, FAILED, *STATUSES)
        if sign and name not in rulebook.rules:
            hint = nearest(name, rulebook.rules) or "rsa rules list names them"
            raise WrongInputError(f"--fail-on {quoted(text)}: there is no finding {quoted(name)}: {hint}")
        if word not in known:
            hint = nearest(word, known) or f"one of: {', '.join(known)}, or FINDING=STATUS"
            raise WrongInputError(f"--fail-on {quoted(text)}: there is no {quoted(word)}: {hint}")
        found.append((name, word))
    return found


def came_true(asked: Iterable[tuple[str, str]], counts: Counts, rulebook: Rulebook) -> list[str]:
    """Which of the conditions of `--fail-on` some case meets, in words."""
    statuses = dict(zip(rulebook.rules, counts.statuses(), strict=True))
    found = []
    for name, word in asked:
        if word in (NEEDS_FIXING, FAILED):
            number = counts.outcomes[word]
        else:
            rules = [name] if name else list(statuses)
            number = sum(statuses[rule][STATUSES.index(word)] for rule in rules)
        if number:
            found.append(f"{name}={word}" if name else word)
    return found


# --- all cases -------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A case as it is written and counted."""

    outcome: str
    file: str
    line: int
    id: str
    id_line: int
    day_taken: bool
    statuses: bytes
    text: str
    more: Any = None


class Run(Light):
    """A run over many cases: how each is judged, and the functions that write a case and look deeper."""

    settings: Settings
    text: Callable[[Outcome], str]
    deeper: Callable[[Judge, Task], Any] | None = None


class Stopped(Exception):  # noqa: N818 - it is no mistake of the program
    """The run was interrupted; what was under way has been written."""


def rows(
    run: Run, tasks: Iterable[Task], jobs: int, stop: Callable[[], bool], before: Iterable[Row] = ()
) -> Iterator[Row]:
    """Every case as it is written, in the order of the tasks; the second of one id needs fixing.

    `before` are those that an interrupted run has written. Raises `Stopped` after the last row that was
    under way when `stop` became true.
    """
    first: dict[str, str | int] = {}
    files: list[str] = []
    for row in before:
        if row.id and row.outcome != FAILED:
            first.setdefault(row.id, _here(row, files))
    found = _alone(run, tasks, stop) if jobs == 1 else _Pool(run, jobs).rows(tasks, stop)
    for row in found:
        yield _unless_twice(run, row, first, files)


def _here(row: Row, files: list[str]) -> str | int:
    """Where a case stands, in what costs least memory: the file's name, which is there anyway, or one number."""
    if not row.line:
        return row.file
    if not files or files[-1] != row.file:
        files.append(row.file)
    return row.line * _FILES + len(files) - 1


def _unless_twice(run: Run, row: Row, first: dict[str, str | int], files: list[str]) -> Row:
    """The row, or one that needs fixing where a case before it has the same id."""
    if not row.id or row.outcome == FAILED:
        return row
    here = _here(row, files)
    before = first.setdefault(row.id, here)
    if before is here:
        return row
    where = before if isinstance(before, str) else f"{files[before % _FILES]}:{before // _FILES}"
    at = Place(row.file, row.id_line, 1) if row.id_line else Place(row.file)
    says = f"the id {quoted(row.id)} stands a second time, first in {where}"
    problem = Problem("id-twice", at, says, "give each case an id of its own")
    outcome = Outcome(NEEDS_FIXING, row.file, row.line, row.id, row.id_line, problems=(problem,))
    return _row(run, outcome)


def _row(run: Run, outcome: Outcome, more: Any = None) -> Row:
    return Row(
        outcome.outcome, outcome.file, outcome.line, outcome.id, outcome.id_line, outcome.day_taken,
        outcome.statuses, run.text(outcome), more,
    )  # fmt: skip


def _judged(run: Run, judge: Judge, task: Task) -> Row:
    """One case, judged and written, or failed."""
    more = None
    try:
        outcome = judge.outcome(task)
        if run.deeper is not None and outcome.outcome == JUDGED:
            more = run.deeper(judge, task)
        return _row(run, outcome, more)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must stop no other case: it is reported as failed
        return _row(run, Outcome(FAILED, task.file, task.line, error=_where(error)))


def _alone(run: Run, tasks: Iterable[Task], stop: Callable[[], bool]) -> Iterator[Row]:
    judge = Judge(run.settings)
    gc.freeze()
    for number, task in enumerate(tasks, 1):
        if stop():
            raise Stopped
        yield _judged(run, judge, task)
        if number % _SWEEP == 0:
            _sweep()


def _sweep() -> None:
    """Free what is left of cases: that does not happen by itself, see __main__. What stays is not looked at again."""
    gc.collect()
    gc.freeze()


def _chunks(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    chunk: list[Task] = []
    size = 0
    most = 1  # small ones first, so that every process has something and the first line comes soon
    for task in tasks:
        chunk.append(task)
        size += len(task.data)
        if len(chunk) >= most or size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
            most = min(most * 2, _CHUNK)
    if chunk:
        yield chunk


class Worker:
    """A process that judges, one chunk at a time. Where it can, it begins with the judge there is already."""

    def __init__(self, run: Run, judge: Judge | None, others: list[Worker]) -> None:
        context: Any = get_context("fork" if _FORK else "spawn")
        self.pipe, theirs = context.Pipe()
        inherited = [worker.pipe for worker in others] if _FORK else []
        more = (run, judge, theirs, [*inherited, self.pipe])
        self.process = context.Process(target=_work, args=more, daemon=True)
        self.process.start()
        theirs.close()
        self.work: _Work | None = None

    def give(self, work: _Work) -> None:
        """Set it to work. A process that has died is noticed where its answer is awaited."""
        self.work = work
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(work.tasks)


class _Work(NamedTuple):
    """Tasks for a worker: those of a chunk, or one of them alone from `at` in it."""

    number: int
    tasks: list[Task]
    at: int | None = None
    again: bool = False


def _work(
    run: Run, judge: Judge | None, pipe: connection.Connection[Any, Any],
    others: list[connection.Connection[Any, Any]],
) -> None:  # fmt: skip
    """What a process does: judge what it is given until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process sees to it
    for other in others:
        other.close()
    judge = judge or Judge(run.settings)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the first process has ended
        number = 0
        while True:
            # The first process knows the files' names, and keeps each but once.
            pipe.send([_judged(run, judge, task)._replace(file="", line=0) for task in pipe.recv()])
            number += 1
            if number % (_SWEEP // _CHUNK) == 0:
                _sweep()


class _Pool:
    """Workers, and what comes back from them, in order.

    A chunk whose worker died is done again, each case alone; one whose worker then dies twice has failed.
    """

    def __init__(self, run: Run, jobs: int) -> None:
        self.run = run
        # Made once: a new process begins at once, also where one after the other is killed.
        self.judge = Judge(run.settings) if _FORK else None
        gc.freeze()  # what all processes share need not be looked through by each
        self.workers: list[Worker] = []
        for _ in range(jobs):
            self.workers.append(Worker(run, self.judge, self.workers))
        self.done: dict[int, list[Row]] = {}
        self.apart: dict[int, list[Row | None]] = {}  # chunks done again, case by case
        self.again: list[_Work] = []

    def rows(self, tasks: Iterable[Task], stop: Callable[[], bool]) -> Iterator[Row]:
        """Every row in the order of the tasks."""
        chunks = enumerate(_chunks(tasks))
        given = written = 0
        more = True
        stopped = False
        try:
            while True:
                stopped = stopped or stop()
                for worker in self.workers:
                    if worker.work is not None:
                        continue
                    if self.again:
                        worker.give(self.again.pop(0))
                    elif more and not stopped and given - written < _AHEAD * len(self.workers):
                        number, chunk = next(chunks, (-1, []))
                        more = number >= 0
                        if more:
                            given += 1
                            worker.give(_Work(number, chunk))
                while written in self.done:
                    yield from self.done.pop(written)
                    written += 1
                if all(worker.work is None for worker in self.workers) and not self.again:
                    if stopped and more:
                        raise Stopped
                    if not more and written == given:
                        return
                    continue
                self._receive()
        finally:
            gc.unfreeze()
            for worker in self.workers:
                worker.pipe.close()
                worker.process.join(timeout=5)
                if worker.process.is_alive():
                    worker.process.kill()

    def _receive(self) -> None:
        """Wait until a worker answers or dies."""
        busy = {worker.pipe: worker for worker in self.workers if worker.work is not None}
        for ready in connection.wait(list(busy)):
            worker = busy[ready]
            work = worker.work
            assert work is not None
            worker.work = None
            try:
                found: list[Row] | None = worker.pipe.recv()
            except (EOFError, OSError):  # before its answer, or in the middle of it
                found = None
                self._replace(worker)
            if found is not None:
                found = [
                    row._replace(file=task.file, line=task.line)
                    for row, task in zip(found, work.tasks, strict=True)
                ]
            if found is not None and work.at is None:
                self.done[work.number] = found
            elif found is not None:
                self._one(work, found[0])
            elif work.at is None:
                self.apart[work.number] = [None] * len(work.tasks)
                self.again += [_Work(work.number, [task], at) for at, task in enumerate(work.tasks)]
            elif not work.again:
                self.again.append(work._replace(again=True))
            else:
                (task,) = work.tasks
                error = "the process that judged it ended twice"
                self._one(work, _row(self.run, Outcome(FAILED, task.file, task.line, error=error)))

    def _one(self, work: _Work, row: Row) -> None:
        assert work.at is not None
        chunk = self.apart[work.number]
        chunk[work.at] = row
        if all(found is not None for found in chunk):
            self.done[work.number] = [found for found in self.apart.pop(work.number) if found is not None]

    def _replace(self, worker: Worker) -> None:
        worker.pipe.close()
        worker.process.join()
        others = [other for other in self.workers if other is not worker]
        self.workers[self.workers.index(worker)] = Worker(self.run, self.judge, others)


def jobs_for(asked: int | None, cases: int | None) -> int:
    """How many processes: as asked, else as many as there are processors and work for them."""
    if asked is not None:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if cases is None else max(1, min(cores, cases // _WORTH_A_PROCESS))


class Interrupt:
    """Notes the first Ctrl-C, so that what is under way is finished; the second one ends the program."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __call__(self) -> bool:
        """Whether it was asked for."""
        return self.asked


def stream(
    found: Iterable[Row], write: Callable[[str], None], counts: Counts, summary: Summary | None,
    tell: Callable[[int], None],
) -> None:  # fmt: skip
    """Write and count every row, and tell how many there are by now."""
    for row in found:
        write(row.text)
        counts.add(row)
        if summary is not None:
            summary.add(row)
        tell(counts.cases)


# --- a deeper look ---------------------------------------------------------------------------------


class Deep(NamedTuple):
    """What one case adds to the summary: clauses that are unknown, what is missing, what alone would settle how many."""

    clauses: tuple[int, ...]
    missing: tuple[str, ...]
    settles: tuple[tuple[str, int], ...]


class Clause(NamedTuple):
    """A condition of a rule, and the way to it."""

    rule: str
    path: str
    node: Condition


_OPENED = (All, AnyOf, Some, Not, NotKnown, Points)


def clauses(rulebook: Rulebook) -> list[Clause]:
    """Every condition of every rule, outermost first; what is asked of records or of several results is one."""
    found: list[Clause] = []

    def look(rule: str, path: str, node: Condition) -> None:
        found.append(Clause(rule, path, node))
        if isinstance(node, _OPENED):
            parts = parts_of(node)
            for number, part in enumerate(parts, 1):
                look(rule, f"{path}.{number}" if len(parts) > 1 else path, part)

    for rule in rulebook.rules.values():
        look(rule.id, "when", rule.when)
    return found


class Deeper:
    """Looks deeper into a case than its statuses, by the reference engine and all that it can say."""

    def __init__(self) -> None:
        self._firsts: dict[str, int] = {}  # the number of each rule's first clause
        self._by: Yields | None = None

    def __call__(self, judge: Judge, task: Task) -> Deep:
        """What the case adds to the summary."""
        rulebook, settings = judge.rulebook, judge.settings
        if not self._firsts:
            for number, clause in enumerate(clauses(rulebook)):
                self._firsts.setdefault(clause.rule, number)
        assessment = read_and_assess(
            judge.source(task), rulebook, settings.as_of, settings.today, settings.without_partner
        )
        if self._by is None:
            self._by = Yields(assessment.rulebook)
        unknown: list[int] = []
        missing: set[str] = set()
        settles: dict[str, int] = {}
        for finding in assessment.findings:
            _unknown_of(finding.judgement.when, self._firsts[finding.rule.id], unknown)
            alone: set[str] = set()
            for atoms in (*finding.settled.met, *finding.settled.not_met) if finding.settled else ():
                missing |= {atom.yields for atom in atoms}
                yielding = [{i.id for i in self._by.of(atom)} for atom in atoms]
                alone |= set.intersection(*yielding) if yielding else set()
            for investigation in alone:
                settles[investigation] = settles.get(investigation, 0) + 1
        return Deep(tuple(unknown), tuple(sorted(missing)), tuple(sorted(settles.items())))


def _unknown_of(verdict: Verdict, number: int, found: list[int]) -> int:
    """The numbers of the clauses that came out unknown, counted as `clauses` counts; the next number."""
    if verdict.truth is UNKNOWN:
        found.append(number)
    number += 1
    if isinstance(verdict.condition, _OPENED):
        for part in verdict.parts:
            number = _unknown_of(part, number, found)
    return number


class Summary:
    """Counts over all cases, as data."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.deep = 0
        self.unknown: Counter[int] = Counter()
        self.missing: Counter[str] = Counter()
        self.settles: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Take in what a case adds."""
        if row.more is not None and row.outcome == JUDGED:
            self.deep += 1
            self.unknown.update(row.more.clauses)
            self.missing.update(row.more.missing)
            self.settles.update(dict(row.more.settles))

    def data(self, counts: Counts) -> dict[str, Any]:
        """Everything counted; `docs/batch.md` says what each means."""
        rulebook = self.rulebook
        wording = Wording(rulebook)
        judged = counts.outcomes[JUDGED]
        of_rule: dict[str, list[dict[str, Any]]] = {}
        for number, clause in enumerate(clauses(rulebook)):
            place = clause.node.place
            of_rule.setdefault(clause.rule, []).append(
                {
                    "path": clause.path, "says": wording.line(clause.node), "file": Path(place.file).name, "line": place.line,
                    "unknown": self.unknown[number],
                }
            )  # fmt: skip
        findings = {
            name: {
                "cases": judged,
                "assessable": judged - found[STATUSES.index("not applicable")],
                **dict(zip(STATUSES, found, strict=True)),
                "clauses": of_rule[name],
            }
            for name, found in zip(rulebook.rules, counts.statuses(), strict=True)
        }
        return {
            "format": 1,
            "program": __version__,
            "rulebook": {
                "name": rulebook.name,
                "version": rulebook.version,
                "digest": f"sha256:{rulebook.digest}",
            },
            "cases": counts.cases,
            "outcomes": counts.outcomes,
            "day_taken": counts.day_taken,
            "findings": findings,
            "missing": dict(self.missing.most_common()),
            "settles": dict(self.settles.most_common()),
        }


# --- where it is written ---------------------------------------------------------------------------


class Output:
    """A file that appears only when it is whole: until then its lines stand in `NAME.part` beside it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where it cannot be written, WrongInputError where another run writes it."""
        self.path = path.resolve()  # a symbolic link stays one
        self.special = path.exists() and not path.is_file()  # a device or a pipe must not be replaced
        self.part = self.path if self.special else self.path.with_name(f"{self.path.name}.part")
        self.file = self._open()
        self._lock()

    def _open(self) -> BinaryIO:
        if self.special:
            return open(self.part, "wb")
        return os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")

    def _lock(self) -> None:
        """Keep other runs away; a lock of this kind ends with this process, whatever becomes of its workers."""
        if self.special:
            return
        try:
            import fcntl
        except ImportError:  # Windows keeps others from replacing an open file by itself
            return
        while True:
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.file.close()
                raise WrongInputError(f"another run is writing {self.part}") from None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(self.part), os.fstat(self.file.fileno())):
                    return
            self.file.close()  # it was finished meanwhile, and has its proper name
            self.file = self._open()

    def begin(self) -> None:
        """Throw away what an interrupted run has left."""
        if not self.special:
            self.file.truncate(0)

    def whole_lines(self) -> Iterator[str]:
        """The lines that an interrupted run has left; one that is not whole is cut off first."""
        # Another handle on the same file would end the lock when it is closed.
        end = 0
        for line in self.file:
            if line.endswith(b"\n"):
                end += len(line)
        self.file.truncate(end)
        self.file.seek(0)
        for line in self.file:
            yield line.decode("utf-8", "replace")

    def write(self, text: str) -> None:
        """Write some whole lines."""
        self.file.write(text.encode("utf-8", "backslashreplace"))

    def finish(self) -> None:
        """Give the file its name."""
        self.file.flush()
        if not self.special:
            os.fsync(self.file.fileno())
            if self.path.exists():
                self.part.chmod(self.path.stat().st_mode)  # what was private stays private
            self.part.replace(self.path)
        self.file.close()

    def leave(self) -> None:
        """Stop half-way: what is written so far stays in the part."""
        with suppress(OSError):
            self.file.close()


def left_to_do(tasks: Iterable[Task], done: Iterable[Row], name: str, run: Run, last: str) -> Iterator[Task]:
    """The tasks behind those that are done; the last of these is judged again and has to come out as it did.

    Raises WrongInputError where they are not the first ones, or come out otherwise today.
    """
    again = "run without --resume to begin again"
    rest = iter(tasks)
    task: Task | None = None
    for number, row in enumerate(done, 1):
        task = next(rest, None)
        if task is None or (task.file, task.line) != (row.file, row.line):
            now = "nothing" if task is None else f"{task.file}{f':{task.line}' if task.line else ''}"
            was = f"{row.file}{f':{row.line}' if row.line else ''}"
            raise WrongInputError(
                f"cannot go on with {name}: its case {number} is {quoted(was)}, and the input has {quoted(now)} there; {again}"
            )
    twice = '"code":"id-twice"' in last or "stands a second time, first in" in last
    if task is not None and not twice and _judged(run, Judge(run.settings), task).text != last:
        raise WrongInputError(
            f"cannot go on with {name}: its last case comes out otherwise now (other rules, or another day); {again}"
        )
    return rest
