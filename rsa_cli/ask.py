"""The questionnaire in a terminal: `rsa ask`. It draws and listens; the rest is in `session.py` and `asking.py`.

There are two ways to talk: a screen with keys and lists, and a plain one, line by line, for screen
readers and slow connections. Both get the same questions and give the same answers.
"""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from shlex import join
from textwrap import wrap
from typing import Any, cast

from rsa_cli.asking import irrelevant, problems_in, view_of
from rsa_cli.dictionary import MISSING
from rsa_cli.journal import Journal, LockedError, digest_of, load, save
from rsa_cli.problems import NeedsFixing, brief, visible
from rsa_cli.rulebook import Rulebook
from rsa_cli.session import WORDS, WRONG_USAGE, Command, Option, Prompt, Reply, Session, StoppedError
from rsa_cli.splice import UnsafeError, page, written
from rsa_cli.values import iso

NEEDS_FIXING, INTERRUPTED = 3, 130


# --- talking ---------------------------------------------------------------------------------------


class Plain:
    """Line by line, only ever appended: numbered choices, no colours, no keys but Enter."""

    def say(self, text: str, style: str = "") -> None:
        """A line for the person, in as many as it needs."""
        print("\n".join(_folded(text)), flush=True)

    def ask(self, prompt: Prompt) -> Reply:
        """Ask until there is an answer that can be read."""
        self.say(prompt.text + (f" ({prompt.hint})" if prompt.hint else ""))
        for number, option in enumerate(prompt.options, 1):
            self.say(f"  {number}. {option.label}")
        keys = "  " + ", ".join(_keys(prompt, plain=True))
        if keys.strip():
            self.say(keys)
        while True:
            before = f" [{prompt.default}]" if prompt.default else ""
            typed = self._line(f"{before}> ".lstrip())
            reply = self._reply(prompt, typed)
            if reply is not None:
                return reply

    def _line(self, before: str) -> str:
        sys.stdout.write(before)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        if _ahead():
            self.say("Several lines came at once: only the first was taken.")
        return line.strip()

    def _reply(self, prompt: Prompt, typed: str) -> Reply | None:
        if not typed:
            if prompt.default:
                return prompt.default
            if prompt.leave:
                return Command.LEAVE
            self.say("Please answer, or Ctrl-C to stop.")
            return None
        said = _said(prompt, typed)
        if said is not None:
            if said in MISSING and said != typed:
                self.say(f"  {said}")
            return said
        if not prompt.options:
            wrong = prompt.check(typed) if prompt.check else ""
            if wrong:
                self.say(wrong)
            return None if wrong else typed
        parts = typed.split(",") if prompt.several else [typed]
        chosen: list[Option] = []
        for part in parts:
            fits = meant(prompt, part)
            if len(fits) != 1:
                self.say(_unfit(prompt, part.strip(), fits))
                return None
            chosen += fits
        labels = ", ".join(option.label for option in chosen)
        if labels.casefold() != typed.casefold():
            self.say(f"  {labels}")
        if chosen[0].value == _LEAVE:
            return Command.LEAVE
        values = [option.value for option in chosen]
        if not prompt.several or (len(values) == 1 and values[0] in MISSING):
            return values[0]
        alone = next((o.label for o in chosen if o.value in (*MISSING, "[]")), "")
        if alone and len(values) > 1:
            self.say(f"{alone} does not go with others")
            return None
        return values


