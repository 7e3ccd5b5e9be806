"""A folder of YAML becomes a rulebook: items, investigations, checks and rules, all names checked."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rsa_cli import __version__, nodes
from rsa_cli.dictionary import (
    REFERENCE,
    Choice,
    Item,
    Level,
    Reference,
    Unit,
    UnreadableError,
    names_in,
    read_item,
    read_limits,
)
from rsa_cli.keep import fetch, keep
from rsa_cli.light import Light
from rsa_cli.nodes import Condition, RuleHolds, walk
from rsa_cli.problems import NeedsFixing, Place, Problem, nearest, visible
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
    "examples",
)
KINDS = ("definition", "etiology", "association", "red_flag", "reminder")
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
}
RULE = {
    "finding": "text!", "kind": "text!", "group": "text", "standing": "text", "tested_by": "texts",
    "when": "any!", "suspect_when": "any", "rests_on": "texts!", "reported_in": "text", "today": "mapping",
    "says": "text", "asks": "texts", "symptoms": "texts", "management": "mapping", "bars_unexplained": "any",
}  # fmt: skip
TODAY = {"says": "text!", "source": "texts!", "when": "any"}
INVESTIGATION = {
    "label": "text!", "yields": "texts!", "occasion": "text!", "burden": "text!", "tier": "text!", "source": "texts",
    "timing": "text", "not_now_if": "any", "first_rule_out": "any", "indicated_if": "any", "safety": "yes",
    "discouraged_because": "text", "serves": "texts",
}  # fmt: skip
CHECK = {
    "of": "text",
    "problem_if": "any",
    "remark_if": "any",
    "says": "text!",
    "hint": "text",
    "source": "texts",
}
EXAMPLE = {"as_of": "text", "given": "mapping!", "expect": "mapping!"}


class Today(Light):
    """What today's authorities say beside the article; `when` where it can be computed."""

    says: str
    source: tuple[str, ...]
    when: Condition | None


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


class Investigation(Light):
    """Something to ask, examine or order: a line of the checklist, and the items it yields."""

    id: str
    label: str
    yields: tuple[str, ...]
    occasion: str
    burden: str
    tier: str
    place: Place
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
    items: dict[str, Item]
    circumstances: dict[str, Item]
    investigations: dict[str, Investigation]
    checks: tuple[Check, ...]
    rules: dict[str, Rule]
    examples: tuple[Example, ...] = ()
    statements: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}


