"""Tables: many cases as text, one file a format; the file's name is what `rsa batch --format` accepts.

Each has a class `Table` made from a rulebook: `begin()` and `end(counts)` are what stands before and
behind the cases, `line(outcome)` is one case. Where a case is one line that can be read back, `row(line)`
does so, and an interrupted run can go on. Listing the formats imports none of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import cast

from rsa_cli import __version__
from rsa_cli.assess import STATUSES
from rsa_cli.batch import Counts, Outcome, Row
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN
from rsa_cli.renderers._words import reason_text
from rsa_cli.rulebook import Rule, Rulebook

HEADER = "Supports review by a clinician. Not a diagnosis."
MET = STATUSES.index("met")
_TRUTH = (FALSE, UNKNOWN, UNKNOWN, TRUE)


class Table(ABC):
    """What the formats share: the rules in their order, and today's word beside the article's."""

    resumes = False

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.rules = list(rulebook.rules.values())
        self.program = f"rsa {__version__}"
        self.book = f"{rulebook.name} {rulebook.version}"
        # Which rules have a criterion of today's, and where its truth stands in an outcome.
        computed = [r.id for r in self.rules if r.today is not None and r.today.when is not None]
        self.today = [
            (n, computed.index(r.id) if r.id in computed else None)
            for n, r in enumerate(self.rules)
            if r.today is not None
        ]

    def begin(self) -> str:
        """What stands before the first case."""
        return ""

    @abstractmethod
    def line(self, outcome: Outcome) -> str:
        """One case."""

    def end(self, counts: Counts) -> str:
        """What stands behind the last case."""
        return ""

    def row(self, line: str) -> Row:
        """A line that was written, read back. Raises ValueError where it is none of ours."""
        raise ValueError(line)

    def today_beside(self, outcome: Outcome) -> Iterator[tuple[Rule, str | None]]:
        """The rules of which today's criterion belongs beside the article's, with its truth where it has one.

        No finding met by the article alone is shown without it, nor one that only today's criterion meets.
        """
        for number, at in self.today:
            truth = None if at is None else outcome.today[at]
            if (outcome.statuses[number] == MET and truth != 3) or (
                outcome.statuses[number] != MET and truth == 3
            ):
                yield self.rules[number], None if truth is None else str(_TRUTH[truth])

    def today_text(self, rule: Rule, truth: str | None) -> str:
        """Today's criterion in words."""
        assert rule.today is not None
        words = {
            None: "today",
            "true": "met by today's criterion",
            "unknown": "not known by today's criterion",
            "false": "not met by today's criterion",
        }
        return f"{words[truth]}: {rule.today.says}"

    def reasons_text(self, outcome: Outcome) -> str:
        """The reasons of all findings in one line."""
        labels = {rule.id: rule.finding for rule in self.rules}
        return "; ".join(
            f"{labels[name]}: {', '.join(reason_text(reason) for reason in reasons)}"
            for name, reasons in outcome.reasons
        )


def formats() -> tuple[str, ...]:
    """The formats there are, by the files of this folder."""
    return tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")))


def table(name: str, rulebook: Rulebook) -> Table:
    """The table of a format."""
    return cast(Table, import_module(f"rsa_cli.tables.{name}").Table(rulebook))
