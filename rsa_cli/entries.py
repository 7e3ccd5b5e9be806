"""What stands in the files of a rulebook, entry by entry, with the place and the text of everything in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rsa_cli.problems import Place
from rsa_cli.source import Mapping, Node, Source, Text

# The keys under which a file names statements and sources.
NAMING = ("rests_on", "source", "serves", "reported_in")


class Entry(NamedTuple):
    """One entry of a section: `name` as in the file, of a field `list.field`; what stands below it."""

    section: str
    name: str
    key: Text
    body: Mapping

    def node(self, *way: str | int) -> Node | None:
        """What stands at the end of a way of keys, and of numbers counted from 0 in a list."""
        node: Node | None = self.body
        for step in way:
            if type(node) is Mapping and isinstance(step, str):
                node = node.items.get(step)
            elif step != 0 or type(node) is not Mapping:  # one thing may stand without its list
                parts = getattr(node, "parts", [])
                node = parts[step] if isinstance(step, int) and step < len(parts) else None
        return node

    def text(self, *way: str | int) -> str:
        """The text at the end of a way, or the empty text."""
        node = self.node(*way)
        return node.text if type(node) is Text else ""

    def place(self, *way: str | int) -> Place:
        """Where that stands, else where the entry begins."""
        node = self.node(*way)
        return self.key.place if node is None or not way else node.place

    def texts(self, *way: str | int) -> list[Text]:
        """The words of a list, or of one word that stands in its place."""
        return words_of(self.node(*way))


class Entries:
    """Every entry of a rulebook's files; fields of a list are entries of their own."""

    def __init__(self, sources: list[Source]) -> None:
        self.lines = {source.name: source.lines for source in sources}
        self.remarks = [p for source in sources for p in source.problems if p.remark]
        self.manifest = sources[0].root
        self._found: dict[tuple[str, str], Entry] = {}
        for source in sources[1:]:
            root = source.root
            for section, node in root.items.items() if type(root) is Mapping else ():
                for name, body in node.items.items() if type(node) is Mapping else ():
                    assert type(node) is Mapping
                    self._add(section, name, node.keys[name], body)

    def _add(self, section: str, name: str, key: Text, body: Node) -> None:
        if type(body) is not Mapping or section == "examples":
            return
        self._found[section, name] = Entry(section, name, key, body)
        fields = body.items.get("fields")
        for field, inner in fields.items.items() if type(fields) is Mapping else ():
            assert type(fields) is Mapping
            self._add(section, f"{name}.{field}", fields.keys[field], inner)

    def of(self, section: str, name: str) -> Entry:
        """The entry of that name."""
        return self._found[section, name]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._found.values())

    def named(self) -> Iterator[tuple[Entry | None, tuple[str, ...], Text]]:
        """Every statement and source that an entry, or the manifest, names, and the keys that lead there."""
        for entry in self:
            for key, node in entry.body.items.items():
                if key != "fields":
                    yield from ((entry, keys, text) for keys, text in _named((key,), node))
        not_covered = self.manifest.items.get("not_covered") if type(self.manifest) is Mapping else None
        for node in not_covered.items.values() if type(not_covered) is Mapping else ():
            yield from ((None, ("not_covered",), text) for text in words_of(node))


def words_of(node: Node | None) -> list[Text]:
    """The words of a list, or of one word that stands in its place."""
    if type(node) is Text:
        return [node] if node.text else []
    return [part for part in getattr(node, "parts", ()) if type(part) is Text]


def _named(keys: tuple[str, ...], node: Node) -> Iterator[tuple[tuple[str, ...], Text]]:
    if keys[-1] in NAMING:
        yield from ((keys, text) for text in words_of(node))
    elif type(node) is Mapping:
        for inner, value in node.items.items():
            yield from _named((*keys, inner), value)
    else:
        for part in getattr(node, "parts", ()):
            yield from _named((*keys, ""), part)
