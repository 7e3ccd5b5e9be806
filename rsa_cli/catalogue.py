"""The rulebook as a document: every rule, item, investigation and statement in words, for review.

Nothing is drawn here: a page is a list of blocks (see `pages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rsa_cli import nodes
from rsa_cli.dictionary import Item
from rsa_cli.entries import Entries
from rsa_cli.nodes import Condition, Name, walk
from rsa_cli.pages import LABEL, Block, Heading, Paragraph, Points, Table, anchor
from rsa_cli.problems import Place
from rsa_cli.rulebook import OCCASIONS, TIERS, Example, Investigation, Rule, Rulebook
from rsa_cli.source import Mapping, Node, Source, Text
from rsa_cli.wording import Wording

NOT_CHECKED = "general knowledge, not checked"
WORK_UP = "work-up"
# Kinds of rules in the order they are read, and what a group of them is called.
KINDS = {
    "definition": "Definition",
    "conclusion": "Conclusion",
    "red_flag": "Red flags",
    "acute": "Acute differential",
    "etiology": "Causes",
    "association": "Associations",
    "reminder": "Reminders",
}
TIER_WORDS = {
    "core": "Core: what current guidance asks of every couple",
    "article": "Article: named by the article, not in the core",
    "discouraged": "Discouraged: named by the article, advised against today",
}
# The statements of the article, by the first letters of their number.
CHAPTERS = {
    "D": "Definition", "E": "Causes", "C": "Clinical presentation", "G": "Diagnosis", "H": "History",
    "X": "Examination", "A": "Tests", "DD": "Differential diagnosis", "T": "Treatment",
}  # fmt: skip
HOW_TO_READ = (
    "Each rule decides one finding. A condition is true, false or not known; what is missing is never negative. A "
    "finding is met where its condition is true and not met where it is false. Else it is suspected (what stands under "
    "“Suspected when” is true, results that were set aside included), undetermined, or not assessed (nothing that "
    "tests it was asked or measured).",
    "A comparison means the latest usable result, unless it says “in any result” or “in every result”. High, low, "
    "normal and positive go by the laboratory's flag, else by its own range, else by the normal range given here. "
    "Where sources disagree a limit has two ends, as 4.0–4.5, and between them nothing is decided. In a limit 10 weeks "
    "is the day 10w0d. “Unless it is known that” holds while what follows is false or not known.",
    f"“{NOT_CHECKED.capitalize()}” marks what nobody has compared with its source.",
)


# What may name a statement or source, in the order it is shown, and the parts of a rule that are told apart.
_SECTIONS = ("items", "circumstances", "investigations", "checks", "rules", "sources")
_PARTS = {"today": "today", "management": "treatment"}


class Use(NamedTuple):
    """Where a statement or source is used: the kind and id of the entry, and in what part of it."""

    kind: str
    id: str
    part: str = ""


class Catalogue:
    """A rulebook, read whole, in words."""

    def __init__(self, rulebook: Rulebook, sources: list[Source]) -> None:
        """What the program does not keep of a rulebook (treatment, reasons, codes) is read from its `sources`."""
        self.book = rulebook
        self.wording = Wording(rulebook)
        self.entries = _as_written(sources)
        self.uses = _uses(Entries(sources))

    # --- one thing by its id

    def ids(self) -> list[str]:
        """Everything that `show` knows."""
        book = self.book
        fields = [f"{item.id}.{field}" for item in book.items.values() for field in item.fields]
        named = (book.rules, book.items, fields, book.circumstances, book.investigations)
        return list(
            dict.fromkeys([*(n for group in named for n in group), *book.statements, *book.sources, WORK_UP])
        )

    def show(self, name: str) -> list[Block]:
        """The page of everything that has this id; empty where nothing has."""
        book = self.book
        blocks: list[Block] = []
        if name == WORK_UP:
            blocks += [Heading(2, "The work-up, by tier"), *self.work_up()]
        if name in book.rules:
            blocks += self.rule(book.rules[name], 2, alone=True)
        item = self.wording.item(name) or book.circumstances.get(name)
        if item is not None:
            blocks += self.item(item, 2, alone=True)
        if name in book.investigations:
            investigation = book.investigations[name]
            blocks += self.investigation(investigation, 2)
            blocks += self._cited("Sources", (*investigation.serves, *investigation.source))
        if name in book.statements or name in book.sources:
            blocks += self.document(name)
        return blocks

    # --- all of it

    def groups(self) -> Iterator[tuple[str, list[Rule]]]:
        """The rules under the titles they are shown by: by kind, causes and associations by group."""
        order = {group: number for number, group in enumerate(self.book.groups)}
        for kind, title in KINDS.items():
            mine = [rule for rule in self.book.rules.values() if rule.kind == kind]
            if kind not in ("etiology", "association"):
                if mine:
                    yield title, mine
                continue
            for name in sorted({rule.group for rule in mine}, key=lambda g: order.get(g, len(order))):
                yield f"{title}: {name}", [rule for rule in mine if rule.group == name]

    def listing(self) -> list[Block]:
        """Every rule in a line, below the title of its group."""
        rows: list[tuple[str, ...]] = []
        for title, rules in self.groups():
            rows += [("", "", ""), (title, "", "")]
            rows += [(f"  {rule.id}", rule.finding, rule.standing) for rule in rules]
        return [Table(("id", "finding", "standing"), tuple(rows))]

    def whole(self) -> list[Block]:
        """The whole rulebook: rules by group, investigations by tier, items, circumstances, checks, sources."""
        book = self.book
        parts: dict[str, list[Block]] = {}
        if book.not_covered:
            lines = tuple((0, f"{label} ({', '.join(ids)})") for label, ids in book.not_covered.items())
            parts["Named by the article and not covered"] = [Points(lines)]
        for title, rules in self.groups():
            links = [f"[{rule.finding}](#{anchor(_title(rule.finding, rule.id))})" for rule in rules]
            rows = tuple((link, f"`{r.id}`", r.standing) for link, r in zip(links, rules, strict=True))
            parts[title] = [Table(("finding", "id", "standing today"), rows)]
            if rules[0].kind == "acute" and book.acute_if is not None:
                parts[title].append(Paragraph(f"It arises where {self.wording.line(book.acute_if)}."))
            parts[title] += [block for rule in rules for block in self.rule(rule, 3)]
        parts["Investigations, by tier"] = []
        for tier, investigations in self._tiers():
            parts["Investigations, by tier"].append(Heading(3, tier))
            for investigation in investigations:
                parts["Investigations, by tier"] += self.investigation(investigation, 4)
        parts["Items"] = []
        for section in dict.fromkeys(item.section for item in book.items.values()):
            parts["Items"].append(Heading(3, f"Section: {section or 'worked out'}"))
            mine = [item for item in book.items.values() if item.section == section]
            parts["Items"] += [block for item in mine for block in self.item(item, 4)]
            parts["Items"] += self._examples_of_items(section)
        circumstances = book.circumstances.values()
        parts["Circumstances of a result"] = [block for item in circumstances for block in self.item(item, 4)]
        parts["Checks of a case"] = self.checks()
        if book.partitions:
            parts["Limits without a gap"] = self.partitions()
        parts["Sources"] = [Points(tuple((0, self._cite(name)) for name in book.sources))]
        return [
            Heading(1, f"{book.title}: the whole rulebook"),
            Paragraph(
                f"Rulebook {book.name} {book.version}. It supports review by a clinician. Not a diagnosis."
            ),
            *map(Paragraph, HOW_TO_READ),
            Points(tuple((0, f"[{title}](#{anchor(title)})") for title in parts)),
            *(block for title, blocks in parts.items() for block in (Heading(2, title), *blocks)),
        ]

    def documents(self) -> list[Block]:
        """Every statement and source: what it says, what it is read as, today's view, where it is used."""
        chapters: dict[str, list[str]] = {}
        for name in self.book.statements:
            prefix = re.sub(r"[^A-Z].*", "", name.removeprefix("S-"))
            chapters.setdefault(CHAPTERS.get(prefix, prefix), []).append(name)
        chapters["Other sources"] = list(self.book.sources)
        blocks: list[Block] = [
            Heading(1, "Every statement, and where it is used"),
            Paragraph(
                "What the article says, in our own words and with its terms corrected, how a misleading translation is "
                "read, what has superseded it, and where the rulebook uses it. What nothing is decided by says why. "
                "Below it, in the same form, the other sources."
            ),
        ]
        for title, names in chapters.items():
            rows = tuple(
                (n, self._says(n), _joined(self._document(n).get("figures")), self._used(n)) for n in names
            )
            blocks += [Heading(2, title), Table(("id", "what it says", "figures", "where it is used"), rows)]
        return blocks

    # --- a rule

    def rule(self, rule: Rule, level: int, alone: bool = False) -> list[Block]:
        """One rule in words; `alone` adds the line of its file."""
        about = (
            KINDS[rule.kind].removesuffix("s").lower(),
            rule.group,
            f"{rule.standing} today" if rule.standing else "",
            _file(rule.place) + (f":{rule.place.line}" if alone else ""),
        )
        blocks: list[Block] = [
            Heading(level, _title(rule.finding, rule.id)),
            Paragraph(" · ".join(filter(None, about))),
            *([Paragraph(f"Printed: {rule.says}")] if rule.says else []),
            *self._condition("Met when", rule.when),
            *self._condition("Suspected when", rule.suspect_when),
        ]
        for label, names in (
            ("Tested by", rule.tested_by),
            ("Asked for while not known", rule.asks),
            ("Said at once, even where the file needs fixing", rule.symptoms),
        ):
            if names:
                blocks.append(Paragraph(f"{label}: {', '.join(map(self.wording.called, names))}."))
        blocks += self._what_counts(rule)
        if rule.today is not None:
            blocks += [*self._cited("Today", rule.today.source, rule.today.says)]
            blocks += self._condition("Today's criterion, judged beside the article's", rule.today.when)
        if rule.management is not None:
            managed = rule.management
            blocks += self._cited(
                "Treatment, as the article has it: never an order", managed.rests_on, managed.says
            )
            if managed.today is not None:
                blocks += self._cited("Treatment today", managed.today.source, managed.today.says)
        if rule.reported_in:
            figure = f"{self._cite(rule.reported_in)} The article's figure; never a patient's probability."
            blocks += [Heading(LABEL, "How often"), Paragraph(figure)]
        bars = self.entries["rules"][rule.id].get("bars_unexplained")
        if rule.kind == "etiology" or isinstance(bars, dict):
            says = "This stands in the way of it until it is known not to be met."
            if isinstance(bars, dict):
                link = ", " if bars["no"].startswith("because ") else ": "
                says = _sentences(f"This does not stand in the way of it{link}{bars['no']}")
            blocks += [Heading(LABEL, "Unexplained recurrent miscarriage"), Paragraph(says)]
        return [*blocks, *self._cited("Rests on", rule.rests_on), *self._examples(rule.id)]

    def _condition(self, label: str, condition: Condition | None) -> list[Block]:
        if condition is None:
            return []
        return [Heading(LABEL, label), Points(tuple(self.wording.lines(condition)))]

    def _what_counts(self, rule: Rule) -> list[Block]:
        """Of the items a rule reads: normal ranges, levels, and what sets a result aside."""
        names: dict[str, None] = {}
        for whole in (rule.when, rule.suspect_when, rule.today.when if rule.today else None):
            for node in walk(whole) if whole is not None else ():
                named = node.of if isinstance(node, nodes.Count | nodes.Run) else getattr(node, "name", None)
                if isinstance(named, str | Name):
                    names[str(named)] = None
        lines: list[tuple[int, str]] = []
        for name in names:
            item = self.wording.item(name)
            said = self._counting(item) if item is not None else []
            lines += [(0, f"{self.wording.called(name)}:"), *((1, text) for text in said)] if said else []
        return [Heading(LABEL, "What counts"), Points(tuple(lines))] if lines else []

    def _examples(self, name: str) -> list[Block]:
        """The examples that name a rule, a check or an item, as a table."""
        rows = []
        for example in self.book.examples:
            words = {name: "", f"{name}.today": "by today's criterion "}
            said = [f"{words[key]}{state}" for key, state in example.expect.items() if key in words]
            if said and self.wording.item(name) is None:
                said += [f"{self._label(key)} {example.expect[key]}" for key in self._items_in(example)]
            if said:
                rows.append((example.name, self._case(example), "; ".join(said).replace("_", " ")))
        return _example_table(rows)

    def _examples_of_items(self, section: str) -> list[Block]:
        """The examples that name items alone, as a table: those of the items of a section, each once."""
        rows = []
        for example in self.book.examples:
            named = self._items_in(example)
            home = self.book.items[named[0].partition(".")[0]].section if named else None
            if home == section and len(named) == len(example.expect):
                said = "; ".join(f"{self._label(key)} {example.expect[key]}" for key in named)
                rows.append((example.name, self._case(example), said))
        return _example_table(rows)

    def _items_in(self, example: Example) -> list[str]:
        """The items and fields of which an example expects something."""
        return [key for key in example.expect if self.wording.item(key) is not None]

    def _label(self, name: str) -> str:
        item = self.wording.item(name)
        return name if item is None else item.label

    def _case(self, example: Example) -> str:
        given = self.wording.given(_plain(example.given))
        return f"{given}; judged as of {example.as_of}" if example.as_of else given

    # --- an item

    def item(self, item: Item, level: int, alone: bool = False) -> list[Block]:
        """One item in words: what is asked, what it may be, when it counts; `alone` adds its sources' words."""
        name = f"{item.of}.{item.id}" if item.of not in (None, "circumstance") else item.id
        lines = [(0, text) for text in self._described(item)]
        for field in item.fields.values():
            called = f"{field.label} (`{item.id}.{field.id}`)"
            lines.append(
                (0, f"{called}: {_sentences(field.question, field.help)}" if field.question else called)
            )
            lines += [(1, text) for text in self._described(field)]
        blocks: list[Block] = [Heading(level, _title(item.label, name))]
        if item.question:
            blocks.append(Paragraph(_sentences(item.question, item.help)))
        blocks.append(Points(tuple(lines)))
        if alone:
            blocks += self._cited("Sources", (*item.serves, *item.source, *self._limit_sources(item)))
        return blocks + (self._examples(name) if alone else [])

    def _described(self, item: Item) -> list[str]:
        raw = self._written(item)
        said = [*self._values(item, raw), *self._worked_out(item, raw), *self._counting(item)]
        if item.ask_if is not None:
            said.append(f"asked only where {self.wording.line(item.ask_if)}")
        if item.dated:
            said.append("needs a date")
        codes = raw.get("codes")
        if isinstance(codes, dict) and "loinc" in codes:
            said.append(f"LOINC {codes['loinc']}{', not checked' if codes.get('checked') == 'no' else ''}")
        if item.serves:
            said.append(f"serves {', '.join(item.serves)}")
        if item.source:
            said.append(f"sources{self._sourced(item.source)}")
        return said

    def _values(self, item: Item, raw: dict[str, Any]) -> Iterator[str]:
        """What a value of an item may be."""
        if item.kind == "records":
            yield "a series: entries can always be added" if item.series else "a history: complete once given"
        elif item.choices and item.kind in ("choice", "choices"):
            answers = "; ".join(self._choice(item, raw, name) for name in item.choices)
            yield f"{'any of' if item.kind == 'choices' else 'one of'}: {answers}"
        elif item.kind == "quantity" or item.formula is not None:
            yield f"in {item.unit or 'no unit'}{''.join(f', or {unit}' for unit in _units(raw))}"
        elif item.kind == "gestation":
            yield "weeks and days"
        else:
            yield {"date": "a date", "text": "text"}.get(item.kind, "yes or no")
        if item.words:
            yield "the laboratory's word may stand in place of a number"
        if "plausible" in raw:
            yield f"refused outside {raw['plausible']}"
        if "usual" in raw:
            yield f"remarked on outside {raw['usual']}"

    def _choice(self, item: Item, raw: dict[str, Any], name: str) -> str:
        choice = item.choices[name]
        notes = [f"`{name}`"]
        if choice.inconclusive:
            notes.append("decides nothing, to be repeated")
        if choice.covers:
            covered = ", ".join(f"`{other}`" for other in choice.covers)
            notes.append(f"one of {covered}, not known which")
        if choice.implies is not None:
            notes.append(f"means {raw['choices'][name]['implies']}")
        return f"{choice.label} ({', '.join(notes)})"

    def _worked_out(self, item: Item, raw: dict[str, Any]) -> Iterator[str]:
        if item.formula is not None:
            yield f"worked out: {raw['formula']}"
            for key, words in (("same_sample", "of one day"), ("lasting", "may be older")):
                if key in raw:
                    yield f"{', '.join(map(self.wording.called, _list(raw[key])))} {words}"
            if "tolerance" in raw:
                yield f"a value given may differ by {raw['tolerance']}"
        if item.when is not None:
            yield f"yes where {self.wording.line(item.when)}"
        if item.worked_out is not None:
            how, names = item.worked_out
            where = {
                "medications": f"the drugs: {', '.join(name.replace('_', ' ') for name in names)}",
                "later": f"a later entry among {', '.join(map(self.wording.called, names))}",
            }
            yield f"where not given, worked out from {where.get(how, 'the pregnancies')}"
        if item.now:
            yield f"on the day of judgement {self.wording.called(item.now)} says it"

    def _counting(self, item: Item) -> list[str]:
        """The normal ranges and levels of an item, and what sets a result aside."""
        raw, line = self._written(item), self.wording.line
        said = []
        for reference, ends in zip(item.references, _entries(raw.get("reference")), strict=True):
            where = f" where {' and '.join(map(line, reference.when))}" if reference.when else ""
            if reference.beside_own:
                limit = (
                    f" must agree with {_range(ends)}"
                    if "low" in ends or "high" in ends
                    else " decides nothing"
                )
                said.append(f"the laboratory's own range{limit}{where}{self._sourced(reference.source)}")
                continue
            said.append(f"normal {_range(ends)}{where}{self._sourced(reference.source)}")
        for level in item.levels:
            ends = raw["levels"][level.name]
            limit = f"from {ends['from']}" if "from" in ends else f"above {ends['above']}"
            if "from" in ends and "above" in ends:
                limit = f"above {ends['above']}, not known at {ends['from']} exactly"
            said.append(f"{level.name.replace('_', ' ')} {limit}{self._sourced(level.source)}")
        if item.counts_only_if:
            conditions = "; ".join(line(c, item) for c in item.counts_only_if)
            said.append(f"counts only where it is known: {conditions}")
        if item.set_aside_if:
            conditions = "; ".join(line(c, item) for c in item.set_aside_if)
            said.append(f"set aside where it is known: {conditions}")
        if item.stale_after is not None:
            said.append(f"set aside when older than {item.stale_after} days")
        return said

    def _limit_sources(self, item: Item) -> Iterator[str]:
        """What the limits of an item and of its fields rest on."""
        for one in (item, *item.fields.values()):
            yield from (name for reference in one.references for name in reference.source)
            yield from (name for level in one.levels for name in level.source)
            yield from one.source if one is not item else ()

    # --- investigations, checks, documents

    def investigation(self, investigation: Investigation, level: int) -> list[Block]:
        """One investigation in words."""
        line = self.wording.line
        said = [
            f"{investigation.occasion}; burden: {investigation.burden}; tier: {investigation.tier}",
            f"yields {', '.join(map(self.wording.called, investigation.yields))}",
            investigation.timing,
        ]
        for words, found in (
            ("not now where", investigation.not_now_if),
            ("to rule out first:", investigation.first_rule_out),
            ("indicated where", [investigation.indicated_if] if investigation.indicated_if else []),
        ):
            said.append(f"{words} {' or '.join(map(line, found))}" if found else "")
        said += [
            "for safety, on the list whatever the definition says" if investigation.safety else "",
            f"discouraged: {investigation.discouraged_because}" if investigation.discouraged_because else "",
            f"serves {', '.join(investigation.serves)}" if investigation.serves else "",
            f"sources{self._sourced(investigation.source)}" if investigation.source else "",
        ]
        title = _title(investigation.label, investigation.id)
        return [Heading(level, title), Points(tuple((0, text) for text in said if text))]

    def work_up(self) -> list[Block]:
        """The investigations by tier, each with what puts it there."""
        blocks: list[Block] = []
        for tier, mine in self._tiers():
            lines: list[tuple[int, str]] = []
            for one in mine:
                lines.append((0, f"{_title(one.label, one.id)}: {one.occasion}"))
                because = [one.discouraged_because] if one.discouraged_because else []
                because += map(self._cite, one.source or one.serves)
                lines += [(1, text) for text in because]
            blocks += [Heading(LABEL, tier), Points(tuple(lines))]
        return blocks

    def _tiers(self) -> Iterator[tuple[str, list[Investigation]]]:
        """The investigations under the title of their tier, by occasion."""
        for tier in TIERS:
            mine = [one for one in self.book.investigations.values() if one.tier == tier]
            if mine:
                yield TIER_WORDS[tier], sorted(mine, key=lambda one: OCCASIONS.index(one.occasion))

    def checks(self) -> list[Block]:
        """What is checked of every case before it is judged."""
        blocks: list[Block] = []
        for check in self.book.checks:
            about = f"of each entry of {self.book.items[check.of].label}, where" if check.of else "where"
            title = "a remark" if check.remark else "a problem: the case is not judged"
            sources = _list(self.entries["checks"][check.id].get("source"))
            lines = [
                (0, f"{check.says} ({title})"),
                (1, f"{about} {self.wording.line(check.when)}{self._sourced(sources)}"),
            ]
            blocks += [Points(tuple(lines)), *self._examples(check.id)]
        return blocks

    def partitions(self) -> list[Block]:
        """Limits of one item that leave no gap and do not overlap."""
        lines: list[tuple[int, str]] = []
        for partition in self.book.partitions:
            lines.append((0, f"{self.wording.called(partition.of)}, just one of:"))
            for part, condition in partition.parts.items():
                lines.append((1, f"{part.replace('_', ' ')}: {self.wording.line(condition)}"))
        return [Points(tuple(lines))] if lines else []

    def document(self, name: str) -> list[Block]:
        """One statement or source: what it says and where it is used."""
        raw = self._document(name)
        said = [
            self._says(name),
            f"kind: {raw['kind']}" if "kind" in raw else "",
            f"figures: {_joined(raw['figures'])}" if "figures" in raw else "",
            raw.get("url", ""),
            f"where it is used: {self._used(name)}",
        ]
        return [Heading(2, name), Points(tuple((0, text) for text in said if text))]

    def _document(self, name: str) -> dict[str, Any]:
        return self.book.statements.get(name) or self.book.sources.get(name) or {}

    def _says(self, name: str) -> str:
        """What a statement or source says, and what must be known of it."""
        raw = self._document(name)
        said = [raw.get("says") or raw.get("title") or ""]
        if "says" in raw and "source" in raw:
            said.append(f"({self._document(raw['source']).get('title', raw['source'])})")
        for key, word in (("read_as", "Read as"), ("today", "Today"), ("background", "Background")):
            if key in raw:
                said.append(f"{word}: {raw[key]}")
        if raw.get("checked") == "no":
            said.append(f"({NOT_CHECKED})")
        return " ".join(said)

    def _cite(self, name: str) -> str:
        return f"{name}: {self._says(name)}"

    def _cited(self, label: str, names: Iterable[str], says: str = "") -> list[Block]:
        """A label, a sentence, and what it goes back to."""
        lines = tuple((0, self._cite(name)) for name in dict.fromkeys(names))
        blocks: list[Block] = [Heading(LABEL, label)] if lines or says else []
        blocks += [Paragraph(says)] if says else []
        return blocks + ([Points(lines)] if lines else [])

    def _sourced(self, names: Iterable[str]) -> str:
        """The sources of a limit in brackets, those that nobody checked marked."""
        said = [f"{n}, not checked" if self._document(n).get("checked") == "no" else n for n in names]
        return f" [{'; '.join(said)}]" if said else ""

    def _used(self, name: str) -> str:
        """Where a statement or source is used, in words."""
        grouped: dict[str, list[str]] = {}
        for use in self.uses.get(name, ()):
            grouped.setdefault(f"{use.kind}{f', {use.part}' if use.part else ''}", []).append(f"`{use.id}`")
        said = [f"{what}: {', '.join(dict.fromkeys(ids))}" for what, ids in grouped.items()]
        missing = [label for label, ids in self.book.not_covered.items() if name in ids]
        said += [f"not covered: {', '.join(missing)}"] if missing else []
        said += ["background"] if "background" in self._document(name) else []
        return "; ".join(said) or "nothing"

    def _written(self, item: Item) -> dict[str, Any]:
        """An item as its file has it."""
        if item.of is None or item.of == "circumstance":
            entry: dict[str, Any] = self.entries["items" if item.of is None else "circumstances"][item.id]
        else:
            entry = self.entries["items"][item.of]["fields"][item.id]
        return entry


