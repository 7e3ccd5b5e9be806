"""A folder of YAML becomes a rulebook: items, investigations, checks and rules, all names checked."""

from __future__ import annotations

from collections.abc import Mapping as Names
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rsa_cli import __version__, nodes
from rsa_cli.case import CASE, RESULT, read_case
from rsa_cli.dictionary import (
    REFERENCE,
    Choice,
    Item,
    Level,
    Reference,
    Unit,
    UnreadableError,
    dated,
    names_in,
    read_item,
    read_limits,
    read_value,
)
from rsa_cli.keep import fetch, keep
from rsa_cli.light import Light
from rsa_cli.nodes import Condition, RuleHolds, walk
from rsa_cli.problems import NeedsFixing, Place, Problem, brief, nearest_or_all, quoted
from rsa_cli.source import Mapping, Node, Sequence, Shaper, Source, Text, read_bytes, read_file
from rsa_cli.values import Span

if TYPE_CHECKING:
    from rsa_cli.conditions import ConditionReader

SECTIONS = (
    "items",
    "circumstances",
    "investigations",
    "statements",
    "sources",
    "checks",
    "rules",
    "partitions",
    "examples",
)
KINDS = ("definition", "etiology", "association", "conclusion", "acute", "red_flag", "reminder")
STANDINGS = ("accepted", "disputed", "superseded", "research")
OCCASIONS = (
    "ask",
    "home",
    "examine",
    "blood, any day",
    "blood, day 2–5",
    "mid-luteal blood",
    "imaging",
    "partner",
)
BURDENS = ("question", "examination", "blood", "timed blood", "imaging", "invasive")
TIERS = ("core", "article", "discouraged")

# The shape of each section's entries: the one declaration that reader, schema and docs share.
MANIFEST = {
    "name": "text!",
    "version": "text!",
    "title": "text!",
    "uses": "texts",
    "groups": "texts",
    "not_covered": "mapping",
    "acute_if": "any",
}
RULE = {
    "finding": "text!", "kind": "text!", "group": "text", "standing": "text", "tested_by": "texts",
    "when": "any!", "suspect_when": "any", "rests_on": "texts!", "reported_in": "text", "today": "mapping",
    "says": "text", "asks": "texts", "symptoms": "texts", "management": "mapping", "bars_unexplained": "any",
    "accepts": "mapping",
}  # fmt: skip
TODAY = {"says": "text!", "source": "texts!", "when": "any"}
MANAGEMENT = {"says": "text!", "rests_on": "texts", "today": "mapping"}
BARS = {"no": "text!"}
INVESTIGATION = {
    "label": "text!", "yields": "texts!", "occasion": "text!", "burden": "text!", "tier": "text!", "source": "texts",
    "timing": "text", "not_now_if": "any", "first_rule_out": "any", "indicated_if": "any", "safety": "yes",
    "discouraged_because": "text", "serves": "texts", "accepts": "mapping",
}  # fmt: skip
CHECK = {
    "of": "text",
    "problem_if": "any",
    "remark_if": "any",
    "says": "text!",
    "hint": "text",
    "source": "texts",
    "accepts": "mapping",
}
PARTITION = {"of": "text!", "parts": "mapping!", "accepts": "mapping"}
EXAMPLE = {"as_of": "text", "given": "mapping!", "expect": "mapping!"}
STATEMENT = {
    "says": "text!",
    "kind": "text!",
    "figures": "texts",
    "read_as": "text",
    "today": "text",
    "background": "text",
}
SOURCE = {
    "says": "text",
    "title": "text",
    "url": "text",
    "figures": "texts",
    "source": "text",
    "checked": "yes!",
}
# How many rules, or items, may rest on one another in a row.
MOST_DEEP = 20
# What an example may expect of a rule, and of the results of an item.
STATUSES = ("met", "suspected", "undetermined", "not_assessed", "not_met", "not_applicable")
STATES = ("set aside", "usable", "pending", "inconclusive", "unknown", "nothing")
# And of today's criterion (`rule.today`), and of a check.
TRUTHS = ("met", "not_met", "undetermined")
FIRED = ("problem", "remark", "silent")


class Today(Light):
    """What today's authorities say beside the article; `when` where it can be computed."""

    says: str
    source: tuple[str, ...]
    when: Condition | None


class Management(Light):
    """What the article says is done about a finding that is met, never an order, and what has superseded it."""

    says: str
    rests_on: tuple[str, ...]
    today: Today | None


class Rule(Light):
    """Conditions that decide one finding, with the statements they rest on."""

    id: str
    finding: str
    kind: str
    when: Condition
    place: Place
    group: str = ""
    standing: str = ""
    tested_by: tuple[str, ...] = ()
    suspect_when: Condition | None = None
    rests_on: tuple[str, ...] = ()
    reported_in: str = ""
    today: Today | None = None
    says: str = ""
    asks: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    bars_unexplained: bool = True
    management: Management | None = None


