"""The command line as Typer reads it: every option, its help, and what it calls. It decides nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsa_cli import __version__, commands
from rsa_cli.commands import (
    UNSOUND,
    asked,
    assessed,
    at_terminal,
    day_of,
    not_onto,
    options_for,
    remarks,
    rulebook_of,
    write,
    wrong,
)

if TYPE_CHECKING:
    from rsa_cli.catalogue import Catalogue

app = typer.Typer(
    name="rsa",
    help="Work-up assistant for recurrent miscarriage. Supports review by a clinician; not a diagnosis.",
    epilog="For instance:  rsa assess case.yaml   or   rsa explain case.yaml antiphospholipid_syndrome",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must not show a patient's values
    pretty_exceptions_enable=False,
)

CaseFile = Annotated[
    Path,
    typer.Argument(
        metavar="CASE", help="A case file, or - for standard input.", show_default=False, readable=False
    ),
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
        "--output",
        "-o",
        metavar="FILE",
        help="Write here, not to the terminal.",
        show_default=False,
        readable=False,
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        write(f"rsa {__version__}\n", None)
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
        typer.Argument(
            metavar="CASE", help="A case file, or - for standard input.", show_default=False, readable=False
        ),
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
    commands.assess(case, format_, output, as_of, rules, everything, management, without_partner)


@app.command(epilog="For instance:  rsa ask RSA-0042.yaml   or   rsa ask RSA-0042.yaml --shortest")
def ask(
    case: Annotated[
        Path | None,
        typer.Argument(
            metavar="CASE",
            help="The case file, new or to be gone on with.",
            show_default=False,
            readable=False,
        ),
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
    if not at_terminal():
        wrong(
            "ask needs a terminal. To judge a file: rsa assess FILE; to fill one in with an editor: rsa new FILE"
        )
    path = asked(case, rules, shortest, plain)
    from rsa_cli.renderers import render

    assessment = assessed(path, rules, None)
    options = options_for(None, False)
    write(render(assessment, "terminal", options._replace(colour=options.colour and not plain)), None)
    remarks(assessment)


@app.command(epilog="For instance:  rsa new RSA-0042.yaml")
def new(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Where to write it; else to the terminal.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    rules: Rules = "article",
) -> None:
    """Write a blank case with every question as a comment, to be filled in with an editor."""
    from rsa_cli.blank import blank

    if file is not None and (file.exists() or file.is_symlink()):
        from rsa_cli.problems import visible

        wrong(f"{visible(str(file))} is there already: name a new file, or go on with it:  rsa ask")
    write(blank(rulebook_of(rules, judging=False), file.stem if file is not None else "RSA-0001"), file)


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

    not_onto(case, output)
    assessment = assessed(case, rules, as_of, whole=True, without_partner=without_partner)
    known = [f.rule.id for f in assessment.findings]
    if finding not in known:
        from rsa_cli.problems import nearest

        hint = nearest(finding, known) or f"one of {', '.join(known)}"
        wrong(f"there is no finding {finding!r}: {hint}")
    write(explained(assessment, assessment.finding(finding), options_for(output, True)), output)
    remarks(assessment)


schema = typer.Typer(help="JSON Schema of what the program reads and writes.", no_args_is_help=True)
app.add_typer(schema, name="schema")


@schema.command("assessment", epilog="For instance:  rsa schema assessment > assessment.schema.json")
def schema_assessment() -> None:
    """The shape of `rsa assess --format json`."""
    write((Path(__file__).parent / "assessment.schema.json").read_text(encoding="utf-8"), None)


@schema.command("case", epilog="For instance:  rsa schema case > case.schema.json")
def schema_case(rules: Rules = "article") -> None:
    """The shape of a case file, for an editor; it knows the items of the rulebook."""
    from rsa_cli.schemas import case_schema, text_of

    write(text_of(case_schema(rulebook_of(rules, judging=False))), None)


@schema.command("rules", epilog="For instance:  rsa schema rules > rules.schema.json")
def schema_rules() -> None:
    """The shape of a rule file, for an editor."""
    from rsa_cli.schemas import rules_schema, text_of

    write(text_of(rules_schema()), None)


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
            readable=False,
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

        wrong(f"there is no format {name!r}: {nearest(name, formats()) or ', '.join(formats())}")
    day = day_of(as_of)
    asked = Asked(
        tuple(paths), name, rulebook_of(rules, whole=summary is not None), date.today().toordinal(), day, jobs, output, resume, summary,
        tuple(fail_on or ()), explain, without_partner,
    )  # fmt: skip
    raise typer.Exit(run(asked))


rules_app = typer.Typer(help="The rulebook as a document.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")


@rules_app.command("list", epilog="For instance:  rsa rules list   or   rsa rules list --rules my-rules")
def rules_list(rules: Rules = "article") -> None:
    """Every finding the rulebook decides, by kind and group, in the order it is reported."""
    from rsa_cli.pages import plain

    write(plain(_catalogue(rules).listing(), options_for(None, False).width), None)


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
        wrong(f"nothing in this rulebook is called {name!r}: {hint}")
    write(plain(blocks, options_for(None, False).width), None)


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
    write("".join(f"{shown(problem, report.lines)}\n" for problem in report.problems), None)
    write(summary(report), None)
    if not report.sound:
        sys.exit(UNSOUND)


def _counted(done: int, of: int) -> None:
    """How far the check has got, in one line that is written over and wiped at the end."""
    typer.echo(f"\r{done} of {of} mutants" if done < of else f"\r{' ' * 40}\r", err=True, nl=False)


def _catalogue(rules: str) -> Catalogue:
    from rsa_cli.catalogue import Catalogue
    from rsa_cli.rulebook import read_sources

    return Catalogue(rulebook_of(rules, True, judging=False), read_sources(rules))
