"""The command line: options in, exit status out. It decides nothing: load, call, write, exit status.

Status: 0 done · 2 wrong usage, or a place that cannot be written · 3 a file needs fixing · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from rsa_cli import __version__

if TYPE_CHECKING:
    from rsa_cli.assess import Assessment
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.renderers import Options
    from rsa_cli.rulebook import Rulebook

WRONG_USAGE, NEEDS_FIXING, INTERRUPTED = 2, 3, 130

app = typer.Typer(
    name="rsa",
    help="Work-up assistant for recurrent miscarriage. Supports review by a clinician; not a diagnosis.",
    epilog="For instance:  rsa assess case.yaml   ·   rsa explain case.yaml antiphospholipid_syndrome",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must not show a patient's values
    pretty_exceptions_enable=False,
)

CaseFile = Annotated[
    Path, typer.Argument(metavar="CASE", help="A case file, or - for standard input.", show_default=False)
]
Rules = Annotated[str, typer.Option("--rules", metavar="NAME|DIR", help="The rulebook: a name, or a folder.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="Judge as of this day, as in 2026-03-01.", show_default=False
    ),
]
WithoutPartner = Annotated[
    bool, typer.Option("--without-partner", help="Leave the partner's items out, as if not given.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write here, not to the terminal.", show_default=False
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        _write(f"rsa {__version__}\n", None)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Work-up assistant for recurrent miscarriage. Supports review by a clinician; not a diagnosis."""


@app.command(
    epilog="For instance:  rsa assess case.yaml --format json -o report.json   ·   rsa assess - < case.yaml"
)
def assess(
    case: Annotated[
        Path | None,
        typer.Argument(metavar="CASE", help="A case file, or - for standard input.", show_default=False),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="terminal or json.")
    ] = "terminal",
    output: Output = None,
    as_of: AsOf = None,
    rules: Rules = "article",
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Show every finding and the whole checklist.")
    ] = False,
    management: Annotated[
        bool, typer.Option("--management", help="Show what the article says is done about each finding met.")
    ] = False,
    without_partner: WithoutPartner = False,
) -> None:
    """Judge a case: what is established, what is not known, what to order next."""
    if case is None:
        _wrong("name a case file:  rsa assess case.yaml  (or - for standard input)")
    from rsa_cli.renderers import formats, render

    if format_ not in formats():
        from rsa_cli.problems import nearest

        _wrong(f"there is no format {format_!r}: {nearest(format_, formats()) or ', '.join(formats())}")
    _not_onto(case, output)
    assessment = _assessed(case, rules, as_of, without_partner=without_partner)
    _write(render(assessment, format_, _options(output, everything, management)), output)
    _remarks(assessment)


@app.command(epilog="For instance:  rsa explain case.yaml antiphospholipid_syndrome")
def explain(
    case: CaseFile,
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="The id of a finding.", show_default=False)
    ],
    output: Output = None,
    as_of: AsOf = None,
    rules: Rules = "article",
    without_partner: WithoutPartner = False,
) -> None:
    """Show the whole proof of one finding, and what would settle it."""
    from rsa_cli.renderers import explain as explained

    _not_onto(case, output)
    assessment = _assessed(case, rules, as_of, whole=True, without_partner=without_partner)
    known = [f.rule.id for f in assessment.findings]
    if finding not in known:
        from rsa_cli.problems import nearest

        hint = nearest(finding, known) or f"one of {', '.join(known)}"
        _wrong(f"there is no finding {finding!r}: {hint}")
    _write(explained(assessment, assessment.finding(finding), _options(output, True)), output)
    _remarks(assessment)


schema = typer.Typer(help="JSON Schema of what the program reads and writes.", no_args_is_help=True)
app.add_typer(schema, name="schema")


@schema.command("assessment", epilog="For instance:  rsa schema assessment > assessment.schema.json")
def schema_assessment() -> None:
    """The shape of `rsa assess --format json`."""
    _write((Path(__file__).parent / "assessment.schema.json").read_text(encoding="utf-8"), None)


@schema.command("case", epilog="For instance:  rsa schema case > case.schema.json")
def schema_case(rules: Rules = "article") -> None:
    """The shape of a case file, for an editor; it knows the items of the rulebook."""
    from rsa_cli.schemas import case_schema, text_of

    _write(text_of(case_schema(_rulebook(rules))), None)


@schema.command("rules", epilog="For instance:  rsa schema rules > rules.schema.json")
def schema_rules() -> None:
    """The shape of a rule file, for an editor."""
    from rsa_cli.schemas import rules_schema, text_of

    _write(text_of(rules_schema()), None)


# --- what every command shares ---------------------------------------------------------------------


def _rulebook(rules: str) -> Rulebook:
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook

    try:
        return read_rulebook(rules)
    except NeedsFixing as error:
        _show(error)
        raise typer.Exit(NEEDS_FIXING) from None


def _assessed(
    case: Path, rules: str, as_of: str | None, whole: bool = False, without_partner: bool = False
) -> Assessment:
    from datetime import date

    from rsa_cli.assess import read_and_assess, symptoms
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook
    from rsa_cli.source import read_file
    from rsa_cli.values import read_date

    day = None
    if as_of is not None:
        span = read_date(as_of)
        if span is None or not span.is_point or span.low is None:
            _wrong(f"--as-of {as_of!r} is not a day: write 2026-03-01")
        day = int(span.low)
        if day > date.today().toordinal():
            _wrong(f"--as-of {as_of} lies in the future")
    present: tuple[str, ...] = ()
    try:
        rulebook = read_rulebook(rules, whole)
        source = read_file(case)
        present = symptoms(source, rulebook)
        return read_and_assess(source, rulebook, day, without_partner=without_partner)
    except NeedsFixing as error:
        if present:
            typer.echo(
                f"! {', '.join(present)}: recorded in a file that needs fixing. Do not wait for this program.\n",
                err=True,
            )
        _show(error)
        raise typer.Exit(NEEDS_FIXING) from None


def _not_onto(case: Path, output: Path | None) -> None:
    if output is not None and output.exists() and case.exists() and output.samefile(case):
        _wrong("the report would overwrite the case file: name another --output")


def _options(output: Path | None, everything: bool, management: bool = False) -> Options:
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


def _write(text: str, output: Path | None) -> None:
    """To standard output, or to a file that appears only when it is whole."""
    try:
        if output is None:
            _print(text)
            return
        if not output.name or output.is_dir():
            _wrong(f"cannot write {output}: it is a folder")
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

        _wrong(f"cannot write {visible(str(output or 'to standard output'))}: {error.strerror}")


def _print(text: str) -> None:
    if sys.stdout is None:
        _wrong("cannot write to standard output: it is closed")
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.flush()


def _silence() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _remarks(assessment: Assessment) -> None:
    from rsa_cli.problems import shown

    for problem in assessment.remarks:
        typer.echo(shown(problem, {assessment.case.name: assessment.case.lines}), err=True)


def _show(error: NeedsFixing) -> None:
    from rsa_cli.problems import shown

    for problem in error.problems:
        typer.echo(shown(problem, error.lines), err=True)
    number = sum(not p.remark for p in error.problems)
    files = len({p.place.file for p in error.problems if not p.remark})
    typer.echo(
        f"{number} problem{'s' * (number != 1)} in {files} file{'s' * (files != 1)}: nothing was judged.",
        err=True,
    )


def _wrong(says: str) -> NoReturn:
    typer.echo(f"rsa: {says}", err=True)
    raise typer.Exit(WRONG_USAGE)
