"""JSON Schemas for editors: of a case, by the dictionary of a rulebook, and of rule files.

Both are made from the declarations that the readers themselves go by, so a new item, choice or key
is in them at once. They know shapes, names, choices and units; what needs the whole file (dates in
order, names of other items, plausible numbers in another unit) only the reader knows.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from math import isqrt
from typing import Any

from rsa_cli.case import CASE, FORMAT, RESULT
from rsa_cli.conditions import FORMS, LEAF
from rsa_cli.dictionary import CHOICE, FLAGS, ITEM, LEVEL, MISSING, ONLY_FOR, REFERENCE, Item
from rsa_cli.dictionary import KINDS as ITEM_KINDS
from rsa_cli.rulebook import (
    BARS,
    BURDENS,
    CHECK,
    EXAMPLE,
    FIRED,
    INVESTIGATION,
    KINDS,
    MANAGEMENT,
    MANIFEST,
    OCCASIONS,
    PARTITION,
    RULE,
    SECTIONS,
    SOURCE,
    STANDINGS,
    STATEMENT,
    STATES,
    STATUSES,
    TIERS,
    TODAY,
    TRUTHS,
    Rulebook,
)
from rsa_cli.units import SPELLINGS, unit_key, written
from rsa_cli.values import DATE, GESTATION, NUMBER, QUANTITY, RANGE, SIGN, span_text

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
_EMPTY: Schema = {"type": "null"}
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def case_schema(rulebook: Rulebook) -> Schema:
    """The schema of a case file, by the dictionary of a rulebook."""
    return _CaseSchema(rulebook).schema()


def rules_schema() -> Schema:
    """The schema of a rule file, and of the `rulebook.yaml` beside it."""
    return _RulesSchema().schema()


def text_of(schema: Schema) -> str:
    """A schema as the program writes JSON."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


# --- patterns ------------------------------------------------------------------------------------


def _pattern(python: str) -> str:
    """A pattern of the reader as ECMA 262 writes it, whole and with blanks around it."""
    any_case = python.startswith("(?i)")
    found = re.sub(r"\(\?P<\w+>", "(", python.removeprefix("(?i)")).replace(r"\Z", "")
    if any_case:
        found = re.sub(r"(?<!\\)[a-z]", lambda m: f"[{m[0]}{m[0].upper()}]", found)
    return found


def _whole(*ways: str) -> str:
    return rf"^\s*(?:{'|'.join(ways)})\s*$"


def _gestation_pattern() -> str:
    one = rf"(?:{_pattern(GESTATION)}|\d{{1,3}}\s*(?:[dD]|[dD][aA][yY][sS]?))"
    sign = SIGN.removesuffix(r"\s*(.+)\Z")
    low, to, _ = re.split(r"\(\?P<\w+>\.\+\??\)", RANGE)
    return _whole(rf"{sign}?\s*{one}", rf"{low}(?:{one}|\d+){to}{one}")


def _quantity_pattern(item: Item) -> str:
    """A number, or a bound, or a range of two, in one of the item's units."""
    head, _, rest = QUANTITY.partition(f"(?P<low>{NUMBER})")
    to = rest.partition(f"(?P<high>{NUMBER})")[0].removeprefix("(?:")
    sign, one = _pattern(head), NUMBER.replace("[+-]", "[-+−]")
    units = [_unit_pattern(unit.text) for unit in item.units.values() if unit.text]
    alone = not item.unit or item.bare or unit_key(item.unit) == "1"
    unit = f"(?:{'|'.join(units)}){'?' * alone}" if units else ""
    return _whole(*(rf"{amount}{unit}" for amount in (sign + one, one + to + one)))


def _unit_pattern(unit: str) -> str:
    """Every spelling of a unit that the reader takes for it behind a number, and hardly any other."""
    key = unit_key(unit)
    ways = [key, *(same for same, known in SPELLINGS.items() if known == key)]
    return "|".join(_counted(way) or rf"\s*{' ?'.join(map(_sign_pattern, way))}" for way in ways)


def _counted(way: str) -> str:
    """A unit that begins with a power of ten: where no × says so, it must stand apart from the number."""
    found = re.fullmatch(r"10\*(\d+)(.*)", way)
    if found is None:
        return rf"\s+{''.join(map(_sign_pattern, way))}" if way[:1].isdigit() else ""
    raised = "".join(_RAISED[figure] for figure in found[1])
    power = "".join(_sign_pattern(figure) for figure in found[1])
    apart = rf"\s+10(?:(?:\^|\*\*?) ?{power}|[eE]{found[1]}|{raised})"
    times = rf"\s*[x×*] ?10(?:\^|\*\*?|[eE])? ?{power}"
    return rf"(?:{apart}|{times}) ?{' ?'.join(map(_sign_pattern, found[2]))}"


