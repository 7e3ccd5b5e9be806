"""A plain case is read without libyaml: whatever is read so, libyaml must read the same, with the same places."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from rsa_cli import source
from rsa_cli.source import Mapping, Node, Sequence, Source, Text, read_bytes

FILES = [
    *sorted((Path(__file__).parents[1] / "sample_cases").glob("*.yaml")),
    Path(__file__).parents[1] / "rules" / "article" / "rulebook.yaml",
]
# What means something to YAML, or to the reader, wherever it is put.
SIGNS = [
    *" :#,[]{}&*!|>'\"%@`?-\n\t<=.~\\–µ：，²é\r+()/^aZ09_\x85\u2028\ufeff\U0001f600",
    "  ", "\n  - ", "\n- ", "  #", " #", ": ", "note: ", "- ", "{a: 1}", "[x, y]", "\n  ", "---", "\n\n", "''", '""',
    "key:\n  - a\n", "null", "yes", "0x1", "{", "}", "[]", "'a'", '"b: #"', "...\n", "\n    ", "\n    c: 2", "\n  d: ", "\n  - e: ", ":\n    ",
]  # fmt: skip


def whole(node: Node | None) -> Any:
    """A node with all its places, to be compared."""
    if node is None:
        return None
    places = [(mark.line, mark.column) for mark in (node.start, node.end)]
    if isinstance(node, Text):
        return [node.text, node.plain, node.file, node.refused, *places]
    if isinstance(node, Sequence):
        return [[whole(part) for part in node.parts], node.file, *places]
    return [[(key, whole(part)) for of in (node.items, node.keys) for key, part in of.items()], node.file, *places]  # fmt: skip


def read_both_ways(data: bytes) -> tuple[Source, Source]:
    """What is read, and what libyaml reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_Plain", lambda *_: Unplain())
        through_libyaml = read_bytes("case.yaml", data)
    return read_bytes("case.yaml", data), through_libyaml


class Unplain:
    def read(self, text: str) -> Mapping | None:
        return None


def is_plain(data: bytes) -> bool:
    text = data.decode("utf-8-sig")
    return source._Plain("case.yaml", text.splitlines()).read(text) is not None


def agree(data: bytes) -> None:
    one, two = read_both_ways(data)
    assert whole(one.root) == whole(two.root), data.decode()
    assert (one.problems, one.complete, one.lines) == (two.problems, two.complete, two.lines), data.decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_read_as_libyaml_reads_it(path: Path):
    agree(path.read_bytes())


def test_most_sample_cases_are_plain():
    assert sum(is_plain(path.read_bytes()) for path in FILES) >= 10


def test_what_is_changed_at_random_is_read_as_libyaml_reads_it():
    random, plain = Random(20260301), 0
    texts = [path.read_text(encoding="utf-8").split("\n") for path in FILES]
    for _ in range(8000):
        lines = random.choice(texts)
        begin = random.randrange(len(lines))
        text = "\n".join(lines[begin : begin + random.randint(1, 6)]) + random.choice(
            ["", "\n", "\n\n", "  "]
        )
        for _ in range(random.randint(0, 3)):
            at = random.randrange(len(text) + 1)
            put = random.choice(SIGNS) if random.random() < 0.8 else ""
            text = text[:at] + put + text[at + random.choice([0, 0, 0, 1, 1, 3]) :]
        data = text.encode()
        agree(data)
        plain += is_plain(data)
    assert plain > 500


@pytest.mark.parametrize(
    "text",
    [
        "a: 1", "a: 1\n  b\n", "a: 1\na: 2\n", "a:\n", "a:\nb: 1\n", "a: {b: 1, b: 2}\n", "a: {b: 1,}\n", "a: {b}\n",
        "a: [b: 1]\n", "a: 1 # c\n", "a: '1 # c'\n", "a: 'it''s'\n", 'a: "\\n"\n', "a: &b 1\n", "a: *b\n", "a: !b 1\n",
        "a: |\n  b\n", "a: > 1\n", "a: - 1\n", "a: {b: 1\n  }\n", "a: 1：2\n", "a: 1，2\n", "a:  \n", "- a\n", "a\n", "",
        "a: b: c\n", "a:1\n", "? a\n", "---\na: 1\n", "a: 1\n...\n", "a:\n  - 1\n - 2\n", "a:\n  - 1\n  b: 2\n",
        "a:\n- 1\n", "a:\n  - b: 1\n   c: 2\n", "a:\n  - - 1\n", "a:\n  -\n", "a:\n  b:\n  c: 1\n", "a: [1] 2\n", "a: '1' 2\n", "a: 1\t\n", f"a: {'[' * 12}{']' * 12}\n",
        f"{'a' * 1100}: 1\n", f"a: {{{'b' * 1100}: 1}}\n",
    ],
)  # fmt: skip
def test_what_yaml_or_the_reader_may_take_otherwise_is_left_to_libyaml(text: str):
    assert not is_plain(text.encode())
    agree(text.encode())