# What a kept rulebook is made of; examples, statements and sources are never kept.
KEPT = (
    Rulebook, Item, Unit, Choice, Reference, Level, Rule, Today, Investigation, Check, Place, Span, nodes.Name,
    nodes.Compare, nodes.IsOneOf, nodes.Includes, nodes.IsFlagged, nodes.IsLevel, nodes.IsKnown, nodes.RuleHolds,
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
    folder = Path(name)
    if isinstance(name, str) and not folder.is_dir() and "/" not in name:
        folder = rules_folder() / name
        if not folder.is_dir():
            known = sorted(p.parent.name for p in rules_folder().glob("*/rulebook.yaml"))
            hint = nearest(name, known) or f"known: {', '.join(known)}; or name a folder"
            raise NeedsFixing([Problem("no-rulebook", Place(name), "there is no such rulebook", hint)])
    files = _files(folder)
    sha = sha256()
    contents: list[tuple[Path, bytes]] = []
    for path in files:
        try:
            data = path.read_bytes()
        except OSError:
            raise NeedsFixing(read_file(path).problems) from None
        sha.update(f"{path.parent.name}/{path.name}\0{len(data)}\0".encode() + data)
        contents.append((path, data))
    digest = sha.hexdigest()
    if whole:
        return _assembled(contents, digest, whole)
    key = _key(digest, folder)
    kept = fetch(key, KEPT)
    if type(kept) is Rulebook and kept.digest == digest:
        return kept
    rulebook = _assembled(contents, digest, whole)
    keep(key, rulebook, KEPT)
    return rulebook


def _assembled(contents: list[tuple[Path, bytes]], digest: str, whole: bool) -> Rulebook:
    sources = [
        read_bytes(str(path), data, "" if whole else "examples")
        for path, data in contents
        if whole or path.name not in ("statements.yaml", "sources.yaml")
    ]
    return _Assembly(sources, digest, whole).rulebook()


def _key(digest: str, folder: Path) -> str:
    """The name under which a rulebook is kept: its content, its place, and the code that read it."""
    sha = sha256(f"{__version__}\0{digest}\0{folder.resolve()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        stat = path.stat()
        sha.update(f"\0{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return sha.hexdigest()[:40]


def _files(folder: Path) -> list[Path]:
    manifest = folder / "rulebook.yaml"
    if not manifest.is_file():
        hint = "a rulebook is a folder with a file rulebook.yaml and topic files"
        raise NeedsFixing([Problem("no-manifest", Place(str(manifest)), "there is no such file", hint)])
    source = read_file(manifest)
    shaper = Shaper()
    raw = shaper.shaped(source.root, MANIFEST, "the rulebook") or {}
    folders = []
    for used in raw.get("uses", ()):
        beside = folder.parent / used.text
        beside = beside if beside.is_dir() else rules_folder() / used.text
        if beside.is_dir():
            folders.append(beside)
        else:
            shaper.problem("no-folder", used, f"there is no folder {visible(used.text)!r} beside this one")
    shaper.refuse(source)
    try:
        return [manifest, *(p for f in [*folders, folder] for p in sorted(f.glob("*.y*ml")) if p != manifest)]
    except OSError as error:
        raise NeedsFixing(
            [Problem("file-unreadable", Place(str(folder)), f"cannot be read: {error.strerror}")]
        ) from None


class _Assembly:
    """Puts the sections of all files together and checks every name across them."""

    def __init__(self, sources: list[Source], digest: str, whole: bool) -> None:
        self.sources = sources
        self.digest = digest
        self.whole = whole
        self.shaper = Shaper()
        self.sections: dict[str, list[tuple[Text, Node]]] = {section: [] for section in SECTIONS}
        self.manifest: dict[str, Any] = {}

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
        reader = ConditionReader(self.shaper, items, raw_rules, bars)
        around = ConditionReader(self.shaper, circumstances, {}, {})
        for name, raw in raw_circumstances.items():
            circumstances[name] = self._finished(circumstances[name], raw, reader, around)
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
        examples = self._examples(rules, items) if self.whole else ()
        self.shaper.refuse(*self.sources)
        return Rulebook(
            self.manifest["name"].text, self.manifest["version"].text, self.manifest["title"].text, self.digest,
            tuple(t.text for t in self.manifest.get("groups", ())), self._not_covered(),
            items, circumstances, investigations, checks, rules, examples,
            self._documents("statements"), self._documents("sources"),
        )  # fmt: skip

    def _gather(self) -> None:
        for number, source in enumerate(self.sources):
            if number == 0:
                self.manifest = self.shaper.shaped(source.root, MANIFEST, "the rulebook") or {}
                continue
            root = self.shaper.mapping(source.root, "a rule file", Place(source.name))
            for section, node in (root.items if root else {}).items():
                assert root is not None
                if section not in self.sections:
                    self.shaper.unknown(root.keys[section], SECTIONS, "a rule file")
                    continue
                entries = self.shaper.mapping(node, section)
                if entries is not None:
                    self.sections[section] += [
                        (entries.keys[key], value) for key, value in entries.items.items()
                    ]
        for section, entries_of in self.sections.items():
            first: dict[str, Text] = {}
            for key, _ in entries_of:
                if key.text in first and section != "examples":
                    self.shaper.problem("defined-twice", key, f"{section}: {visible(key.text)} is defined twice",
                                        f"first in {first[key.text].place}")  # fmt: skip
                first.setdefault(key.text, key)

    def _raw(self, section: str, shape: dict[str, str]) -> dict[str, tuple[Text, dict[str, Any]]]:
        found = {}
        for key, node in self.sections[section]:
            raw = self.shaper.shaped(node, shape, f"{section.rstrip('s')} {visible(key.text)}")
            if raw is not None and all(name in raw for name, kind in shape.items() if kind.endswith("!")):
                found[key.text] = (key, raw)
        return found

    def _items(self, section: str) -> tuple[dict[str, Item], dict[str, dict[str, Any]]]:
        items: dict[str, Item] = {}
        raws: dict[str, dict[str, Any]] = {}
        of = "circumstance" if section == "circumstances" else None
        for key, node in self.sections[section]:
            read = read_item(key, node, self.shaper, of)
            if read is not None:
                items[key.text], raws[key.text] = read
        return items, raws

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
            if item.dated_by and item.dated_by not in fields:
                self.shaper.problem(
                    "unknown-item",
                    item.place,
                    f"{item.id} has no field {item.dated_by!r}",
                    nearest(item.dated_by, fields),
                )
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
            item = item._replace(ask_if=reader.read(raw["ask_if"], fields))
        if "when" in raw:
            item = item._replace(when=reader.read(raw["when"], fields))
        for key in ("set_aside_if", "counts_only_if"):
            if key in raw:
                item = item._replace(**{key: self._several(raw[key], around, itself)})
        if "reference" in raw:
            item = item._replace(references=self._references(item, raw["reference"], around))
        for name, unit in names_in(item.formula) if item.formula else ():
            source = fields.get(name) or reader.items.get(name)
            if source is None:
                self.shaper.problem(
                    "unknown-item",
                    raw["formula"],
                    f"there is no item {name!r}",
                    nearest(name, [*fields, *reader.items]),
                )
            elif unit and unit != _unit_of(source) and not any(u.text == unit for u in source.units.values()):
                self.shaper.problem(
                    "unknown-unit", raw["formula"], f"{name} is not measured in {visible(unit)!r}"
                )
        return item

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
            source = tuple(t.text for t in raw.get("source", ()))
            found.append(Reference(ends.get("low"), ends.get("high"), when, source))
        return tuple(found)

    # --- rules, checks, investigations

    def _rule(
        self, key: Text, raw: dict[str, Any], reader: ConditionReader, items: dict[str, Item]
    ) -> Rule | None:
        self._one_of(raw["kind"], KINDS, "kind of rule")
        if "standing" in raw:
            self._one_of(raw["standing"], STANDINGS, "standing")
        elif raw["kind"].text == "etiology":
            self.shaper.problem(
                "standing-missing",
                key,
                f"etiology {key.text} has no standing",
                f"standing: {' | '.join(STANDINGS)}",
            )
        for tested in raw.get("tested_by", []) + raw.get("asks", []) + raw.get("symptoms", []):
            self._yielded(tested, items)
        when = reader.read(raw["when"])
        suspect = reader.read(raw["suspect_when"]) if "suspect_when" in raw else None
        today = None
        if "today" in raw:
            said = self.shaper.shaped(raw["today"], TODAY, f"today of {key.text}") or {}
            if "says" in said:
                today = Today(
                    said["says"].text,
                    _texts(said, "source"),
                    reader.read(said["when"]) if "when" in said else None,
                )
        if when is None:
            return None
        says = {name: raw[name].text for name in ("group", "standing", "reported_in", "says") if name in raw}
        return Rule(key.text, raw["finding"].text, raw["kind"].text, when, key.place, suspect_when=suspect,
                    tested_by=_texts(raw, "tested_by"), rests_on=_texts(raw, "rests_on"), asks=_texts(raw, "asks"), symptoms=_texts(raw, "symptoms"),
                    today=today, bars_unexplained=_bars(raw), **says)  # fmt: skip

    def _one_of(self, text: Text, known: tuple[str, ...], what: str) -> None:
        if text.text not in known:
            self.shaper.problem(
                "unknown-word",
                text,
                f"there is no {what} {visible(text.text)!r}",
                nearest(text.text, known) or f"known: {', '.join(known)}",
            )

    def _yielded(self, text: Text, items: dict[str, Item]) -> None:
        name, _, field = text.text.partition(".")
        if name not in items or (field and field not in items[name].fields):
            self.shaper.problem(
                "unknown-item", text, f"there is no item {visible(text.text)!r}", nearest(text.text, items)
            )

    def _check(self, key: Text, raw: dict[str, Any], reader: ConditionReader) -> Check | None:
        of = raw["of"].text if "of" in raw else ""
        if of and (of not in reader.items or not reader.items[of].fields):
            self.shaper.problem(
                "unknown-list", raw["of"], f"there is no list {visible(of)!r}", nearest(of, reader.items)
            )
            return None
        if ("problem_if" in raw) == ("remark_if" in raw):
            self.shaper.problem("bad-check", key, f"check {key.text} needs either problem_if or remark_if")
            return None
        when = reader.read(raw.get("problem_if") or raw["remark_if"], reader.items[of].fields if of else None)
        hint = raw["hint"].text if "hint" in raw else ""
        return None if when is None else Check(key.text, of, when, raw["says"].text, hint, "remark_if" in raw)

    def _investigations(self, reader: ConditionReader, items: dict[str, Item]) -> dict[str, Investigation]:
        found = {}
        for name, (key, raw) in self._raw("investigations", INVESTIGATION).items():
            self._one_of(raw["occasion"], OCCASIONS, "occasion")
            self._one_of(raw["burden"], BURDENS, "burden")
            self._one_of(raw["tier"], TIERS, "tier")
            for yielded in raw["yields"]:
                self._yielded(yielded, items)
            says = {n: raw[n].text for n in ("timing", "discouraged_because") if n in raw}
            conditions = {
                n: self._several(raw[n], reader, {}) for n in ("not_now_if", "first_rule_out") if n in raw
            }
            found[name] = Investigation(
                name, raw["label"].text, _texts(raw, "yields"), raw["occasion"].text, raw["burden"].text, raw["tier"].text,
                key.place, source=_texts(raw, "source"), serves=_texts(raw, "serves"), safety=raw.get("safety", False),
                indicated_if=reader.read(raw["indicated_if"]) if "indicated_if" in raw else None,
                **says, **conditions,  # type: ignore[arg-type]
            )  # fmt: skip
        return found

    def _cycles(self, rules: dict[str, Rule]) -> None:
        """A rule that rests on itself is a problem that names the way round."""
        leads = {
            rule.id: [n.rule for c in (rule.when, rule.suspect_when, rule.today and rule.today.when) if c for n in walk(c) if isinstance(n, RuleHolds)]
            for rule in rules.values()
        }  # fmt: skip
        done: set[str] = set()

        def visit(rule: str, path: tuple[str, ...]) -> None:
            if rule in path:
                way = " → ".join((*path[path.index(rule) :], rule))
                self.shaper.problem(
                    "cycle", rules[rule].place, f"a cycle of rules: {way}", "a rule cannot rest on itself"
                )
                done.update(path)
            elif rule not in done:
                for other in leads.get(rule, ()):
                    visit(other, (*path, rule))
                done.add(rule)

        for rule in leads:
            visit(rule, ())

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

    def _documents(self, section: str) -> dict[str, dict[str, Any]]:
        return {key.text: cast("dict[str, Any]", _plain(node)) for key, node in self.sections[section]}

    def _examples(self, rules: dict[str, Rule], items: dict[str, Item]) -> tuple[Example, ...]:
        found = []
        for key, node in self.sections["examples"]:
            raw = self.shaper.shaped(node, EXAMPLE, f"example {visible(key.text)}") or {}
            if "given" not in raw or "expect" not in raw:
                continue
            expect = {}
            for name, value in raw["expect"].items.items():
                if name not in rules and name not in items:
                    hint = nearest(name, [*rules, *items])
                    self.shaper.problem(
                        "unknown-rule",
                        raw["expect"].keys[name],
                        f"there is no rule or item {visible(name)!r}",
                        hint,
                    )
                expect[name] = value.text if type(value) is Text else ""
            found.append(
                Example(
                    key.text, raw["given"], expect, raw["as_of"].text if "as_of" in raw else "", key.place
                )
            )
        return tuple(found)


def _texts(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(text.text for text in raw.get(key, ()))


def _unit_of(item: Item) -> str:
    """The unit of a number taken from the item in a formula."""
    return "days" if item.kind in ("gestation", "date") else item.unit


def _bars(raw: dict[str, Any]) -> bool:
    """Whether an etiology, while not known to be absent, stands in the way of *unexplained*."""
    return "bars_unexplained" not in raw


def _plain(node: Node) -> Any:
    if type(node) is Text:
        return node.text
    if type(node) is Mapping:
        return {key: _plain(value) for key, value in node.items.items()}
    return [_plain(part) for part in cast(Sequence, node).parts]
