"""YAML with the place of everything in it, and nothing guessed: every scalar arrives as text.

Reading goes over libyaml's events with a stack of our own: libyaml's composer crashes the process
on deep nesting, and the ready-made loaders keep the last of two equal keys without a word. A plain case,
of which each line says by itself what it is, is read without libyaml, which takes long to load.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rsa_cli.light import Light
from rsa_cli.problems import (
    NeedsFixing,
    Place,
    Problem,
    brief,
    nearest,
    nearest_or_all,
    quoted,
    visible,
    without_comma,
)

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64


class Text(NamedTuple):
    """A scalar as written. `plain` is false where it stood in quotes.

    `refused` marks one of which a problem has been noted: nothing further is said about it.
    """

    text: str
    plain: bool
    file: str
    start: Any
    end: Any
    refused: bool = False

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
    """Stands for libyaml's mark where libyaml has not read."""

    line: int
    column: int


_START = _Mark(0, 0)


def _place(file: str, start: Any, end: Any) -> Place:
    # Kept as libyaml's marks until somebody asks: most places of a rulebook are never looked at.
    return Place(file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


Node = Text | Mapping | Sequence


class Source(Light):
    """One file read: its name as shown, its lines, its content and the remarks on its form.

    `root` is `None` when the file is empty or could not be read at all. Where reading stopped
    half-way the source is not `complete`: its root holds what stands whole before that place.
    """

    name: str
    lines: list[str]
    root: Node | None
    problems: list[Problem]
    complete: bool = True


# What YAML does not allow. Said the other way round, what it allows, it takes many times longer to compile.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# Compiled when first needed: a plain case needs none of them.
_NOT_READ = r" #(?! *$)"
_FULL_WIDTH = "[：，]"
_TOUCHES = r"(?<! ) #"


def read_file(path: str | Path, stop_before: str = "") -> Source:
    """Read a file, or standard input for `-`. What cannot be read at all is a problem of the source.

    With `stop_before`, reading ends where that key begins at the top level.
    """
    name = str(path)
    try:
        if name == "-":
            name = "standard input"
            data = _standard_input()
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        code, says, hint = {
            "FileNotFoundError": ("file-missing", "there is no such file", "check the name and the folder"),
            "IsADirectoryError": ("file-folder", "this is a folder, not a case file", "name a file in it"),
            "PermissionError": ("file-forbidden", "this file may not be read", "check its permissions"),
        }.get(
            type(error).__name__,
            (
                "file-unreadable",
                f"the file cannot be read: {error.strerror or error}",
                "copy it, and try again",
            ),
        )
        return Source(name, [], None, [Problem(code, Place(name), says, hint)], False)
    except ValueError:
        problem = Problem("file-missing", Place(name), "this is no file name", "check the name")
        return Source(name, [], None, [problem], False)
    return read_bytes(name, data, stop_before)


def _standard_input() -> bytes:
    import sys

    if sys.stdin is None:
        raise OSError("it is closed")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def read_bytes(name: str, data: bytes, stop_before: str = "") -> Source:
    """Read what a file holds; `name` is how its places name it."""

    def refused(code: str, says: str, hint: str, before: str | None = None) -> Source:
        place = Place(name)
        if before is not None:
            rows = (before + "?").splitlines()
            place = Place(name, len(rows), len(rows[-1]), len(rows), len(rows[-1]) + 1)
        return Source(name, lines, None, [Problem(code, place, says, hint)], False)

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
        if b"\0" in data[:8192]:
            hint = "is this the right file? a case is plain text, saved as UTF-8"
            return refused("file-not-text", "this is not a text file", hint)
        lines += data.decode("utf-8-sig", "replace").splitlines()
        says = "this file is not UTF-8: the character that stands here cannot be read"
        hint = "in the editor, save it anew with the encoding UTF-8"
        return refused("file-not-text", says, hint, data[: error.start].decode("utf-8-sig"))
    lines += text.splitlines()
    if bad := CONTROL.search(text):
        says = f"a control character, which cannot be seen, stands here: {visible(bad[0])}"
        return refused("control-character", says, "delete it, or type the line anew", text[: bad.start()])
    if not stop_before and len(data) <= _MOST_PLAIN and (plain := _Plain(name, lines).read(text)):
        return Source(name, lines, plain, [])
    reader = _Reader(name, lines, stop_before)
    complete = reader.read(text)
    return Source(name, lines, reader.so_far(), reader.problems, complete)


# --- a plain case ----------------------------------------------------------------------------------

# Signs that mean nothing to YAML inside a text without quotes, and, outside braces, the comma.
_HARMLESS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.%/<>≤≥=+*^()–µ°²³-"
_IN_LINE = _HARMLESS + ","
_DEEP = 9  # what lies further in is left to the reader below
_LONGEST_KEY = 1000  # signs; YAML allows 1024
_MOST_PLAIN = 100_000  # bytes of a file that may be plain


class _Plain:
    """Reads a file of which each line says by itself what it is; of any other it says nothing.

    That is `key: value`, or `key:` and below it, further in, more such lines or lines that begin with `- `,
    where a value is a few harmless words, a text in quotes, or braces and brackets that close in their line.
    Whatever might mean something else to YAML, and whatever there is something to say of, is for the reader
    below.
    """

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.lines = lines
        # Where the lines begin that hold more than blanks and a comment; the end is one too.
        starts = [(number, line.lstrip(" ")) for number, line in enumerate(lines)]
        self.rows = [_Mark(n, len(lines[n]) - len(body)) for n, body in starts if body and body[0] != "#"]
        self.rows.append(_Mark(len(lines), 0))
        self.row = 0

    def read(self, text: str) -> Mapping | None:
        """The content as the reader below would give it; `None` for a file that is not plain."""
        if not text.endswith("\n") or not text.replace("\n", "").isprintable() or self.rows[0].column:
            return None
        found = self.mapping(0, 0)
        return found if found and found.keys and self.row == len(self.rows) - 1 else None

    def mapping(self, column: int, depth: int) -> Mapping | None:
        """Keys that begin in a column, the first in this row, and their values."""
        found = Mapping({}, {}, self.name, _Mark(self.rows[self.row].line, column), None)
        while self.row < len(self.rows) - 1:
            number = self.rows[self.row].line
            key = self.key(number, column, found)
            if key is None:
                return None
            at = self.blanks(self.lines[number], key.end.column + 1)
            if at < len(self.lines[number]):
                value = self.in_line(number, at)
            else:
                self.row += 1
                value = self.below(column, depth + 1)
            if value is None:
                return None
            found.items[key.text] = value
            if self.rows[self.row].column != column:
                break
        return found._replace(end=self.rows[self.row]) if self.rows[self.row].column <= column else None

    def below(self, above: int, depth: int) -> Node | None:
        """What stands further in than a column."""
        here = self.rows[self.row]
        if here.column <= above or depth > _DEEP:
            return None
        if not self.lines[here.line].startswith("- ", here.column):
            return self.mapping(here.column, depth)
        parts: list[Node] = []
        while (row := self.rows[self.row]).column == here.column:
            line = self.lines[row.line]
            if not line.startswith("- ", row.column):
                return None
            at = self.blanks(line, row.column + 1)
            if self.key_end(line, at):
                part: Node | None = self.mapping(at, depth + 1)
            else:
                part = self.in_line(row.line, at)
            if part is None:
                return None
            parts.append(part)
        return Sequence(parts, self.name, here, row) if row.column < here.column else None

    def in_line(self, number: int, at: int) -> Node | None:
        """A value behind which nothing follows in its line but a comment that nobody can take for a part of it."""
        found = self.value(number, at)
        if found is None:
            return None
        rest = self.lines[number][found[1] :]
        if rest.strip(" ") and not (rest.startswith("  ") and rest.lstrip(" ")[0] == "#"):
            return None
        self.row += 1
        return found[0]

    def blanks(self, line: str, at: int) -> int:
        """Where the blanks that begin at a column end."""
        while line.startswith(" ", at):
            at += 1
        return at

    def key_end(self, line: str, at: int) -> int:
        """The column of the colon behind a key, followed by a blank or nothing; 0 where there is none."""
        colon = line.find(":", at)
        text = line[at:colon]
        named = 0 < colon - at <= _LONGEST_KEY and text.isascii() and text.isidentifier()
        return colon if named and line[colon + 1 : colon + 2] in ("", " ") else 0

    def key(self, number: int, at: int, into: Mapping) -> Text | None:
        """A key; `None` where there is none, or it stands there a second time."""
        colon = self.key_end(self.lines[number], at)
        text = self.lines[number][at:colon]
        if not text or text in into.keys:
            return None
        into.keys[text] = key = Text(text, True, self.name, _Mark(number, at), _Mark(number, colon))
        return key

    def value(self, number: int, at: int, depth: int = 0) -> tuple[Node, int] | None:
        """The value that begins at a column, and the column behind it."""
        line = self.lines[number]
        sign = line[at : at + 1]
        if sign in ("{", "["):
            return self.collection(number, at, depth) if depth < _DEEP else None
        quotes = sign in ("'", '"')
        if quotes:
            end = line.find(sign, at + 1) + 1
            text = line[at + 1 : end - 1]
            if not end or "\\" in text or "#" in text or line[end : end + 1] == sign:
                return None
        else:
            harmless, end = _HARMLESS if depth else _IN_LINE, at
            while end < len(line) and line[end] in harmless:
                end += 1
            text = line[at:end].rstrip(" ")
            if not (text and (text[0].isalnum() or text[0] == "<")):
                return None
            end = at + len(text)
        return Text(text, not quotes, self.name, _Mark(number, at), _Mark(number, end)), end

    def collection(self, number: int, at: int, depth: int) -> tuple[Node, int] | None:
        """What stands in braces or brackets that close in the line."""
        line, start = self.lines[number], _Mark(number, at)
        closing = "}" if line[at] == "{" else "]"
        mapping = Mapping({}, {}, self.name, start, start)
        parts: list[Node] = []
        at = self.blanks(line, at + 1)
        while line[at : at + 1] != closing:
            if (mapping.keys or parts) and line[at : at + 1] != ",":
                return None
            if mapping.keys or parts:
                at = self.blanks(line, at + 1)
            key = None
            if closing == "}":
                key = self.key(number, at, mapping)
                if key is None:
                    return None
                at = self.blanks(line, key.end.column + 1)
            value = self.value(number, at, depth + 1)
            if value is None:
                return None
            if key is None:
                parts.append(value[0])
            else:
                mapping.items[key.text] = value[0]
            at = self.blanks(line, value[1])
        end = _Mark(number, at + 1)
        if closing == "}":
            return mapping._replace(end=end), at + 1
        return Sequence(parts, self.name, start, end), at + 1


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
        self.touched = {
            number for number, line in enumerate(lines) if " #" in line and re.search(_TOUCHES, line)
        }
        self.stop_before = stop_before
        self.problems: list[Problem] = []
        self.frames: list[_Frame] = []
        self.root: Node | None = None

    def place(self, event: Any) -> Place:
        return _place(self.name, event.start_mark, event.end_mark)

    def problem(self, code: str, place: Place, says: str, hint: str = "", remark: bool = False) -> None:
        self.problems.append(Problem(code, place, says, hint, remark))

    def stop(self, code: str, place: Place, says: str, hint: str) -> None:
        self.problem(code, place, says, hint)
        raise _StoppedError

    def so_far(self) -> Node | None:
        """What has been read; after a stop, the entries of the top level that stand whole before it."""
        return self.frames[0].closed(self.name, self.frames[0].start) if self.frames else self.root

    def read(self, text: str) -> bool:
        """Read the text, and say whether to its end."""
        import yaml

        try:
            self.follow(yaml, text)
        except _StoppedError:
            return False
        except yaml.YAMLError as error:
            self.problems += self.unread(error)
            return False
        return True

    def follow(self, yaml: Any, text: str) -> None:
        """Go over libyaml's events."""
        frames = self.frames
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
                        return
                    self.key(frame, node)
                    continue
                if frame is None or frame.key is None or frame.key.text != "note":
                    node = self.scalar(node, style, frame)
                if self.touched and not style and event.end_mark.line in self.touched:
                    self.comment(event.end_mark)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if event.tag is not None or event.anchor is not None:
                    self.mark(event, self.place(event))
                if frame is not None and frame.items is not None and frame.key is None:
                    says = "a bracket stands where a name is expected"
                    hint = "put a value that holds brackets in quotes, or take one pair of brackets away"
                    self.stop("key-not-a-word", self.place(event), says, hint)
                if len(frames) >= MAX_DEPTH:
                    says = f"more than {MAX_DEPTH} brackets or lists stand one inside the other"
                    self.stop("too-deep", self.place(event), says, "close the brackets before this place")
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
                self.stop("alias", self.place(event), "a value that begins with * is not read", _QUOTE)
                continue
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    says = "a second document (---) begins here"
                    self.stop("second-document", self.place(event), says, "put it in a file of its own")
                continue
            else:
                continue
            if frame is None:
                self.root = node
            elif frame.items is None:
                frame.parts.append(node)
            elif frame.key is not None:
                if not frame.key.refused:
                    frame.items[frame.key.text] = node
                frame.key = None

    def mark(self, event: Any, place: Place) -> None:
        sign = "&" if event.anchor is not None else "!"
        self.stop("anchor-or-tag", place, f"a value that begins with {sign} is not read", _QUOTE)

    def key(self, frame: _Frame, key: Text) -> None:
        if key.text in frame.keys:
            first = frame.keys[key.text].place.line
            says = f"{brief(key.text)} stands here a second time (first in line {first})"
            hint = (
                "keep one of them; several results below one name are a list, each line beginning with '- '"
            )
            self.problem("duplicate-key", key.place, says, hint)
        elif key.plain and ("：" in key.text or "，" in key.text):
            self.full_width(key.place)
            key = key._replace(refused=True)
        frame.keys.setdefault(key.text, key)
        frame.key = key

    def scalar(self, node: Text, style: str | None, frame: _Frame | None) -> Text:
        """The text, marked as refused where YAML has lost some of what was written."""
        if style in ("|", ">"):
            line = self.lines[node.start.line]
            self.problem("block-text", node.place, *_block(line[node.start.column :]))
        elif not node.plain:
            return node
        elif not node.text and frame is not None and frame.flow and frame.key is not None:
            if not frame.key.refused:
                frame.key = frame.key._replace(refused=True)
                self.valueless(frame, frame.key)
        elif "：" in node.text or "，" in node.text:
            self.full_width(node.place)
        else:
            return node
        return node._replace(refused=True)

    def valueless(self, frame: _Frame, key: Text) -> None:
        """Say that a key in braces has no value: mostly a comma has cut the value before it in two."""
        at = key.place
        rest = self.lines[at.end_line - 1][at.end_column - 1 :]
        items = frame.items or {}
        before = next(reversed(items), "")
        value = items.get(before)
        says, hint = (
            f"{quoted(key.text)} has no value inside these braces",
            "write a value behind it, or delete it",
        )
        if (
            type(value) is Text
            and value.plain
            and value.place.line == at.end_line
            and not rest.lstrip().startswith(":")
        ):
            if value.refused:
                return
            items[before] = value._replace(refused=True)
            at = value.place._replace(end_line=at.end_line, end_column=at.end_column)
            text = self.lines[at.line - 1][at.column - 1 : at.end_column - 1]
            if re.search(r"\d,\d", text):
                says = f"a comma stands in the number {quoted(text)}"
                self.problem("decimal-comma", at, says, without_comma(text))
                return
            says = f"a comma inside braces cuts {quoted(text)} in two"
            hint = f'put it in quotes: "{brief(text)}"'
        self.problem("empty-in-braces", at, says, hint)

    def full_width(self, place: Place) -> None:
        """Say that a full-width sign stands in the line, at the place or behind it."""
        found = re.compile(_FULL_WIDTH).search(self.lines[place.line - 1], place.column - 1)
        column = found.start() + 1 if found else place.column
        self.problem(
            "full-width",
            Place(self.name, place.line, column, place.line, column + 1),
            "a full-width ： or ， is not read",
            "write ': ' or ', ' in its place",
        )

    def comment(self, end: Any) -> None:
        line = self.lines[end.line]
        if re.match(_NOT_READ, line[end.column :]):
            start = Place(self.name, end.line + 1, end.column + 2, end.line + 1, len(line) + 1)
            self.problem("comment-touches", start, "the text after # is not read",
                         "put two spaces before a comment, or quote the value", remark=True)  # fmt: skip

    # --- what libyaml cannot read

    def unread(self, error: yaml.YAMLError) -> list[Problem]:
        """What libyaml could not read, in our words and at the place where a person would look."""
        mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
        if mark is None:
            return [Problem("syntax", Place(self.name), "this file cannot be read", "write it anew")]
        self.doubt(mark.line)
        said = f"{getattr(error, 'context', '') or ''} {getattr(error, 'problem', '') or ''}"
        line, column = mark.line + 1, mark.column + 1
        opened = self.frames[-1].start if self.frames and self.frames[-1].flow else None
        if context and ("simple key" in said or "block scalar" in said or "scanning a quoted" in said):
            # It notices only where the line, or the file, has ended.
            line, column = context.line + 1, context.column + 1
        elif opened and opened.line + 1 < line and ("expected ','" in said or "node content" in said):
            said, line, column = "never closed", opened.line + 1, opened.column + 1
        elif "mapping values" in said and (above := self.colonless(line)):
            said, line, column = "simple key", *above
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        place = Place(self.name, line, column, line, column + 1)
        if re.search(_FULL_WIDTH, text.split(" #")[0]):
            if not any(p.code == "full-width" and p.place.line == line for p in self.problems):
                self.full_width(place._replace(column=1))
            return []
        if re.match(r"[-?]\s*($|[#,}\]])", text[column - 1 :]) and text[: column - 1].rstrip().endswith(":"):
            says = f"{quoted(text[column - 1])} does not say what is missing"
            return [Problem("missing-word", place, says, "write: unknown, or not done")]
        return [Problem("syntax", place, *_in_words(said, text, column - 1))]

    def doubt(self, line: int) -> None:
        """Refuse the last value read where it reaches into the line that cannot be read."""
        items = self.frames[0].items if self.frames else None
        last = next(reversed(items), "") if items else ""
        value = items[last] if items else None
        if items and type(value) is Text and value.end.line >= line:
            items[last] = value._replace(refused=True)

    def colonless(self, line: int) -> tuple[int, int] | None:
        """The line above, where a colon is missing in it and this line only suffers from that."""
        above = next((n for n in range(line - 1, 0, -1) if self.lines[n - 1].split("#")[0].strip()), 0)
        text = self.lines[above - 1] if above else ": "
        if re.search(r":(\s|$)", text) or (self.frames and self.frames[-1].key is not None):
            return None
        return above, len(text) - len(text.lstrip()) + 1


_QUOTE = 'put the value in quotes: "…"'
_OPENS, _CLOSES = {"}": "{", "]": "["}, {"{": "}", "[": "]"}
# What libyaml says, and what that means to a person: the first pattern found decides.
_SYNTAX = (
    ("cannot start any token", "a value cannot begin with this sign", _QUOTE),
    ("alphabetic or numeric", "a value cannot begin with & or *", _QUOTE),
    ("parsing a tag", "a value cannot begin with !", _QUOTE),
    ("directive", "a line cannot begin with %", "delete it, or put the value in quotes"),
    ("incompatible", "a line cannot begin with %", "delete it"),
    ("quoted scalar", "a backslash stands in double quotes", "put the value in single quotes: '…'"),
    ("expected '-'", "this line does not fit the list above it", "let each entry begin with '- ', in one column"),
    ("block sequence", "a list cannot begin in this line", "begin it in the next one, each entry with '- '"),
    ("document start", "text after the end of the document", "one case a file, without --- or ... in it"),
    ("node content", "something is missing here", "a comma too many, or a value left out"),
    ("expected key", "this line does not fit the lines above it", "let names of one group begin in one column"),
    ("", "this line cannot be read", "compare it with the line above, or put its value in quotes"),
)  # fmt: skip


def _in_words(said: str, line: str, at: int) -> tuple[str, str]:
    """What is wrong with a line that libyaml cannot read, and what to do about it."""
    before, sign = line[:at].rstrip(), line[at : at + 1]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab cannot be used to indent a line", "put blanks in its place"
    if "block scalar" in said or ("cannot start" in said and sign in (">", "|")):
        return _block(line[at:])
    if "scanning a quoted" in said:
        return "a quote is opened here and never closed", "write the closing quote where the value ends"
    if "simple key" in said:
        tight = re.match(r"\s*(?:- )?(\w+):(\S.*)", line)
        hint = f"write  {tight[1]}: {brief(tight[2])}" if tight else "write  name: value"
        return ("a blank is missing after the colon" if tight else "a colon is missing in this line"), hint
    if "never closed" in said:
        hint = f"write {_CLOSES.get(sign, sign)} where it ends; a comma between two lines may be missing too"
        return f"this {sign} is never closed", hint
    if "mapping values" in said:
        if re.search(r":\s", before):
            return "a second ': ' stands in this line", 'put a value that holds a colon in quotes: "…"'
        return (
            "this line is indented further than the one above",
            "let names of one group begin in one column",
        )
    if sign in _OPENS and ("expected key" in said or "node content" in said):
        return (
            f"this {sign} has nothing to close",
            f"delete it, or write {_OPENS[sign]} where the value begins",
        )
    if "expected ','" in said:
        closes = "}" if "'}'" in said else "]"
        if sign in _OPENS:
            return f"{sign} stands where {closes} is expected", f"close {_OPENS[closes]} with {closes}"
        if sign in _CLOSES:
            return f"a {sign} stands in the middle of a value", _QUOTE
        hint = 'write it; and put a value that holds a colon or a comma in quotes: "…"'
        return f"a comma or a closing {closes} is missing before this place", hint
    if "expected key" in said and before.endswith(('"', "'")):
        return "text stands behind the closing quote", "put the whole value in quotes, or delete the text"
    if "expected key" in said and before.endswith(("}", "]")):
        return "text stands behind the closing bracket", "delete it, or put two blanks and # before it"
    if "expected key" in said and sign == ":":
        return "a name is missing before the colon", "write  name: value"
    return next((says, hint) for pattern, says, hint in _SYNTAX if pattern in said)


def _block(rest: str) -> tuple[str, str]:
    """What to say of a value that begins with > or |, which YAML takes for the sign of a text block."""
    value = brief(re.split(r"\s+#|[,}\]]", rest)[0].rstrip())
    if limit := re.match(r">(=?)\s*(\d.*)", value):
        word = "at least" if limit[1] else "over"
        hint = f'put it in quotes: "{value}", or write: {word} {limit[2]}'
    elif re.fullmatch(r"[>|][-+]?\d?[-+]?", value):
        hint = (
            "write the value behind its name, in one line; a text of several lines is read only below  note:"
        )
        return "a block of text stands where a value is expected", hint
    else:
        hint = f'put it in quotes: "{value}"'
    return f"a value cannot begin with {value[:1]} unless it stands in quotes", hint


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
        """Note a problem at a node or a place, unless one has been noted of that very text."""
        if type(node) is Text and node.refused:
            return
        place = node if isinstance(node, Place) else node.place
        self.problems.append(Problem(code, place, says, hint, remark))

    def mapping(self, node: Node | None, what: str, place: Place | None = None) -> Mapping | None:
        """The node as a mapping; nothing written (`key:`) is an empty one; anything else is a problem."""
        if node is None or (type(node) is Text and node.plain and node.text == "" and not node.refused):
            if node is not None:
                return Mapping({}, {}, node.file, node.start, node.end)
            return Mapping({}, {}, place.file if place else "", _START, _START)
        if type(node) is not Mapping:
            self.problem(
                "not-a-mapping",
                node,
                f"{what} must hold lines of the form  name: value",
                "write them below it, indented",
            )
            return None
        return node

    def shaped(
        self, node: Node | None, shape: dict[str, str], what: str, at: Place | None = None
    ) -> dict[str, Any] | None:
        """The values of a mapping by its shape: text as `Text`, texts as a list of `Text`, yes as bool.

        A key that is missing is a problem at `at`, or where the mapping begins.
        """
        mapping = self.mapping(node, what, at)
        if mapping is None:
            return None
        out: dict[str, Any] = {}
        unknown = []
        for key, value in mapping.items.items():
            kind = shape.get(key)
            if kind is None:
                unknown.append(key)
                self.unknown(mapping.keys[key], shape, what)
                continue
            read = self.value(value, kind.rstrip("!"), f"{key} of {what}")
            if read is not None:
                out[key] = read
        missing = [key for key, kind in shape.items() if kind[-1] == "!" and _lacks(mapping, key, kind)]
        # A key that is only misspelt has been named already.
        if missing := [key for key in missing if not any(nearest(word, [key]) for word in unknown)]:
            hint = "add  " + ", ".join(f"{key}: …" for key in missing)
            self.problem("key-missing", at or mapping, f"{what} has no {', no '.join(missing)}", hint)
        return out

    def value(self, node: Node, kind: str, what: str) -> Any:
        """The value of one key by its kind; `None`, and a problem, when it has another shape."""
        match kind:
            case "text":
                if type(node) is Text:
                    return node
                self.problem(
                    "not-a-text", node, f"{what} must be a single value", "write it without brackets"
                )
            case "texts":
                if type(node) is Text:
                    return [node] if node.text else []
                if type(node) is Sequence and all(type(part) is Text for part in node.parts):
                    return node.parts
                self.problem("not-a-list", node, f"{what} must be a list of words", "write  [one, two]")
            case "yes":
                if type(node) is Text and node.text in ("yes", "no", "true", "false"):
                    return node.text in ("yes", "true")
                self.problem("not-yes-or-no", node, f"{what} must be yes or no", "write yes or no")
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
        """Note an unknown key, with the nearest known one, else all of them while they are few."""
        says = f"there is no {quoted(key.text)} in {what}"
        self.problem("unknown-key", key, says, nearest_or_all(key.text, known))

    def refuse(self, *sources: Source) -> None:
        """Raise what was found, remarks aside, with the lines of the sources."""
        found = [p for source in sources for p in source.problems] + self.problems
        if any(not p.remark for p in found):
            raise NeedsFixing(found, {source.name: source.lines for source in sources})


def _lacks(mapping: Mapping, key: str, kind: str) -> bool:
    """Whether a mapping has no such key, or no text behind it."""
    value = mapping.items.get(key)
    return value is None or (kind == "text!" and type(value) is Text and value.plain and not value.text)
