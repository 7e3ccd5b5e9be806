"""A table for a report or an issue: one row a case, the findings by name."""

from __future__ import annotations

import re

from rsa_cli.batch import JUDGED, Counts, Outcome
from rsa_cli.problems import visible
from rsa_cli.tables import HEADER
from rsa_cli.tables import Table as Base
from rsa_cli.tables.table import SHOWN, named, todays


class Table(Base):
    """Met and suspected by name, the others counted."""

    def begin(self) -> str:
        """The heading."""
        return (
            f"{HEADER}\n\nRulebook {self.book} ({self.rulebook.digest[:6]}), {self.program}\n\n"
            "| case | file | as of | urgent | met | met today only | suspected | undetermined | not assessed |\n"
            "|---|---|---|---|---|---|---|---|---|\n"
        )

    def line(self, outcome: Outcome) -> str:
        """One row."""
        cells = [_cell(outcome.id or "–"), _cell(outcome.place)]
        if outcome.outcome != JUDGED:
            said = "; ".join([*outcome.symptoms, *(f"{p.place}: {p.says}" for p in outcome.problems)])
            cells += ["", f"**{outcome.outcome}**: {_cell(said or outcome.error)}", "", "", "", "", ""]
        else:
            found = named(self, outcome)
            cells += [outcome.as_of, *(_cell(", ".join(found[s])) for s in SHOWN)]
            cells += [str(len(found[s])) for s in ("undetermined", "not assessed")]
        line = f"| {' | '.join(cells)} |\n"
        return line + (
            f"| | | | {_cell(self.reasons_text(outcome))} | | | | | |\n" if outcome.reasons else ""
        )

    def end(self, counts: Counts) -> str:
        """What is said today of what was met."""
        found = todays(self, counts)
        return "\n" + "".join(f"* {_cell(text)}\n" for text in found) if found else ""


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", visible(text))
