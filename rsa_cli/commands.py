"""What a command does once its options are known: load, call, write, exit status.

Nothing here needs Typer, which costs as much to load as a case to judge: `assess` typed plainly is done at
once, and all that needs a look (help, a mistake, another command) goes to Typer.

Status: 0 done · 1 a rulebook that is not sound · 2 wrong usage, or a place that cannot be written · 3 a file needs fixing · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rsa_cli.assess import Assessment
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.renderers import Options
    from rsa_cli.rulebook import Rulebook

UNSOUND, WRONG_USAGE, NEEDS_FIXING, INTERRUPTED = 1, 2, 3, 130

# The options of `assess`, by what they are called there.
_WITH_VALUE = {
    "--format": "format_", "-f": "format_", "--output": "output", "-o": "output", "--as-of": "as_of", "--rules": "rules",
}  # fmt: skip
_ALONE = {
    "--all": "everything", "-a": "everything", "--management": "management", "--without-partner": "without_partner",
}  # fmt: skip
_EXPANDED = "*?[~$%"  # what Typer writes out on Windows, where no shell does


def plainly(arguments: list[str]) -> bool:
    """Do what is asked for plainly; False where Typer is to look at it, and nothing was done."""
    if arguments[:1] != ["assess"]:
        return False
    given = typed(arguments[1:])
    if given is None:
        return False
    assess(**given)
    return True


def typed(arguments: list[str]) -> dict[str, Any] | None:
    """The options of `assess` as they are typed; `None` for what is not plain."""
    given: dict[str, Any] = {}
    rest = iter(arguments)
    for word in rest:
        value: Any = True
        name = _ALONE.get(word)
        if name is None:
            name, value = "case", word
            if word in _WITH_VALUE:
                name, value = _WITH_VALUE[word], next(rest, "")
            plain = value == "-" or (value and value[0] != "-" and not any(s in value for s in _EXPANDED))
            if not plain or name in given:
                return None
        given[name] = Path(value) if name in ("case", "output") else value
    return given if "case" in given else None


def assess(
    case: Path | None = None,
    format_: str = "terminal",
    output: Path | None = None,
    as_of: str | None = None,
    rules: str = "article",
    everything: bool = False,
    management: bool = False,
    without_partner: bool = False,
) -> None:
    """Judge a case: what is established, what is not known, what to order next."""
    if case is None:
        if not at_terminal():
            wrong("name a case file:  rsa assess case.yaml  (or - for standard input)")
        case = asked(None, rules, False, False)
    from rsa_cli.renderers import formats, render

    if format_ not in formats():
        from rsa_cli.problems import nearest

        wrong(f"there is no format {format_!r}: {nearest(format_, formats()) or ', '.join(formats())}")
    not_onto(case, output)
    assessment = assessed(case, rules, as_of, without_partner=without_partner)
    write(render(assessment, format_, options_for(output, everything, management)), output)
    remarks(assessment)


# --- what every command shares ---------------------------------------------------------------------


def at_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def asked(case: Path | None, rules: str, shortest: bool, plain: bool) -> Path:
    """The file that the questionnaire saved; leaves where there is none."""
    from rsa_cli.ask import run

    status, path = run(case, rulebook_of(rules), shortest, plain, rules)
    if path is None:
        sys.exit(status)
    return path


def rulebook_of(rules: str, whole: bool = False, judging: bool = True) -> Rulebook:
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook

    try:
        return read_rulebook(rules, whole)
    except NeedsFixing as error:
        show(error, judging)
        sys.exit(NEEDS_FIXING)


def day_of(as_of: str | None) -> int | None:
    """The day of judgement that was asked for, as an ordinal."""
    if as_of is None:
        return None
    from datetime import date

    from rsa_cli.values import read_date

    span = read_date(as_of)
    if span is None or not span.is_point or span.low is None:
        wrong(f"--as-of {as_of!r} is not a day: write 2026-03-01")
    if span.low > date.today().toordinal():
        wrong(f"--as-of {as_of} lies in the future")
    return int(span.low)


def assessed(
    case: Path, rules: str, as_of: str | None, whole: bool = False, without_partner: bool = False
) -> Assessment:

    from rsa_cli.assess import read_and_assess, symptoms
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook
    from rsa_cli.source import read_file

    day = day_of(as_of)
    present: tuple[str, ...] = ()
    try:
        rulebook = read_rulebook(rules, whole)
        source = read_file(case)
        present = symptoms(source, rulebook)
        return read_and_assess(source, rulebook, day, without_partner=without_partner)
    except NeedsFixing as error:
        if present:
            say(
                f"! {', '.join(present)}: recorded in a file that needs fixing. Do not wait for this program.\n"
            )
        show(error)
        sys.exit(NEEDS_FIXING)


def not_onto(case: Path, output: Path | None) -> None:
    try:
        same = output is not None and output.samefile(case)
    except OSError:  # one of them is not there, or has no name that can be: said when it is read or written
        same = False
    if same:
        wrong("the report would overwrite the case file: name another --output")


def options_for(output: Path | None, everything: bool, management: bool = False) -> Options:
    from rsa_cli.renderers import Options

    terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    width = 80
    if terminal:
        width = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    elif (columns := os.environ.get("COLUMNS", "")).isdecimal() and len(columns) < 6:
        width = int(columns)
    width = max(40, min(width, 140))
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Options(width, terminal and not plain, everything, management)


def write(text: str, output: Path | None) -> None:
    """To standard output, or to a file that appears only when it is whole."""
    try:
        if output is None:
            _print(text)
            return
        if not output.name or output.is_dir():
            wrong(f"cannot write {output}: it is a folder")
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")  # a device or a pipe: it must not be replaced
            return
        target = output.resolve()  # a symbolic link stays one
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            part.write_text(text, encoding="utf-8")
            if target.exists():
                part.chmod(target.stat().st_mode)  # what was private stays private
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing more to say, and Python must not say it at exit.
        _silence()
    except OSError as error:
        if output is None:
            _silence()
        from rsa_cli.problems import visible

        wrong(f"cannot write {visible(str(output or 'to standard output'))}: {error.strerror}")


def _print(text: str) -> None:
    if sys.stdout is None:
        wrong("cannot write to standard output: it is closed")
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.flush()


def _silence() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def remarks(assessment: Assessment) -> None:
    from rsa_cli.problems import shown

    for problem in assessment.remarks:
        say(shown(problem, {assessment.case.name: assessment.case.lines}))


def show(error: NeedsFixing, judging: bool = True) -> None:
    """What needs fixing, and where a case was to be judged, that none was."""
    from rsa_cli.problems import shown

    for problem in error.problems:
        say(shown(problem, error.lines))
    number = sum(not p.remark for p in error.problems)
    files = len({p.place.file for p in error.problems if not p.remark})
    said = f"{number} problem{'s' * (number != 1)} in {files} file{'s' * (files != 1)}"
    say(f"{said}: nothing was judged." if judging else f"{said}.")


def wrong(says: str) -> NoReturn:
    say(f"rsa: {says}")
    sys.exit(WRONG_USAGE)


def say(text: str) -> None:
    """A line for a person to standard error, where there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
