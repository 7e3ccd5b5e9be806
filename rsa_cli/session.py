"""A sitting of the questionnaire: what is asked next, what becomes of an answer, what is said about it.

It knows no terminal: whoever talks to the person (`ask.py`) gets a `Prompt` and gives back a reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rsa_cli.asking import (
    Question,
    Questionnaire,
    View,
    Weight,
    changes,
    help_of,
    hint_of,
    placed,
    problems_in,
    read_answer,
    several,
    shown_answer,
    view_of,
    way_of,
)
from rsa_cli.assess import MET, Finding
from rsa_cli.dictionary import MISSING, Item, UnreadableError
from rsa_cli.journal import Journal
from rsa_cli.light import Light
from rsa_cli.problems import NeedsFixing, visible
from rsa_cli.renderers._words import SIGNS, today_text
from rsa_cli.rulebook import Rulebook
from rsa_cli.source import Mapping, read_file
from rsa_cli.splice import Answer, Page, UnsafeError, Way, at, changed, data, page, put, rendered
from rsa_cli.values import iso

WRONG_USAGE = 2


class Command(Enum):
    """What may be said in place of an answer."""

    LEAVE = "-"
    BACK = "<"
    HELP = "?"
    ANSWERS = "="
    FINISH = "!"


Reply = str | list[str] | Command
WORDS: dict[str, str | Command] = {
    **{command.value: command for command in Command},
    **dict(zip("udpa", MISSING, strict=True)),
}


class Option(NamedTuple):
    """One of the answers to choose from."""

    value: str
    label: str


class Prompt(Light):
    """What is asked, ready to be shown; `check` says what is wrong with what was typed so far."""

    text: str
    hint: str = ""
    options: tuple[Option, ...] = ()
    several: bool = False
    default: str = ""
    check: Callable[[str], str] | None = None
    missing: bool = False
    leave: str = ""
    commands: bool = True


class StoppedError(Exception):
    """The asking cannot go on; the status to leave with, after what was said."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Talk(Protocol):
    """Whoever talks to the person."""

    def say(self, text: str, style: str = "") -> None:
        """Say something; `style` is how it stands out where there are colours."""

    def ask(self, prompt: Prompt) -> Reply:
        """Ask until there is an answer that can be read."""