class Screen:
    """With keys and lists. One application draws every line and one every list: making them takes longer than a key."""

    def __init__(self) -> None:
        import questionary
        from prompt_toolkit import PromptSession
        from prompt_toolkit.application import Application
        from prompt_toolkit.history import DummyHistory
        from questionary.constants import DEFAULT_STYLE

        self.questionary = questionary
        # The list and the keys go when there is an answer; what was answered stays, said in a line.
        self.line: Any = PromptSession(style=DEFAULT_STYLE, erase_when_done=True, history=DummyHistory())
        self.list: Any = Application(style=DEFAULT_STYLE, erase_when_done=True)
        _wrapped(self.line.layout)

    def say(self, text: str, style: str = "") -> None:
        """A line for the person; `style` is how it stands out where there are colours."""
        for line in _folded(text):
            self.questionary.print(line, style=style)

    def ask(self, prompt: Prompt) -> Reply:
        """Ask once: nothing that cannot be read comes back."""
        reply = self._reply(prompt, self._choose(prompt) if prompt.options else self._type(prompt))
        labels = {option.value: option.label for option in prompt.options}
        said = "–" if reply is Command.LEAVE else ""
        if not isinstance(reply, Command):
            said = ", ".join(
                labels.get(part, part) for part in ([reply] if isinstance(reply, str) else reply)
            )
        if said:
            self.say(f"· {prompt.text} {said}")
        self._drop_ahead()
        return reply

    def _reply(self, prompt: Prompt, found: Any) -> Reply:
        if isinstance(found, Command):
            return found
        if found == _LEAVE or not found or (isinstance(found, str) and not found.strip()):
            return Command.LEAVE
        if isinstance(found, list) or prompt.options:
            return cast("Reply", found)
        return _said(prompt, found.strip()) or found.strip()

    def _type(self, prompt: Prompt) -> Any:
        """What is typed in answer, once it can be read."""
        from prompt_toolkit.buffer import ValidationState
        from prompt_toolkit.keys import Keys
        from prompt_toolkit.validation import ValidationError, Validator

        class Check(Validator):
            def validate(self, document: Any) -> None:
                if wrong := _wrong(prompt, document.text):
                    raise ValidationError(len(document.text), "\n".join(_folded(wrong)))

        def paste(event: Any) -> None:
            pasted = event.data.rstrip("\r\n")  # a cell of a table is pasted with its line break
            if len(pasted.splitlines()) > 1:
                event.current_buffer.validation_error = ValidationError(message=_LINES)
                event.current_buffer.validation_state = ValidationState.INVALID
            else:
                event.current_buffer.insert_text(pasted)

        bindings = self._bindings(prompt)
        bindings.add(Keys.BracketedPaste, eager=True)(paste)
        below = (_below([prompt.hint]) if prompt.hint else "") + _below(_keys(prompt, plain=False))
        asks = [*_asks(prompt), ("", f"{below}\n  ")]
        return self.line.prompt(asks, default=prompt.default, validator=Check(), key_bindings=bindings)

    def _choose(self, prompt: Prompt) -> Any:
        """What is chosen from a list: one of the answers, or all that were marked."""
        bindings, chosen = self._bindings(prompt), _Typed(prompt)
        chosen.listen(bindings)
        self.list.key_bindings, self.list.layout = bindings, chosen.layout()
        return self.list.run()

    def _bindings(self, prompt: Prompt) -> Any:
        from prompt_toolkit.filters import Condition
        from prompt_toolkit.key_binding import KeyBindings

        bindings = KeyBindings()

        def bind(key: str, reply: str | Command, **how: Any) -> None:
            @bindings.add(key, eager=True, **how)
            def _(event: Any) -> None:
                event.app.exit(result=reply)

        if prompt.missing:
            for number, word in enumerate(MISSING, 2):
                bind(f"f{number}", word)
        if prompt.commands:
            bind("f1", Command.HELP)
            bind("s-tab", Command.BACK)
            bind("f8", Command.ANSWERS)
            bind("f10", Command.FINISH)
            bind("?", Command.HELP, **({} if prompt.options else {"filter": Condition(_empty_buffer)}))
        return bindings

    def _drop_ahead(self) -> None:
        """Lines that were pasted together with an answer must not answer what is asked next."""
        if not sys.stdin.isatty():
            return
        from prompt_toolkit.application.current import get_app_session
        from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead

        terminal = get_app_session().input
        try:
            elsewhere = terminal.fileno() != sys.stdin.fileno()
        except NotImplementedError:  # the console of Windows is no file: what was typed ahead cannot be seen
            return
        if elsewhere:
            return
        keys = get_typeahead(terminal)
        if _ahead() or any(str(getattr(k.key, "value", k.key)) in ("c-m", "c-j") for k in keys):
            self.say("Several lines came at once: only the first was taken.")
        else:
            store_typeahead(terminal, keys)


_LEAVE = Command.LEAVE.value
_LINES = "several lines were pasted: one answer stands here"


