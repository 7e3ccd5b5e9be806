"""Is every rule of a rulebook pinned, sourced and used? What is not is a problem with its place.

Nothing here judges a patient. A finding can be silenced only in the file, under `accepts:` of the
entry it is about, by its name and with a reason; the reasons are part of the report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, pairwise, permutations
from pathlib import Path
from typing import NamedTuple

from rsa_cli.case import Case, Result
from rsa_cli.dictionary import Item, Unit, Value, converted, expressed, names_in
from rsa_cli.engines.reference import Engine
from rsa_cli.entries import Entries, Entry, words_of
from rsa_cli.evidence import SIGNS, USABLE, Evidence, Seen
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, greatest, least, opposite
from rsa_cli.light import Light
from rsa_cli.mutants import Breaker, Piece, Trials, Unread, limit_text, pieces
from rsa_cli.nodes import (
    LEAVES,
    All,
    Any,
    Compare,
    Condition,
    Count,
    Highest,
    Includes,
    IsFlagged,
    IsKnown,
    IsLevel,
    IsOneOf,
    Name,
    Not,
    NotKnown,
    Points,
    Repeated,
    RuleHolds,
    Run,
    Some,
    Undecidable,
    parts_of,
    walk,
)
from rsa_cli.problems import NeedsFixing, Place, Problem, nearest, quoted
from rsa_cli.prove import MOST_ATOMS, NotDecidedError, Space
from rsa_cli.rulebook import Partition, Rule, Rulebook, read_rulebook, read_sources
from rsa_cli.source import Mapping, read_file
from rsa_cli.units import Number, unit_key
from rsa_cli.values import gestation_text, iso, point, read_gestation, read_quantity

Progress = Callable[[int, int], None]

# What a choice is called that only says that nothing was found out.
_MISSING_WORDS = re.compile(
    r"\b(failed|indeterminate|invalid|unclear|uncertain|inconclusive|equivocal|undetermined|unknown"
    r"|not certain|not located|not yet|insufficient|unreadable|unsatisfactory)\b"
)
_DAYS = {"hours": Fraction(1, 24), "days": Fraction(1), "weeks": Fraction(7)}
_UNDECIDED = ("undetermined", "suspected", "not_assessed")


class Found(NamedTuple):
    """A problem, the entry it is about, and the name by which that entry may accept it.

    `kind` is `law` for a condition outside the law of filling in, `mutant` for a mutant that no
    example notices.
    """

    problem: Problem
    entry: Entry | None = None
    name: str = ""
    kind: str = ""


class Accepted(NamedTuple):
    """A finding that its entry accepts, with the reason given there."""

    place: Place
    entry: str
    name: str
    reason: str
    kind: str


class Report(Light):
    """What is wrong with a rulebook, and what was looked at to say so.

    Of the `mutants`, so many were `noticed` by an example; `unread` are numbers that no condition
    reads. Problems that are remarks stop nothing.
    """

    name: str
    problems: tuple[Problem, ...]
    lines: dict[str, list[str]]
    counts: dict[str, int] = {}
    mutants: int = 0
    noticed: int = 0
    accepted: tuple[Accepted, ...] = ()
    unread: tuple[Unread, ...] = ()
    not_proved: tuple[tuple[Place, str, str], ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return all(problem.remark for problem in self.problems)


def check(name: str | Path = "article", progress: Progress | None = None) -> Report:
    """Look through a rulebook, by its name or from its folder; `progress` hears how many mutants are done."""
    try:
        rulebook = read_rulebook(name, whole=True)
        entries = Entries(read_sources(name))
    except NeedsFixing as error:
        return Report(str(name), error.problems, error.lines)
    if not rulebook.rules and not rulebook.items:
        place, hint = Place(str(name)), "write one under  rules:  in a file beside rulebook.yaml"
        return Report(str(name), (Problem("no-rules", place, "there is no rule in this rulebook", hint),), {})
    return _Check(rulebook, entries).report(progress or (lambda done, of: None))


def summary(report: Report) -> str:
    """What was looked at and what was accepted, as text; the problems themselves stand before it."""
    out = []
    if report.counts:
        out.append(
            ", ".join(f"{number} {what}{'s' * (number != 1)}" for what, number in report.counts.items())
        )
        same = sum(a.kind == "mutant" for a in report.accepted)
        counted = report.mutants - same
        score = 100 if not counted else 100 * report.noticed / counted
        shown = f"{score:.1f} %" if report.noticed < counted else "100 %"
        out.append(f"{report.mutants} mutants: {report.noticed} noticed by an example, {same} mean the same, "
                   f"{counted - report.noticed} survive. Score {shown}")  # fmt: skip
    lists = (
        ("Mutants that mean the same", [_line(a) for a in report.accepted if a.kind == "mutant"]),
        ("Outside the law of filling in", [_line(a) for a in report.accepted if a.kind == "law"]),
        ("Accepted", [_line(a) for a in report.accepted if not a.kind]),
        ("Read by no condition", [f"{unread.place}: {unread.name}" for unread in report.unread]),
        ("Not proved", [f"{place}: {what}: {why}" for place, what, why in report.not_proved]),
    )
    for title, lines in lists:
        if lines:
            out += ["", f"{title} ({len(lines)}):", *(f"  {line}" for line in lines)]
    number = sum(not problem.remark for problem in report.problems)
    out += ["", "Sound." if report.sound else f"{number} problem{'s' * (number != 1)}."]
    return "\n".join(out).lstrip("\n") + "\n"


def _line(accepted: Accepted) -> str:
    return f"{accepted.place}: {accepted.entry}: {accepted.name}: {accepted.reason}"


class Figure(NamedTuple):
    """A number that a statement or source says, with its unit or what it counts."""

    value: Number
    unit: str


class _Site(NamedTuple):
    """A condition, where it stands, and the statements and sources that its numbers must stand in."""

    entry: Entry
    key: str
    condition: Condition
    ids: tuple[str, ...] = ()
    item: Item | None = None


# The items and fields that a circumstance is worked out from, by how.
_WORKED_OUT = {
    "pregnant": ("pregnancies", "pregnancies.outcome", "pregnancies.ended", "pregnancies.gestation", *SIGNS),
    "days_since_pregnancy_end": ("pregnancies", "pregnancies.outcome", "pregnancies.ended"),
    "medications": ("medications", "medications.class", "medications.from", "medications.to"),
}


class _Check:
    """Gathers the findings of one rulebook."""

    def __init__(self, rulebook: Rulebook, entries: Entries) -> None:
        self.book = rulebook
        self.entries = entries
        self.breaker = Breaker(rulebook, entries)
        self.trials = Trials(rulebook)
        self.sites = list(self._sites())
        self.figures = {name: _figures_of(entry) for name, entry in self._documents()}
        units = {unit_key(unit.text) for _, item, _ in self._items() for unit in item.units.values()}
        self.measures = (units | {"", "%", "months", "years", *_DAYS}) - {"cycles"}
        self.elsewhere = _elsewhere([Path(name) for name in entries.lines])
        self.noticed = self.mutants = 0
        self.not_proved: list[tuple[Place, str, str]] = []

    def report(self, progress: Progress) -> Report:
        findings = [
            *self._named(), *self._used(), *self._signs(), *self._bad_figures(), *self._carried(), *self._two_units(), *self._choices(), *self._law(),
            *self._partitions(), *self._examples(), *self._empty(), *self._proved(), *self._survivors(progress),
        ]  # fmt: skip
        problems, accepted = self._accept([f for f in findings if self._answers(f.problem.place)])
        problems += [remark for remark in self.entries.remarks if self._answers(remark.place)]
        problems.sort(key=lambda p: (p.place.file, p.place.line, p.place.column, p.code, p.says))
        accepted.sort(key=lambda a: (a.place.file, a.place.line, a.place.column, a.name))
        counts = {
            "rule": sum(self._answers(rule.place) for rule in self.book.rules.values()),
            "item": sum(self._answers(item.place) for item in self.book.items.values()),
            "example": sum(self._answers(example.place) for example in self.book.examples),
        }
        unread = tuple(unread for unread in self.breaker.unread if self._answers(unread.place))
        not_proved = tuple(entry for entry in self.not_proved if self._answers(entry[0]))
        return Report(
            self.book.name, tuple(problems), self.entries.lines, counts,
            self.mutants, self.noticed, tuple(accepted), unread, not_proved,
        )  # fmt: skip

    def _accept(self, findings: list[Found]) -> tuple[list[Problem], list[Accepted]]:
        """The problems left, and the findings that their entries accept; what accepts nothing is a problem."""
        problems: list[Problem] = []
        accepted: list[Accepted] = []
        taken: set[tuple[str, str, str]] = set()
        unexplained: set[tuple[str, str, str]] = set()
        for finding in findings:
            entry, problem = finding.entry, finding.problem
            reason = entry.text("accepts", finding.name) if entry else ""
            if entry and reason:
                taken.add((entry.section, entry.name, finding.name))
                accepted.append(Accepted(problem.place, entry.name, finding.name, reason, finding.kind))
                continue
            if entry and finding.kind == "law":  # one reason is asked for, whatever the number of places
                if (entry.section, entry.name, finding.name) in unexplained:
                    continue
                unexplained.add((entry.section, entry.name, finding.name))
            if entry and finding.name:
                key = (
                    finding.name if not re.search(r": |[{}\[\],\"'#]", finding.name) else f'"{finding.name}"'
                )
                silence = f"accepts:  {key}: because …"
                problem = problem._replace(hint=f"{problem.hint}; or, in the entry,  {silence}")
            problems.append(problem)
        for entry in (entry for entry in self.entries if self._answers(entry.key.place)):
            accepts = entry.node("accepts")
            for name, written in accepts.keys.items() if type(accepts) is Mapping else ():
                if not entry.text("accepts", name):
                    problems.append(Problem("no-reason", written.place, f"{quoted(name)} is accepted without a reason",
                                            "write the reason behind it"))  # fmt: skip
                elif (entry.section, entry.name, name) not in taken:
                    problems.append(Problem("accepts-nothing", written.place, f"there is no finding {quoted(name)} here",
                                            "delete it, or check its name"))  # fmt: skip
        return problems, accepted

    def _answers(self, place: Place) -> bool:
        """Whether this rulebook answers for what stands there, and not another one."""
        return Path(place.file).parent not in self.elsewhere

    # --- conditions and where they stand

    def _sites(self) -> Iterator[_Site]:
        for rule in self.book.rules.values():
            entry = self.entries.of("rules", rule.id)
            yield _Site(entry, "when", rule.when, rule.rests_on)
            if rule.suspect_when is not None:
                yield _Site(entry, "suspect_when", rule.suspect_when, rule.rests_on)
            if rule.today is not None and rule.today.when is not None:
                yield _Site(entry, "today", rule.today.when, rule.today.source + rule.rests_on)
        for check in self.book.checks:
            entry = self.entries.of("checks", check.id)
            key = "remark_if" if check.remark else "problem_if"
            yield _Site(entry, key, check.when, tuple(text.text for text in entry.texts("source")))
        for step in self.book.investigations.values():
            entry, ids = self.entries.of("investigations", step.id), step.source + step.serves
            yield from (_Site(entry, "not_now_if", c, ids) for c in step.not_now_if)
            yield from (_Site(entry, "first_rule_out", c, ids) for c in step.first_rule_out)
            if step.indicated_if is not None:
                yield _Site(entry, "indicated_if", step.indicated_if, ids)
        for entry, item, ids in self._items():
            for key in ("ask_if", "when"):
                if getattr(item, key) is not None:
                    yield _Site(entry, key, getattr(item, key), ids, item)
            for key in ("set_aside_if", "counts_only_if"):
                yield from (_Site(entry, key, c, ids, item) for c in getattr(item, key))
            for reference in item.references:
                yield from (
                    _Site(entry, "reference", c, ids + reference.source, item) for c in reference.when
                )
        for partition in self.book.partitions:
            entry = self.entries.of("partitions", partition.id)
            yield from (_Site(entry, name, part) for name, part in partition.parts.items())

    def _items(self) -> Iterator[tuple[Entry, Item, tuple[str, ...]]]:
        """Items, circumstances and fields, with what they rest on: a field also on what its list does."""
        for section, items in (("items", self.book.items), ("circumstances", self.book.circumstances)):
            for item in items.values():
                ids = item.source + item.serves
                yield self.entries.of(section, item.id), item, ids
                for field in item.fields.values():
                    entry = self.entries.of(section, f"{item.id}.{field.id}")
                    yield entry, field, field.source + field.serves + ids

    def _inside(self, condition: Condition) -> Iterator[Condition]:
        """The nodes of a condition; those of a derived flag stand where the flag is declared."""
        yield condition
        for part in parts_of(condition):
            if id(part) not in self.breaker.flags:
                yield from self._inside(part)

    def _look(self, name: Name, site: _Site) -> Item:
        if name == Name("value", "circumstance") and site.item is not None:
            return site.item
        return self.breaker.look(name)

    # --- statements and sources

    def _named(self) -> Iterator[Found]:
        """Names of statements and sources that stand for none, and background that is used after all."""
        known = {**self.book.statements, **self.book.sources}
        for entry, keys, text in self.entries.named():
            if text.text not in known:
                says = f"there is no statement or source {quoted(text.text)}"
                hint = (
                    nearest(text.text, known)
                    or "write it under  statements:  or  sources:, or check its name"
                )
                yield Found(Problem("no-statement", text.place, says, hint))
            elif keys[-1] in ("rests_on", "reported_in") and "background" in self.book.statements.get(
                text.text, {}
            ):
                where = entry.name if entry else keys[-1]
                at = self.entries.of("statements", text.text)
                says = f"{text.text} is called background, and {where} rests on it"
                hint = "delete  background:, or the mention"
                yield Found(Problem("background-used", at.place("background"), says, hint))

    def _used(self) -> Iterator[Found]:
        named = {text.text for _, _, text in self.entries.named()}
        for section, documents in (("statements", self.book.statements), ("sources", self.book.sources)):
            for name, document in documents.items():
                if name not in named and not document.get("background"):
                    hint = "name it under  rests_on, source or serves"
                    hint += ", or say  background: why nothing rests on it" if section == "statements" else ""
                    place = self.entries.of(section, name).key.place
                    yield Found(Problem("unused", place, f"nothing rests on {name}", hint))
        read, yielded = self._read(), self._yielded()
        for entry, item, _ in self._items():
            circumstance = entry.section == "circumstances"
            dates = item.of is not None and not circumstance and self.book.items[item.of].dated_by == item.id
            if entry.name not in read and entry.name not in yielded and not dates:
                what = "no condition reads" if circumstance else "no condition or formula reads"
                says = f"{what} {entry.name}{'' if circumstance else ', and no investigation yields it'}"
                yield self._unused(entry, says)
            elif item.kind != "derived" and not circumstance and entry.name not in yielded and not dates:
                says = f"{entry.name} is read, and no investigation yields it"
                problem = Problem("not-yielded", entry.key.place, says, "name it under  yields: of one")
                yield Found(problem, entry, "not-yielded")
        for step in self.book.investigations.values():
            if not step.serves and not {name.partition(".")[0] for name in step.yields} & read:
                says = f"no condition reads what {step.id} yields, and it serves no statement"
                yield self._unused(self.entries.of("investigations", step.id), says)
        asked = self.breaker.asked | {
            (str(node.name), f"at least {node.level}")
            for site in self.sites
            for node in walk(site.condition)
            if isinstance(node, IsLevel)
        }
        for entry, item, _ in self._items():
            for level in item.levels if not item.words else ():
                if (entry.name, f"at least {level.name}") not in asked:
                    says = f"no condition asks for the level {level.name} of {entry.name}"
                    place = entry.place("levels", level.name)
                    yield Found(Problem("unused", place, says, "delete it"), entry, f"unused {level.name}")

    def _signs(self) -> Iterator[Found]:
        """Signs of a pregnancy that can never say so: what pregnancy shifts would then count."""
        for name, said in SIGNS.items():
            item = self.book.items.get(name)
            if item is None or item.kind == "flag":
                continue
            if said not in {*item.choices, *(level.name for level in item.levels)}:
                entry = self.entries.of("items", name)
                says = f"{name} can never say that she is pregnant: it has no {said}"
                hint = f"add {said} as a choice, or as a level of a number"
                yield Found(Problem("no-sign", entry.key.place, says, hint), entry, "no-sign")

    def _unused(self, entry: Entry, says: str) -> Found:
        return Found(Problem("unused", entry.key.place, says, "delete it, or use it"), entry, "unused")

    def _read(self) -> set[str]:
        """The items, lists, fields and circumstances that something reads."""
        found: set[str] = set()
        conditions = [site.condition for site in self.sites]
        conditions += [self.book.acute_if] if self.book.acute_if is not None else []
        for condition in conditions:
            for node in walk(condition):
                if isinstance(node, (*LEAVES, IsKnown)):
                    around = node.name.of == "circumstance"
                    found |= {node.name.item} if around else {str(node.name), node.name.of or node.name.item}
                elif isinstance(node, Count | Run):
                    found.add(node.of)
        flags = set()
        for entry, item, _ in self._items():
            for name, _ in names_in(item.formula) if item.formula else ():
                of = item.of if item.of and name in self.book.items[item.of].fields else None
                found |= {str(Name(name, of)), of or name}
            found |= (
                {item.now, *_WORKED_OUT.get(item.worked_out[0], item.worked_out[1])}
                if item.worked_out
                else set()
            )
            if item.when is not None:
                flags.add((entry.name, id(item.when)))
        own = {id(site.condition) for site in self.sites if site.key == "when" and site.item is not None}
        held = {id(node) for c in conditions for node in walk(c) if node is not c or id(c) not in own}
        return found | {name for name, flag in flags if flag in held}

    def _yielded(self) -> set[str]:
        """What investigations yield: a list alone yields all of its fields."""
        found = set()
        for step in self.book.investigations.values():
            for name in step.yields:
                found |= {name, name.partition(".")[0]}
                if name in self.book.items:
                    found |= {f"{name}.{field}" for field in self.book.items[name].fields}
        return found

    # --- numbers

    def _carried(self) -> Iterator[Found]:
        """Numbers that no statement or source they rest on carries."""
        seen: set[tuple[str, str, str]] = set()

        def finding(entry: Entry, place: Place, key: str, text: str, ids: Iterable[str]) -> Iterator[Found]:
            name = f"not carried, {key} {text}"
            if (entry.section, entry.name, name) not in seen:
                seen.add((entry.section, entry.name, name))
                says = f"no figure of {', '.join(ids) or 'a statement or source'} says {text}"
                hint = "name the one that does, or add it to its figures where it says so"
                yield Found(Problem("not-carried", place, says, hint), entry, name)

        for site in self.sites:
            if site.entry.section == "partitions":
                continue
            theirs = list(chain.from_iterable(self._figures(site.ids)))
            for node in self._inside(site.condition):
                if isinstance(node, Compare):
                    item = self._look(node.name, site)
                    for piece, number, text in _numbers(item, limit_text(node)):
                        if not any(_says(figure, number, piece, item) for figure in theirs):
                            yield from finding(site.entry, node.place, site.key, text, site.ids)
                for number, text in _counts(node):
                    if not any(self._is_count(figure, number) for figure in theirs):
                        yield from finding(site.entry, node.place, site.key, text, site.ids)
                if isinstance(node, Repeated) and not any(_is_days(figure, node.apart) for figure in theirs):
                    yield from finding(site.entry, node.place, site.key, f"{node.apart} days", site.ids)
        for entry, item, ids in self._items():
            for key, way, own in _limits_of(entry, item):
                theirs = list(chain.from_iterable(self._figures(own)))
                for piece, number, text in _numbers(item, entry.text(*way)):
                    if not any(_says(figure, number, piece, item) for figure in theirs):
                        yield from finding(entry, entry.place(*way), key, text, own)
            theirs = list(chain.from_iterable(self._figures(ids)))
            for way, days, text in _days_of(entry, item):
                if not any(_is_days(figure, days) for figure in theirs):
                    yield from finding(entry, entry.place(*way), str(way[0]), text, ids)
            for number in _in_formula(item.formula) if item.formula else ():
                if not any(figure.value == number for figure in theirs):
                    text = f"{float(number):g}"
                    yield from finding(entry, entry.place("formula"), "formula", text, ids)

    def _documents(self) -> Iterator[tuple[str, Entry]]:
        for section, documents in (("statements", self.book.statements), ("sources", self.book.sources)):
            yield from ((name, self.entries.of(section, name)) for name in documents)

    def _figures(self, ids: Iterable[str]) -> list[list[Figure]]:
        """The figures of each of these statements and sources."""
        return [self.figures.get(name, []) for name in ids]

    def _bad_figures(self) -> Iterator[Found]:
        for _, entry in self._documents():
            for text in entry.texts("figures"):
                if not _figures(text.text):
                    hint = "write a number with its unit, or with what it counts"
                    yield Found(Problem("bad-figure", text.place, f"{quoted(text.text)} is no figure", hint))

    def _is_count(self, figure: Figure, number: int) -> bool:
        """Whether a figure counts so many of something: `3 losses`, not `3 days` or `3 cm`."""
        return figure.value == number and figure.unit not in self.measures

    def _two_units(self) -> Iterator[Found]:
        """Limits that lack a second unit in common use, and those whose two units disagree."""
        for site in self.sites:
            for node in self._inside(site.condition):
                if isinstance(node, Compare):
                    item = self._look(node.name, site)
                    at = (site.entry, node.place, f"{site.key}, {limit_text(node)}")
                    yield from _both(at, item, limit_text(node), self._figures(site.ids))
        for entry, item, _ in self._items():
            for key, way, ids in _limits_of(entry, item):
                at = (entry, entry.place(*way), f"{key} {entry.text(*way)}")
                yield from _both(at, item, entry.text(*way), self._figures(ids))

    # --- choices, and what is not filled in

    def _choices(self) -> Iterator[Found]:
        """Choices that look like a kind of missing and are taken for an answer."""
        for entry, item, _ in self._items():
            for name, choice in item.choices.items():
                words = f"{name} {choice.label}".replace("_", " ").casefold()
                if _MISSING_WORDS.search(words) and not choice.inconclusive and not choice.covers:
                    node = entry.node("choices")
                    place = node.keys[name].place if type(node) is Mapping else entry.place("choices")
                    says = f"{quoted(name)} looks as if nothing was found out, and counts as an answer"
                    problem = Problem("looks-missing", place, says, "add  inconclusive: yes")
                    yield Found(problem, entry, f"looks-missing {name}")

    def _law(self) -> Iterator[Found]:
        """Conditions that ask whether something is known: filling it in may turn an answer round."""
        for site in self.sites:
            for node in self._inside(site.condition):
                if isinstance(node, NotKnown | IsKnown):
                    name = "not_known" if isinstance(node, NotKnown) else "is known"
                    says = f"{name} without a reason: filling in what is missing may turn the answer round"
                    problem = Problem("not-filled-in", node.place, says, "say why it must be asked")
                    yield Found(problem, site.entry, name, "law")

    # --- examples and mutants

    def _examples(self) -> Iterator[Found]:
        """Examples that come out otherwise, and rules without an example of each kind."""
        for example, name, came in self.trials.wrong():
            says = (
                f"{name} comes to {came.replace('_', ' ')}, not to {example.expect[name].replace('_', ' ')}"
            )
            yield Found(Problem("example-wrong", example.place, says, "mend the rule or the example"))
        shown: dict[str, set[str]] = {}
        for example in self.book.examples:
            for name, status in example.expect.items():
                shown.setdefault(name, set()).add(status)
        for rule in self.book.rules.values():
            wanted = {"undecided": _UNDECIDED, "met": ("met",), "not met": ("not_met",)}
            hidden = _never(rule.when)
            for what, statuses in wanted.items():
                if what not in hidden and not shown.get(rule.id, set()) & set(statuses):
                    entry = self.entries.of("rules", rule.id)
                    problem = Problem(
                        "no-example", entry.key.place, f"no example shows {rule.id} {what}", "add one"
                    )
                    yield Found(problem, entry, f"no example {what}")

    def _survivors(self, progress: Progress) -> Iterator[Found]:
        """Mutants that no example notices."""
        mutants = [mutant for mutant in self.breaker.mutants() if self._answers(mutant.entry.key.place)]
        self.mutants = len(mutants)
        for number, mutant in enumerate(mutants, 1):
            progress(number, len(mutants))
            if self.trials.notice(mutant):
                self.noticed += 1
                continue
            says = f"no example of {mutant.entry.name} notices this change: {mutant.name}"
            hint = "add an example that comes out differently"
            yield Found(Problem("survives", mutant.place, says, hint), mutant.entry, mutant.name, "mutant")

    # --- what can become of a rule

    def _empty(self) -> Iterator[Found]:
        """Rules that say something of a case of which nothing is known."""
        nothing = Case("NOTHING", None, {}, {}, "", "nothing", [], [], Place("nothing"))
        engine = Engine(self.book, Evidence(nothing, self.book, 1), timing=False)
        for rule in self.book.rules.values():
            judged = engine.rule(rule.id)
            came = "met" if judged.when.truth is TRUE else "not met" if judged.when.truth is FALSE else ""
            if not came and judged.suspect is not None and judged.suspect.truth is TRUE:
                came = "suspected"
            if came:
                entry = self.entries.of("rules", rule.id)
                says = f"{rule.id} is {came} where nothing is known"
                hint = "what is missing must decide nothing"
                yield Found(
                    Problem("met-by-nothing", entry.key.place, says, hint), entry, f"{came} by nothing"
                )

    def _proved(self) -> Iterator[Found]:
        """Rules that can never be met, are never not met, or are met only where another one is."""
        space = Space(self.book, [rule.when for rule in self.book.rules.values()])
        small: list[Rule] = []
        for rule in self.book.rules.values():
            entry, atoms = self.entries.of("rules", rule.id), space.atoms(rule.when)
            if len(atoms) > MOST_ATOMS:
                why = f"{len(atoms)} things to know; up to {MOST_ATOMS} are decided"
                self.not_proved.append((entry.key.place, rule.id, why))
                continue
            try:
                possible = [space.can((rule.when, frozenset((truth,)))) for truth in (TRUE, FALSE)]
            except NotDecidedError as why:
                self.not_proved.append((entry.key.place, rule.id, str(why)))
                continue
            small += [rule] if all(possible) else []
            for can, what in zip(possible, ("met", "not met"), strict=True):
                if not can and what not in _never(rule.when):
                    says = f"{rule.id} is never {what}, whatever is known"
                    problem = Problem("never", entry.key.place, says, "mend it")
                    yield Found(problem, entry, f"never {what}")
        yield from self._implied(small, space)

    def _implied(self, rules: list[Rule], space: Space) -> Iterator[Found]:
        """Rules that are met wherever another one is, unless they name it; both ways, they are the same."""
        implied: set[tuple[str, str]] = set()
        atoms = {rule.id: space.atoms(rule.when) for rule in rules}
        for one, two in permutations(rules, 2):
            if not (self._answers(one.place) or self._answers(two.place)):
                continue
            if not atoms[one.id] & atoms[two.id] or self.trials.met_without(one.id, two.id):
                continue
            try:
                wanted = (one.when, frozenset((TRUE,))), (two.when, frozenset((FALSE, UNKNOWN)))
                implied |= set() if space.can(*wanted) else {(one.id, two.id)}
            except NotDecidedError as why:
                place = self.entries.of("rules", one.id).key.place
                self.not_proved.append((place, f"whether {one.id} implies {two.id}", str(why)))
        order = {rule.id: number for number, rule in enumerate(rules)}
        for name, other in sorted(implied, key=lambda pair: (order[pair[0]], order[pair[1]])):
            entry = self.entries.of("rules", name)
            strictly = {pair for pair in implied if pair[::-1] not in implied}
            if any((name, between) in strictly and (between, other) in strictly for between in order):
                continue  # said of the two steps
            if (other, name) in implied:
                if order[other] < order[name]:
                    says = f"{name} and {other} are met by the very same cases"
                    problem = Problem("same-rule", entry.key.place, says, "decide a finding in one place")
                    yield Found(problem, entry, f"same as {other}")
            elif other not in _rules_in(self.book.rules[name].when, space):
                accept = f"implies {other}"
                if not self._answers(entry.key.place):
                    entry, accept = self.entries.of("rules", other), f"implied by {name}"
                says = f"wherever {name} is met, {other} is met too"
                problem = Problem("implies", entry.key.place, says, "let one name the other, or mend it")
                yield Found(problem, entry, accept)

    # --- partitions

    def _partitions(self) -> Iterator[Found]:
        for partition in self.book.partitions:
            entry = self.entries.of("partitions", partition.id)
            yield from self._gaps(partition, entry)
            item = self.book.items[partition.of]
            within = [node for part in partition.parts.values() for node in walk(part)]
            written = {end for node in within if isinstance(node, Compare) for end in _ends(node, item)}
            for site in self.sites:
                for node in self._inside(site.condition) if site.entry.section == "rules" else ():
                    if not isinstance(node, Compare) or node.name != Name(partition.of):
                        continue
                    if not _ends(node, item) <= written:
                        says = f"{limit_text(node)} is no limit of the partition {partition.id}"
                        problem = Problem("outside-partition", node.place, says, f"see {entry.key.place}")
                        yield Found(problem, site.entry, f"outside {partition.id} {limit_text(node)}")

    def _gaps(self, partition: Partition, entry: Entry) -> Iterator[Found]:
        """Plausible values of which no part of a partition holds, and those of which more than one does."""
        item = self.book.items[partition.of]
        nothing = Case("NOTHING", None, {}, {}, "", "nothing", [], [], Place("nothing"))
        evidence = Evidence(nothing, self.book, 1)
        said: set[str] = set()
        for value in _values(item, partition):
            given = Seen(item, Result(value, "", item.place), USABLE, None)
            holding = {name: _holds(part, given, evidence) for name, part in partition.parts.items()}
            true = [name for name, truth in holding.items() if truth is TRUE]
            if len(true) > 1:
                code, says = "overlap", f"both {true[0]} and {true[1]}"
            elif not any(truth is not FALSE for truth in holding.values()):
                code, says = "gap", f"in no part of {partition.id}"
            else:
                continue
            if says not in said:
                said.add(says)
                text = f"{item.id} {value.text} is {says}"
                problem = Problem(code, entry.place("parts"), text, "let the limits of the parts meet")
                yield Found(problem, entry, f"{code} at {value.text}")


def _elsewhere(files: list[Path]) -> set[Path]:
    """The folders of a rulebook's files that another rulebook answers for; the manifest is the first file.

    They are rulebooks themselves, or do not lie beside this one, or are used by others beside it, of
    which the first by name answers.
    """
    own, manifest = files[0].resolve().parent, files[0].name
    users: dict[str, list[str]] = {}
    for beside in sorted(own.parent.glob(f"*/{manifest}")):
        root = read_file(beside).root
        for used in words_of(root.items.get("uses")) if type(root) is Mapping else ():
            users.setdefault(used.text, []).append(beside.parent.name)

    def elsewhere(folder: Path) -> bool:
        first = users.get(folder.name, [own.name])[0]
        return folder != own and (
            (folder / manifest).exists() or folder.parent != own.parent or first != own.name
        )

    return {folder for folder in {file.parent for file in files} if elsewhere(folder.resolve())}


def _never(condition: Condition) -> tuple[str, ...]:
    """What a condition cannot come to, since it says itself that something in it cannot be decided."""
    if isinstance(condition, Undecidable):
        return ("met", "not met")
    return ("met",) if any(isinstance(node, Undecidable) for node in walk(condition)) else ()


def _rules_in(condition: Condition, space: Space) -> set[str]:
    return {node.rule for node in space.through(condition) if isinstance(node, RuleHolds)}


# --- figures -------------------------------------------------------------------------------------


def _figures_of(entry: Entry) -> list[Figure]:
    return [figure for text in entry.texts("figures") for figure in _figures(text.text)]


def _figures(text: str) -> list[Figure]:
    """The figures in a text such as `28 weeks`, `23 %` or `4.0–4.5 mIU/L`; none where it is no number."""
    parsed = read_quantity(text)
    if parsed is not None:
        return [Figure(value, unit_key(parsed.unit)) for value in parsed.typed]
    span = read_gestation(text, exact=True)
    return [Figure(end, "days") for end in (span.low, span.high) if end is not None] if span else []


def _numbers(item: Item, text: str) -> Iterator[tuple[Piece, Number, str]]:
    """Each number of a limit, in each unit it is written in, with the words for it."""
    for piece in pieces(item, text):
        for end, decimals in zip(dict.fromkeys((piece.low, piece.high)), piece.decimals, strict=False):
            words = f"{float(end):.{decimals}f} {piece.unit}".strip()
            if item.kind == "gestation":
                words = gestation_text(end) if end % 7 else f"{end // 7} weeks"
            if end:  # nothing need say where less than nothing begins
                yield piece, end, iso(end) if item.kind == "date" else words


def _says(figure: Figure, number: Number, piece: Piece, item: Item) -> bool:
    """Whether a figure is the number of a limit, once converted and rounded as the limit is written."""
    if item.kind == "gestation":
        return _is_days(figure, number)
    unit = unit_key(piece.unit)
    if figure.unit == unit or not unit or (unit.startswith("/") and figure.unit.endswith(unit)):
        return figure.value == number
    if unit in _DAYS and figure.unit in _DAYS:
        return figure.value * _DAYS[figure.unit] == number * _DAYS[unit]
    mine, theirs = item.units.get(unit), item.units.get(figure.unit)
    if mine is None or theirs is None or mine.separate or theirs.separate:
        return False
    return _agree(figure.value, theirs, number, mine, max(piece.decimals))


def _agree(one: Number, its: Unit, two: Number, other: Unit, decimals: int) -> bool:
    """Whether a number of one unit is, in another one, the number written there with so many decimals."""
    off = Fraction(_number_in(one, its, other)) - two
    return abs(off) <= Fraction(1, 2 * 10**decimals)


def _is_days(figure: Figure, days: Number) -> bool:
    return figure.unit in _DAYS and figure.value * _DAYS[figure.unit] == days


def _counts(node: Condition) -> Iterator[tuple[int, str]]:
    """The numbers of records, parts, samples or points that a form asks for."""
    match node:
        case Some() | Run():
            yield node.at_least, f"at_least {node.at_least}"
        case Count():
            yield node.at_least, f"at_least {node.at_least}"
            if node.out_of is not None:
                yield node.out_of, f"out_of {node.out_of}"
        case Repeated():
            yield node.times, f"times {node.times}"
        case Points():
            yield node.at_least, f"at_least {node.at_least}"
            for part in node.parts:
                for one in part.parts if isinstance(part, Highest) else (part,):
                    yield one.points, f"points {one.points}"
        case _:
            pass


_Way = tuple[str | int, ...]


def _limits_of(entry: Entry, item: Item) -> Iterator[tuple[str, _Way, tuple[str, ...]]]:
    """The limits of an item's levels and reference ranges, the way to each, and the sources it names."""
    for number, reference in enumerate(item.references):
        for end in ("low", "high"):
            if getattr(reference, end) is not None:
                yield f"reference, {end}", ("reference", number, end), reference.source
    for level in item.levels:
        for end in ("from", "above"):
            if entry.text("levels", level.name, end):
                yield f"levels, {level.name} {end}", ("levels", level.name, end), level.source


