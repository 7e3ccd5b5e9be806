"""YAML with the place of everything in it, and nothing guessed: every scalar arrives as text.

Reading goes over libyaml's events with a stack of our own: libyaml's composer crashes the process
on deep nesting, and the ready-made loaders keep the last of two equal keys without a word.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rsa_cli.problems import NeedsFixing, Place, Problem, nearest, visible

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64


class Text(NamedTuple):
    """A scalar as written. `plain` is false where it stood in quotes."""

    text: str
    plain: bool
    file: str
    start: Any
    end: Any

    @property
    def place(self) -> Place:
        """Where it stands."""
        return _place(self.file, self.start, self.end)


class Mapping(NamedTuple):
    """Keys and what stands under them, in the order written; `keys` holds the place of each key."""

    items: dict[str, Node]
    keys: dict[str, Text]
    file: str
    start: Any
    end: Any

    @property
    def place(self) -> Place:
        """Where it stands, from its first key to its end."""
        return _place(self.file, self.start, self.end)


class Sequence(NamedTuple):
    """A list, in the order written."""

    parts: list[Node]
    file: str
    start: Any
    end: Any

    @property
    def place(self) -> Place:
        """Where it stands."""
        return _place(self.file, self.start, self.end)


class _Mark(NamedTuple):
    """Stands for libyaml's mark where there is no text."""

    line: int
    column: int


_START = _Mark(0, 0)