class Investigation(Light):
    """Something to ask, examine or order: a line of the checklist, and the items it yields."""

    id: str
    label: str
    yields: tuple[str, ...]
    occasion: str
    burden: str
    tier: str
    place: Place = nodes.UNPLACED  # of one that was kept: nothing reports where it stands
    source: tuple[str, ...] = ()
    timing: str = ""
    not_now_if: tuple[Condition, ...] = ()
    first_rule_out: tuple[Condition, ...] = ()
    indicated_if: Condition | None = None
    safety: bool = False
    discouraged_because: str = ""
    serves: tuple[str, ...] = ()


class Check(Light):
    """A consistency check: where `when` is true of a case (or of a record of `of`), it says so."""

    id: str
    of: str
    when: Condition
    says: str
    hint: str
    remark: bool


class Partition(Light):
    """Conditions over one item, by name, of which just one is to hold of every plausible value."""

    id: str
    of: str
    parts: dict[str, Condition]
    place: Place


class Example(Light):
    """A case written out beside a rule, and what must come of it."""

    name: str
    given: Mapping
    expect: dict[str, str]
    as_of: str
    place: Place


class Rulebook(Light):
    """Everything one authority's folder says; `digest` is over all bytes of all its files."""

    name: str
    version: str
    title: str
    digest: str
    groups: tuple[str, ...]
    not_covered: dict[str, tuple[str, ...]]
    acute_if: Condition | None
    items: dict[str, Item]
    circumstances: dict[str, Item]
    investigations: dict[str, Investigation]
    checks: tuple[Check, ...]
    rules: dict[str, Rule]
    partitions: tuple[Partition, ...] = ()
    examples: tuple[Example, ...] = ()
    statements: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
    kept_as: str = ""  # the name under which it is kept, where it is


# What a kept rulebook is made of; examples, statements and sources are never kept.
KEPT = (
    Rulebook, Item, Unit, Choice, Reference, Level, Rule, Today, Management, Investigation, Check, Place, Span, nodes.Name,
    nodes.Compare, nodes.IsOneOf, nodes.Includes, nodes.IsFlagged, nodes.IsLevel, nodes.IsKnown, nodes.RuleHolds, nodes.Undecidable,
    nodes.All, nodes.Any, nodes.Not, nodes.NotKnown, nodes.Some, nodes.Weighted, nodes.Highest, nodes.Points,
    nodes.Count, nodes.Run, nodes.Repeated,
)  # fmt: skip