def _days_of(entry: Entry, item: Item) -> Iterator[tuple[_Way, Number, str]]:
    """The days after which results are stale, and those of a gestation that a choice implies."""
    if item.stale_after is not None:
        yield ("stale_after",), item.stale_after, entry.text("stale_after")
    for name, choice in item.choices.items():
        for end in (choice.implies[1].low, choice.implies[1].high) if choice.implies else ():
            if end:  # 0 was not written
                words = gestation_text(end) if end % 7 else f"{end // 7} weeks"
                yield ("choices", name, "implies"), end, words


def _in_formula(formula: tuple[object, ...]) -> Iterator[Number]:
    if formula[0] == "number" and isinstance(formula[1], int | Fraction):
        yield formula[1]
    for part in formula[1:]:
        if isinstance(part, tuple):
            yield from _in_formula(part)


# --- units ---------------------------------------------------------------------------------------


def _both(
    at: tuple[Entry, Place, str], item: Item, text: str, figures: list[list[Figure]]
) -> Iterator[Found]:
    """A limit that lacks a second unit, or whose two units disagree where no one source says both."""
    entry, place, name = at
    written = pieces(item, text)
    units = [item.units[unit_key(piece.unit)] for piece in written if item.units]
    scales = {_scale(unit) for unit in item.units.values() if not unit.separate}
    if any(unit.separate for unit in units):
        return
    if len(scales) > 1 and len({_scale(unit) for unit in units}) < 2:
        others = [u.text for u in item.units.values() if not u.separate and _scale(u) != _scale(units[0])]
        says = f"{text} is written in one unit, and {item.id} is also measured in {' or '.join(others)}"
        ends = [
            _in_unit(end, units[0], item.units[unit_key(others[0])])
            for end in (written[0].low, written[0].high)
        ]
        hint = f"write both:  {text} ({'–'.join(dict.fromkeys(ends))} {others[0]})"
        yield Found(Problem("one-unit", place, says, hint), entry, f"one-unit, {name}")
    if len(written) == 2:
        one, two = written
        for first, second, decimals in (
            (one.low, two.low, two.decimals[0]),
            (one.high, two.high, two.decimals[1]),
        ):
            both = {Figure(first, unit_key(one.unit)), Figure(second, unit_key(two.unit))}
            official = any(both <= set(theirs) for theirs in figures)
            if not official and not _agree(first, units[0], second, units[1], decimals):
                there = _in_unit(first, units[0], units[1], decimals)
                says = f"the two units of {text} disagree: the first is {there} {two.unit}"
                hint = "write it so, or name a source whose figures hold both"
                yield Found(Problem("units-differ", place, says, hint), entry, f"units-differ, {name}")
                return


