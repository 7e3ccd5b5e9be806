"""The command line: options in, exit status out. It decides nothing: load, call, write, exit status.

Status: 0 done · 1 a rulebook that is not sound · 2 wrong usage, or a place that cannot be written · 3 a file needs fixing · 130 interrupted.
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
    from rsa_cli.catalogue import Catalogue
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.renderers import Options
    from rsa_cli.rulebook import Rulebook

UNSOUND, WRONG_USAGE, NEEDS_FIXING, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    name="rsa",
    help="Work-up assistant for recurrent miscarriage. Supports review by a clinician; not a diagnosis.",
    epilog="For instance:  rsa assess case.yaml   or   rsa explain case.yaml antiphospholipid_syndrome",
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
    epilog="For instance:  rsa assess case.yaml --format json -o report.json   or   rsa assess - < case.yaml"
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
        if not _terminal():
            _wrong("name a case file:  rsa assess case.yaml  (or - for standard input)")
        case = _asked(None, rules, False, False)
    from rsa_cli.renderers import formats, render

    if format_ not in formats():
        from rsa_cli.problems import nearest

        _wrong(f"there is no format {format_!r}: {nearest(format_, formats()) or ', '.join(formats())}")
    _not_onto(case, output)
    assessment = _assessed(case, rules, as_of, without_partner=without_partner)
    _write(render(assessment, format_, _options(output, everything, management)), output)
    _remarks(assessment)


@app.command(epilog="For instance:  rsa ask RSA-0042.yaml   or   rsa ask RSA-0042.yaml --shortest")
def ask(
    case: Annotated[
        Path | None,
        typer.Argument(metavar="CASE", help="The case file, new or to be gone on with.", show_default=False),
    ] = None,
    shortest: Annotated[
        bool,
        typer.Option("--shortest", help="Ask first what settles most, and stop when nothing more would."),
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line with numbered choices, for screen readers.")
    ] = False,
    rules: Rules = "article",
) -> None:
    """Ask what is to be known, step by step; write the case and show the report."""
    if not _terminal():
        _wrong(
            "ask needs a terminal. To judge a file: rsa assess FILE; to fill one in with an editor: rsa new FILE"
        )
    path = _asked(case, rules, shortest, plain)
    from rsa_cli.renderers import render

    assessment = _assessed(path, rules, None)
    options = _options(None, False)
    _write(render(assessment, "terminal", options._replace(colour=options.colour and not plain)), None)
    _remarks(assessment)


@app.command(epilog="For instance:  rsa new RSA-0042.yaml")
def new(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to write it; else to the terminal.", show_default=False),
    ] = None,
    rules: Rules = "article",
) -> None:
    """Write a blank case with every question as a comment, to be filled in with an editor."""
    from rsa_cli.blank import blank

    if file is not None and (file.exists() or file.is_symlink()):
        from rsa_cli.problems import visible

        _wrong(f"{visible(str(file))} is there already: name a new file, or go on with it:  rsa ask")
    _write(blank(_rulebook(rules), file.stem if file is not None else "RSA-0001"), file)


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


@app.command(
    epilog="For instance:  rsa batch cases/ --format ndjson > out.ndjson   or   rsa batch cases/ -o out.csv -f csv"
)
def batch(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="Folders, files, patterns; or - for a list of files or NDJSON.",
            show_default=False,
        ),
    ],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            show_default=False,
            help="table, ndjson, csv, junit or markdown; table in a terminal, else ndjson.",
        ),
    ] = None,
    output: Output = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what an interrupted run left beside --output.")
    ] = False,
    as_of: AsOf = None,
    rules: Rules = "article",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="Processes; else one a processor.", show_default=False
        ),
    ] = None,
    without_partner: WithoutPartner = False,
    explain: Annotated[bool, typer.Option("--explain", help="Add the reasons to each case; slower.")] = False,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            show_default=False,
            help="Write counts by finding and clause, and what is missing most, as JSON; much slower.",
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="WHAT",
            show_default=False,
            help="End with status 1 where a case is so: 'needs fixing', undetermined, FINDING=met …",
        ),
    ] = None,
) -> None:
    """Judge many cases: one line each, in the order of the input, and counts."""
    from datetime import date

    from rsa_cli.run import Asked, run
    from rsa_cli.tables import formats

    terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    name = format_ or ("table" if terminal else "ndjson")
    if name not in formats():
        from rsa_cli.problems import nearest

        _wrong(f"there is no format {name!r}: {nearest(name, formats()) or ', '.join(formats())}")
    day = _day(as_of)
    asked = Asked(
        tuple(paths), name, _rulebook(rules, whole=summary is not None), date.today().toordinal(), day, jobs, output, resume, summary,
        tuple(fail_on or ()), explain, without_partner,
    )  # fmt: skip
    raise typer.Exit(run(asked))


rules_app = typer.Typer(help="The rulebook as a document.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")


@rules_app.command("list", epilog="For instance:  rsa rules list   or   rsa rules list --rules my-rules")
def rules_list(rules: Rules = "article") -> None:
    """Every finding the rulebook decides, by kind and group, in the order it is reported."""
    from rsa_cli.pages import plain

    _write(plain(_catalogue(rules).listing(), _options(None, False).width), None)


@rules_app.command(
    "show", epilog="For instance:  rsa rules show thyroid_autoimmunity   or   rsa rules show work-up"
)
def rules_show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A finding, item, investigation, statement or source; or work-up.",
            show_default=False,
        ),
    ],
    rules: Rules = "article",
) -> None:
    """One entry in words: a rule with its conditions, statements, today's view and examples."""
    from rsa_cli.pages import plain

    catalogue = _catalogue(rules)
    blocks = catalogue.show(name)
    if not blocks:
        from rsa_cli.problems import nearest

        hint = nearest(name, catalogue.ids()) or "rsa rules list  shows the findings"
        _wrong(f"nothing in this rulebook is called {name!r}: {hint}")
    _write(plain(blocks, _options(None, False).width), None)


