"""Words that several renderers share: places, reasons, what would settle a finding."""

from __future__ import annotations

from collections.abc import Iterable

from rsa_cli.assess import Due, Finding, Reason
from rsa_cli.kleene import TRUE, UNKNOWN
from rsa_cli.problems import Place, visible
from rsa_cli.rulebook import Rulebook
from rsa_cli.settle import Atom, AtomSet

HEADER = "Supports review by a clinician. Not a diagnosis."
NO_ORDER = "What the article says, and what has superseded it. Not an order."
COUNTS_IF, NOT_RECORDED = "counts if ", " (not recorded)"
SIGNS = {
    "met": "●",
    "suspected": "◐",
    "undetermined": "○",
    "not assessed": "·",
    "not met": "–",
    "not applicable": "–",
}


def lines_of(places: Iterable[Place]) -> str:
    """Where things stand in the case file: `line 8`, `lines 8–10, 14`."""
    numbers = sorted({p.line for p in places if p.line})
    if not numbers:
        return ""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)
    return f"line {said}" if len(numbers) == 1 else f"lines {said}"


def reason_text(reason: Reason) -> str:
    """One reason in a line: what, its value, where it stands, what is assumed."""
    number = f" {reason.record}" if reason.record else ""
    text = f"{reason.label}{number}: {visible(reason.value)}"
    where = lines_of(reason.places)
    if where:
        text += f" ({where})"
    counts = [a[len(COUNTS_IF) : -len(NOT_RECORDED)] for a in reason.assumed if a.startswith(COUNTS_IF)]
    notes = [f"by {reason.measure}"] if reason.measure else []
    notes += [f"{COUNTS_IF}{', '.join(dict.fromkeys(counts))}{NOT_RECORDED}"] if counts else []
    notes += [*(a for a in reason.assumed if not a.startswith(COUNTS_IF)), *reason.passed]
    return text + "".join(f"; {visible(note)}" for note in notes)


def weeks(days: int) -> str:
    """A time in days as people say it: whole weeks in weeks."""
    return f"{days // 7} week{'s' * (days != 7)}" if days % 7 == 0 else f"{days} days"


def due_text(due: Due) -> str:
    """When to take something again, by both criteria."""
    if due.when == "not now":
        return "again, but not now: what would set the sample aside holds today"
    if due.when.startswith("two"):
        days = max(due.today_days, due.article_days)
        return f"{due.when}, {'on two days' if days <= 1 else f'{weeks(days)} apart'}"
    day = "now" if due.when == "now" else f"on or after {due.when}"
    if due.today_days <= 1 and due.article_days <= 1:
        return f"again {day}, on another day"
    if due.today_days and due.article_days and due.today_days != due.article_days:
        return f"again {day} ({weeks(due.today_days)}; the article: {due.article_days // 7}, {due.article})"
    return f"again {day} ({weeks(due.article_days or due.today_days)})"


def today_text(finding: Finding) -> str:
    """Today's criterion beside the article's, or the empty text."""
    rule = finding.rule
    if rule.today is None:
        return ""
    source = f" [{', '.join(rule.today.source)}]"
    if finding.today is TRUE and finding.status == "met":
        return f"met by today's criterion too: {rule.today.says}{source}"
    if finding.today is None or not finding.today_differs:
        return f"today: {rule.today.says}{source}"
    if finding.only_today:
        return f"not by the article; met by today's criterion: {rule.today.says}{source}"
    if finding.status == "met":
        word = "not known to be met" if finding.today is UNKNOWN else "not met"
        return f"met by the article; by today's criterion {word}: {rule.today.says}{source}"
    word = "met" if finding.today is TRUE else "not known" if finding.today is UNKNOWN else "not met"
    return f"by today's criterion {word}: {rule.today.says}{source}"


def atom_text(atom: Atom, rulebook: Rulebook) -> str:
    """One thing that may become known, in words."""
    item = rulebook.items[atom.name]
    match atom.kind:
        case "next":
            return f"{item.label} once more"
        case "value":
            return f"{item.label}, the result awaited or unclear"
        case "date":
            return f"the date of {item.label}"
        case "field":
            return f"{item.fields[atom.field].label} of {atom.number}"
        case "member":
            return f"one more of {item.label}"
        case _:
            return item.label


def settle_lines(sets: tuple[AtomSet, ...], rulebook: Rulebook, most: int = 3) -> list[str]:
    """Each way to settle in a line; ways that differ only by their record are one."""
    grouped: dict[tuple[tuple[str, str, str], ...], list[AtomSet]] = {}
    for atoms in sets:
        shape = tuple(sorted((a.kind, a.name, a.field) for a in atoms))
        grouped.setdefault(shape, []).append(atoms)
    out = []
    for shape, alike in grouped.items():
        kinds = list(dict.fromkeys(shape))
        said = []
        for kind, name, field in kinds:
            if kind == "next" and ("item", name, "") in kinds:
                continue
            if kind == "item" and ("next", name, "") in kinds:
                said.append(f"two samples of {rulebook.items[name].label}")
                continue
            mine = [a for s in alike for a in sorted(s) if (a.kind, a.name, a.field) == (kind, name, field)]
            numbers = sorted({a.number for a in mine})
            wanted = shape.count((kind, name, field))
            if kind == "field" and len(numbers) > 1:
                label = rulebook.items[name].fields[field].label
                if wanted == len(numbers):
                    said.append(f"{label} of {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}")
                else:
                    which = f"any {wanted} of" if wanted > 1 else "any of"
                    said.append(f"{label} of {which} {', '.join(map(str, numbers))}")
            elif kind == "member" and wanted > 1:
                said.append(f"{wanted} more of {rulebook.items[name].label}")
            else:
                said.append(atom_text(mine[0], rulebook))
        out.append(" and ".join(said))
    if len(out) > most:
        out = [*out[:most], f"{len(out) - most} other way{'s' * (len(out) - most != 1)}"]
    return out
