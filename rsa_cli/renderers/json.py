"""The assessment as JSON: versioned, numbers with their units, findings with their reasons and places."""

from __future__ import annotations

import json
import re
from typing import Any

from rsa_cli.assess import Assessment, Finding, Line, Reason
from rsa_cli.dictionary import Item, Value
from rsa_cli.evidence import Seen, date_text
from rsa_cli.problems import Place, Problem
from rsa_cli.renderers import Options
from rsa_cli.renderers._words import HEADER, NO_ORDER
from rsa_cli.rulebook import Rulebook
from rsa_cli.settle import AtomSet
from rsa_cli.units import Number
from rsa_cli.values import Span

FORMAT = 1


def render(assessment: Assessment, options: Options) -> str:
    """One JSON object, one finding or investigation a line; it always holds everything."""
    text = (
        "{\n" + ",\n".join(f'  "{key}": {_lines(value)}' for key, value in data(assessment).items()) + "\n}"
    )
    # JSON lets these through as they are; a terminal may obey them, or turn the line around.
    return (
        re.sub("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]", lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"
    )


def _lines(value: Any) -> str:
    """A value on one line, the members of a list on one each: an indented dump is many times slower."""
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(f"    {json.dumps(part, ensure_ascii=False)}" for part in value) + "\n  ]"


def data(assessment: Assessment) -> dict[str, Any]:
    """The assessment as plain data, in the shape of `rsa schema assessment`."""
    book, case = assessment.rulebook, assessment.case
    causes = assessment.unexplained
    return {
        "format": FORMAT,
        "notice": HEADER,
        "program": {"name": "rsa", "version": assessment.version},
        "rulebook": {
            "name": book.name,
            "version": book.version,
            "title": book.title,
            "digest": f"sha256:{book.digest}",
        },
        "case": {"id": case.id, "file": _file(case.name), "digest": f"sha256:{case.digest}"},
        "as_of": assessment.as_of,
        "without_partner": assessment.without_partner,
        "acute": assessment.acute,
        "findings": [_finding(f, book) for f in assessment.findings],
        "unexplained": {
            "answer": causes.answer,
            "causes": causes.total,
            "not_met": list(causes.not_met),
            "met": list(causes.met),
            "open": list(causes.open),
            "not_covered": list(causes.not_covered),
        },
        "checklist": [_line(line) for line in assessment.checklist],
        "set_aside": [_seen(seen) for seen in assessment.set_aside],
        "remarks": [_remark(problem) for problem in assessment.remarks],
    }


def _finding(finding: Finding, book: Rulebook) -> dict[str, Any]:
    rule = finding.rule
    settled = finding.settled
    return {
        "id": rule.id,
        "finding": rule.finding,
        "kind": rule.kind,
        "group": rule.group or None,
        "standing": rule.standing or None,
        "status": finding.status,
        "truth": str(finding.judgement.when.truth),
        "says": rule.says or None,
        "reasons": [_reason(r, book) for r in finding.reasons],
        "known": [_reason(r, book) for r in finding.known],
        "not_known": list(finding.unknown),
        "today": None if rule.today is None else {
            "says": rule.today.says, "source": list(rule.today.source),
            "truth": None if finding.today is None else str(finding.today),
        },
        "due": [
            {"item": d.item, "when": d.when,
             "article": {"when": d.article or None, "days": d.article_days or None},
             "today": {"when": d.today or None, "days": d.today_days or None}}
            for d in finding.due
        ],
        "settle": None if settled is None else {
            "met": [_atoms(s) for s in settled.met],
            "not_met": [_atoms(s) for s in settled.not_met],
            "more": settled.more,
        },
        "rests_on": list(rule.rests_on),
        "reported_in": rule.reported_in or None,
        "management": _management(finding),
    }  # fmt: skip


def _management(finding: Finding) -> dict[str, Any] | None:
    """What the article says is done about a finding that is met, and what has superseded it."""
    told = finding.rule.management
    if told is None or finding.status != "met":
        return None
    today = None if told.today is None else {"says": told.today.says, "source": list(told.today.source)}
    return {"notice": NO_ORDER, "says": told.says, "rests_on": list(told.rests_on), "today": today}


def _reason(reason: Reason, book: Rulebook) -> dict[str, Any]:
    name = reason.item
    if reason.quantity is not None:
        value = _value(reason.quantity, _item(name, book))
    else:  # what is missing (pending, say), without its date; or what was counted
        value = {"text": reason.value.partition(", ")[0] if reason.date else reason.value}
    return {
        "item": name or None,
        "label": reason.label,
        "record": reason.record or None,
        "value": value,
        "date": date_text(reason.date) if reason.date else None,
        "says": reason.value,
        "limit": reason.limit,
        "truth": str(reason.truth),
        "measured_by": reason.measure or None,
        "assumed": list(reason.assumed),
        "passed_over": list(reason.passed),
        "places": [_place(p) for p in reason.places],
    }


def _item(name: str, book: Rulebook) -> Item:
    of, _, field = name.partition(".")
    return book.items[of].fields[field] if field else book.items[of]


def _value(value: Value, item: Item) -> dict[str, Any]:
    out: dict[str, Any] = {"text": value.text}
    if value.choices is not None:
        return {**out, "choices": sorted(value.choices)}
    if value.span is None or item.kind == "date":
        return out
    unit = value.unit or ("days" if item.kind == "gestation" else "1")
    if value.span.is_point and value.span.low is not None:
        return {**out, "value": _number(value.span.low), "unit": unit}
    return {**out, **_ends(value.span), "unit": unit}


def _ends(span: Span) -> dict[str, Any]:
    return {
        "low": None if span.low is None else _number(span.low),
        "high": None if span.high is None else _number(span.high),
        "low_in": span.low_in,
        "high_in": span.high_in,
    }


def _number(number: Number) -> int | float:
    return number if isinstance(number, int) else float(number)


def _atoms(atoms: AtomSet) -> list[dict[str, Any]]:
    return [{"kind": a.kind, "item": a.yields, "record": a.number or None} for a in sorted(atoms)]


def _line(line: Line) -> dict[str, Any]:
    investigation = line.investigation
    return {
        "id": investigation.id,
        "label": investigation.label,
        "occasion": investigation.occasion,
        "burden": investigation.burden,
        "tier": investigation.tier,
        "source": list(investigation.source),
        "state": line.state,
        "due": line.due or None,
        "place": line.place,
        "why": list(line.reasons),
        "notes": list(line.notes),
        "settles": list(line.settles),
        "timing": investigation.timing or None,
        "discouraged_because": investigation.discouraged_because or None,
        "yields": list(investigation.yields),
        "serves": list(investigation.serves),
    }


def _seen(seen: Seen) -> dict[str, Any]:
    value = None if seen.item.kind == "records" else seen.result.value  # a record set aside is no one value
    return {
        "item": f"{seen.item.of}.{seen.item.id}" if seen.item.of else seen.item.id,
        "label": seen.item.label,
        "record": seen.record or None,
        "value": None if value is None else _value(value, seen.item),
        "date": date_text(seen.date) if seen.date else None,
        "because": seen.why,
        "place": _place(seen.result.place),
    }


def _remark(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "says": problem.says,
        "hint": problem.hint or None,
        "place": _place(problem.place),
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": _file(place.file), "line": place.line or None, "column": place.column or None}


def _file(name: str) -> str:
    """The file without its folder, which is nobody else's business."""
    return name.rsplit("/", 1)[-1]
