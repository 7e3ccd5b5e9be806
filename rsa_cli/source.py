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
    place: Place
    plain: bool = True


class Mapping(NamedTuple):
    """Keys and what stands under them, in the order written; `keys` holds the place of each key."""

    items: dict[str, Node]
    keys: dict[str, Text]
    place: Place


class Sequence(NamedTuple):
    """A list, in the order written."""

    parts: list[Node]
    place: Place


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
    reader = _Reader(name, lines, "#" in text, stop_before)
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


class _Reader:
    """Builds nodes from libyaml's events with its own stack."""

    def __init__(self, name: str, lines: list[str], has_comments: bool, stop_before: str) -> None:
        self.name = name
        self.lines = lines
        self.has_comments = has_comments
        self.stop_before = stop_before
        self.problems: list[Problem] = []

    def place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        return Place(self.name, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def problem(self, code: str, place: Place, says: str, hint: str = "", remark: bool = False) -> None:
        self.problems.append(Problem(code, place, says, hint, remark))

    def stop(self, code: str, place: Place, says: str, hint: str = "") -> None:
        self.problem(code, place, says, hint)
        raise _StoppedError

    def read(self, text: str) -> Node | None:
        root: Node | None = None
        # One frame an open collection: the node, the key that waits for its value, whether in braces.
        frames: list[list[Any]] = []
        documents = 0
        event: Any
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            kind = type(event).__name__
            node: Node
            if kind == "ScalarEvent":
                place = self.place(event)
                if event.tag is not None or event.anchor is not None:
                    self.mark(event, place)
                node = Text(event.value, place, not event.style)
                frame = frames[-1] if frames else None
                if frame is not None and frame[1] is None and type(frame[0]) is Mapping:
                    if len(frames) == 1 and event.value == self.stop_before and self.stop_before:
                        break
                    self.key(frame, node)
                    continue
                if frame is None or frame[1] is None or frame[1].text != "note":
                    self.scalar(node, event, frame)
                if self.has_comments and not event.style:
                    self.comment(place)
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                place = self.place(event)
                if event.tag is not None or event.anchor is not None:
                    self.mark(event, place)
                if frames and frames[-1][1] is None and type(frames[-1][0]) is Mapping:
                    self.stop(
                        "key-not-a-word",
                        place,
                        "a key must be a word",
                        "quote the value, or check the braces",
                    )
                if len(frames) >= MAX_DEPTH:
                    self.stop("too-deep", place, f"brackets or lists nested more than {MAX_DEPTH} deep")
                node = Mapping({}, {}, place) if kind[0] == "M" else Sequence([], place)
                frames.append([node, None, bool(event.flow_style)])
                continue
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                opened, _, flow = frames.pop()
                end = self.place(event)
                at = opened.place
                node = opened._replace(
                    place=Place(self.name, at.line, at.column, end.end_line, end.end_column)
                )
                if flow and self.has_comments:
                    self.comment(end)
            elif kind == "AliasEvent":
                self.stop(
                    "alias",
                    self.place(event),
                    "an alias (*name) is not read",
                    "write the value out, or quote it",
                )
                continue
            elif kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    self.stop(
                        "second-document",
                        self.place(event),
                        "a second document (---) begins here",
                        "one case a file",
                    )
                continue
            else:
                continue
            if not frames:
                root = node
            elif type(frames[-1][0]) is Mapping:
                frame = frames[-1]
                frame[0].items[frame[1].text] = node
                frame[1] = None
            else:
                frames[-1][0].parts.append(node)
        if frames:  # stopped before a section: what is open is the top-level mapping
            root = frames[0][0]
        return root

    def mark(self, event: Any, place: Place) -> None:
        what = "an anchor (&name)" if event.anchor is not None else "a tag (!name)"
        self.stop("anchor-or-tag", place, f"{what} is not read", "write the value without it, or quote it")

    def key(self, frame: list[Any], key: Text) -> None:
        mapping: Mapping = frame[0]
        if key.text in mapping.keys:
            first = mapping.keys[key.text].place.line
            self.problem("duplicate-key", key.place, f"{visible(key.text)} stands here a second time (first in line {first})",
                         "keep one of them; several results of one item are a list")  # fmt: skip
        mapping.keys.setdefault(key.text, key)
        frame[1] = key

    def scalar(self, node: Text, event: Any, frame: list[Any] | None) -> None:
        if event.style in ("|", ">"):
            hint = 'a value that begins with > must be quoted: ">2", or write: over 2'
            self.problem("block-text", node.place, "a block of text stands where a value is expected", hint)
        elif node.plain and not node.text and frame is not None and frame[2] and type(frame[0]) is Mapping:
            self.problem("empty-in-braces", frame[1].place, f"{visible(frame[1].text)!r} has no value inside these braces",
                         "quote a value that holds a comma, or write: key: value")  # fmt: skip
        elif node.plain and ("：" in node.text or "，" in node.text):
            self.problem(
                "full-width", node.place, "a full-width ： or ， is not read as YAML", "write ': ' or ', '"
            )

    def comment(self, place: Place) -> None:
        line = self.lines[place.end_line - 1] if place.end_line <= len(self.lines) else ""
        if _NOT_READ.match(line, place.end_column - 1):
            start = Place(self.name, place.end_line, place.end_column + 1, place.end_line, len(line) + 1)
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
            return Mapping({}, {}, node.place if node else place or Place(""))
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
