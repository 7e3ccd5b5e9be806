"""Answers written into the text of a case at the places the reader found: everything else stays as it is.

Each change is made in the text and the text is then read again. Only when the reader finds just what
was meant, and every comment is still there, is the change kept; else it is not safe, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Several
from contextlib import suppress
from typing import Any

from rsa_cli.light import Light
from rsa_cli.source import Mapping, Node, Sequence, Source, Text, read_bytes

# What a case holds under a name, as YAML has it: a text, a list, or names with values.
Answer = Any
Way = tuple[str | int, ...]

_HEAD = ("format", "case", "as_of")
_PLAIN = r"[\w≥≤<][\w .%/^*+()–−°·×<>=:-]*"


class UnsafeError(Exception):
    """A change that cannot be made in the text without touching something else."""


class Page(Light):
    """A text as it was read: its source with the places, and what it holds."""

    text: str
    source: Source
    data: Answer


def page(text: str, name: str = "case") -> Page:
    """A text, read. Raises UnsafeError where it cannot be read whole."""
    source = read_bytes(name, text.encode())
    if not source.complete or any(not p.remark for p in source.problems):
        raise UnsafeError("the text cannot be read")
    return Page(text, source, data(source.root))


def put(before: Page, way: Way, answer: Answer | None, order: Several[str] = ()) -> Page:
    """The page with an answer at a place (`("pregnancies", 0, "outcome")`), or without what stands there.

    A new name of the top level comes behind the one that stands before it in `order`. Raises UnsafeError.
    """
    wanted = changed(before.data, way, answer)
    if wanted == before.data:
        return before
    splice = _Splice(before, order)
    if answer is None:
        with suppress(UnsafeError):
            return _kept(before, splice.put(way, None), wanted)
        # What shares its line with a comment stays as a name without a value, which says the same.
        return _kept(before, splice.emptied(way), changed(before.data, way, ""))
    return _kept(before, splice.put(way, answer), wanted)


def _kept(before: Page, text: str, wanted: Answer) -> Page:
    """The new text, if it holds just what was meant and every comment of the old one."""
    after = page(text, before.source.name)
    if after.data != wanted:
        raise UnsafeError("the text around it is written in a way that leaves no room for the answer")
    if _comments(after) != _comments(before):
        raise UnsafeError("a comment stands in the middle of what changes")
    return after


def data(node: Node | None) -> Answer:
    """What a node holds, as plain values; what is left empty, or says null, is the empty text."""
    if isinstance(node, Mapping):
        return {key: data(value) for key, value in node.items.items()}
    if isinstance(node, Sequence):
        return [data(part) for part in node.parts]
    return "" if node is None or (node.plain and node.text in ("null", "~")) else node.text


def at(found: Answer, way: Way) -> Answer | None:
    """What stands at a place, or `None`."""
    for step in way:
        inside = isinstance(step, int) and step < len(found) if isinstance(found, list) else False
        if not inside and not (isinstance(found, dict) and step in found):
            return None
        found = found[step]
    return found


def changed(before: Answer, way: Way, answer: Answer | None) -> Answer:
    """The values with one change; what is missing on the way is made."""
    if not way:
        return answer
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        parts = list(before) if isinstance(before, list) else []
        if step > len(parts):
            raise UnsafeError("there is no such entry")
        inner = changed(parts[step] if step < len(parts) else None, rest, answer)
        parts[step : step + 1] = [] if inner is None else [inner]
        return parts
    items = dict(before) if isinstance(before, dict) else {}
    inner = changed(items.get(step), rest, answer)
    if inner is None:
        items.pop(step, None)
    else:
        items[step] = inner
    return items


def rendered(whole: dict[str, Answer]) -> str:
    """A case written anew, without the comments and the layout it may have had."""
    return "".join(f"{_entry(key, value, 0)}\n" for key, value in whole.items())


def written(answer: Answer) -> str:
    """An answer in one line; what is left empty says null, for an empty text would be an answer."""
    if isinstance(answer, dict):
        return "{" + ", ".join(f"{written(key)}: {written(value)}" for key, value in answer.items()) + "}"
    if isinstance(answer, list):
        return "[" + ", ".join(written(part) for part in answer) + "]"
    text = str(answer)
    if not text:
        return "null"
    if re.fullmatch(_PLAIN, text) and not re.search(r":( |$)| $", text) and text not in ("null",):
        return text
    if text.isprintable() and "'" not in text:
        return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _entry(key: str, answer: Answer, indent: int) -> str:
    """A name with its answer: records each in a line of their own, names below their heading."""
    blank = "\n" + " " * (indent + 2)
    if isinstance(answer, list) and any(isinstance(part, dict) for part in answer):
        return f"{key}:" + "".join(f"{blank}- {written(part)}" for part in answer)
    if isinstance(answer, dict) and answer and "value" not in answer:
        return f"{key}:" + "".join(f"{blank}{_entry(k, v, indent + 2)}" for k, v in answer.items())
    return f"{key}: {written(answer)}"


class _Splice:
    """One change in one text."""

    def __init__(self, page: Page, order: Several[str] = ()) -> None:
        self.text = text = page.text
        self.root = page.source.root
        self.order = order
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    # --- where things stand

    def offset(self, mark: Any) -> int:
        return self.starts[min(int(mark.line), len(self.starts) - 1)] + int(mark.column)

    def begin(self, node: Node | Text) -> int:
        return self.offset(node.start)

    def end(self, node: Node) -> int:
        """Where a node really ends: a block ends with its last line, not where the next one begins."""
        if isinstance(node, Text):
            end = self.offset(node.end)
            return end if node.plain or self.text[end - 1 : end] in "\"'" else len(self.text[:end].rstrip())
        if self.flow(node):
            return self.offset(node.end)
        parts = list(node.items.values()) if isinstance(node, Mapping) else node.parts
        return self.end(parts[-1])

    def flow(self, node: Node) -> bool:
        return self.text[self.begin(node) : self.begin(node) + 1] in ("{", "[")

    def line_end(self, offset: int) -> int:
        """The end of the line that an offset lies in, before its break."""
        found = re.compile(r"[\r\n]").search(self.text, offset)
        return found.start() if found else len(self.text)

    def line_start(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def replaced(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new.replace("\n", self.newline) + self.text[end:]

    # --- changes

    def put(self, way: Way, answer: Answer | None) -> str:
        if not isinstance(self.root, Mapping):
            gap = "" if not self.text or self.text.endswith("\n") else "\n"
            return self.text + gap + rendered(changed({}, way, answer))
        node: Node = self.root
        parents: list[tuple[Node, str | int]] = []
        for number, step in enumerate(way):
            inner = self.child(node, step)
            if inner is None or (isinstance(inner, Text) and number + 1 < len(way)):
                if isinstance(node, Sequence) and not node.parts and parents:
                    parent, key = parents[-1]  # a line for each, where the brackets are empty yet
                    return self.replace(node, parent, key, [changed(None, way[number + 1 :], answer)])
                if isinstance(node, Mapping) and not node.items and parents and not self.flow(parents[-1][0]):
                    line = f"{step}: {written(changed(None, way[number + 1 :], answer))}"
                    if isinstance(parents[-1][0], Sequence):  # a record begun: a line for each field
                        return self.replaced(self.begin(node), self.end(node), line)
                return self.insert(node, inner, way[number:], answer, bool(parents))
            parents.append((node, step))
            node = inner
        parent, step = parents[-1]
        return self.remove(parent, step) if answer is None else self.replace(node, parent, step, answer)

    def child(self, node: Node, step: str | int) -> Node | None:
        if isinstance(node, Mapping):
            return node.items.get(str(step))
        if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.parts):
            return node.parts[step]
        return None

    def replace(self, node: Node, parent: Node, step: str | int, answer: Answer) -> str:
        """Another answer where one stands."""
        if isinstance(parent, Mapping) and not self.flow(parent):
            key = parent.keys[str(step)]
            colon = self.text.index(":", self.offset(key.end)) + 1
            entry = _entry(str(step), answer, key.start.column)
            end = (
                self.end(node)
                if isinstance(node, Mapping | Sequence) or node.text or not node.plain
                else colon
            )
            value = entry[len(str(step)) + 1 :]
            return self.replaced(colon, max(end, colon), value)
        return self.replaced(self.begin(node), self.end(node), written(answer))

    def insert(self, node: Node, inner: Node | None, way: Way, answer: Answer | None, nested: bool) -> str:
        """An answer where nothing stands yet: a further name, or a further entry of a list."""
        step, rest = way[0], way[1:]
        value = changed(None, rest, answer) if rest else answer
        if inner is not None:  # something empty, or one result where there are now several
            return self.replace(inner, node, step, value)
        if isinstance(node, Sequence):
            return self.append(node, value)
        if not isinstance(node, Mapping):
            raise UnsafeError("there is no room for an entry")
        if self.flow(node):
            inside = ", " if node.items else ""
            last = self.end(list(node.items.values())[-1]) if node.items else self.begin(node) + 1
            return self.replaced(last, last, f"{inside}{step}: {written(value)}")
        before = self.before(node, str(step)) if not nested else list(node.items)[-1]
        first = node.start.column
        entry = _entry(str(step), value, first)
        if before is None:
            start = self.begin(node)
            return self.replaced(start, start, f"{entry}\n{' ' * first}")
        line = self.line_end(self.end(node.items[before]))
        return self.replaced(line, line, f"\n{' ' * first}{entry}")

    def before(self, node: Mapping, key: str) -> str | None:
        """The name of the top level that a new one is to follow."""
        rank = {name: number for number, name in enumerate((*_HEAD, *self.order))}
        mine = rank.get(key, len(rank))
        earlier = [name for name in node.items if rank.get(name, len(rank)) < mine]
        return max(earlier, key=lambda name: rank[name]) if earlier else None

    def append(self, node: Sequence, value: Answer) -> str:
        if self.flow(node):
            last = self.end(node.parts[-1]) if node.parts else self.begin(node) + 1
            return self.replaced(last, last, f"{', ' if node.parts else ''}{written(value)}")
        line = self.line_end(self.end(node.parts[-1]))
        return self.replaced(line, line, f"\n{' ' * node.start.column}- {written(value)}")

    def remove(self, parent: Node, step: str | int) -> str:
        """The text without an entry; where it shares its line with something that stays, its value goes."""
        parts = list(parent.items.values()) if isinstance(parent, Mapping) else getattr(parent, "parts", [])
        number = list(parent.items).index(str(step)) if isinstance(parent, Mapping) else int(step)
        node = parts[number]
        start = self.begin(parent.keys[str(step)] if isinstance(parent, Mapping) else node)
        if self.flow(parent):
            if number + 1 < len(parts):
                after = parts[number + 1]
                if isinstance(parent, Mapping):
                    after = list(parent.keys.values())[number + 1]
                return self.replaced(start, self.begin(after), "")
            begin = self.end(parts[number - 1]) if number else start
            return self.replaced(begin, self.end(node), "")
        if len(parts) == 1 and isinstance(parent, Sequence):
            return self.replaced(self.begin(parent), self.end(parent), "[]")
        first, last = self.line_start(start), self.line_end(self.end(node))
        lead, tail = self.text[first:start], self.text[self.end(node) : last]
        if (
            len(parts) > 1
            and lead.strip() in ("", "-" if isinstance(parent, Sequence) else "")
            and not tail.strip()
        ):
            after = re.match(r"\r\n|\n|\r|", self.text[last:])
            return self.replaced(first, last + len(after[0] if after else ""), "")
        raise UnsafeError("it shares its line with something that stays")

    def emptied(self, way: Way) -> str:
        """The text with a name whose value has gone."""
        node: Node | None = self.root
        for step in way[:-1]:
            node = self.child(node, step) if node is not None else None
        key = str(way[-1])
        if not isinstance(node, Mapping) or self.flow(node) or key not in node.items:
            raise UnsafeError("it shares its line with something that stays")
        colon = self.text.index(":", self.offset(node.keys[key].end)) + 1
        return self.replaced(colon, max(colon, self.end(node.items[key])), "")


def _comments(page: Page) -> list[str]:
    """Every comment of a text, in order: what begins with # outside of names and values."""
    text, root = page.text, page.source.root
    if "#" not in text:
        return []
    splice = _Splice(page)
    signs = list(text)

    def mask(node: Node) -> None:
        if isinstance(node, Text):
            for number in range(splice.begin(node), splice.end(node)):
                signs[number] = "\n" if signs[number] == "\n" else "x"
            return
        parts = [*node.items.values(), *node.keys.values()] if isinstance(node, Mapping) else node.parts
        for part in parts:
            mask(part)

    if root is not None:
        mask(root)
    masked = "".join(signs)
    return [text[m.start() : m.end()].rstrip() for m in re.finditer(r"(?:(?<=\s)|^)#[^\r\n]*", masked)]
