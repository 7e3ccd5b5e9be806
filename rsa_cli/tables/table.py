"""A table for people: one line a case, and below it what is wrong with one that needs fixing."""

from __future__ import annotations

from rsa_cli.assess import STATUSES
from rsa_cli.batch import JUDGED, Counts, Outcome
from rsa_cli.problems import visible
from rsa_cli.tables import HEADER, MET
from rsa_cli.tables import Table as Base

URGENT, TODAY = "urgent", "met today only"
SHOWN = (URGENT, "met", TODAY, "suspected")


class Table(Base):
    """Met and suspected by name, the others counted."""

    def begin(self) -> str:
        """Which rules, and what this is not."""
        return f"{HEADER}\nRulebook {self.book} ({self.rulebook.digest[:6]}), {self.program}\n\n"

    def line(self, outcome: Outcome) -> str:
        """One case."""
        name = visible(outcome.id or outcome.place)
        if outcome.outcome != JUDGED:
            lines = [f"{name:<24} {outcome.outcome.upper()}  {visible(outcome.place)}"]
            if outcome.symptoms:
                lines.append(f"  ! {', '.join(outcome.symptoms)}: recorded in a file that needs fixing.")
            for problem in outcome.problems:
                lines.append(f"  {problem.place}: {problem.says}")
                lines += [f"      → {problem.hint}"] if problem.hint else []
            lines += (
                [f"  {outcome.error}: a mistake of this program; please report it"] if outcome.error else []
            )
            return "".join(f"{visible(line)}\n" for line in lines)
        found = named(self, outcome)
        said = [f"{status}: {', '.join(found[status])}" for status in SHOWN if found[status]]
        rest = [f"{len(found[s])} {s}" for s in ("undetermined", "not assessed") if found[s]]
        text = f"{name:<24} {' · '.join([*said, ', '.join(rest)]) if said or rest else 'nothing met'}\n"
        for name, reasons in self.reasons(outcome):
            text += f"  {name}: {reasons}\n"
        return text

    def reasons(self, outcome: Outcome) -> list[tuple[str, str]]:
        """Of each finding with reasons its label and these."""
        from rsa_cli.renderers._words import reason_text

        labels = {rule.id: rule.finding for rule in self.rules}
        return [
            (labels[name], "; ".join(reason_text(reason) for reason in reasons))
            for name, reasons in outcome.reasons
        ]

    def end(self, counts: Counts) -> str:
        """What is said today of what was met."""
        found = todays(self, counts)
        return "\n" + "".join(f"{text}\n" for text in found) if found else ""


def named(table: Base, outcome: Outcome) -> dict[str, list[str]]:
    """The findings by their status, each with today's word where that differs."""
    found: dict[str, list[str]] = {status: [] for status in (*STATUSES, URGENT, TODAY)}
    beside = {rule.id: truth for rule, truth in table.today_beside(outcome)}
    words = {"unknown": "not known today", "false": "not met today", None: "see today"}
    for rule, status in zip(table.rules, outcome.statuses, strict=True):
        label = rule.finding
        if rule.id in beside and status == MET:
            label += f" ({words[beside[rule.id]]})"
        elif rule.id in beside:
            found[TODAY].append(label)
        # Red flags stand first, the suspected ones too: they cannot be ruled out.
        urgent = rule.kind == "red_flag" and STATUSES[status] in ("met", "suspected")
        found[URGENT if urgent else STATUSES[status]].append(label)
    return found


def todays(table: Base, counts: Counts) -> list[str]:
    """Today's criterion of every finding that some case meets."""
    return [
        f"{rule.finding}, today: {rule.today.says} [{', '.join(rule.today.source)}]"
        for rule, statuses in zip(table.rules, counts.statuses(), strict=True)
        if rule.today is not None and statuses[MET]
    ]