class _Typed:
    """What is typed while a list is shown: it points at what it fits, and Enter never takes what it does not fit."""

    def __init__(self, prompt: Prompt) -> None:
        from questionary import Choice
        from questionary.prompts.common import InquirerControl

        marked = prompt.default.split(", ") if prompt.several else []
        choices = [
            Choice(f"{n:>2}) {o.label}", value=o.value, checked=o.value in marked)
            for n, o in enumerate(prompt.options, 1)
        ]
        if prompt.leave and not prompt.several:
            choices.insert(0, Choice(f" 0) {prompt.leave}", value=_LEAVE))
        standing = not prompt.several and prompt.default in {o.value for o in prompt.options}
        default = prompt.default if standing else None
        self.list: Any = InquirerControl(
            choices, default, initial_choice=default, use_indicator=prompt.several, focusable=True, show_cursor=False
        )  # fmt: skip
        self.prompt = prompt
        self.text = ""
        self.said = ""
        self.start = 0  # where the list pointed before anything was typed
        self.moved = False

    def listen(self, bindings: Any) -> None:
        """Take the keys of a list."""
        from prompt_toolkit.keys import Keys

        def bind(key: str, do: Callable[[Any], None]) -> None:
            bindings.add(key, eager=True)(do)

        bindings.add(Keys.Any)(self._add)
        bindings.add(Keys.BracketedPaste)(self._add)
        bind("backspace", lambda _: self._shown(self.text[:-1]))
        bind("c-u", lambda _: self._shown(""))
        bind("up", lambda _: self._step(-1))
        bind("down", lambda _: self._step(1))
        bind("enter", self._enter)
        bind("c-c", lambda event: event.app.exit(exception=KeyboardInterrupt))
        if self.prompt.several:
            bind(" ", lambda _: self._space())

    def layout(self) -> Any:
        """The question, the list, and a line below it for what is typed."""
        from prompt_toolkit.filters import Condition
        from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Layout, Window

        takes = "; space marks, Enter takes them" if self.prompt.several else ", then Enter"
        keys = _below([f"number, word or arrows{takes}", *_keys(self.prompt, plain=False)])
        parts = [Window(FormattedTextControl([*_asks(self.prompt), ("", keys)])), Window(self.list)]
        line = Window(
            FormattedTextControl(lambda: [("class:validation-toolbar", "\n".join(_folded(self.said)))])
        )
        said = ConditionalContainer(line, Condition(lambda: bool(self.said)))
        layout = Layout(HSplit([*parts, said]))
        _wrapped(layout)
        return layout

    def _add(self, event: Any) -> None:
        typed = event.data.rstrip("\r\n")
        command = next((c for c in Command if c.value == typed and c is not Command.FINISH), None)
        if command is not None and not self.text and self.prompt.commands:
            if command is not Command.LEAVE or self.prompt.leave:
                event.app.exit(result=command)
        elif len(typed.splitlines()) > 1:
            self.said = _LINES
        elif typed.isprintable():
            self._shown(self.text + typed)

    def _fits(self, text: str) -> list[Option]:
        if text.strip() == "0" and self.prompt.leave and not self.prompt.several:
            return [Option(_LEAVE, self.prompt.leave)]
        return meant(self.prompt, text)

    def _step(self, by: int) -> None:
        self.list.pointed_at = (self.list.pointed_at + by) % len(self.list.choices)
        self.moved, self.text, self.said = True, "", ""

    def _shown(self, text: str) -> None:
        """Show what is typed now, and point at the first that it fits."""
        fits = self._fits(text)
        if not self.text:
            self.start = self.list.pointed_at
        self.text = text
        values = [choice.value for choice in self.list.choices]
        places = [values.index(option.value) for option in fits if option.value in values]
        self.list.pointed_at = places[0] if places else self.start
        means = f"  →  {fits[0].label}" if len(fits) == 1 else ""
        self.said = f"typed: {text}{means}" if text else ""

    def _enter(self, event: Any) -> None:
        fits = self._fits(self.text)
        marked = [choice.value for choice in self.list.choices if choice.value in self.list.selected_options]
        if self.text and len(fits) != 1:
            self.said = _unfit(self.prompt, self.text, fits)
        elif not self.prompt.several:
            event.app.exit(result=fits[0].value if self.text else self.list.get_pointed_at().value)
        elif self.text and fits[0].value in MISSING:
            if marked:
                self.said = f"{fits[0].label} does not go with what is marked"
            else:
                event.app.exit(result=fits[0].value)
        elif self.text:
            self._mark(fits[0].value)
        elif "[]" in marked and len(marked) > 1:
            self.said = f"{self.prompt.options[-1].label} does not go with others"
        elif not marked and self.moved:
            self.said = f"nothing is marked: space marks{', - leaves it open' if self.prompt.leave else ''}"
        else:
            event.app.exit(result=marked)

    def _space(self) -> None:
        """Mark what is pointed at, or what was typed; inside words that fit several it is a blank."""
        fits = self._fits(self.text)
        if self.text and len(fits) != 1:
            self._shown(f"{self.text} ")
        else:
            self._mark(fits[0].value if self.text else self.list.get_pointed_at().value)

    def _mark(self, value: str) -> None:
        if value in MISSING:
            self.said = f"{value} is no answer to mark: Enter takes it"
            return
        if value in self.list.selected_options:
            self.list.selected_options.remove(value)
        else:
            self.list.selected_options.append(value)
        self.moved, self.text, self.said = True, "", ""