class Session:
    """One sitting: questions, answers, the journal; ends with the text of a case."""

    def __init__(
        self, talk: Talk, book: Rulebook, journal: Journal, start: Page, today: int, shortest: bool
    ) -> None:
        self.talk = talk
        self.book = book
        self.journal = journal
        self.today = today
        self.shortest = shortest
        self.questionnaire = Questionnaire(book)
        self.target = journal.case
        self.left: set[Way] = set()
        self.lists: list[str] = []
        self.visited: list[tuple[Way, str]] = []
        self.statements: dict[str, dict[str, Any]] | None = None
        self.heading = ""
        self.view = view_of(start, book, today)
        self.told = self.view
        self.flags: set[tuple[str, str]] = set()
        self.remarked: Counter[str] = Counter()

    # --- the run of a session

    def resume(self) -> int:
        """Take up what the journal holds; how many answers that was. Raises NeedsFixing, or UnsafeError."""
        for entry in self.journal.entries:
            self._take(entry)
        self.view = self.told = view_of(self.view.page, self.book, self.today, strict=not self.lists)
        return sum(entry[0] == "put" for entry in self.journal.entries)

    def run(self) -> str:
        """Ask until nothing is open, or until the person is done; the text of the case."""
        self._changed(None, "so far")
        while True:
            found = self._next()
            if found is None:
                if not self._another_look():
                    return self.view.page.text
            elif self._one(*found) is Command.FINISH:
                return self.view.page.text

    def _next(self) -> tuple[Question, Weight | None] | None:
        left, lists = frozenset(self.left), tuple(self.lists)
        if self.shortest:
            return self.questionnaire.shortest(self.view, left, lists)
        question = next(self.questionnaire.questions(self.view, left, lists), None)
        return None if question is None else (question, None)

    def _another_look(self) -> bool:
        """Nothing is open any more: save, or look at the answers once again."""
        says = "Nothing else is open."
        if self.shortest:
            says = "Nothing that could be asked or examined now would change a finding. Tests stand on the checklist."
        self.talk.say("")
        self.talk.say(says)
        options = (
            Option("save", "save the case and show the report"),
            Option("look", "look at the answers first"),
        )
        reply = self.talk.ask(Prompt("What now?", options=options, default="save", commands=False))
        if reply == "look":
            return self._answers() is not Command.FINISH
        return False

    def _one(self, question: Question, weight: Weight | None = None) -> Command | None:
        """Ask one question until it is answered, left open, or left."""
        self._head(question, weight)
        if question.kind == "list":
            return self._list(question)
        default = self._standing(question)
        while True:
            reply = self.talk.ask(self._prompt(question, default))
            if isinstance(reply, Command):
                if reply is Command.LEAVE:
                    self._leave(question)
                    return None
                if (done := self._command(reply, question)) is not None:
                    return done if done is Command.FINISH else None
                continue
            answer: Answer = reply
            if isinstance(reply, list):
                answer = [] if reply == ["[]"] else reply
            elif reply not in MISSING or question.item.kind == "date":
                try:
                    answer = (
                        reply if question.item.kind == "choices" else read_answer(question, reply, self.today)
                    )
                except UnreadableError as error:
                    self.talk.say(f"  {error.says}: {error.hint}", "fg:ansired")
                    continue
                if answer != reply:
                    self.talk.say(f"  written as {answer}")
            if (answer := self._dated(question, answer)) is not None and self._accept(question, answer):
                return None
            default = reply if isinstance(reply, str) else ", ".join(reply)

    def _dated(self, question: Question, answer: Answer) -> Answer | None:
        """The answer with its date, where it counts for a time only; `None` when it is to be given anew."""
        item = question.item
        fresh = question.kind == "more" or not isinstance(at(self.view.page.data, question.way), dict)
        if question.kind not in ("value", "more") or item.of or answer in MISSING or not fresh:
            return answer
        if item.id in self.questionnaire.of_now:
            day = iso(self.view.evidence.day)
            self.talk.say(f"  dated {day}")
            return {"value": answer, "date": day}
        if not item.dated:
            return answer
        when = Question((*question.way, "date"), "date", item, item, question.section)
        prompt = self._prompt(when, "")._replace(leave="not known")
        while True:
            reply = self.talk.ask(prompt)
            if reply is Command.BACK:
                return None
            if reply is Command.LEAVE:
                self.talk.say(
                    f"  Without a date it would not count: say unknown, or leave {item.label} open."
                )
                return None
            if isinstance(reply, Command):
                self._command(Command.HELP, when)
            elif isinstance(reply, str):
                with suppress(UnreadableError):
                    return {"value": answer, "date": read_answer(when, reply, self.today)}

    def _command(self, command: Command, question: Question | None) -> Command | None:
        """Do what a command says; something when the present question is left with it."""
        match command:
            case Command.HELP:
                if question is not None:
                    for line in help_of(question, self.questionnaire, self._statements()):
                        self.talk.say(f"  {line}")
                return None
            case Command.BACK:
                return self._back()
            case Command.ANSWERS:
                return self._answers() or Command.ANSWERS
            case Command.FINISH:
                if self.lists:
                    label = self.book.items[self.lists[-1]].label
                    self.talk.say(f"  Say first whether these are all: {label}.")
                    return Command.ANSWERS
                return Command.FINISH
            case Command.LEAVE:
                return Command.LEAVE

    def _back(self) -> Command | None:
        while self.visited:
            way, kind = self.visited.pop()
            question = self.questionnaire.question_at(self.view, way, kind)
            if question is not None:
                return self._one(question) or Command.BACK
        self.talk.say("  This is the first question.")
        return None

    # --- what is asked

    def _head(self, question: Question, weight: Weight | None) -> None:
        """Where one is: the step, the section, which record; in the shortest way, why it is asked."""
        names = [name for name, _ in self.questionnaire.sections]
        section = question.section or "other"
        heading = section
        if not self.shortest and section in names:
            heading = f"Step {names.index(section) + 1} of {len(names)} · {section}"
        if question.about is not None and question.about.kind == "records":
            heading += f" · {question.about.label}, number {question.number}"
        elif question.about is not None and question.kind != "more":
            number = f", result {question.number}" if question.number else ""
            heading += f" · {question.about.label}{number}"
        if heading != self.heading:
            self.talk.say("")
            self.talk.say(heading, "bold")
            self.heading = heading
        if weight is not None and weight.decides:
            labels = [self.book.rules[rule].finding for rule in weight.decides]
            more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
            self.talk.say(f"  decides: {', '.join(labels[:3])}{more}")

    def _prompt(self, question: Question, default: str) -> Prompt:
        item = question.item
        text = item.question or f"{item.label[:1].upper()}{item.label[1:]}"
        if question.kind == "date":
            text = f"When was it taken ({item.label})?"
        elif question.kind == "range":
            text = f"The laboratory's own range for {item.label}?"
        elif question.kind == "more":
            text = f"Another result of {item.label}?"
        options: tuple[Option, ...] = ()
        if question.kind not in ("date", "range") and item.choices:
            options = tuple(Option(name, choice.label) for name, choice in item.choices.items())
            if item.kind == "choices":
                options += (Option("[]", "none of these"),)

        def check(typed: str) -> str:
            try:
                read_answer(question, typed, self.today)
            except UnreadableError as error:
                return f"{error.says}: {error.hint}"
            return ""

        missing = question.kind in ("value", "more", "circumstance")
        leave = "no other result" if question.kind == "more" else "leave it open"
        return Prompt(
            visible(text), hint_of(question), options, item.kind == "choices", default, check, missing, leave
        )

    def _standing(self, question: Question) -> str:
        """The answer that stands there already, as it was typed."""
        here = at(self.view.page.data, question.way)
        if isinstance(here, dict):
            here = here.get("value", "")
        if isinstance(here, list):
            if question.item.kind != "choices" or not all(isinstance(part, str) for part in here):
                return ""
            return ", ".join(here) if here else "[]"
        return "" if here is None else str(here)

    # --- lists of records

    def _list(self, question: Question) -> Command | None:
        """The records of a list: add, change, take out, until these are all."""
        item = question.item
        none = "nothing measured" if item.series else "there was none"
        while True:
            here = at(self.view.page.data, question.way)
            records = here if isinstance(here, list) else []
            options = [
                Option(f"record {n}", f"number {n + 1}: {shown_answer(part, item)}")
                for n, part in enumerate(records)
            ]
            if records:
                options = [Option("add", "add another"), Option("all", "these are all"), *options]
            else:
                options = [Option("add", "add the first"), Option("none", none)]
            text = visible(item.question or item.label)
            default = "add" if records else "none" if here == [] else ""
            prompt = Prompt(
                text,
                "",
                tuple(options),
                False,
                default,
                None,
                not records,
                "" if records else "leave it open",
            )
            reply = self.talk.ask(prompt)
            if reply == "add":
                if self._add(question, len(records)):
                    return None
            elif reply == "all":
                if self._close(question):
                    return None
            elif reply == "none" or (isinstance(reply, str) and reply in MISSING):
                if self._accept(question, [] if reply == "none" else reply):
                    self._shut(item)
                    return None
            elif isinstance(reply, str):
                if self._record(question, int(reply.removeprefix("record "))) is Command.FINISH:
                    return Command.FINISH
            elif reply is Command.LEAVE:
                self._leave(question)
                self._shut(item)
                return None
            elif isinstance(reply, Command) and (done := self._command(reply, question)) is not None:
                return done if done is Command.FINISH else None

    def _add(self, question: Question, number: int) -> bool:
        """Begin a record: its questions come next."""
        if question.item.id not in self.lists:
            self._journal("open", question.item.id)
            self.lists.append(question.item.id)
        blank = Question((*question.way, number), "value", question.item, None, question.section)
        self.visited.append((question.way, "list"))
        return self._accept(blank, {}, visit=False)

    def _close(self, question: Question) -> bool:
        """These are all: only now what the list as a whole must satisfy is looked at."""
        item = question.item
        others = [name for name in self.lists if name != item.id]
        try:
            view = view_of(self.view.page, self.book, self.today, strict=not others)
        except NeedsFixing as error:
            self._problems(error, item)
            return False
        if item.id in self.lists:
            self._journal("close", item.id)
        self._shut(item)
        self.view = view
        self.visited.append((question.way, "list"))
        self._changed(self.told)
        return True

    def _shut(self, item: Item) -> None:
        if item.id in self.lists:
            self.lists.remove(item.id)

    def _record(self, question: Question, number: int) -> Command | None:
        """One record: change a field, or take the record out."""
        item = question.item
        while True:
            way = (*question.way, number)
            fields = [
                (field, found) for field in item.fields.values()
                if field.kind != "derived" and (found := self.questionnaire.question_at(self.view, (*way, field.id)))
            ]  # fmt: skip
            options = [
                Option(
                    field.id,
                    f"{field.label}: {shown_answer(at(self.view.page.data, found.way) or 'open', field)}",
                )
                for field, found in fields
            ]
            options += [Option(" remove", "take this entry out"), Option(" done", "go back to the list")]
            text = f"{item.label}, number {number + 1}"
            reply = self.talk.ask(Prompt(text, options=tuple(options), default=" done", commands=False))
            if reply == " remove":
                self._remove(question, number)
                return None
            if reply == " done" or isinstance(reply, Command | list):
                return None
            chosen = next(found for field, found in fields if field.id == reply)
            if self._one(chosen) is Command.FINISH:
                return Command.FINISH

    def _remove(self, question: Question, number: int) -> None:
        way = (*question.way, number)
        here = at(self.view.page.data, question.way)
        last = isinstance(here, list) and len(here) == 1
        # The only one gone, nothing is known of the list: not that there was none.
        gone = Question(question.way if last else way, "value", question.item, None, question.section)
        if self._accept(gone, None, visit=False):
            self.left = {w for w in self.left if w[: len(question.way)] != question.way}
            self.visited = [(w, kind) for w, kind in self.visited if w[: len(question.way)] != question.way]

    # --- all answers

    def _answers(self) -> Command | None:
        """Every answer so far: choose one to change it, or finish."""
        options = [
            Option("go on", "go on with the questions"),
            Option("finish", "save the case now and show the report"),
        ]
        found: dict[str, Question] = {}
        for _, items in self.questionnaire.sections:
            for item in items:
                here = at(self.view.page.data, way_of(item))
                question = self.questionnaire.question_at(self.view, way_of(item))
                if here not in (None, "") and question is not None:
                    found[item.id] = question
                    options.append(Option(item.id, f"{item.label}: {shown_answer(here, item)}"))
        reply = self.talk.ask(
            Prompt("All answers so far", options=tuple(options), default="go on", commands=False)
        )
        if reply == "finish":
            return self._command(Command.FINISH, None)
        if isinstance(reply, str) and reply in found:
            question = found[reply]
            self.heading = ""
            if question.kind == "list" or not isinstance(at(self.view.page.data, question.way), dict | list):
                return self._one(question)
            return self._results(question)
        return None

    def _results(self, question: Question) -> Command | None:
        """The results of one item: change a value or what stands beside it, add one, take one out."""
        here = at(self.view.page.data, question.way)
        if isinstance(here, list) and not several(question.item, here):
            return self._one(question)
        places = [(*question.way, n) for n in range(len(here))] if isinstance(here, list) else [question.way]
        options = [Option(" back", "go back")]
        ways: dict[str, Way] = {}
        for way in places:
            part = at(self.view.page.data, way)
            for name, value in part.items() if isinstance(part, dict) else [("value", part)]:
                place = way if name == "value" else (*way, name)
                ways[str(len(ways))] = place
                options.append(
                    Option(
                        str(len(ways) - 1), f"{name.replace('_', ' ')}: {shown_answer(value, question.item)}"
                    )
                )
            if len(places) > 1:
                options.append(Option(f"out {way[-1]}", "take this result out"))
        options.append(Option(" more", "add another result"))
        reply = self.talk.ask(
            Prompt(question.item.label, options=tuple(options), default=" back", commands=False)
        )
        if reply == " more":
            more: Way = (*question.way, len(places))
            return self._one(Question(more, "more", question.item, question.item, question.section))
        if isinstance(reply, str) and reply.startswith("out "):
            self._accept(Question((*question.way, int(reply[4:])), "value", question.item), None, visit=False)
        elif isinstance(reply, str) and reply in ways:
            found = self.questionnaire.question_at(self.view, ways[reply])
            if found is not None:
                return self._one(found)
        return None

    # --- taking answers

    def _accept(self, question: Question, answer: Answer | None, visit: bool = True) -> bool:
        """Write an answer into the text and the journal; where it does not fit, say why and take nothing."""
        way, written = (question.way, None) if answer is None else placed(self.view.page, question, answer)
        try:
            view, dropped = self._written(way, written, strict=not self.lists)
        except NeedsFixing as error:
            self._problems(error)
            return False
        if view.page.text != self.view.page.text:
            self._journal("put", way, written, said=answer)
        self.view = view
        self.left.discard(question.way)
        if visit:
            self.visited.append((question.way, question.kind))
        for said in dropped:
            self.talk.say(f"  taken out, as it does not apply any more: {said}")
        self._changed(self.told)
        return True

    def _written(self, way: Way, answer: Answer | None, strict: bool) -> tuple[View, list[str]]:
        """What the text with an answer comes to, without what that makes irrelevant."""
        before = self.view.page
        whole = changed(before.data, way, answer)
        try:
            new = put(before, way, answer, self.questionnaire.order)
            return self.questionnaire.answered(new, self.view, self.today, strict)
        except UnsafeError as error:
            self.elsewhere(str(error), "as it was, with its comments")
            new = page(rendered(whole), before.source.name)
            return self.questionnaire.answered(new, self.view, self.today, strict)

    def elsewhere(self, why: str, left: str) -> None:
        """From here on the case goes to a new file, and the old one stays."""
        number = 2
        while (target := self.journal.case.with_stem(f"{self.journal.case.stem}-{number}")).exists():
            number += 1
        self.target = target
        self.talk.say(f"  This cannot be written into {self.journal.case.name} without harm: {why}.", "bold")
        self.talk.say(f"  The case goes to a new file, {target.name}; the old one stays {left}.")

    def _leave(self, question: Question) -> None:
        """Leave a question open; an answer that stood there goes."""
        standing = at(self.view.page.data, question.way) not in (None, "")
        if standing and not self._accept(question, None, visit=False):
            return
        self._journal("leave", question.way)
        self.left.add(question.way)
        self.visited.append((question.way, question.kind))

    def _journal(self, *entry: Any, said: Answer | None = None) -> None:
        """On disk before anything else happens; else the asking stops, and the answer is shown back."""
        try:
            self.journal.add(*entry)
        except OSError as error:
            if said is not None:
                self.talk.say(f"Not saved: {shown_answer(said)}", "bold")
            self.talk.say(
                f"{self.journal.path} cannot be written: {error.strerror}. Everything before this answer is there."
            )
            raise StoppedError(WRONG_USAGE) from None

    def _take(self, entry: list[Any]) -> None:
        """One line of the journal, done again."""
        kind, rest = entry[0], entry[1:]
        if kind == "open":
            if rest[0] not in self.book.items:
                raise UnsafeError(f"there is no list {rest[0]}")
            self.lists.append(rest[0])
        elif kind == "close":
            self.lists = [name for name in self.lists if name != rest[0]]
        elif kind == "leave":
            self.left.add(tuple(rest[0]))
            self.visited.append((tuple(rest[0]), ""))
        else:
            way: Way = tuple(rest[0])
            self.view, _ = self._written(way, rest[1], strict=False)
            self.left.discard(way)
            self.visited.append((way, ""))

    # --- what is said

    def _problems(self, error: NeedsFixing, of: Item | None = None) -> None:
        """What is wrong; of which record of a list, where the list as it stands is what is wrong."""
        for problem in problems_in(error):
            number = ""
            for record in self.view.case.lists.get(of.id, ()) if of else ():
                if problem.place in [record.place, *(result.place for result in record.fields.values())]:
                    number = f"number {record.number}: "
            hint = f": {problem.hint}" if problem.hint else ""
            self.talk.say(f"  {number}{problem.says.rstrip('.')}{hint}", "fg:ansired")

    def _changed(self, before: View | None, when: str = "now") -> None:
        """What has changed since it was last said; while a list is being filled in, red flags and remarks only."""
        for finding in changes(before, self.view):
            flag = finding.rule.kind == "red_flag"
            if flag and (finding.rule.id, finding.status) not in self.flags:
                self.flags.add((finding.rule.id, finding.status))
                doubt = "" if finding.status == MET else " (cannot be ruled out)"
                self.talk.say(f"! {finding.rule.finding}{doubt}. {finding.rule.says}", "fg:ansired bold")
            elif not flag and not self.lists:
                self.talk.say(f"  {_news(finding, when)}", "fg:ansicyan")
        now = Counter(self.view.remarks)
        for says in (now - self.remarked).elements():
            self.talk.say(f"  remark: {says}")
        self.remarked |= now
        if not self.lists:
            self.told = self.view

    def _statements(self) -> dict[str, dict[str, Any]]:
        """What statements and sources say: read when help is first asked for."""
        if self.statements is None:
            self.statements = {}
            places = [i.place for i in self.book.items.values()] + [r.place for r in self.book.rules.values()]
            for folder in dict.fromkeys(Path(place.file).parent for place in places):
                for path in sorted(folder.glob("*.y*ml")):
                    root = read_file(path, "examples").root
                    sections = root.items if isinstance(root, Mapping) else {}
                    for section in ("statements", "sources"):
                        self.statements |= data(sections.get(section)) or {}
        return self.statements


def _news(finding: Finding, when: str) -> str:
    """A finding that has just come up, with today's criterion where that differs."""
    if finding.rule.kind == "reminder":
        return f"· reminder: {finding.rule.finding}"
    status = "met today" if finding.only_today else finding.status
    sign = SIGNS[MET] if finding.only_today else SIGNS[finding.status]
    today = today_text(finding)
    return f"{sign} {when} {status}: {finding.rule.finding}" + (f" · {today}" if today else "")