@rules_app.command("check", epilog="For instance:  rsa rules check   or   rsa rules check my-rules")
def rules_check(
    rulebook: Annotated[
        str, typer.Argument(metavar="DIR", help="A rulebook's folder, or its name.")
    ] = "article",
) -> None:
    """Is every rule pinned by examples, sourced and used? Problems with their places; status 1 if any."""
    from rsa_cli.check import check, summary
    from rsa_cli.problems import shown

    report = check(rulebook, _counted if sys.stderr is not None and sys.stderr.isatty() else None)
    _write("".join(f"{shown(problem, report.lines)}\n" for problem in report.problems), None)
    _write(summary(report), None)
    if not report.sound:
        raise typer.Exit(UNSOUND)


def _counted(done: int, of: int) -> None:
    """How far the check has got, in one line that is written over and wiped at the end."""
    typer.echo(f"\r{done} of {of} mutants" if done < of else f"\r{' ' * 40}\r", err=True, nl=False)


# --- what every command shares ---------------------------------------------------------------------


def _terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _asked(case: Path | None, rules: str, shortest: bool, plain: bool) -> Path:
    """The file that the questionnaire saved; leaves where there is none."""
    from rsa_cli.ask import run

    status, path = run(case, _rulebook(rules), shortest, plain, rules)
    if path is None:
        raise typer.Exit(status)
    return path


def _rulebook(rules: str, whole: bool = False) -> Rulebook:
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook

    try:
        return read_rulebook(rules, whole)
    except NeedsFixing as error:
        _show(error)
        raise typer.Exit(NEEDS_FIXING) from None


def _catalogue(rules: str) -> Catalogue:
    from rsa_cli.catalogue import Catalogue
    from rsa_cli.rulebook import read_sources

    return Catalogue(_rulebook(rules, True), read_sources(rules))


def _day(as_of: str | None) -> int | None:
    """The day of judgement that was asked for, as an ordinal."""
    if as_of is None:
        return None
    from datetime import date

    from rsa_cli.values import read_date

    span = read_date(as_of)
    if span is None or not span.is_point or span.low is None:
        _wrong(f"--as-of {as_of!r} is not a day: write 2026-03-01")
    if span.low > date.today().toordinal():
        _wrong(f"--as-of {as_of} lies in the future")
    return int(span.low)


def _assessed(
    case: Path, rules: str, as_of: str | None, whole: bool = False, without_partner: bool = False
) -> Assessment:

    from rsa_cli.assess import read_and_assess, symptoms
    from rsa_cli.problems import NeedsFixing
    from rsa_cli.rulebook import read_rulebook
    from rsa_cli.source import read_file

    day = _day(as_of)
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