def _asks(prompt: Prompt) -> list[Any]:
    """The question, as it is drawn."""
    text = "\n".join(_folded(f"· {prompt.text}"))
    return [("class:qmark", text[:1]), ("class:question", f"{text[1:]} ")]


def _wrong(prompt: Prompt, text: str) -> str:
    """Why what was typed is no answer yet, or the empty text."""
    typed = text.strip()
    if not typed:
        return "" if prompt.leave else "please answer, or Ctrl-C to stop"
    return "" if prompt.check is None or _said(prompt, typed) is not None else prompt.check(typed)


def meant(prompt: Prompt, typed: str) -> list[Option]:
    """The answers that what was typed may mean: by number, by its whole name, else all that begin with it."""
    text = re.sub(r"[\s_]+", " ", typed.casefold()).lstrip()
    if text.strip().isdecimal():
        number = int(text[:6])
        return [prompt.options[number - 1]] if 0 < number <= len(prompt.options) else []
    others = [Option(word, word) for word in MISSING] if prompt.missing else []
    if prompt.leave and not prompt.several:
        others.append(Option(_LEAVE, prompt.leave))
    named = [(o, (o.label.casefold(), o.value.replace("_", " ").strip())) for o in (*prompt.options, *others)]
    whole = [o for o, names in named if text.strip() in names]
    # n is the whole of no: not done and not applicable take more letters
    whole = whole or [o for o, _ in named if o.value in ("yes", "no") and text.strip() == o.value[0]]
    return whole[:1] or [o for o, names in named if text.strip() and any(n.startswith(text) for n in names)]


def _unfit(prompt: Prompt, typed: str, fits: list[Option]) -> str:
    """That what was typed is no answer, and what would be."""
    said = brief(typed.strip(), 24)
    if fits:
        labels = " or ".join(brief(option.label, 24) for option in fits[:2])
        return f"{said} may be {labels}{' or another' * (len(fits) > 2)}: write more of it"
    return f"{said} is not there: write a number or a word of the list"


def _empty_buffer() -> bool:
    from prompt_toolkit.application.current import get_app

    return not get_app().current_buffer.text


def _ahead() -> bool:
    """Whether more was already there when a line had been read; it is thrown away."""
    with suppress(OSError, ValueError, ImportError):
        if sys.stdin.isatty() and select.select([sys.stdin.fileno()], [], [], 0)[0]:
            import termios

            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
            return True
    return False


def _said(prompt: Prompt, typed: str) -> Reply | None:
    """What a word or sign stands for that is no answer of its own: a kind of missing, or a command."""
    if typed in {o.value for o in prompt.options} or typed in _taken(prompt):
        return None
    word = WORDS.get(typed, typed if typed in MISSING else None)
    if word is Command.LEAVE:
        return Command.LEAVE if prompt.leave else None
    if isinstance(word, Command):
        return word if prompt.commands else None
    return word if prompt.missing else None


def _taken(prompt: Prompt) -> set[str]:
    """The letters that an answer of the list begins with: there they do not stand for a kind of missing."""
    return {o.label[:1].casefold() for o in prompt.options} | {o.value[:1] for o in prompt.options}