_RAISED = dict(zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))


def _sign_pattern(c: str) -> str:
    if c == "µ":
        return "[µμμΜuU]"
    if c.isalpha():
        return f"[{c}{c.upper()}]"
    if c in _RAISED:
        return f"[{c}{_RAISED[c]}]"
    return re.escape(c) if c in r"\^$.|?*+()[]{}/" else c


# --- a case --------------------------------------------------------------------------------------

_OF_A_CASE = {
    "format": ("Format of the file", "The version of the format of case files; 1 is the only one there is."),
    "case": ("Id of the case", "An id of one couple, such as RSA-0042: never a name or an address."),
    "as_of": ("Day of judgement", "The case is judged as of this day, as in 2026-03-01; results after it do not count. Left out, it is today."),
    "partner": ("The partner", "What is known of the partner: one line for each item."),
    "note": ("Note", "Free text for people; it is never judged."),
}  # fmt: skip
_OF_A_RESULT = {
    "value": ("Value", "What was found, with its unit; or unknown, not done, pending, not applicable."),
    "date": ("Date", "When it was taken: 2026-01-10, or 2026-01 for some day of that month, or 2026."),
    "range": ("Range of the laboratory", "What the laboratory itself calls normal, as in 0–34 or <35, with the unit."),
    "flag": ("Flag of the laboratory", "The laboratory's own word for the result."),
    "assay": ("Assay", "How the laboratory measured it."),
    "note": ("Note", "Free text for people; it is never judged."),
}  # fmt: skip