def _scale(unit: Unit) -> tuple[Number, Number]:
    """What a unit measures by, powers of ten aside: grams and kilograms are one scale."""
    times = Fraction(unit.times)
    while times >= 10:
        times /= 10
    while times < 1:
        times *= 10
    return times, unit.plus


def _in_unit(number: Number, its: Unit, other: Unit, decimals: int | None = None) -> str:
    """A number of one unit in another one, with so many decimals, else with three figures."""
    there = float(_number_in(number, its, other))
    return f"{there:.3g}" if decimals is None else f"{there:.{decimals}f}"


# --- partitions ----------------------------------------------------------------------------------


def _holds(condition: Condition, given: Seen, evidence: Evidence) -> Truth:
    """The truth of a part of a partition for one value."""
    match condition:
        case All(parts=parts):
            return least(_holds(part, given, evidence) for part in parts)
        case Any(parts=parts):
            return greatest(_holds(part, given, evidence) for part in parts)
        case Not(part=part):
            return opposite(_holds(part, given, evidence))
        case IsKnown():
            return TRUE
        case Compare() | IsOneOf() | Includes() | IsFlagged() | IsLevel():
            return evidence.holds(condition, given)
        case _:
            raise TypeError(f"{type(condition).__name__} cannot stand in a partition")