# --- the files -----------------------------------------------------------------------------------


def _as_written(sources: list[Source]) -> dict[str, dict[str, Any]]:
    """The sections of the rulebook's files, behind its manifest, as plain data."""
    entries: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    for source in sources[1:]:
        root = _plain(source.root) or {}
        for section in entries.keys() & root.keys():
            entries[section].update(root[section] or {})
    return entries


def _uses(entries: Entries) -> dict[str, list[Use]]:
    """Every statement and source that any entry names, with where."""
    found: dict[str, list[Use]] = {}
    for entry, keys, text in entries.named():
        if entry is not None and entry.section in _SECTIONS:
            part = " ".join(_PARTS[key] for key in keys if key in _PARTS)
            found.setdefault(text.text, []).append(Use(entry.section.removesuffix("s"), entry.name, part))
    order = [section.removesuffix("s") for section in _SECTIONS]
    return {name: sorted(uses, key=lambda use: order.index(use.kind)) for name, uses in found.items()}


def _plain(node: Node | None) -> Any:
    """A node without its places."""
    if node is None or type(node) is Text:
        return node and node.text
    if type(node) is Mapping:
        return {key: _plain(value) for key, value in node.items.items()}
    return [_plain(part) for part in getattr(node, "parts", ())]


# --- words ---------------------------------------------------------------------------------------