def _place(file: str, start: Any, end: Any) -> Place:
    # Kept as libyaml's marks until somebody asks: most places of a rulebook are never looked at.
    return Place(file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


Node = Text | Mapping | Sequence


class Source(NamedTuple):
    """One file read: its name as shown, its lines, its content and the remarks on its form.

    `root` is `None` when the file is empty or could not be read to its end.
    """

    name: str
    lines: list[str]
    root: Node | None
    problems: list[Problem]


# What libyaml's scanner says, in words that help: the first pattern found decides.
_SYNTAX = (
    ("found character '\\t'", "a tab cannot be used to indent", "use spaces"),
    ("cannot start any token", "a value cannot begin with this character", 'put the value in quotes: "…"'),
    ("block scalar", "YAML takes a value that begins with > or | for a text block",
     'quote it: ">2 ng/mL", or write: over 2 ng/mL'),
    ("mapping values are not allowed", "a second ': ' in this line, or a line indented too far",
     "quote a value that holds ': ', and indent keys of one level alike"),
    ("could not find expected ':'", "a key without ':'", "write  key: value"),
    ("did not find expected ',' or ']'", "a list in [ ] is not closed here", "close it with ], separate its parts by commas"),
    ("did not find expected ',' or '}'", "braces { } are not closed here", "close them with }, separate the pairs by commas"),
    ("did not find expected key", "this line does not fit the lines above it", "indent keys of one level alike"),
    ("did not find expected '-'", "this line does not fit the list above it", "begin each part of the list with '- ' in one column"),
    ("block sequence entries", "a list cannot begin here", "begin the list on a line of its own"),
    ("unexpected end of stream", "a quote is opened and never closed", "close it"),
    ("unknown escape", "a backslash in double quotes", "use single quotes"),
    ("alphabetic or numeric", "a value cannot begin with & or *", "put the value in quotes"),
    ("document start", "text after the end of the document", "one case a file, without --- or ... in it"),
    ("did not find expected node content", "something is missing here", "a comma too many, or a value left out"),
)  # fmt: skip
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_READ = re.compile(r" #(?! *$)")
_TOUCHES = re.compile(r"(?<! ) #")


def read_file(path: str | Path, stop_before: str = "") -> Source:
    """Read a file, or standard input for `-`. What cannot be read at all is a problem of the source.

    With `stop_before`, reading ends where that key begins at the top level.
    """
    name = str(path)
    try:
        if name == "-":
            import sys

            name = "standard input"
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        words = {
            "FileNotFoundError": ("file-missing", "there is no such file", "check the name and the folder"),
            "IsADirectoryError": ("file-folder", "this is a folder, not a case file", "name a file in it"),
            "PermissionError": ("file-forbidden", "this file may not be read", "check its permissions"),
        }.get(
            type(error).__name__,
            ("file-unreadable", f"the file cannot be read: {error.strerror or error}", ""),
        )
        return Source(name, [], None, [Problem(words[0], Place(name), words[1], words[2])])
    except ValueError:
        return Source(name, [], None, [Problem("file-missing", Place(name), "this is no file name", "")])
    return read_bytes(name, data, stop_before)


def read_bytes(name: str, data: bytes, stop_before: str = "") -> Source:
    """Read what a file holds; `name` is how its places name it."""

    def refused(code: str, says: str, hint: str = "", line: int = 0, column: int = 0) -> Source:
        place = Place(name, line, column, line, column + 1)
        return Source(name, lines, None, [Problem(code, place, says, hint)])

    lines: list[str] = []
    if len(data) > MAX_BYTES:
        return refused(
            "file-too-large",
            "the file is larger than 4 MiB",
            "a case is a few kilobytes: is this the right file?",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        binary = b"\0" in data[:8192]
        says = "this is not a text file" if binary else "this file is not UTF-8 text"
        return refused("file-not-text", says, "" if binary else "save it as UTF-8", line)
    lines.extend(text.splitlines())
    if bad := _CONTROL.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - (text.rfind("\n", 0, bad.start()) + 1) + 1
        return refused(
            "control-character",
            f"a control character ({visible(bad[0])}) stands here",
            "delete it",
            line,
            column,
        )
    reader = _Reader(name, lines, stop_before)
    try:
        root = reader.read(text)
    except _StoppedError:
        root = None
    except yaml.YAMLError as error:
        reader.problems.append(_syntax(name, lines, error))
        root = None
    return Source(name, lines, root, reader.problems)


class _StoppedError(Exception):
    """Reading cannot go on; the problem has been noted."""


class _Frame:
    """An open collection: what it holds so far, the key that waits for its value, whether in braces."""

    __slots__ = ("flow", "items", "key", "keys", "parts", "start")

    def __init__(self, mapping: bool, event: Any) -> None:
        self.items: dict[str, Node] | None = {} if mapping else None
        self.keys: dict[str, Text] = {}
        self.parts: list[Node] = []
        self.key: Text | None = None
        self.start = event.start_mark
        self.flow = bool(event.flow_style)

    def closed(self, name: str, end: Any) -> Node:
        if self.items is None:
            return Sequence(self.parts, name, self.start, end)
        return Mapping(self.items, self.keys, name, self.start, end)


class _Reader:
    """Builds nodes from libyaml's events with its own stack."""

    def __init__(self, name: str, lines: list[str], stop_before: str) -> None:
        self.name = name
        self.lines = lines
        # Lines where a comment may touch a value: a # after a single space.
        self.touched = {number for number, line in enumerate(lines) if " #" in line and _TOUCHES.search(line)}
        self.stop_before = stop_before
        self.problems: list[Problem] = []

    def place(self, event: Any) -> Place:
        return _place(self.name, event.start_mark, event.end_mark)

    def problem(self, code: str, place: Place, says: str, hint: str = "", remark: bool = False) -> None:
        self.problems.append(Problem(code, place, says, hint, remark))

    def stop(self, code: str, place: Place, says: str, hint: str = "") -> None:
        self.problem(code, place, says, hint)
        raise _StoppedError

    def read(self, text: str) -> Node | None:
        root: Node | None = None
        frames: list[_Frame] = []
        frame: _Frame | None = None
        documents = 0
        next_event: Any = yaml.CSafeLoader(text).get_event
        while (event := next_event()) is not None:
            kind = type(event)
            node: Node
            if kind is yaml.ScalarEvent:
                if event.tag is not None or event.anchor is not None:
                    self.mark(event, self.place(event))
                style = event.style
                node = Text(event.value, not style, self.name, event.start_mark, event.end_mark)
                if frame is not None and frame.items is not None and frame.key is None:
                    if node.text == self.stop_before and self.stop_before and len(frames) == 1:
                        return frame.closed(self.name, event.start_mark)
                    self.key(frame, node)
                    continue
                if frame is None or frame.key is None or frame.key.text != "note":
                    self.scalar(node, style, frame)
                if self.touched and not style and event.end_mark.line in self.touched:
                    self.comment(event.end_mark)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if event.tag is not None or event.anchor is not None:
                    self.mark(event, self.place(event))
                if frame is not None and frame.items is not None and frame.key is None:
                    hint = "quote the value, or check the braces"
                    self.stop("key-not-a-word", self.place(event), "a key must be a word", hint)
                if len(frames) >= MAX_DEPTH:
                    says = f"brackets or lists nested more than {MAX_DEPTH} deep"
                    self.stop("too-deep", self.place(event), says)
                frame = _Frame(kind is yaml.MappingStartEvent, event)
                frames.append(frame)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                closed = frames.pop()
                node = closed.closed(self.name, event.end_mark)
                frame = frames[-1] if frames else None
                if closed.flow and event.end_mark.line in self.touched:
                    self.comment(event.end_mark)
            elif kind is yaml.AliasEvent:
                hint = "write the value out, or quote it"
                self.stop("alias", self.place(event), "an alias (*name) is not read", hint)
                continue
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    says = "a second document (---) begins here"
                    self.stop("second-document", self.place(event), says, "one case a file")
                continue
            else:
                continue
            if frame is None:
                root = node
            elif frame.items is None:
                frame.parts.append(node)
            elif frame.key is not None:
                frame.items[frame.key.text] = node
                frame.key = None
        return root

    def mark(self, event: Any, place: Place) -> None:
        what = "an anchor (&name)" if event.anchor is not None else "a tag (!name)"
        self.stop("anchor-or-tag", place, f"{what} is not read", "write the value without it, or quote it")

    def key(self, frame: _Frame, key: Text) -> None:
        if key.text in frame.keys:
            first = frame.keys[key.text].place.line
            self.problem("duplicate-key", key.place, f"{visible(key.text)} stands here a second time (first in line {first})",
                         "keep one of them; several results of one item are a list")  # fmt: skip
        frame.keys.setdefault(key.text, key)
        frame.key = key

    def scalar(self, node: Text, style: str | None, frame: _Frame | None) -> None:
        if style in ("|", ">"):
            hint = 'a value that begins with > must be quoted: ">2", or write: over 2'
            self.problem("block-text", node.place, "a block of text stands where a value is expected", hint)
        elif node.plain and not node.text and frame is not None and frame.flow and frame.key is not None:
            self.problem("empty-in-braces", frame.key.place, f"{visible(frame.key.text)!r} has no value inside these braces",
                         "quote a value that holds a comma, or write: key: value")  # fmt: skip
        elif node.plain and ("：" in node.text or "，" in node.text):
            says = "a full-width ： or ， is not read as YAML"
            self.problem("full-width", node.place, says, "write ': ' or ', '")

    def comment(self, end: Any) -> None:
        line = self.lines[end.line]
        if _NOT_READ.match(line, end.column):
            start = Place(self.name, end.line + 1, end.column + 2, end.line + 1, len(line) + 1)
            self.problem("comment-touches", start, "the text after # is not read",
                         "put two spaces before a comment, or quote the value", remark=True)  # fmt: skip


def _syntax(name: str, lines: list[str], error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = (
        Place(name, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2) if mark else Place(name)
    )
    said = f"{getattr(error, 'context', '') or ''} {getattr(error, 'problem', '') or error}"
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    if "：" in line or "，" in line:
        return Problem("full-width", place, "a full-width ： or ， is not read as YAML", "write ': ' or ', '")
    if "cannot start any token" in said and "\t" in line[: place.column]:
        return Problem("syntax", place, *_SYNTAX[0][1:])
    for pattern, says, hint in _SYNTAX:
        if pattern in said:
            return Problem("syntax", place, says, hint)
    return Problem("syntax", place, "this is not YAML", "look at this line and the one above it")


# --- shapes --------------------------------------------------------------------------------------


class Shaper:
    """Checks nodes against declared shapes and gathers what is wrong.

    A shape is a mapping from key to the kind of its value: `text`, `texts` (a text, or a list of
    them), `yes` (yes or no), `mapping`, `sequence` or `any`; a `!` behind it says it must be there.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(
        self, code: str, node: Node | Text | Place, says: str, hint: str = "", remark: bool = False
    ) -> None:
        """Note a problem at a node or a place."""
        place = node if isinstance(node, Place) else node.place
        self.problems.append(Problem(code, place, says, hint, remark))

    def mapping(self, node: Node | None, what: str, place: Place | None = None) -> Mapping | None:
        """The node as a mapping; nothing written (`key:`) is an empty one; anything else is a problem."""
        if node is None or (type(node) is Text and node.plain and node.text == ""):
            if node is not None:
                return Mapping({}, {}, node.file, node.start, node.end)
            return Mapping({}, {}, place.file if place else "", _START, _START)
        if type(node) is not Mapping:
            self.problem(
                "not-a-mapping", node, f"{what} must be written as  key: value", "indent its keys below it"
            )
            return None
        return node

    def shaped(self, node: Node | None, shape: dict[str, str], what: str) -> dict[str, Any] | None:
        """The values of a mapping by its shape: text as `Text`, texts as a list of `Text`, yes as bool."""
        mapping = self.mapping(node, what)
        if mapping is None:
            return None
        out: dict[str, Any] = {}
        for key, value in mapping.items.items():
            kind = shape.get(key)
            if kind is None:
                self.unknown(mapping.keys[key], shape, what)
                continue
            read = self.value(value, kind.rstrip("!"), f"{key} of {what}")
            if read is not None:
                out[key] = read
        for key, kind in shape.items():
            if kind.endswith("!") and key not in mapping.items:
                self.problem("key-missing", mapping, f"{what} has no {key!r}", f"add  {key}: …")
        return out

    def value(self, node: Node, kind: str, what: str) -> Any:
        """The value of one key by its kind; `None`, and a problem, when it has another shape."""
        match kind:
            case "text":
                if type(node) is Text:
                    return node
                self.problem("not-a-text", node, f"{what} must be a single value", "")
            case "texts":
                if type(node) is Text:
                    return [node] if node.text else []
                if type(node) is Sequence and all(type(part) is Text for part in node.parts):
                    return node.parts
                self.problem("not-a-list", node, f"{what} must be a list of words", "write  [one, two]")
            case "yes":
                if type(node) is Text and node.text in ("yes", "no", "true", "false"):
                    return node.text in ("yes", "true")
                self.problem("not-yes-or-no", node, f"{what} must be yes or no")
            case "mapping":
                return self.mapping(node, what)
            case "sequence":
                if type(node) is Sequence:
                    return node
                self.problem(
                    "not-a-list",
                    node,
                    f"{what} must be a list",
                    "write  [one, two], or one line each with '- '",
                )
            case _:
                return node
        return None

    def unknown(self, key: Text, known: Any, what: str) -> None:
        """Note an unknown key, with the nearest known one."""
        hint = nearest(key.text, known)
        if "：" in key.text:
            hint = "a full-width ： is not read as YAML: write ': '"
        self.problem(
            "unknown-key",
            key,
            f"{what} has no key {visible(key.text)!r}",
            hint or f"known: {', '.join(known)}",
        )

    def refuse(self, *sources: Source) -> None:
        """Raise what was found, remarks aside, with the lines of the sources."""
        found = [p for source in sources for p in source.problems] + self.problems
        if any(not p.remark for p in found):
            raise NeedsFixing(found, {source.name: source.lines for source in sources})