def _ends(node: Compare, item: Item) -> set[tuple[str, Number]]:
    """The ends of a limit, in each unit it is written in."""
    return {(p.unit, end) for p in pieces(item, limit_text(node)) for end in (p.low, p.high)}


def _values(item: Item, partition: Partition) -> Iterator[Value]:
    """One value on each limit and one between every two, in every unit that the item has."""
    if item.choices:
        yield from (Value(name, choices=frozenset({name})) for name in item.settled_choices())
        return
    limits = [
        piece
        for part in partition.parts.values()
        for node in walk(part)
        if isinstance(node, Compare)
        for piece in pieces(item, limit_text(node))
    ]
    whole = item.kind in ("gestation", "date")
    for unit in [u for u in item.units.values() if not u.separate] or [Unit("")]:
        cuts: set[Number] = set()
        written = {piece.unit for piece in limits}
        for piece in limits:
            if piece.unit == unit.text or unit.text not in written:
                its = item.units.get(unit_key(piece.unit), unit)
                cuts |= {_number_in(end, its, unit) for end in (piece.low, piece.high)}
        if item.plausible is not None:
            ends = expressed(item.plausible, unit)
            cuts |= {end for end in (ends.low, ends.high) if end is not None}
        for number in _on_and_between(sorted(cuts), whole):
            span = converted(point(number), unit)
            if item.plausible is None or span.within(item.plausible):
                words = (
                    gestation_text(number)
                    if item.kind == "gestation"
                    else f"{float(number):g} {unit.text}".strip()
                )
                yield Value(words, point(number), unit.text, span)


def _number_in(number: Number, its: Unit, other: Unit) -> Number:
    there = expressed(converted(point(number), its), other).low
    assert there is not None
    return there


def _on_and_between(cuts: list[Number], whole: bool) -> Iterator[Number]:
    for one, two in pairwise(cuts):
        yield one
        if not whole:
            yield Fraction(one + two) / 2
        elif two - one > 1:
            yield one + 1
    yield from cuts[-1:]