def _title(words: str, name: str) -> str:
    return f"{words} (`{name}`)"


def _example_table(rows: list[tuple[str, str, str]]) -> list[Block]:
    count = f"{len(rows)} example{'s' * (len(rows) != 1)}"
    return [Table(("example", "given", "expected"), tuple(rows), count)] if rows else []


def _sentences(*texts: str) -> str:
    """Texts one behind the other, each ended like a sentence."""
    ended = [text if text.endswith((".", "?", "!")) else f"{text}." for text in texts if text]
    return " ".join(ended)


def _list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _entries(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _joined(value: Any) -> str:
    return ", ".join(_list(value))


def _units(raw: dict[str, Any]) -> Iterator[str]:
    """The other units of an item, and how they convert."""
    for unit, factor in raw.get("units", {}).items():
        if factor == "separate":
            yield f"{unit} (never converted)"
        elif isinstance(factor, dict):
            plus = factor.get("plus", "")
            sign = (
                "" if not plus else f" − {plus.removeprefix('-')}" if plus.startswith("-") else f" + {plus}"
            )
            yield f"{unit} (× {factor['times']}{sign})"
        else:
            yield f"{unit} (× {factor})"


def _range(ends: dict[str, Any]) -> str:
    low, high = ends.get("low"), ends.get("high")
    if low and high:
        return f"from {low} up to {high}"
    if low or high:
        return f"from {low}" if low else f"up to {high}"
    return "only by the laboratory's own range"


def _file(place: Place) -> str:
    """The folder and the file an entry stands in."""
    return "/".join(Path(place.file).parts[-2:])