def _keys(prompt: Prompt, plain: bool) -> list[str]:
    """What may be said in place of an answer, in words."""
    said = []
    if prompt.missing:
        names = "udpa" if plain else ("F2", "F3", "F4", "F5")
        taken = _taken(prompt) if plain else set()
        said += [
            word if name in taken else f"{name} {word}" for name, word in zip(names, MISSING, strict=True)
        ]
    if prompt.leave and (plain or not prompt.options or prompt.several):
        said.append(f"{'-' if plain else 'Enter:'} {prompt.leave}")
    if prompt.commands:
        said += (
            ["? help", "< back", "= answers"]
            if plain
            else ["? help", "⇧Tab back", "F8 answers", "^C stops, nothing is lost"]
        )
    return said


def _wrapped(layout: Any) -> None:
    """Let no message and no answer of a list end at the edge of the screen."""
    from prompt_toolkit.filters import to_filter
    from prompt_toolkit.layout import FormattedTextControl

    for window in layout.find_all_windows():
        if isinstance(window.content, FormattedTextControl):
            window.wrap_lines = window.dont_extend_height = to_filter(True)
            window.height = None if window.height == 1 else window.height


def _below(words: list[str]) -> str:
    """Words below a question, in as many lines as they need."""
    return "".join(f"\n   {line}" for line in _lines(words, _columns() - 5))


def _folded(text: str) -> list[str]:
    """A text in lines that fit the screen, without orders to the terminal."""
    indent = " " * (len(text) - len(text.lstrip(" ")) + 2)
    lines = wrap(visible(text), max(20, _columns() - 1), subsequent_indent=indent, break_on_hyphens=False)
    return [line.rstrip() for line in lines] or [""]


def _columns() -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


def _lines(words: list[str], width: int) -> Iterator[str]:
    """Words in as many lines as they need."""
    line = ""
    for word in words:
        if line and len(line) + 3 + len(word) > width:
            yield line
            line = ""
        line += f"   {word}" if line else word
    if line:
        yield line


# --- the whole ---------------------------------------------------------------------------------------


def run(
    case: Path | None, book: Rulebook, shortest: bool = False, plain: bool = False, rules: str = "article"
) -> tuple[int, Path | None]:
    """Ask; the status to leave with, and the file that the case was saved to. `rules` is how the rulebook was named."""
    talk: Plain | Screen = Plain() if plain or os.environ.get("TERM") == "dumb" else Screen()
    again = ["--rules", rules] * (rules != "article") + ["--shortest"] * shortest + ["--plain"] * plain
    try:
        if case is None:
            case = _named(talk)
        return _asked(talk, case, book, shortest)
    except StoppedError as stopped:
        talk.say(f"When that is mended, go on with: {join(['rsa', 'ask', str(case), *again])}")
        return stopped.status, None
    except (KeyboardInterrupt, EOFError):
        talk.say("")
        talk.say(
            f"Stopped. What was answered is kept: resume with: {join(['rsa', 'ask', str(case), *again])}"
            if case is not None
            else "Stopped."
        )
        return INTERRUPTED, None


def _named(talk: Plain | Screen) -> Path:
    """The file the case is to stand in, asked for before anything else."""
    prompt = Prompt(
        "Which file shall hold the case? An id, never a name",
        "as in RSA-0042.yaml",
        check=lambda typed: _unfit_name(Path(typed).expanduser()),
        commands=False,
    )
    return Path(str(talk.ask(prompt)).strip()).expanduser()


def _unfit_name(case: Path) -> str:
    """Why a case cannot stand there, or the empty text."""
    if case.is_dir():
        return "this is a folder: name a file in it"
    if not case.parent.is_dir():
        return f"there is no folder {case.parent}"
    if case.exists():
        return "" if case.is_file() else "this is no file"
    return "" if case.suffix in (".yaml", ".yml") else "the name of a case ends with .yaml"


