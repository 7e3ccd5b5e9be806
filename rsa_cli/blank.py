"""A blank case with every item as a comment and an empty line: `rsa new`."""

from __future__ import annotations

from textwrap import wrap

from rsa_cli.asking import Questionnaire
from rsa_cli.case import FORMAT
from rsa_cli.dictionary import MISSING, Item
from rsa_cli.nodes import walk
from rsa_cli.rulebook import Rulebook
from rsa_cli.splice import written
from rsa_cli.units import written as number
from rsa_cli.values import span_text

WIDTH = 100


def blank(book: Rulebook, name: str) -> str:
    """The text of a blank case: what is left empty is as if it were not there."""
    questionnaire = Questionnaire(book)
    lines = [
        "# A case: one couple, judged as of a day. Write behind the colon what is known; leave the rest empty.",
        f"# What is missing has a kind: left empty, {', '.join(MISSING)}. None of them is ever negative.",
        "# A result may carry its date and what held:  tsh: {value: 2.1 mIU/L, date: 2026-01-10}",
        "# Dates: 2024-01-19, or 2024-01 for that month, or 2024. A value that begins with > stands in quotes.",
        f"format: {FORMAT}",
        f"case: {written(name)}  # an id, never a name",
        "as_of:  # the day of judgement, as in 2026-03-01; left empty, it is today",
    ]
    partner: list[str] = []
    for section, items in questionnaire.sections:
        hers = [item for item in items if not item.partner]
        if hers:
            lines += ["", f"# --- {section}"]
        for item in hers:
            lines += _entry(item, questionnaire, "")
        for item in items:
            if item.partner:
                partner += _entry(item, questionnaire, "  ")
    if partner:
        lines += ["", "# --- the partner", "partner:", *partner]
    return "\n".join([*lines, "", "note:  # free text, never judged", ""])


def _entry(item: Item, questionnaire: Questionnaire, indent: str) -> list[str]:
    """An item: its question, what may be answered and when it is measured as comments; then its name."""
    said = [
        f"{item.question or item.label}{'' if (item.question or ' ')[-1] in '?.!' else '.'}",
        *_ways(item),
    ]
    if item.help:
        said.append(item.help)
    if item.ask_if is not None:
        leaves = [node.text for node in walk(item.ask_if) if hasattr(node, "text")]
        said.append(f"Only where it applies: {', '.join(leaves)}.")
    timing = [i.timing for i in questionnaire.timed.get(item.id, ()) if i.timing and i.occasion != "ask"]
    timing = timing if not item.fields else []  # of a list, the timing belongs to its fields
    said += [f"{text.rstrip('.')}." for text in dict.fromkeys(timing)]
    lines = ["", *_comment(" ".join(said), f"{indent}# ")]
    if item.kind == "records":
        for field in item.fields.values():
            if field.kind != "derived":
                words = [f"{field.id}: {_asked(field)}", *_ways(field)]
                lines += _comment(" ".join(words), f"{indent}#   ")
        first = ", ".join(f"{field.id}: …" for field in list(item.fields.values())[:2])
        lines.append(f"{indent}#   a line for each, below the name:    - {{{first}}}    or [] for none")
    return [*lines, f"{indent}{item.key}:"]


def _asked(item: Item) -> str:
    """The question as a sentence."""
    text = item.question or item.label
    return text if text.endswith(("?", ".", "!")) else f"{text}."


def _ways(item: Item) -> list[str]:
    """How an answer may be written: choices, units, range."""
    if item.choices:
        names = [
            name if choice.label in (name, name.replace("_", " ")) else f"{name} ({choice.label})"
            for name, choice in item.choices.items()
        ]
        several = " Several in brackets: [a, b]; [] for none." if item.kind == "choices" else ""
        return [f"One of: {' | '.join(names)}.{several}"]
    match item.kind:
        case "quantity":
            units = [unit.text for unit in item.units.values() if unit.text]
            said = f"In {' or '.join(units)}" if units else "A number"
            if item.bare:
                said += ", or the number alone"
            if item.plausible and item.plausible.low is not None and item.plausible.high is not None:
                said += f"; plausible {number(item.plausible.low)}–{number(item.plausible.high)} {item.unit}".rstrip()
            return [f"{said}."]
        case "gestation":
            limits = f"; plausible {span_text(item.plausible, 'gestation')}" if item.plausible else ""
            return [f"As in 8w2d, or 8 weeks{limits}."]
        case "date":
            return ["A date."]
        case "records":
            return []
        case _:
            return ["Text."]


def _comment(text: str, before: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=before, subsequent_indent=before, break_long_words=False)
