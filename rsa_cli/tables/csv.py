"""One row a case, one column a finding's status: for R, pandas and spreadsheets."""

from __future__ import annotations

import csv
import io

from rsa_cli.assess import STATUSES
from rsa_cli.batch import OUTCOMES, Outcome, Row
from rsa_cli.problems import visible
from rsa_cli.tables import Table as Base

FIRST = ("case", "file", "line", "outcome", "as_of", "day_taken")
LAST = ("today", "problems", "reasons", "digest", "program", "rulebook", "rulebook_digest")


class Table(Base):
    """A cell never holds a line break, and none that a spreadsheet would run."""

    resumes = True

    def begin(self) -> str:
        """The names of the columns."""
        return _line([*FIRST, *(rule.id for rule in self.rules), *LAST])

    def line(self, outcome: Outcome) -> str:
        """One row."""
        statuses = [STATUSES[s] for s in outcome.statuses] or [""] * len(self.rules)
        beside = []
        if outcome.statuses:
            beside = [
                f"{rule.id}: {self.today_text(rule, truth)}" for rule, truth in self.today_beside(outcome)
            ]
        problems = [f"{p.place}: {p.says}" for p in outcome.problems or outcome.remarks]
        return _line(
            [
                outcome.id, outcome.file, str(outcome.line or ""), outcome.outcome, outcome.as_of,
                "yes" if outcome.day_taken else "no", *statuses,
                "; ".join(beside), "; ".join([*outcome.symptoms, *problems]) or outcome.error,
                self.reasons_text(outcome), f"sha256:{outcome.digest}" if outcome.digest else "",
                self.program, self.book, f"sha256:{self.rulebook.digest}",
            ]
        )  # fmt: skip

    def row(self, line: str) -> Row:
        """A row that was written, read back."""
        (cells,) = csv.reader([line])
        if len(cells) != len(FIRST) + len(self.rules) + len(LAST) or cells[3] not in OUTCOMES:
            raise ValueError(line)
        if cells[-1] != f"sha256:{self.rulebook.digest}":
            raise ValueError(line)
        named = cells[len(FIRST) : len(FIRST) + len(self.rules)]
        statuses = bytes(STATUSES.index(name) for name in named) if named[:1] != [""] else b""
        name, file = (cell.removeprefix("'") if _runs(cell[1:]) else cell for cell in cells[:2])
        return Row(cells[3], file, int(cells[2] or 0), name, 0, cells[5] == "yes", statuses, line)


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([_inert(visible(cell)) for cell in cells])
    return written.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if _runs(cell) else cell


def _runs(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula."""
    return cell.startswith(("=", "+", "-", "@", "'"))