def _asked(talk: Plain | Screen, case: Path, book: Rulebook, shortest: bool) -> tuple[int, Path | None]:
    if unfit := _unfit_name(case):
        talk.say(f"rsa: {case}: {unfit}")
        return WRONG_USAGE, None
    try:
        new = not case.exists()
        raw = "" if new else load(case)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or "it is not plain text in UTF-8"
        talk.say(f"rsa: {case} cannot be read: {reason}")
        return WRONG_USAGE, None
    text = f"format: 1\ncase: {_id(case)}\n" if new else raw.removeprefix("\ufeff")
    today = date.today().toordinal()
    try:
        start = page(text, str(case))
        view_of(start, book, today)
    except UnsafeError:
        talk.say(f"rsa: {case} needs fixing first:  rsa assess {case}")
        return NEEDS_FIXING, None
    except NeedsFixing as error:
        talk.say(f"rsa: {case} needs fixing first:  rsa assess {case}")
        for problem in problems_in(error):
            talk.say(f"  {problem.place}: {problem.says}")
        return NEEDS_FIXING, None
    try:
        journal = _opened(talk, case, raw)
    except LockedError:
        talk.say(f"rsa: another session is asking for {case}; end that one first")
        return WRONG_USAGE, None
    except OSError as error:
        talk.say(f"rsa: no journal can be written beside {case}: {error.strerror}")
        return WRONG_USAGE, None
    status, saved = NEEDS_FIXING, None
    try:
        session = Session(talk, book, journal, start, today, shortest)
        _greet(talk, case, session, new)
        status, saved = 0, _finished(talk, case, session, raw, new)
    except (NeedsFixing, UnsafeError) as error:
        talk.say(f"rsa: the answers in {journal.path} do not fit this case or this rulebook any more")
        for says in [p.says for p in problems_in(error)] if isinstance(error, NeedsFixing) else [str(error)]:
            talk.say(f"  {says}")
    finally:
        journal.close(remove=status == 0 or not journal.entries)
    return status, saved


def _opened(talk: Plain | Screen, case: Path, raw: str) -> Journal:
    """The journal of a case, begun for this text of it. Raises LockedError, or OSError where it cannot be written."""
    journal = Journal(case)
    try:
        _unchanged(talk, journal, case, raw)
        journal.begin(raw)
    except BaseException:
        journal.close(remove=not journal.entries)
        raise
    return journal


def _finished(talk: Plain | Screen, case: Path, session: Session, raw: str, new: bool) -> Path | None:
    """Ask, and save; the file it was saved to, which is a new one where the old one has changed meanwhile."""
    text = session.run()
    if new and not session.journal.entries:
        talk.say("Nothing was answered: nothing is saved.")
        return None
    if case.exists() if new else not _holds(case, raw):
        session.elsewhere("it was changed while you were answering", "as it is now")
    mark = "\ufeff" if raw.startswith("\ufeff") else ""
    _save(talk, session.target, mark + text)
    saved = case if session.target == case.resolve() else case.with_name(session.target.name)
    talk.say("")
    talk.say(f"Saved: {saved}", "bold")
    return saved


def _holds(case: Path, raw: str) -> bool:
    """Whether a file is there, can be read and holds just this text."""
    with suppress(OSError, UnicodeDecodeError):
        return load(case) == raw
    return False


def _greet(talk: Plain | Screen, case: Path, session: Session, new: bool) -> None:
    count = session.resume()
    if session.journal.entries:
        talk.say(
            f"Resumed {case}: {count} answer{'s' * (count != 1)} from the journal {session.journal.path.name}."
        )
    else:
        talk.say(
            f"{'New case' if new else 'Case'} {case}. Every answer is kept at once; Ctrl-C stops, and nothing is lost."
        )
    view = session.view
    stale = irrelevant(view.page, view.case, view.evidence)
    day = session.view.case.as_of
    if day is not None and day < session.today:
        talk.say(
            f"  The case is judged as of {iso(day)}: now means that day, and what is dated later does not count."
        )
    if stale:
        talk.say(f"  does not apply: {', '.join(stale.values())}")


def _unchanged(talk: Plain | Screen, journal: Journal, case: Path, raw: str) -> None:
    """A journal of answers to another text of the case is not mixed in unasked."""
    if not journal.entries or journal.digest == digest_of(raw):
        return
    talk.say(f"{case} was changed after the answers in {journal.path.name} were given.")
    options = (
        Option("apply", "write those answers into the case as it is now"),
        Option("aside", "keep them aside in a file of their own, and go on without them"),
    )
    if (
        talk.ask(Prompt("What shall become of them?", options=options, default="aside", commands=False))
        == "aside"
    ):
        talk.say(f"  kept in {journal.put_aside().name}")


def _save(talk: Plain | Screen, target: Path, text: str) -> None:
    try:
        save(target, text)
    except OSError as error:
        talk.say(f"rsa: {target} cannot be written: {error.strerror}. The answers are kept in the journal.")
        raise StoppedError(WRONG_USAGE) from None


def _id(case: Path) -> str:
    """The id of a new case: the name of its file."""
    return written(visible(case.stem))
