"""A test report: a case is a test case, one that needs fixing or failed is an error."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from rsa_cli.assess import STATUSES
from rsa_cli.batch import JUDGED, Counts, Outcome
from rsa_cli.problems import visible
from rsa_cli.tables import HEADER
from rsa_cli.tables import Table as Base


class Table(Base):
    """One line a case; its findings are properties."""

    def begin(self) -> str:
        """The suite, and which program and rules made it."""
        properties = "".join(
            _property(name, value)
            for name, value in (
                ("notice", HEADER), ("program", self.program), ("rulebook", self.book),
                ("rulebook_digest", f"sha256:{self.rulebook.digest}"),
            )
        )  # fmt: skip
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite name="rsa batch">\n'
            f"<properties>{properties}</properties>\n"
        )

    def line(self, outcome: Outcome) -> str:
        """One test case."""
        place = outcome.place
        head = f"<testcase classname={_quoted(place)} name={_quoted(outcome.id or place)}>"
        if outcome.outcome != JUDGED:
            said = "; ".join([*outcome.symptoms, *(f"{p.place}: {p.says}" for p in outcome.problems)])
            error = f"<error type={_quoted(outcome.outcome)} message={_quoted(said or outcome.error)}/>"
            return f"{head}{error}</testcase>\n"
        found = [_property("as_of", outcome.as_of), _property("digest", f"sha256:{outcome.digest}")]
        found += [
            _property(rule.id, STATUSES[s]) for rule, s in zip(self.rules, outcome.statuses, strict=True)
        ]
        found += [
            _property(f"{rule.id}.today", self.today_text(rule, truth))
            for rule, truth in self.today_beside(outcome)
        ]
        if outcome.reasons:
            found.append(_property("reasons", self.reasons_text(outcome)))
        return f"{head}<properties>{''.join(found)}</properties></testcase>\n"

    def end(self, counts: Counts) -> str:
        """The end of the suite."""
        return "</testsuite>\n</testsuites>\n"


def _property(name: str, value: str) -> str:
    return f"<property name={_quoted(name)} value={_quoted(value)}/>"


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