class _CaseSchema:
    """Puts the schema of a case together; what several items share stands once, in `$defs`."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.timing = {
            name: i.timing
            for i in reversed(rulebook.investigations.values())
            if i.timing
            for name in i.yields
        }
        self.defs: dict[str, Schema] = {}

    def schema(self) -> Schema:
        book = self.rulebook
        self.defs["missing"] = {
            "title": "What is missing",
            "description": "A kind of missing: asked and not known, not done, result awaited, does not apply. None is ever negative.",
            "enum": list(MISSING),
        }
        self.defs["day"] = {
            "title": "Day, month or year",
            "description": "A date as it is known: 2024-01-19, or 2024-01 for that month, or 2024 for that year.",
            "anyOf": [
                {"type": "string", "pattern": _whole(_pattern(DATE))},
                {"type": "integer", "minimum": 1900, "maximum": 2200},
            ],
            "examples": ["2024-01-19", "2024-01", "2024"],
        }
        self.defs["result"] = self._result()
        head: dict[str, Schema] = {
            "format": {"enum": [FORMAT, int(FORMAT), None]},
            "case": {"anyOf": [_SCALAR, _EMPTY], "examples": ["RSA-0042"]},
            "as_of": {"anyOf": [{"type": "string", "pattern": r"^\s*\d{4}-\d{2}-\d{2}\s*$"}, _EMPTY], "examples": ["2026-03-01"]},
            "partner": {"anyOf": [self._mapping([i for i in book.items.values() if i.partner]), _EMPTY]},
            "note": {"examples": ["Seen with her sister, who translates."]},
        }  # fmt: skip
        properties = {key: _told(_OF_A_CASE.get(key, (key, key)), head.get(key, {})) for key in CASE}
        own = self._mapping([item for item in book.items.values() if not item.partner])
        return {
            "$schema": DRAFT,
            "$id": f"urn:rsa-workup:case:{FORMAT}:{book.name}",
            "title": "A case",
            "description": f"What is known of one couple, by the dictionary of the rulebook {book.name} {book.version}. "
            "Everything may be left out; nothing that is missing is ever negative.",
            "type": "object",
            "properties": {**properties, **own["properties"]},
            "additionalProperties": False,
            "$defs": self.defs,
        }

    def _mapping(self, items: list[Item]) -> Schema:
        return {
            "type": "object",
            "properties": {item.key: self._item(item) for item in items},
            "additionalProperties": False,
        }

    def _result(self) -> Schema:
        """What may stand beside a value, alike for all items."""
        words: dict[str, Schema] = {
            "value": {},
            "date": {"anyOf": [{"$ref": "#/$defs/day"}, {"$ref": "#/$defs/missing"}, _EMPTY]},
            "range": {"type": ["string", "null"], "examples": ["0–34 IU/mL", "<35 IU/mL"]},
            "flag": {"enum": [*FLAGS, None]},
            "assay": {"anyOf": [_SCALAR, _EMPTY], "examples": ["chemiluminescence"]},
            "note": {"examples": ["Sample was haemolysed."]},
        }
        properties = {key: _told(_OF_A_RESULT.get(key, (key, key)), words.get(key, {})) for key in RESULT}
        for name, circumstance in self.rulebook.circumstances.items():
            self._define(circumstance, f"circumstance.{name}")
            # A circumstance is a single text; no list of answers and no result of its own.
            properties[name] = {
                **self._words(circumstance),
                "anyOf": [{"$ref": f"#/$defs/circumstance.{name}"}, _EMPTY],
            }
        return {
            "title": "Result",
            "description": "A value with its date and with what held when it was taken.",
            "type": "object",
            "properties": properties,
            "propertyNames": {"enum": list(properties)},
            "required": ["value"],
        }

    def _item(self, item: Item) -> Schema:
        """The property of an item: a value, a result, or a list of results; of a list its records."""
        name = f"{item.of}.{item.id}" if item.of else item.id
        if item.kind == "records":
            self.defs[name] = self._record(item)
            return {
                **self._words(item),
                "anyOf": [
                    {"type": "array", "items": {"$ref": f"#/$defs/{name}"}},
                    {"$ref": "#/$defs/missing"},
                    _EMPTY,
                ],
            }
        self._define(item, name)
        value: Schema = {"$ref": f"#/$defs/{name}"}
        missing: Schema = {"$ref": "#/$defs/missing"}

        def result(**properties: Schema) -> Schema:
            return {"allOf": [{"$ref": "#/$defs/result"}], "properties": properties}

        ways = [value, result(value={"anyOf": [value, _EMPTY]})]
        if item.dated and not item.of:  # what counts for a time only needs its date
            whole = {**result(value=value, date={"$ref": "#/$defs/day"}), "required": ["value", "date"]}
            ways = [missing, whole, result(value={"anyOf": [missing, _EMPTY]})]
        if not item.of:
            ways.append({"type": "array", "items": {"anyOf": [*ways, _EMPTY]}})
        return {**self._words(item), "anyOf": [*ways, _EMPTY]}

    def _record(self, item: Item) -> Schema:
        fields = {f.id: self._item(f) for f in item.fields.values() if f.kind != "derived" or f.formula}
        fields["note"] = _told(_OF_A_CASE["note"], {})
        return {
            "title": f"One entry of {item.label}",
            "description": f"{item.question or item.label}: one entry.",
            "type": "object",
            "properties": fields,
            "additionalProperties": False,
        }

    def _define(self, item: Item, name: str) -> None:
        self.defs[name] = {**self._words(item), "anyOf": [*self._values(item), {"$ref": "#/$defs/missing"}]}

    def _words(self, item: Item) -> Schema:
        """Title, description and examples, from the dictionary."""
        said = [
            item.question.rstrip(".") or f"{item.label[:1].upper()}{item.label[1:]}",
            item.help.rstrip("."),
        ]
        if units := [unit.text for unit in item.units.values() if unit.text]:
            said.append(f"In {' or '.join(units)}")
        if item.plausible:
            said.append(f"Plausible: {f'{span_text(item.plausible, item.kind)} {item.unit}'.strip()}")
        if timing := self.timing.get(item.id, ""):
            said.append(timing.rstrip("."))
        if item.kind == "derived" and item.formula:
            said.append("It is worked out where it is left out")
        description = "".join(f"{text}{'' if text[-1] in '?!' else '.'} " for text in said if text).rstrip()
        examples = {"examples": found} if (found := _examples(item)) else {}
        return {"title": item.label, "description": description, **examples}

    def _values(self, item: Item) -> list[Schema]:
        """The ways to write a value, without the kinds of missing."""
        if item.kind in ("flag", "choice", "derived") and item.choices:
            return [_choice(item)]
        match item.kind:
            case "choices":
                return [_choice(item), {"type": "array", "items": _choice(item)}]
            case "date":
                return [{"$ref": "#/$defs/day"}]
            case "gestation":
                return [{"type": "string", "pattern": _gestation_pattern()}]
            case "text":
                return [_SCALAR]
            case _:
                ways: list[Schema] = [{"type": "string", "pattern": _quantity_pattern(item)}]
                if not item.unit or item.bare or unit_key(item.unit) == "1":
                    ways.append(_number(item))
                if item.words:
                    words = ["positive", "negative", *(level.name for level in item.levels)]
                    ways.append({"enum": list(dict.fromkeys(words))})
                return ways


def _told(words: tuple[str, str], schema: Schema) -> Schema:
    return {"title": words[0], "description": words[1], **schema}


def _choice(item: Item) -> Schema:
    """The choices; where yes and no are among them, true and false mean them."""
    names: list[Any] = [form for choice in item.choices for form in _forms(choice)]
    if item.kind != "choice":
        for word, same in (("yes", True), ("no", False)):
            if word in item.choices:
                names += [same, str(same).casefold()]
    return {"enum": list({repr(name): name for name in names}.values())}


def _forms(text: str) -> list[Any]:
    """A word as text, and as what an editor makes of it where that is a number."""
    return [text, int(text)] if re.fullmatch(r"0|[1-9]\d{0,8}", text) else [text]


def _number(item: Item) -> Schema:
    found: Schema = {"type": "number"}
    if item.plausible and item.plausible.low is not None:
        found["minimum"] = _plain(item.plausible.low)
    if item.plausible and item.plausible.high is not None:
        found["maximum"] = _plain(item.plausible.high)
    return found


def _plain(number: int | Fraction) -> int | float:
    return number if isinstance(number, int) else float(number)


def _examples(item: Item) -> list[str]:
    """How a value may be written, where its choices do not say so already."""
    if item.choices or item.kind in ("records", "choices", "text"):
        return []
    if item.kind == "date":
        return ["2024-01-19", "2024-01"]
    if item.kind == "gestation":
        return ["8w2d", "8 weeks", "unknown"]
    ends = [
        end
        for r in item.references
        for limit in (r.low, r.high)
        if limit
        for end in [limit.get(item.unit)]
        if end
    ]
    low, high = (item.plausible.low, item.plausible.high) if item.plausible else (None, None)
    if ends and (number := ends[0].low or ends[0].high) is not None:
        typical = written(number)
    elif low is not None and high is not None and low >= 0:
        # Between the ends as people meet them: the geometric mean, in two figures.
        middle = Fraction(isqrt(int(max(low, Fraction(1, 1000)) * high * 10**8)), 10**4)
        typical = f"{float(middle):.2g}" if middle < 100 else str(int(middle))
    else:
        typical = written(high if high is not None else 10)
    return [f"{typical} {item.unit}".strip(), "not done"]


# --- rule files ----------------------------------------------------------------------------------

# What the keys of each shape mean: title and description for an editor.
_TOLD: dict[str, dict[str, tuple[str, str]]] = {
    "rulebook": {
        "name": ("Name", "The name by which --rules chooses the rulebook."),
        "version": ("Version", "The version of the rulebook, printed in every report."),
        "title": ("Title", "What the rulebook is, in a line."),
        "uses": ("Uses", "Folders beside this one whose files belong to the rulebook too."),
        "groups": ("Groups", "The groups of etiologies, in the order of the report."),
        "not_covered": ("Not covered", "Causes that the statements name and no rule decides, each with its statements."),
        "acute_if": ("Acute if", "When the acute differential is shown."),
    },
    "section": {
        "items": ("Items", "What a case may hold."),
        "circumstances": ("Circumstances", "What may have held when a result was taken."),
        "investigations": ("Investigations", "What to ask, examine or order: the lines of the checklist."),
        "statements": ("Statements", "What the article says, numbered, in our own words."),
        "sources": ("Sources", "What other sources say, and the sources themselves."),
        "checks": ("Checks", "What does not fit together in a case."),
        "rules": ("Rules", "Conditions that each decide one finding."),
        "partitions": ("Partitions", "Conditions over one item of which just one is to hold of every plausible value."),
        "examples": ("Examples", "Cases with what must come of them; the last section of a file."),
    },
    "item": {
        "label": ("Label", "As printed in the middle of a line of a report."),
        "question": ("Question", "As the questionnaire asks it."),
        "help": ("Help", "What a nurse might want to know before answering."),
        "section": ("Section", "The section of the questionnaire."),
        "kind": ("Kind", "What a value is: yes or no, a choice, a quantity, a date …"),
        "unit": ("Unit", "The item's own unit, in which limits are compared."),
        "units": ("Other units", "Each other unit with its factor: × this = the item's own. Or: separate, which never converts."),
        "bare": ("Bare number", "Whether a number without a unit is taken in the item's unit."),
        "words": ("Words", "Whether the laboratory's positive, negative or a level may stand in place of a number."),
        "dated": ("Dated", "Whether a result without a date is a problem."),
        "plausible": ("Plausible", "The range outside which a value is a problem, ends included."),
        "usual": ("Usual", "The range outside which a value is a remark."),
        "reference": ("Reference range", "What is normal where the laboratory gives no range, with its source."),
        "levels": ("Levels", "Named bands, the lowest first."),
        "choices": ("Choices", "The answers there are, without the kinds of missing."),
        "partner": ("Of the partner", "Whether it is written under partner: in a case, without partner_ before its name."),
        "ask_if": ("Ask if", "While this is false the item does not apply."),
        "set_aside_if": ("Set aside if", "A result does not count where one of these is known to hold."),
        "counts_only_if": ("Counts only if", "A result counts only where all of these are known to hold."),
        "stale_after": ("Stale after", "After this time a result is set aside; or never."),
        "fields": ("Fields", "What a record holds: items of their own."),
        "list": ("Kind of list", "A history is complete when given; a series can always be continued."),
        "dated_by": ("Dated by", "The field that dates a record."),
        "formula": ("Formula", "Names with their unit in square brackets, numbers, + - * /, days_between, previous."),
        "same_sample": ("Same sample", "Inputs that must be of one day."),
        "lasting": ("Lasting", "Inputs that may be older."),
        "tolerance": ("Tolerance", "How far a value given may differ from the one worked out."),
        "when": ("When", "A condition over the fields of the same record; the item is then yes or no."),
        "worked_out": ("Worked out", "How a circumstance is worked out where it is not given."),
        "now": ("Now", "The item that speaks for results of the day of judgement."),
        "serves": ("Serves", "The statements that the item is there for."),
        "source": ("Source", "Where its limits and circumstances come from."),
        "codes": ("Codes", "Codes of the item elsewhere, such as LOINC, and whether they were checked."),
        "accepts": ("Accepts", "What `rsa rules check` would complain of and is meant so, with the reason."),
    },
    "choice": {
        "label": ("Label", "As printed in a report."),
        "inconclusive": ("Inconclusive", "Whether this answer decides nothing."),
        "covers": ("Covers", "It is one of these choices, not known which."),
        "implies": ("Implies", "A bound on another field of the record, as in: gestation < 28 weeks."),
    },
    "reference range": {
        "low": ("Low", "From here on it is not low; a span where sources disagree."),
        "high": ("High", "Up to here it is not high; a span where sources disagree."),
        "when": ("When", "The circumstances in which the range holds."),
        "beside_own": ("Beside the laboratory's own", "Whether the laboratory's own range, which may be meant for others, must agree with it."),
        "source": ("Source", "Where the range comes from."),
    },
    "level": {
        "from": ("From", "The level begins here."),
        "above": ("Above", "The level begins above this."),
        "source": ("Source", "Where the limit comes from."),
    },
    "rule": {
        "finding": ("Finding", "What the rule is about, as printed."),
        "kind": ("Kind", "What the finding is for the report."),
        "group": ("Group", "The group of the report that it stands in."),
        "standing": ("Standing", "What today's authorities think of the cause."),
        "tested_by": ("Tested by", "The items that test it: it is not assessed while none has a result."),
        "when": ("When", "The criteria."),
        "suspect_when": ("Suspect when", "What points to it while the criteria are not decided."),
        "rests_on": ("Rests on", "The statements and sources that the criteria rest on."),
        "reported_in": ("Reported in", "The statement with its prevalence, printed as the article's figure."),
        "today": ("Today", "What today's authorities say beside the article."),
        "says": ("Says", "What is printed with a red flag or a reminder."),
        "asks": ("Asks", "The items named while a red flag was not asked about."),
        "symptoms": ("Symptoms", "The items shown at once where they are yes, even when the file has problems."),
        "management": ("Management", "What the article says is done, never an order."),
        "bars_unexplained": ("Bars unexplained", "Whether it stands in the way of unexplained while it is open; if not, why."),
        "accepts": ("Accepts", "What `rsa rules check` would complain of and is meant so, with the reason."),
    },
    "today's criterion": {
        "says": ("Says", "What they say, in a sentence."),
        "source": ("Source", "Who says so."),
        "when": ("When", "Today's criterion, where it can be computed."),
    },
    "management": {
        "says": ("Says", "What the article says is done."),
        "rests_on": ("Rests on", "The statements it rests on."),
        "today": ("Today", "What has superseded it."),
    },
    "bars_unexplained": {"no": ("No, because", "Why it does not stand in the way of unexplained.")},
    "investigation": {
        "label": ("Label", "As it stands on the checklist."),
        "yields": ("Yields", "The items, lists or list.fields that it makes known."),
        "occasion": ("Occasion", "When it is done."),
        "burden": ("Burden", "What it costs the patient."),
        "tier": ("Tier", "How central it is today."),
        "source": ("Source", "Where the tier comes from."),
        "timing": ("Timing", "When a sample or image tells something."),
        "not_now_if": ("Not now if", "Circumstances that pass, in which it waits."),
        "first_rule_out": ("First rule out", "What must be known not to hold before something invasive."),
        "indicated_if": ("Indicated if", "What lifts it on the list."),
        "safety": ("Safety", "Whether it stays on the list whatever the definition says."),
        "discouraged_because": ("Discouraged because", "Why it is advised against today."),
        "serves": ("Serves", "The statements that it is there for."),
        "accepts": ("Accepts", "What `rsa rules check` would complain of and is meant so, with the reason."),
    },
    "check": {
        "of": ("Of", "The list whose records are looked at one by one."),
        "problem_if": ("Problem if", "Where this holds the case is not judged."),
        "remark_if": ("Remark if", "Where this holds it is said, and stops nothing."),
        "says": ("Says", "What is wrong."),
        "hint": ("Hint", "What to do about it."),
        "source": ("Source", "Where the limit comes from."),
        "accepts": ("Accepts", "What `rsa rules check` would complain of and is meant so, with the reason."),
    },
    "partition": {
        "of": ("Of", "The item."),
        "parts": ("Parts", "The conditions, each with its name."),
        "accepts": ("Accepts", "What `rsa rules check` would complain of and is meant so, with the reason."),
    },
    "example": {
        "as_of": ("Day of judgement", "The day the example is judged as of; else the latest date in it."),
        "given": ("Given", "A case, as in a case file."),
        "expect": ("Expect", "The status of a rule, or what becomes of the results of an item."),
    },
    "statement": {
        "says": ("Says", "What the article says, in our own words."),
        "kind": ("Kind", "What sort of statement it is."),
        "figures": ("Figures", "The numbers in it, with their units."),
        "read_as": ("Read as", "What a misleading translation means."),
        "today": ("Today", "What has superseded it."),
        "background": ("Background", "Why nothing is decided from it."),
    },
    "source": {
        "says": ("Says", "What the source says, in our own words."),
        "title": ("Title", "What the source is."),
        "url": ("Address", "Where it was read."),
        "figures": ("Figures", "The numbers in it, with their units."),
        "source": ("Source", "The source that says so."),
        "checked": ("Checked", "Whether somebody looked it up; if not, it is printed as general knowledge."),
    },
    "form": {
        "all": ("All", "Every one of these holds."),
        "any": ("Any", "One of these holds."),
        "not": ("Not", "This does not hold."),
        "not_known": ("Not known", "Unless it is known that this holds."),
        "some": ("Some", "At least so many of these hold."),
        "points": ("Points", "The points of what holds reach so many."),
        "count": ("Count", "At least so many records of a list where something holds."),
        "run": ("Run", "So many records in a row where something holds."),
        "repeated": ("Repeated", "So many results of one item, each so long after the one before."),
        "none_of": ("None of", "No finding of this kind is met, except those that do not bar unexplained."),
        "undecidable": ("Undecidable", "Never true and never false: why no test can decide it."),
    },
    "part of a form": {
        "at_least": ("At least", "How many it takes."),
        "of": ("Of", "What is counted: conditions, or a list of the dictionary."),
        "where": ("Where", "What must hold of a record or a result."),
        "skip": ("Skip", "Records that neither lengthen nor break the run."),
        "out_of": ("Out of", "How many members of a series are enough to answer no."),
        "times": ("Times", "How many results it takes."),
        "apart": ("Apart", "How long each must lie after the one before."),
        "points": ("Points", "What this part is worth."),
        "when": ("When", "What must hold for the points."),
        "highest": ("Highest", "Parts of which only the greatest counts."),
    },
}  # fmt: skip
_CONDITION: Schema = {"$ref": "#/$defs/condition"}
_CONDITIONS: Schema = {"anyOf": [_CONDITION, {"type": "array", "items": _CONDITION}]}
_COUNT: Schema = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 9999}, {"type": "string", "pattern": "^0*[1-9][0-9]{0,3}$"}]
}  # fmt: skip
_LISTED = {"items": "item", "circumstances": "item"}


class _RulesSchema:
    """Puts the schema of rule files together from the shapes of their readers."""

    def __init__(self) -> None:
        self.shapes = {
            "item": ITEM, "choice": CHOICE, "reference range": REFERENCE, "level": LEVEL, "rule": RULE,
            "today's criterion": TODAY, "management": MANAGEMENT, "bars_unexplained": BARS,
            "investigation": INVESTIGATION, "check": CHECK, "partition": PARTITION, "example": EXAMPLE, "statement": STATEMENT, "source": SOURCE,
        }  # fmt: skip
        self.special = self._special()

    def schema(self) -> Schema:
        sections = {
            section: _told(
                _TOLD["section"].get(section, (section, section)),
                {
                    "anyOf": [
                        {"type": "object", "additionalProperties": {"$ref": _ref(_LISTED.get(section, section.rstrip("s")))}},
                        _EMPTY,
                    ]
                },
            )
            for section in SECTIONS
        }  # fmt: skip
        defs = {name: self._shape(name, shape) for name, shape in self.shapes.items()}
        defs["item"] |= self._kinds()
        defs["rule"] |= {
            "if": {"properties": {"kind": {"const": "etiology"}}, "required": ["kind"]},
            "then": {"required": ["standing"]},
        }
        defs["check"]["oneOf"] = [{"required": ["problem_if"]}, {"required": ["remark_if"]}]
        defs["condition"] = self._condition()
        defs["points"] = self._points()
        defs["rulebook"] = self._shape("rulebook", MANIFEST)
        defs["rule file"] = {
            "title": "A rule file",
            "description": "Sections of a rule file; every one may be left out, and examples come last.",
            "type": ["object", "null"],
            "properties": sections,
            "additionalProperties": False,
        }
        return {
            "$schema": DRAFT,
            "$id": "urn:rsa-workup:rules:1",
            "title": "A rule file",
            "description": "Items, investigations, statements, checks and rules of a rulebook; or its rulebook.yaml.",
            # What is told apart by a key: an editor completes the keys of one of the two.
            "if": {"type": "object", "required": ["name"]},
            "then": {"$ref": _ref("rulebook")},
            "else": {"$ref": _ref("rule file")},
            "$defs": {_name(name): inner for name, inner in sorted(defs.items())},
        }

    def _shape(self, name: str, shape: dict[str, str]) -> Schema:
        told = _TOLD[name]
        properties = {
            key: _told(told.get(key, (key, key)), self.special.get((name, key)) or _of_kind(kind))
            for key, kind in shape.items()
        }
        article = "An" if name[0] in "aeiou" else "A"
        return {
            "title": name[0].upper() + name[1:],
            "description": f"{article} {name} of a rulebook." if name != "rulebook" else "What a folder of rules is called and holds.",
            "type": "object" if any(kind.endswith("!") for kind in shape.values()) else ["object", "null"],
            "properties": properties,
            "required": [key for key, kind in shape.items() if kind.endswith("!")],
            "additionalProperties": False,
        }  # fmt: skip

    def _special(self) -> dict[tuple[str, str], Schema]:
        """What the keys hold of which the shape says only that something stands there."""

        def of(name: str) -> Schema:
            return {"$ref": _ref(name)}

        def named(inner: Schema) -> Schema:
            return {"anyOf": [{"type": "object", "additionalProperties": inner}, _EMPTY]}

        texts = _of_kind("texts")
        factor: Schema = {"type": ["string", "number"]}
        scale = {
            "type": "object",
            "properties": {
                "times": {"title": "Times", "description": "× this …", **factor},
                "plus": {"title": "Plus", "description": "… + this = the item's own unit.", **factor},
            },
            "required": ["times"],
            "additionalProperties": False,
        }
        accepts = named(_SCALAR)
        names: Schema = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
        worked_out: Schema = {
            "anyOf": [
                {"enum": ["pregnant", "days_since_pregnancy_end"]},
                *({"type": "object", "properties": {how: {"title": how, "description": says, **names}},
                   "required": [how], "additionalProperties": False}
                  for how, says in (("medications", "A drug of one of these classes was running."),
                                    ("later", "A record of these lists lies after the result."))),
            ]
        }  # fmt: skip
        codes: Schema = {"examples": [{"loinc": "3016-3", "checked": "yes"}]}
        found: dict[tuple[str, str], Schema] = {
            ("item", "kind"): {"enum": list(ITEM_KINDS)},
            ("item", "list"): {"enum": ["history", "series"]},
            ("item", "units"): named({"anyOf": [factor, scale]}),
            ("item", "choices"): {"anyOf": [{"type": "array", "items": {**_SCALAR, "not": {"enum": list(MISSING)}}},
                                            {"type": "object", "additionalProperties": {"anyOf": [of("choice"), _EMPTY]},
                                             "propertyNames": {"not": {"enum": list(MISSING)}}},
                                            _SCALAR]},
            ("item", "levels"): named(of("level")),
            ("item", "reference"): {"anyOf": [of("reference range"), {"type": "array", "items": of("reference range")}]},
            ("item", "fields"): named(of("item")),
            ("item", "worked_out"): worked_out,
            ("item", "codes"): codes,
            ("item", "stale_after"): {"type": "string", "pattern": r"^(never|\d{1,5}\s*(days?|weeks?))$", "examples": ["42 days", "never"]},
            ("rule", "kind"): {"enum": list(KINDS)},
            ("rule", "standing"): {"enum": list(STANDINGS)},
            ("rule", "today"): of("today's criterion"),
            ("rule", "management"): of("management"),
            ("rule", "bars_unexplained"): {"anyOf": [{"enum": ["yes"]}, of("bars_unexplained")]},
            ("management", "today"): of("today's criterion"),
            ("investigation", "occasion"): {"enum": list(OCCASIONS)},
            ("investigation", "burden"): {"enum": list(BURDENS)},
            ("investigation", "tier"): {"enum": list(TIERS)},
            ("example", "given"): {"type": "object"},
            ("example", "expect"): {"type": "object", "minProperties": 1,
                                    "additionalProperties": {"anyOf": [{"enum": list(dict.fromkeys([*STATUSES, *STATES, *TRUTHS, *FIRED]))},
                                                                       {"type": ["number", "string"], "pattern": r"^[<>≥≤−+-]?\s*\d"}]}},
            ("partition", "parts"): {"type": "object", "additionalProperties": _CONDITION},
            ("rulebook", "not_covered"): named(texts),
            ("rulebook", "acute_if"): _CONDITION,
        }  # fmt: skip
        for name in ("item", "rule", "investigation", "check", "partition"):
            found[name, "accepts"] = accepts
        for place in (("item", "ask_if"), ("item", "when"), ("rule", "when"), ("rule", "suspect_when"), ("check", "remark_if"),
                      ("today's criterion", "when"), ("investigation", "indicated_if"), ("check", "problem_if")):  # fmt: skip
            found[place] = _CONDITION
        for place in (("item", "set_aside_if"), ("item", "counts_only_if"), ("reference range", "when"),
                      ("investigation", "not_now_if"), ("investigation", "first_rule_out")):  # fmt: skip
            found[place] = _CONDITIONS
        return found

    def _kinds(self) -> Schema:
        """Keys that mean something for some kinds only, and those that a kind needs."""
        needs: dict[str, Schema] = {
            "choice": {"required": ["choices"]},
            "choices": {"required": ["choices"]},
            "records": {"required": ["list", "fields"]},
            "derived": {"anyOf": [{"required": ["formula"]}, {"required": ["when"]}]},
        }
        ways = []
        for kind in ITEM_KINDS:
            idle = {key: False for key, kinds in ONLY_FOR.items() if kind not in kinds}
            told = {"properties": idle, **needs.get(kind, {})}
            ways.append({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": told})
        return {"allOf": ways}

    def _condition(self) -> Schema:
        forms = {
            name: _told(_TOLD["form"].get(name, (name, name)), self._form(name, shape))
            for name, shape in FORMS.items()
        }
        return {
            "title": "Condition",
            "description": "One comparison, as a clinician would write it; or one form that joins several.",
            "anyOf": [
                {
                    "type": "string",
                    "pattern": _whole(_pattern(LEAF).replace(" ?", r"\s*").replace(" ", r"\s+")),
                    "examples": ["tsh > 4.0–4.5 mIU/L", "outcome is miscarriage or stillbirth", "tpo_antibodies is high"],
                },
                {
                    "type": "object",
                    "properties": forms,
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ],
        }  # fmt: skip

    def _form(self, name: str, shape: str | dict[str, str]) -> Schema:
        several = {"type": "array", "items": _CONDITION, "minItems": 1}
        if name == "none_of":
            return {"enum": list(KINDS)}
        if isinstance(shape, str):
            return {"any": _CONDITION, "sequence": several}.get(shape) or _of_kind(shape)
        parts: dict[str, Schema] = {}
        for key, kind in shape.items():
            inner = _of_kind(kind)
            if key in ("at_least", "out_of", "times"):
                inner = _COUNT
            elif kind.startswith("any"):
                inner = _CONDITION
            elif kind.startswith("sequence"):
                inner = {**several, "items": {"$ref": _ref("points")}} if name == "points" else several
            parts[key] = _told(_TOLD["part of a form"].get(key, (key, key)), inner)
        return {
            "type": "object",
            "properties": parts,
            "required": [key for key, kind in shape.items() if kind.endswith("!")],
            "additionalProperties": False,
        }

    def _points(self) -> Schema:
        told = _TOLD["part of a form"]
        one = {
            "type": "object",
            "properties": {"points": _told(told["points"], _COUNT), "when": _told(told["when"], _CONDITION)},
            "required": ["points", "when"],
            "additionalProperties": False,
        }
        several = {
            "type": "object",
            "properties": {"highest": _told(told["highest"], {"type": "array", "items": one})},
            "required": ["highest"],
            "additionalProperties": False,
        }
        says = "So many points when something holds; or several of which only the greatest counts."
        return {"title": "Part of points", "description": says, "anyOf": [one, several]}


def _name(name: str) -> str:
    """A definition's name as it can stand in a reference."""
    return name.replace(" ", "-").replace("'", "")


def _ref(name: str) -> str:
    return f"#/$defs/{_name(name)}"


def _of_kind(kind: str) -> Schema:
    """What the kinds of a shape accept; an editor reads a lone word as a number where it can."""
    empty = [] if kind.endswith("!") else [_EMPTY]
    match kind.rstrip("!"):
        case "text":
            return {"anyOf": [_SCALAR, *empty]} if empty else _SCALAR
        case "texts":
            return {"anyOf": [_SCALAR, {"type": "array", "items": {"anyOf": [_SCALAR, _EMPTY]}}, _EMPTY]}
        case "yes":
            return {"enum": ["yes", "no", True, False]}
        case "mapping":
            return {"type": ["object", "null"]}
        case "sequence":
            return {"type": "array"}
        case _:
            return {}
