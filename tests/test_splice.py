"""Answers in the text of a case: what is meant is there, and nothing else has changed."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsa_cli.splice import UnsafeError, Way, _comments, at, changed, page, put, rendered, written

TEXT = """\
# head
case: X   # id
as_of: 2026-03-01

pregnancies:
  # first
  - {outcome: miscarriage, ended: 2023-04}   # c1
  - outcome: miscarriage   # c2
    ended: 2024-01-19
tsh:            # TSH
lupus_anticoagulant:
  - {value: positive, date: 2026-01-10}
  - {value: pending, date: 2026-02-25}
partner:
  karyotype: {value: failed, date: 2025-12-01}
note: |
  multi # x
  line

"""


def lines(
    way: Way, answer: Any, text: str = TEXT, order: tuple[str, ...] = ()
) -> tuple[list[str], list[str]]:
    """The lines that a change takes out, and those that it puts in."""
    new = put(page(text), way, answer, order).text
    before, after = text.splitlines(), new.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


@pytest.mark.parametrize(
    ("way", "answer", "out", "in_"),
    [
        (("tsh",), "2.1 mIU/L", "tsh:            # TSH", "tsh: 2.1 mIU/L            # TSH"),
        (
            ("tsh",),
            {"value": ">1000 IU/mL", "date": "2026-01"},
            "tsh:            # TSH",
            'tsh: {value: ">1000 IU/mL", date: 2026-01}            # TSH',
        ),
        (
            ("pregnancies", 0, "gestation"),
            "6 weeks",
            "  - {outcome: miscarriage, ended: 2023-04}   # c1",
            "  - {outcome: miscarriage, ended: 2023-04, gestation: 6 weeks}   # c1",
        ),
        (("pregnancies", 1, "gestation"), "6 weeks", "", "    gestation: 6 weeks"),
        (("pregnancies", 1, "ended"), "2024", "    ended: 2024-01-19", "    ended: 2024"),
        (("pregnancies", 1, "ended"), None, "    ended: 2024-01-19", ""),
        (("pregnancies", 1, "outcome"), None, "  - outcome: miscarriage   # c2", "  - outcome:   # c2"),
        (
            ("pregnancies", 0, "outcome"),
            None,
            "  - {outcome: miscarriage, ended: 2023-04}   # c1",
            "  - {ended: 2023-04}   # c1",
        ),
        (("pregnancies", 2), {}, "", "  - {}"),
        (("partner", "rhd"), "negative", "", "  rhd: negative"),
        (("lupus_anticoagulant", 2), "not done", "", "  - not done"),
        (("lupus_anticoagulant", 1), None, "  - {value: pending, date: 2026-02-25}", ""),
        (("abo",), "A", "", "abo: A"),
    ],
)
def test_a_change_changes_its_line_only(way: Way, answer: Any, out: str, in_: str):
    assert lines(way, answer) == ([out] if out else [], [in_] if in_ else [])


def test_a_new_name_follows_the_one_before_it_in_order():
    new = put(page(TEXT), ("abo",), "A", ("pregnancies", "abo", "tsh")).text
    assert "    ended: 2024-01-19\nabo: A\ntsh:" in new
    assert put(page("tsh: 1 mIU/L\n"), ("abo",), "A", ("abo", "tsh")).text == "abo: A\ntsh: 1 mIU/L\n"


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        (("pregnancies", 1), None),  # its comment would go
        (("pregnancies", 0), None),
        (("pregnancies",), None),
        (("pregnancies",), []),
        (("pregnancies", 7), {}),
    ],
)
def test_what_would_take_a_comment_along_is_refused(way: Way, answer: Any):
    with pytest.raises(UnsafeError):
        put(page(TEXT), way, answer)


@pytest.mark.parametrize(
    ("text", "way", "answer", "new"),
    [
        ("", ("abo",), "A", "abo: A\n"),
        ("# only", ("abo",), "A", "# only\nabo: A\n"),
        ("case: 1\n", ("partner", "x"), "1", "case: 1\npartner:\n  x: 1\n"),
        ("case: 1\npartner:  # p\n", ("partner", "x"), "1", "case: 1\npartner:\n  x: 1  # p\n"),
        ("pregnancies: []\r\ntsh:\r\n", ("pregnancies", 0), {}, "pregnancies:\r\n  - {}\r\ntsh:\r\n"),
        ("pregnancies: []\r\ntsh:\r\n", ("tsh",), "3 mIU/L", "pregnancies: []\r\ntsh: 3 mIU/L\r\n"),
        ("{case: X, tsh: 2 mIU/L} # c\n", ("abo",), "A", "{case: X, tsh: 2 mIU/L, abo: A} # c\n"),
        ("{case: X, tsh: 2 mIU/L} # c\n", ("tsh",), None, "{case: X} # c\n"),
        ("{case: X, tsh: 2 mIU/L} # c\n", ("case",), None, "{tsh: 2 mIU/L} # c\n"),
        ("a: 'it''s'  # q\n", ("a",), "x: y", 'a: "x: y"  # q\n'),
        (
            "tsh: 2 mIU/L",
            ("tsh",),
            ["2 mIU/L", {"value": "3 mIU/L"}],
            "tsh:\n  - 2 mIU/L\n  - {value: 3 mIU/L}",
        ),
    ],
)
def test_short_texts(text: str, way: Way, answer: Any, new: str):
    assert put(page(text), way, answer).text == new


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_is_written_so_that_it_is_read_again(text: str):
    for kept in (text.strip(), text):
        for way in (("a",), ("b", 0, "c")):
            try:
                new = put(page("x: 1\n"), way, kept)
            except UnsafeError:
                assert not kept.isprintable()  # such as a sign that YAML takes for the end of a line
                continue
            assert at(new.data, way) == kept


def _layout(random: Random) -> str:
    """A case written in one of the many ways people write."""
    flow = random.random() < 0.4
    tail = random.choice(["", "", "   # said so", " # close"])
    parts = []
    for name in "abcde":
        kind = random.randrange(4)
        if kind == 0:
            parts.append(f"{name}: {random.choice(['yes', '2 mIU/L', chr(39) + 'q: r' + chr(39), ''])}{tail}")
        elif kind == 1 and flow:
            parts.append(f"{name}: {{value: 1 g, date: 2024}}{tail}")
        elif kind == 1:
            parts.append(f"{name}:{tail}\n  value: 1 g\n  date: 2024{tail}")
        elif kind == 2 and flow:
            parts.append(f"{name}: [{{x: 1}}, {{x: 2,\n  y: 3}}]{tail}")
        elif kind == 2:
            parts.append(f"{name}:\n{random.choice(['', '  '])}- {{x: 1}}{tail}")
        else:
            parts.append(f"{name}:\n  - x: 1\n    y: 2{tail}\n  # between\n  - {{x: 5}}")
    return (
        random.choice(["", "# top\n\n", "---\n"])
        + "\n".join(parts)
        + random.choice(["", "\n", "\n\n# end\n"])
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_whatever_the_layout_a_change_is_made_whole_or_not_at_all(seed: int):
    random = Random(seed)
    before = page(_layout(random))
    for _ in range(3):
        name = random.choice("abcdef")
        way: Way = random.choice(
            [(name,), (name, 0), (name, 1), (name, 0, "x"), (name, 1, "z"), (name, "date"), (name, 2, "x")]
        )
        answer = random.choice([None, "new", "a: b", {"value": "3 g", "date": "2025"}, [], [{"x": "9"}]])
        try:
            wanted = changed(before.data, way, answer)
            after = put(before, way, answer)
        except UnsafeError:
            continue
        emptied = changed(before.data, way, "")
        assert after.data in (wanted, emptied) if answer is None else after.data == wanted
        assert _comments(after) == _comments(before)
        before = after


def test_most_changes_can_be_made():
    made = tried = 0
    for seed in range(300):
        random = Random(seed)
        before = page(_layout(random))
        for way in before.data:
            tried += 1
            with suppress(UnsafeError):
                put(before, (way,), "new")
                made += 1
    assert made > 0.6 * tried


def test_a_case_written_anew_holds_the_same():
    before = page(TEXT)
    assert page(rendered(before.data)).data == before.data
    assert (
        written({"a": ["x", "it's: so"], "b": ""}) == '{a: [x, "it\'s: so"], b: null}'
    )  # an empty text would be an answer