def rules_folder() -> Path:
    """The rulebooks that came with the program: in the package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "_rules"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "rules"


def read_rulebook(name: str | Path = "article", whole: bool = False) -> Rulebook:
    """A rulebook by its name, or from a folder. Raises NeedsFixing with every problem of its files.

    With `whole`, examples, statements and sources are read too; a case can be judged without them.
    """
    folder = _folder(name)
    shaper = Shaper()
    sha = sha256()
    contents: list[tuple[Path, bytes | None]] = []
    for path in _files(folder, shaper):
        data = None
        with suppress(OSError):  # that it cannot be read is said with all the other problems
            data = path.read_bytes()
            sha.update(f"{path.parent.name}/{path.name}\0{len(data)}\0".encode() + data)
        contents.append((path, data))
    digest = sha.hexdigest()
    if whole or shaper.problems or any(data is None for _, data in contents):
        return _assembled(contents, digest, whole, shaper)
    key = _key(digest, folder)
    kept = fetch(key, KEPT)
    if type(kept) is Rulebook and kept.digest == digest:
        return kept._replace(kept_as=key)
    rulebook = _assembled(contents, digest, whole, shaper)
    return rulebook._replace(kept_as=key) if keep(key, rulebook, KEPT) else rulebook


def read_sources(name: str | Path = "article") -> list[Source]:
    """Every file of a rulebook, its manifest first, with the place of all that stands in it."""
    return [read_file(path) for path in _files(_folder(name), Shaper())]


def _folder(name: str | Path) -> Path:
    folder = rules_folder() / name
    if str(name) != folder.name or isinstance(name, Path) or not (folder / "rulebook.yaml").is_file():
        # A bare name means what came with the program, whatever the current folder holds.
        folder = Path(name)
        if not folder.is_dir():
            known = sorted(p.parent.name for p in rules_folder().glob("*/rulebook.yaml"))
            hint = nearest_or_all(str(name), known, "name a folder")
            raise NeedsFixing([Problem("no-rulebook", Place(str(name)), "there is no such rulebook", hint)])
    return folder


def _assembled(
    contents: list[tuple[Path, bytes | None]], digest: str, whole: bool, shaper: Shaper
) -> Rulebook:
    sources = [
        read_file(path) if data is None else read_bytes(str(path), data, "" if whole else "examples")
        for path, data in contents
        if whole or path.name not in ("statements.yaml", "sources.yaml")
    ]
    return _Assembly(sources, digest, whole, shaper).rulebook()


def _key(digest: str, folder: Path) -> str:
    """The name under which a rulebook is kept: its content, its place, and the code that read it."""
    sha = sha256(f"{__version__}\0{digest}\0{folder.resolve()}".encode())
    code = Path(__file__).parent
    for path in sorted([*code.glob("*.py"), *code.glob("engines/*.py")]):
        stat = path.stat()
        sha.update(f"\0{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return sha.hexdigest()[:40]


def _files(folder: Path, shaper: Shaper) -> list[Path]:
    """The manifest and the rule files; what is wrong with the folders it uses goes to the shaper."""
    manifest = folder / "rulebook.yaml"
    try:
        if not manifest.is_file():
            hint = "a rulebook is a folder with a file rulebook.yaml and topic files"
            raise NeedsFixing([Problem("no-manifest", Place(str(manifest)), "there is no such file", hint)])
        # What else is wrong in the manifest is said where it is read again, with all the others.
        uses = (Shaper().shaped(read_file(manifest).root, MANIFEST, "") or {}).get("uses", ())
        beside = folder.parent if folder.name not in ("", "..") else folder.resolve().parent
        folders = [*(_used(used, beside, shaper) for used in uses), folder]
        unique = dict.fromkeys(found for found in folders if found is not None)
        files = (p for f in unique for p in sorted(f.glob("*.y*ml")))
        return [manifest, *(p for p in files if p.name != manifest.name or p.parent != folder)]
    except OSError as error:
        says, hint = f"this folder cannot be read: {error.strerror}", "check its permissions"
        raise NeedsFixing([Problem("file-unreadable", Place(str(folder)), says, hint)]) from None


def _used(used: Text, beside: Path, shaper: Shaper) -> Path | None:
    """The folder that a rulebook uses: beside its own, or among those of the program; a name, not a way."""
    if not used.text or used.text == ".." or Path(used.text).name != used.text:
        says = f"{quoted(used.text)} is not the name of a folder"
        shaper.problem("no-folder", used, says, "write the name alone, of a folder beside this one")
        return None
    for parent in (beside, rules_folder()):
        if (parent / used.text).is_dir():
            return parent / used.text
    known = sorted({p.name for parent in (beside, rules_folder()) for p in parent.iterdir() if p.is_dir()})
    says = f"there is no folder {quoted(used.text)} beside this one"
    shaper.problem("no-folder", used, says, nearest_or_all(used.text, known))
    return None


class _Assembly:
    """Puts the sections of all files together and checks every name across them."""

    def __init__(self, sources: list[Source], digest: str, whole: bool, shaper: Shaper) -> None:
        self.sources = sources
        self.digest = digest
        self.whole = whole
        self.shaper = shaper
        self.sections: dict[str, list[tuple[Text, Node]]] = {section: [] for section in SECTIONS}
        self.manifest: dict[str, Any] = {}
        # Where a file could not be read to its end, a name that is not known may well stand in it;
        # where an item has a problem of its own, so has whatever names it. Neither is said twice.
        self.complete = not shaper.problems and all(source.complete for source in sources)
        self.doubtful: set[str] = set()

    def rulebook(self) -> Rulebook:
        from rsa_cli.conditions import ConditionReader  # not needed where a rulebook was kept

        self._gather()
        items, raw_items = self._items("items")
        circumstances, raw_circumstances = self._items("circumstances")
        raw_rules = self._raw("rules", RULE)
        bars: dict[str, tuple[str, ...]] = {
            kind: tuple(r for r, (_, raw) in raw_rules.items() if raw["kind"].text == kind and _bars(raw))
            for kind in KINDS
        }
        doubtful = frozenset(self.doubtful)
        defined = dict.fromkeys(key.text for key, _ in self.sections["rules"])
        self._apart(defined)
        not_covered = self._not_covered()
        reader = ConditionReader(self.shaper, items, defined, bars, doubtful, self.complete)
        reader.not_covered = tuple(not_covered)
        around = ConditionReader(self.shaper, circumstances, {}, {}, doubtful, self.complete)
        reader.elsewhere = dict.fromkeys(
            circumstances, "it is a circumstance, and stands in set_aside_if, counts_only_if or a reference"
        )
        around.elsewhere = dict.fromkeys(
            items, "it is an item; here stand circumstances of the result, and value"
        )
        for name, raw in raw_circumstances.items():
            circumstances[name] = self._finished(circumstances[name], raw, reader, around)
            self._worked_out(circumstances[name], raw, items)
        for name, raw in raw_items.items():
            items[name] = self._finished(items[name], raw, reader, around)
        rules = {
            name: rule
            for name, (key, raw) in raw_rules.items()
            if (rule := self._rule(key, raw, reader, items))
        }
        checks = tuple(
            c
            for name, (key, raw) in self._raw("checks", CHECK).items()
            if (c := self._check(key, raw, reader))
        )
        investigations = self._investigations(reader, items)
        self._cycles(rules)
        self._item_cycles(items)
        partitions = self._partitions(reader, items) if self.whole else ()
        words = {
            **dict.fromkeys(items, STATES),
            **{f"{item.id}.{field}": STATES for item in items.values() for field in item.fields},
            **dict.fromkeys((check.id for check in checks), FIRED),
            **dict.fromkeys(defined, STATUSES),
            **{f"{r}.today": TRUTHS for r in defined if r not in rules or _computed_today(rules[r])},
        }
        examples = self._examples(words, items, circumstances) if self.whole else ()
        statements = self._documents("statements", STATEMENT)
        documents = self._documents("sources", SOURCE)
        acute_if = reader.read(self.manifest["acute_if"]) if "acute_if" in self.manifest else None
        self.shaper.refuse(*self.sources)
        return Rulebook(
            self.manifest["name"].text, self.manifest["version"].text, self.manifest["title"].text, self.digest,
            tuple(t.text for t in self.manifest.get("groups", ())), not_covered, acute_if,
            items, circumstances, investigations, checks, rules, partitions, examples, statements, documents,
        )  # fmt: skip

    def _gather(self) -> None:
        for number, source in enumerate(self.sources):
            if number == 0:
                self._manifest(source)
                continue
            if Path(source.name).name == "rulebook.yaml":
                self._inherit(source)
                continue
            root = self.shaper.mapping(source.root, "a rule file", Place(source.name))
            for section, node in (root.items if root else {}).items():
                assert root is not None
                if section not in self.sections:
                    self.shaper.unknown(root.keys[section], SECTIONS, "a rule file")
                    self.complete = False
                    continue
                entries = self.shaper.mapping(node, section)
                if entries is not None:
                    self.sections[section] += [
                        (entries.keys[key], value) for key, value in entries.items.items()
                    ]
                else:
                    self.complete = False
        for section, entries_of in self.sections.items():
            first: dict[str, Text] = {}
            for key, _ in entries_of:
                if key.text in first and section != "examples":
                    says = f"{brief(key.text)} is written a second time under {section}"
                    hint = f"first in {first[key.text].place}: rename or delete one of them"
                    self.shaper.problem("defined-twice", key, says, hint)
                    if section in ("items", "circumstances"):
                        self.doubtful.add(key.text)
                first.setdefault(key.text, key)

    def _apart(self, rules: dict[str, None]) -> None:
        """An example names rules, items and checks: no two may have one name."""
        items = {key.text for key, _ in self.sections["items"]}
        for section, others, what in (("items", rules, "rule"), ("checks", {*rules, *items}, "rule or item")):
            for key, _ in self.sections[section]:
                if key.text in others:
                    says = f"{brief(key.text)} is the name of a {what} too"
                    self.shaper.problem("name-twice", key, says, "choose another name: examples use it")

    def _manifest(self, source: Source) -> None:
        shape = MANIFEST
        if not source.complete:  # what is missing may stand behind the place where reading stopped
            shape = {key: kind.rstrip("!") for key, kind in MANIFEST.items()}
        at = Place(source.name, 1, 1, 1, 2)
        self.manifest = self.shaper.shaped(source.root, shape, "the rulebook", at) or {}

    def _inherit(self, source: Source) -> None:
        """What a rulebook does not say of itself it has from those it uses."""
        shape = {key: kind.rstrip("!") for key, kind in MANIFEST.items()}
        used = self.shaper.shaped(source.root, shape, "the rulebook", Place(source.name, 1, 1, 1, 2)) or {}
        for key in ("groups", "acute_if", "not_covered"):
            if key in used:
                self.manifest.setdefault(key, used[key])

    def _raw(self, section: str, shape: dict[str, str]) -> dict[str, tuple[Text, dict[str, Any]]]:
        found = {}
        for key, node in self.sections[section]:
            raw = self.shaper.shaped(node, shape, f"{section.rstrip('s')} {brief(key.text)}", key.place)
            if raw is not None and all(name in raw for name, kind in shape.items() if kind.endswith("!")):
                found[key.text] = (key, raw)
        return found

    def _items(self, section: str) -> tuple[dict[str, Item], dict[str, dict[str, Any]]]:
        items: dict[str, Item] = {}
        raws: dict[str, dict[str, Any]] = {}
        of, kept = None, tuple(CASE)
        if section == "circumstances":
            of, kept = "circumstance", (*RESULT, "value")
        for key, node in self.sections[section]:
            before = len(self.shaper.problems)
            read = read_item(key, node, self.shaper, of)
            if key.text in kept:
                says = f"{key.text} cannot be a name: a case uses it for something else"
                self.shaper.problem("bad-name", key, says, "choose another name")
            if read is not None:
                items[key.text], raws[key.text] = read
                self._fit_together(*read)
            if len(self.shaper.problems) > before:
                fields = read[1].get("doubtful", ()) if read else ()
                self.doubtful.update((key.text, *(f"{key.text}.{field}" for field in fields)))
        return items, raws

    def _fit_together(self, item: Item, raw: dict[str, Any]) -> None:
        """Whether what an item says of its own fields, or of the names in its formula, holds."""
        if item.dated_by and item.fields and getattr(item.fields.get(item.dated_by), "kind", "") != "date":
            dates = [field.id for field in item.fields.values() if field.kind == "date"]
            says = f"{quoted(item.dated_by)} is no date among the fields of {item.id}"
            hint = nearest_or_all(item.dated_by, dates, "add a field of  kind: date")
            self.shaper.problem("unknown-item", raw["dated_by"], says, hint)
        for field in item.fields.values():
            for choice in field.choices.values():
                implied = item.fields.get(choice.implies[0]) if choice.implies else None
                if choice.implies and (implied is None or implied.kind != "gestation"):
                    says = (
                        f"{field.id} implies {quoted(choice.implies[0])}, which is no gestation of its record"
                    )
                    gestations = [f.id for f in item.fields.values() if f.kind == "gestation"]
                    hint = nearest_or_all(choice.implies[0], gestations, "delete it")
                    self.shaper.problem("unknown-item", field.place, says, hint)
        used = [name for name, _ in names_in(item.formula)] if item.formula else []
        for key in ("same_sample", "lasting"):
            for text in raw.get(key, ()):
                if text.text not in used:
                    says = f"{quoted(text.text)} does not stand in the formula of {item.id}"
                    self.shaper.problem("unknown-item", text, says, nearest_or_all(text.text, used))

    # --- conditions of the dictionary

    def _finished(
        self, item: Item, raw: dict[str, Any], reader: ConditionReader, around: ConditionReader
    ) -> Item:
        """The item with its conditions, and its fields with theirs."""
        if item.fields:
            fields = item.fields
            # Flags defined over the same record come last: the other fields must be whole by then.
            for name in sorted(fields, key=lambda f: "when" in raw[f"field {f}"]):
                fields[name] = self._conditions(fields[name], raw[f"field {name}"], reader, around, fields)
        return self._conditions(item, raw, reader, around, {})

    def _conditions(
        self,
        item: Item,
        raw: dict[str, Any],
        reader: ConditionReader,
        around: ConditionReader,
        fields: dict[str, Item],
    ) -> Item:
        itself = {"value": item._replace(id="value", of="circumstance")}
        if "ask_if" in raw:
            item = item._replace(ask_if=self._plain(reader.read(raw["ask_if"], fields)))
        if "when" in raw:
            item = item._replace(when=self._plain(reader.read(raw["when"], fields)))
        for key in ("set_aside_if", "counts_only_if"):
            if key in raw:
                several = tuple(c for c in self._several(raw[key], around, itself) if self._plain(c))
                item = item._replace(**{key: several})
        if "reference" in raw:
            item = item._replace(references=self._references(item, raw["reference"], around))
        for name, unit in names_in(item.formula) if item.formula else ():
            source = fields.get(name) or reader.items.get(name)
            if source is None:
                if self.complete and name not in self.doubtful:
                    hint = nearest_or_all(name, [*fields, *reader.items])
                    says = f"there is no item {quoted(name)}"
                    self.shaper.problem("unknown-item", raw["formula"], says, hint)
            elif unit and unit != _unit_of(source) and not any(u.text == unit for u in source.units.values()):
                units = " | ".join(u.text for u in source.units.values()) or _unit_of(source)
                says = f"{name} is not measured in {quoted(unit)}"
                hint = f"its units: {units}" if units else "leave the unit out"
                self.shaper.problem("unknown-unit", raw["formula"], says, hint)
        return item

    def _plain(self, condition: Condition | None) -> Condition | None:
        """The condition, if it is one that the dictionary can answer by itself."""
        for node in walk(condition) if condition else ():
            if not isinstance(node, (*nodes.LEAVES, nodes.All, nodes.Any, nodes.Not, nodes.IsKnown)):
                says = "an item can be described by comparisons, is known, all, any and not alone"
                self.shaper.problem("bad-condition", node.place, says, "write a rule for the rest")
                return None
        return condition

    def _worked_out(self, item: Item, raw: dict[str, Any], items: dict[str, Item]) -> None:
        """Whether the item and the list that a circumstance is worked out from are there."""
        if item.now and self.complete and item.now not in self.doubtful and item.now not in items:
            says = f"there is no item {quoted(item.now)}"
            hint = nearest_or_all(item.now, items)
            self.shaper.problem("unknown-item", raw["now"], says, hint)
        how, names = item.worked_out or ("", ())
        lists = [i.id for i in items.values() if i.kind == "records"]
        for name in names if how == "later" and self.complete else ():
            if name not in lists and name not in self.doubtful:
                says = f"there is no list {quoted(name)}"
                self.shaper.problem("unknown-list", raw["worked_out"], says, nearest_or_all(name, lists))

    def _several(self, node: Node, reader: ConditionReader, scope: dict[str, Item]) -> tuple[Condition, ...]:
        nodes = node.parts if type(node) is Sequence else [node]
        return tuple(c for part in nodes if (c := reader.read(part, scope)) is not None)

    def _references(self, item: Item, node: Node, around: ConditionReader) -> tuple[Reference, ...]:
        found = []
        for part in node.parts if type(node) is Sequence else [node]:
            raw = self.shaper.shaped(part, REFERENCE, f"the reference range of {item.id}") or {}
            ends: dict[str, Any] = {}
            for end in ("low", "high"):
                if end in raw:
                    try:
                        ends[end] = read_limits(item, raw[end].text)
                    except UnreadableError as error:
                        self.shaper.problem(error.code, raw[end], error.says, error.hint)
            when = self._several(raw["when"], around, {}) if "when" in raw else ()
            when = tuple(condition for condition in when if self._plain(condition))
            source = tuple(t.text for t in raw.get("source", ()))
            if "low" in ends and "high" in ends and _crossed(ends["low"], ends["high"]):
                says = f"the reference range of {item.id} begins above its end"
                self.shaper.problem("bad-range", raw["low"], says, "write the lower limit under low")
            beside = raw.get("beside_own", False)
            found.append(Reference(ends.get("low"), ends.get("high"), when, source, beside))
        return tuple(found)

    # --- rules, checks, investigations

    def _rule(
        self, key: Text, raw: dict[str, Any], reader: ConditionReader, items: dict[str, Item]
    ) -> Rule | None:
        self._one_of(raw["kind"], KINDS, "kind of rule")
        if "standing" in raw:
            self._one_of(raw["standing"], STANDINGS, "standing")
        elif raw["kind"].text == "etiology":
            hint = f"add  standing: {' | '.join(STANDINGS)}"
            self.shaper.problem("standing-missing", key, f"etiology {brief(key.text)} has no standing", hint)
        groups = tuple(text.text for text in self.manifest.get("groups", ()))
        if "group" in raw and groups and raw["kind"].text in ("etiology", "association"):
            self._one_of(raw["group"], groups, "group")
        for tested in raw.get("tested_by", []) + raw.get("asks", []) + raw.get("symptoms", []):
            self._yielded(tested, items)
        when = reader.read(raw["when"])
        suspect = reader.read(raw["suspect_when"]) if "suspect_when" in raw else None
        today = self._today(key, raw["today"], reader) if "today" in raw else None
        management = self._management(key, raw["management"], reader) if "management" in raw else None
        self._check_bars(key, raw)
        if when is None:
            return None
        says = {name: raw[name].text for name in ("group", "standing", "reported_in", "says") if name in raw}
        return Rule(key.text, raw["finding"].text, raw["kind"].text, when, key.place, suspect_when=suspect,
                    tested_by=_texts(raw, "tested_by"), rests_on=_texts(raw, "rests_on"), asks=_texts(raw, "asks"), symptoms=_texts(raw, "symptoms"),
                    today=today, bars_unexplained=_bars(raw), management=management, **says)  # fmt: skip

    def _management(self, key: Text, node: Node, reader: ConditionReader) -> Management | None:
        said = self.shaper.shaped(node, MANAGEMENT, f"management of {brief(key.text)}")
        if not said or "says" not in said:
            return None
        today = self._today(key, said["today"], reader) if "today" in said else None
        return Management(said["says"].text, _texts(said, "rests_on"), today)

    def _today(self, key: Text, node: Node, reader: ConditionReader) -> Today | None:
        said = self.shaper.shaped(node, TODAY, f"today of {brief(key.text)}") or {}
        when = reader.read(said["when"]) if "when" in said else None
        return Today(said["says"].text, _texts(said, "source"), when) if "says" in said else None

    def _check_bars(self, key: Text, raw: dict[str, Any]) -> None:
        """`bars_unexplained` is yes, the default, or says why not; nothing else may pass for either."""
        node = raw.get("bars_unexplained")
        if node is None or (type(node) is Text and node.text == "yes"):
            return
        if type(node) is Mapping:
            self.shaper.shaped(node, BARS, f"bars_unexplained of {brief(key.text)}")
        else:
            says = f"bars_unexplained of {brief(key.text)} gives no reason"
            self.shaper.problem("bad-bars", node, says, "write  {no: because …}, or leave it out")

    def _one_of(self, text: Text, known: tuple[str, ...], what: str) -> None:
        if text.text not in known:
            says = f"there is no {what} {quoted(text.text)}"
            self.shaper.problem("unknown-word", text, says, nearest_or_all(text.text, known))

    def _yielded(self, text: Text, items: dict[str, Item]) -> None:
        name, _, field = text.text.partition(".")
        if name in self.doubtful or not self.complete:
            return
        if name not in items:
            says = f"there is no item {quoted(name)}"
            self.shaper.problem("unknown-item", text, says, nearest_or_all(name, items))
        elif field and field not in items[name].fields:
            says = f"{name} has no field {quoted(field)}"
            hint = nearest_or_all(field, items[name].fields, "it is no list: write its name alone")
            self.shaper.problem("unknown-item", text, says, hint)

    def _check(self, key: Text, raw: dict[str, Any], reader: ConditionReader) -> Check | None:
        of = raw["of"].text if "of" in raw else ""
        if of in self.doubtful:
            return None
        if of and (of not in reader.items or not reader.items[of].fields):
            lists = [item.id for item in reader.items.values() if item.fields]
            if self.complete:
                says = f"there is no list {quoted(of)}"
                self.shaper.problem("unknown-list", raw["of"], says, nearest_or_all(of, lists))
            return None
        if ("problem_if" in raw) == ("remark_if" in raw):
            says = f"check {brief(key.text)} must have one condition, under problem_if or under remark_if"
            self.shaper.problem("bad-check", key, says, "write one of the two")
            return None
        when = reader.read(raw.get("problem_if") or raw["remark_if"], reader.items[of].fields if of else None)
        hint = raw["hint"].text if "hint" in raw else ""
        return None if when is None else Check(key.text, of, when, raw["says"].text, hint, "remark_if" in raw)

    def _partitions(self, reader: ConditionReader, items: dict[str, Item]) -> tuple[Partition, ...]:
        found = []
        for name, (key, raw) in self._raw("partitions", PARTITION).items():
            of = raw["of"].text
            self._yielded(raw["of"], items)
            if of not in items:
                continue
            parts: dict[str, Condition] = {}
            for part, node in raw["parts"].items.items():
                condition = self._plain(reader.read(node))
                others = {n.name.item for n in walk(condition) if hasattr(n, "name")} if condition else {of}
                if others != {of}:
                    says = f"part {brief(part)} of partition {brief(name)} looks at more than {of}"
                    self.shaper.problem("bad-partition", node, says, f"write conditions on {of} alone")
                elif condition is not None:
                    parts[part] = condition
            found.append(Partition(name, of, parts, key.place))
        return tuple(found)

    def _investigations(self, reader: ConditionReader, items: dict[str, Item]) -> dict[str, Investigation]:
        found = {}
        for name, (key, raw) in self._raw("investigations", INVESTIGATION).items():
            self._one_of(raw["occasion"], OCCASIONS, "occasion")
            self._one_of(raw["burden"], BURDENS, "burden")
            self._one_of(raw["tier"], TIERS, "tier")
            for yielded in raw["yields"]:
                self._yielded(yielded, items)
            says = {n: raw[n].text for n in ("timing", "discouraged_because") if n in raw}
            found[name] = Investigation(
                name, raw["label"].text, _texts(raw, "yields"), raw["occasion"].text, raw["burden"].text, raw["tier"].text,
                key.place, source=_texts(raw, "source"), serves=_texts(raw, "serves"), safety=raw.get("safety", False),
                indicated_if=reader.read(raw["indicated_if"]) if "indicated_if" in raw else None,
                not_now_if=self._several(raw["not_now_if"], reader, {}) if "not_now_if" in raw else (),
                first_rule_out=self._several(raw["first_rule_out"], reader, {}) if "first_rule_out" in raw else (),
                **says,
            )  # fmt: skip
        return found

    def _cycles(self, rules: dict[str, Rule]) -> None:
        """A rule that rests on itself is a problem that names the way round."""
        leads = {
            rule.id: [n.rule for c in (rule.when, rule.suspect_when, rule.today and rule.today.when) if c for n in walk(c) if isinstance(n, RuleHolds)]
            for rule in rules.values()
        }  # fmt: skip
        self._rounds(leads, {rule.id: rule.place for rule in rules.values()}, "a cycle of rules", "rule")

    def _item_cycles(self, items: dict[str, Item]) -> None:
        """Likewise an item or field that is worked out from itself, or whose being asked hangs on itself."""
        fields = [(f"{item.id}.{f.id}", f) for item in items.values() for f in item.fields.values()]
        leads: dict[str, list[str]] = {}
        whole = {**items, **dict(fields)}
        for name, item in whole.items():
            used = [n for n, _ in names_in(item.formula)] if item.formula else []
            leads[name] = [f"{item.of}.{n}" if f"{item.of}.{n}" in whole else n for n in used]
            asked = walk(item.ask_if) if item.ask_if is not None else []
            leads[name] += [str(n.name) for n in asked if isinstance(n, (*nodes.LEAVES, nodes.IsKnown))]
        self._rounds(leads, {name: item.place for name, item in whole.items()}, "a cycle of items", "item")

    def _rounds(self, leads: dict[str, list[str]], places: dict[str, Place], what: str, one: str) -> None:
        depth: dict[str, int] = {}
        deep: list[str] = []

        def visit(name: str, path: tuple[str, ...]) -> int:
            """How long the longest chain is that begins here."""
            if name in path:
                way = " → ".join((*path[path.index(name) :], name))
                hint = f"take one {one} out of it: none can rest on itself"
                self.shaper.problem("cycle", places[name], f"{what}: {way}", hint)
            elif name not in depth and len(path) < MOST_DEEP:
                depth[name] = 1 + max(
                    (visit(other, (*path, name)) for other in leads.get(name, ())), default=0
                )
            if len(path) == MOST_DEEP or depth.get(name, 0) > MOST_DEEP:
                deep.append(path[0] if path else name)
            return depth.get(name, 0)

        for name in leads:
            visit(name, ())
        if deep:
            says = f"{deep[0]} rests on a chain of more than {MOST_DEEP} {one}s"
            self.shaper.problem("too-deep", places[deep[0]], says, "let it name what it needs itself")

    def _not_covered(self) -> dict[str, tuple[str, ...]]:
        node = self.manifest.get("not_covered")
        return (
            {
                label: tuple(t.text for t in self.shaper.value(ids, "texts", label) or ())
                for label, ids in node.items.items()
            }
            if node
            else {}
        )

    # --- what is read only for people and for tests

    def _documents(self, section: str, shape: dict[str, str]) -> dict[str, dict[str, Any]]:
        if not self.whole:
            return {}
        for key, node in self.sections[section]:
            self.shaper.shaped(node, shape, f"{section.rstrip('s')} {brief(key.text)}", key.place)
        return {key.text: cast("dict[str, Any]", _written(node)) for key, node in self.sections[section]}

    def _check_day(self, text: Text) -> None:
        try:
            span = dated(text.text)
        except UnreadableError as error:
            self.shaper.problem(error.code, text, error.says, error.hint)
            return
        if not span.is_point:
            self.shaper.problem("not-a-day", text, f"{quoted(text.text)} is not one day", "write 2026-03-01")

    def _examples(
        self, words: Names[str, tuple[str, ...]], items: dict[str, Item], circumstances: dict[str, Item]
    ) -> tuple[Example, ...]:
        """The examples; `words` holds, for each name that one may expect something of, what that may be."""
        found = []
        for key, node in self.sections["examples"]:
            raw = self.shaper.shaped(node, EXAMPLE, f"example {quoted(key.text)}", key.place) or {}
            if "given" not in raw or "expect" not in raw:
                continue
            as_of = raw["as_of"].text if "as_of" in raw else ""
            if as_of:
                self._check_day(raw["as_of"])
            expect = {}
            for name, value in raw["expect"].items.items():
                if name not in words:
                    if self.complete and name not in self.doubtful:
                        hint = nearest_or_all(name, words)
                        says = f"there is no rule, check or item {quoted(name)}"
                        self.shaper.problem("unknown-rule", raw["expect"].keys[name], says, hint)
                elif text := self.shaper.value(value, "text", f"{name} of example {quoted(key.text)}"):
                    of, _, field = name.partition(".")
                    item = items[of].fields.get(field, items[of]) if words[name] is STATES else None
                    if item is None or not self._is_value(item, text):
                        self._one_of(text, words[name], "status")
                    expect[name] = text.text
            if not raw["expect"].items:
                says = f"example {quoted(key.text)} expects nothing"
                self.shaper.problem("key-missing", key, says, "add  expect: {rule: met}")
            found.append(Example(key.text, raw["given"], expect, as_of, key.place))
        # A case can be read only by a dictionary that is sound.
        noted = [p for source in self.sources for p in source.problems] + self.shaper.problems
        if all(problem.remark for problem in noted):
            for example in found:
                self._check_given(example, items, circumstances)
        return tuple(found)

    def _is_value(self, item: Item, text: Text) -> bool:
        """Whether an example expects a number to be worked out, not a state of results."""
        with suppress(UnreadableError):
            return item.formula is not None and read_value(item, text.text).canon is not None
        return False

    def _check_given(self, example: Example, items: dict[str, Item], circumstances: dict[str, Item]) -> None:
        """Whether the case of an example can be read; dates may lie on any day."""
        source = Source(example.place.file, [], example.given, [])
        try:
            read_case(source, items, circumstances, today=date.max.toordinal())
        except NeedsFixing as error:
            self.shaper.problems += [problem for problem in error.problems if not problem.remark]


def _computed_today(rule: Rule) -> bool:
    return rule.today is not None and rule.today.when is not None


def _crossed(low: dict[str, Span], high: dict[str, Span]) -> bool:
    """Whether a lower limit lies above the upper one, in a unit that both are written in."""
    return any(
        span.low is not None
        and (end := high.get(unit)) is not None
        and end.high is not None
        and span.low > end.high
        for unit, span in low.items()
    )


def _texts(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(text.text for text in raw.get(key, ()))


def _unit_of(item: Item) -> str:
    """The unit of a number taken from the item in a formula."""
    return "days" if item.kind in ("gestation", "date") else item.unit


def _bars(raw: dict[str, Any]) -> bool:
    """Whether an etiology, while not known to be absent, stands in the way of *unexplained*."""
    return type(raw.get("bars_unexplained")) is not Mapping


def _written(node: Node) -> Any:
    if type(node) is Text:
        return node.text
    if type(node) is Mapping:
        return {key: _written(value) for key, value in node.items.items()}
    return [_written(part) for part in cast(Sequence, node).parts]
