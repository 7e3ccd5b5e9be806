"""The schemas of cases and of rule files: they judge as the readers do, wherever a schema can know."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsa_cli import schemas
from rsa_cli.case import CASE, RESULT
from rsa_cli.case import read_case as read_case_of
from rsa_cli.conditions import FORMS
from rsa_cli.dictionary import MISSING, Item, UnreadableError, read_value
from rsa_cli.problems import NeedsFixing, Place, Problem
from rsa_cli.rulebook import MANIFEST, SECTIONS, read_rulebook
from rsa_cli.schemas import case_schema, rules_schema, text_of
from rsa_cli.source import Mapping, Node, Sequence, Source, Text, read_bytes, read_file
from rsa_cli.units import written

ROOT = Path(__file__).parents[1]
BAD = Path(__file__).parent / "bad"
RULEBOOK = read_rulebook("article", whole=True)
CASE_SCHEMA, RULES_SCHEMA = case_schema(RULEBOOK), rules_schema()
OF_A_CASE, OF_RULES = jsonschema_rs.validator_for(CASE_SCHEMA), jsonschema_rs.validator_for(RULES_SCHEMA)
FAR = 10**6  # a day that nothing lies after
SAMPLES = sorted((ROOT / "sample_cases").glob("*.yaml"))
RULE_FILES = sorted((ROOT / "rules").glob("*/*.yaml"))


def as_an_editor(node: Node | None) -> Any:
    """What an editor's YAML 1.2 makes of a node: plain words are text, numbers or true, false, null."""
    if isinstance(node, Mapping):
        return {key: as_an_editor(value) for key, value in node.items.items()}
    if isinstance(node, Sequence):
        return [as_an_editor(part) for part in node.parts]
    if node is None or (node.plain and node.text in ("", "~", "null", "Null", "NULL")):
        return None
    if node.plain and node.text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return node.text.casefold() == "true"
    if node.plain and re.fullmatch(r"[-+]?\d+", node.text):
        return int(node.text)
    if node.plain and re.fullmatch(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", node.text):
        return float(node.text)
    return node.text


def wrong(validator: Any, instance: Any) -> list[str]:
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in validator.iter_errors(instance)]


def read(data: str) -> Source:
    return read_bytes("case.yaml", data.encode())


def inner(part: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, part
    for step, value in (
        part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    ):
        yield from inner(value, (*path, step))


# --- where an editor finds it -----------------------------------------------------------------------


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_rule_file_names_its_schema_and_fits_it(path: Path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert named.resolve() == ROOT / "docs" / "rules.schema.json"
    assert wrong(OF_RULES, as_an_editor(read_file(path).root)) == []


# --- the schemas themselves ------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("schema", [CASE_SCHEMA, RULES_SCHEMA], ids=["case", "rules"])


@BOTH
def test_it_is_a_schema_of_draft_07(schema: dict[str, Any]):
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


@BOTH
def test_every_reference_leads_somewhere_and_every_definition_is_used(schema: dict[str, Any]):
    used = {part["$ref"] for _, part in inner(schema) if isinstance(part, dict) and "$ref" in part}
    assert used == {f"#/$defs/{name}" for name in schema["$defs"]}


@BOTH
def test_every_property_has_a_title_and_a_description(schema: dict[str, Any]):
    told = 0
    for path, part in inner(schema):
        if (
            not path
            or path[-1] != "properties"
            or "then" in path
            or "if" in path
            or not isinstance(part, dict)
        ):
            continue
        if path[-2:-1] and path[-2] in ("properties", "$defs"):
            continue  # an item of that name
        # Beside an allOf only the value of a result is narrowed: its words stand in the shared definition.
        above = schema
        for step in path[:-1]:
            above = above[step]
        if "allOf" in above and "$ref" in above["allOf"][0]:
            continue
        for name, described in part.items():
            told += 1
            assert described["title"].strip(), (path, name)
            assert re.search(r"[.?!…]$", described["description"]), (path, name, described["description"])
    assert told > 100


def test_every_key_of_every_shape_has_words_of_its_own():
    shapes = schemas._RulesSchema().shapes
    shapes |= {"rulebook": MANIFEST, "form": FORMS, "section": dict.fromkeys(SECTIONS, "")}
    for name, shape in shapes.items():
        assert list(schemas._TOLD[name]) == list(shape) or set(schemas._TOLD[name]) == set(shape), name
    assert set(schemas._OF_A_CASE) == set(CASE)
    assert set(schemas._OF_A_RESULT) == set(RESULT)
    parts = {key for shape in FORMS.values() if isinstance(shape, dict) for key in shape}
    assert parts <= set(schemas._TOLD["part of a form"])


@pytest.mark.parametrize("which", ["case", "rules"])
def test_the_command_writes_it(which: str):
    done = subprocess.run(
        [sys.executable, "-m", "rsa_cli", "schema", which], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout == text_of(CASE_SCHEMA if which == "case" else RULES_SCHEMA)


def test_the_schemas_that_editors_look_up_are_current():
    for name, schema in (("case", CASE_SCHEMA), ("rules", RULES_SCHEMA)):
        assert (ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8") == text_of(schema), (
            "make docs"
        )
    for path in SAMPLES:
        named = path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
        assert (path.parent / named).resolve() == ROOT / "docs" / "case.schema.json"


# --- cases -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_every_sample_is_valid(path: Path):
    assert wrong(OF_A_CASE, as_an_editor(read_file(path).root)) == []


def test_every_example_is_valid():
    assert len(RULEBOOK.examples) > 100
    for example in RULEBOOK.examples:
        assert wrong(OF_A_CASE, as_an_editor(example.given)) == [], example.place


# What a schema can know from a value alone; the rest needs the file's text or other values.
KNOWABLE = {
    "unknown-key", "wrong-type", "not-a-choice", "no-unit", "unknown-unit", "not-a-quantity", "decimal-comma",
    "not-a-date", "not-a-gestation", "missing-word", "unknown-flag", "unknown-format", "not-a-mapping",
    "key-missing", "not-a-text", "not-a-day", "not-a-case", "undated",
}  # fmt: skip
# Of the same codes, what a pattern does not see.
BEYOND = re.compile(
    r"there is no (?:day|group)|'\d{4}-\d\d(?:-\d\d)?' is not a date|in a case$|^'.*(\d)-.*is not a value|lies? outside"
)


def problems_of(source: Source) -> list[Problem]:
    """What the reader finds wrong in a case, without what only the whole of it shows."""
    try:
        read_case_of(source, RULEBOOK.items, RULEBOOK.circumstances, FAR)
    except NeedsFixing as error:
        return [p for p in error.problems if not p.remark]
    return []


def knowable(problem: Problem) -> bool:
    return problem.code in KNOWABLE and not BEYOND.search(problem.says)


def of_a_range(source: Source, problem: Problem) -> bool:
    """Whether a problem is of the laboratory's own range, whose unit the schema leaves to the reader."""
    before = source.lines[problem.place.line - 1][: problem.place.column - 1]
    return before.rstrip(' "').endswith("range:")


def by_entry(root: Mapping, problems: list[Problem]) -> dict[str, list[Problem]]:
    """The problems of each key of the top level."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        at = (problem.place.line, problem.place.column)
        above = [key for key, text in root.keys.items() if (text.place.line, text.place.column) <= at]
        found.setdefault(above[-1] if above else "", []).append(problem)
    return found


def refused(validator: Any, root: Mapping) -> set[str]:
    """The keys of the top level that a schema refuses, each judged by itself."""
    return {key for key, value in root.items.items() if wrong(validator, {key: as_an_editor(value)})}


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda p: p.stem)
def test_a_bad_case_is_judged_alike(path: Path):
    source = read_file(path)
    if not isinstance(source.root, Mapping) or not source.complete:
        return  # the editor cannot read it either
    problems = by_entry(source.root, problems_of(source))
    form = by_entry(source.root, [p for p in source.problems if not p.remark])
    for key in source.root.items:
        if key in form:
            continue  # what YAML lost an editor cannot see
        found = problems.get(key, [])
        ours = key in refused(OF_A_CASE, source.root)
        if any(knowable(p) and not of_a_range(source, p) for p in found):
            assert ours, (key, found)
        elif not found:
            assert not ours, (key, wrong(OF_A_CASE, {key: as_an_editor(source.root.items[key])}))


def test_bad_cases_are_mostly_of_what_a_schema_knows():
    known = [p for path in BAD.glob("*.yaml") for p in problems_of(read_file(path)) if knowable(p)]
    assert len({p.code for p in known}) >= len(KNOWABLE) - 2
    assert len(known) > 60


ITEMS = [i for i in RULEBOOK.items.values() if i.kind != "records"]
FIELDS = [f for i in RULEBOOK.items.values() for f in i.fields.values() if f.kind != "derived"]
WORDS = ["yes", "no", "true", "positive", "negative", "high", "none", "?", "8w2d", "8 weeks", "9–10 weeks", "8+2", "10",
         "2024-05", "2024", "2024-05-06", "5.6.2024", "", "1,5", "-", "n/a", "moderate", "Unknown", *MISSING]  # fmt: skip
SIGNS = ["", ">", "< ", "≥", "at least ", "under ", "−", "about "]
UNITS = sorted({u.text for i in (*ITEMS, *FIELDS) for u in i.units.values()} | {"", "mg", "U"})


def judged(item: Item, text: str) -> tuple[bool, bool]:
    """Whether reader and schema take a text for a value of an item; where only the number is odd, both say so."""
    plain = as_an_editor(Text(text, True, "", None, None))
    try:
        if item.kind == "choices" and text not in MISSING:
            ours = text in item.choices
        else:
            ours = text in MISSING or bool(read_value(item, text))
    except UnreadableError as error:
        if error.code == "implausible" and isinstance(plain, int | float):
            return True, True  # of a bare number the schema knows it, of others it does not
        ours = error.code == "implausible" or bool(re.search(r"there is no day|is not a range", error.says))
    name = f"{item.of}.{item.id}" if item.of else item.id
    validator = VALUES.setdefault(
        name,
        jsonschema_rs.validator_for(
            {
                "$ref": f"#/$defs/{name}",
                "$defs": {n: CASE_SCHEMA["$defs"][n] for n in (name, "missing", "day")},
            }
        ),
    )
    return ours, validator.is_valid(plain)


VALUES: dict[str, Any] = {}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*ITEMS, *FIELDS]),
    st.sampled_from(SIGNS),
    st.sampled_from(["2", "0.4", "12.", ".5", "1e3", "3–4", "3 to 4", "40-50", "1/2"]),
    st.sampled_from(["", " ", "  "]),
    st.sampled_from([*UNITS, "own"]),
    st.sampled_from(
        [str, str.upper, str.casefold, lambda t: t.replace("µ", "u"), lambda t: t.replace("2", "²")]
    ),
)
def test_any_quantity_is_judged_alike(item: Item, sign: str, number: str, blank: str, unit: str, spelt: Any):
    text = sign + number + blank + spelt(item.unit if unit == "own" else unit)
    ours, theirs = judged(item, text)
    assert ours == theirs, (item.id, text)


@pytest.mark.parametrize("item", [*ITEMS, *FIELDS], ids=lambda i: f"{i.of or ''}.{i.id}")
def test_any_word_is_judged_alike(item: Item):
    for text in [*WORDS, *item.choices]:
        if item.kind == "text" or not text or (item.kind in ("quantity", "derived") and "2024-" in text):
            continue  # of a range the schema does not know which end is the lower one
        ours, theirs = judged(item, text)
        assert ours == theirs, text


def test_what_the_schema_gives_as_an_example_can_be_read():
    told = 0
    for item in (*ITEMS, *FIELDS):
        for text in schemas._examples(item):
            told += 1
            assert text in MISSING or read_value(item, text), item.id
    assert told > 40


def test_a_number_that_is_taken_bare_may_be_one():
    bare = [i for i in ITEMS if i.bare and i.plausible and i.plausible.high is not None and not i.dated]
    assert bare
    for item in bare:
        assert item.plausible is not None
        high = item.plausible.high
        assert high is not None
        for number, valid in ((Fraction(high), True), (Fraction(high) + 1, False)):
            source = read(f"{item.key}: {written(number)}")
            assert (not problems_of(source)) is valid
            assert (not wrong(OF_A_CASE, as_an_editor(source.root))) is valid


def test_what_counts_for_a_time_only_needs_its_date():
    dated = [i for i in ITEMS if i.dated and not i.partner and schemas._examples(i)]
    for item in [*dated, *(i for i in ITEMS if i.dated and not i.partner and i.choices)]:
        typed = next(iter(item.choices), "") or schemas._examples(item)[0]
        for text, valid in (
            (typed, False),
            (f"{{value: {typed}}}", False),
            (f"{{value: {typed}, date: unknown}}", False),
            (f"{{value: {typed}, date: 2024-01}}", True),
            ("not done", True),
            ("{value: pending}", True),
            (f"[{{value: {typed}, date: 2024}}, {{value: {typed}}}]", False),
        ):
            source = read(f"{item.key}: {text}")
            assert (not problems_of(source)) is valid, (item.id, text)
            assert (not wrong(OF_A_CASE, as_an_editor(source.root))) is valid, (item.id, text)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("case: 0042", True),
        ("case: [1]", False),
        ("as_of: 2026-03", False),
        ("as_of: 2026-03-01", True),
        ("as_of:", True),
        ("note: {any: thing}", True),
        ("partner:", True),
        ("partner: {tsh: 2 mIU/L}", False),
        ("partner: []", False),
        ("pregnancies: []", True),
        ("pregnancies: not done", True),
        ("pregnancies: [{outcome: miscarriage, note: twins}]", True),
        ("pregnancies: [{outcome: miscarriage, outcom: x}]", False),
        ("tsh: {date: 2024}", False),
        ("tsh: {value: 2 mIU/L, date: 2024, note: x}", True),
        ("tsh: {value: 2 mIU/L, dat: 2024}", False),
        ("tsh: {value: 2 mIU/L, flag: strange}", False),
        ("tsh: {value: 2 mIU/L, pregnant: no}", True),
        ("tsh: {value: 2 mIU/L, pregnant: maybe}", False),
        ("tsh: [{value: 2 mIU/L, date: 2024}, not done]", True),
        ("tsh: 2.1", False),
        ("tsh:", True),
        ("deficient: yes", False),
    ],
)
def test_shapes_are_judged_alike(text: str, valid: bool):
    source = read(text)
    assert (not problems_of(source)) is valid
    assert (not wrong(OF_A_CASE, as_an_editor(source.root))) is valid


# --- rule files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_rule_file_is_valid(path: Path):
    assert wrong(OF_RULES, as_an_editor(read_file(path).root)) == []


# What a schema can know of a rule file; names of items, numbers and formulas it cannot.
KNOWABLE_OF_RULES = {
    "unknown-key", "key-missing", "not-a-text", "not-a-list", "not-yes-or-no", "not-a-mapping", "unknown-kind", "unknown-form",
    "key-not-for-kind", "unknown-word", "choices-missing", "choice-missing", "formula-missing", "fields-missing",
    "list-kind", "bad-check", "bad-bars", "bad-worked-out", "standing-missing",
}  # fmt: skip


def of_rules(problem: Problem) -> bool:
    return problem.code in KNOWABLE_OF_RULES and not BEYOND.search(problem.says)


def entries(root: Node | None) -> Iterator[tuple[str, Text, Node]]:
    """The entries of every section of a rule file."""
    for section, node in root.items.items() if isinstance(root, Mapping) else ():
        for key, value in node.items.items() if isinstance(node, Mapping) else ():
            yield section, node.keys[key], value


def entry_of(root: Node | None, problem: Problem) -> tuple[str, str, Place] | None:
    """The entry of a section that a problem stands in."""
    at = (problem.place.line, problem.place.column)
    if problem.place.column == 1:
        return None  # a section itself
    above = [e for e in entries(root) if (e[1].place.line, e[1].place.column) <= at]
    return (above[-1][0], above[-1][1].text, above[-1][1].place) if above else None


@pytest.mark.parametrize(
    "folder", sorted(p.parent for p in BAD.glob("rules/*/rulebook.yaml")), ids=lambda p: p.name
)
def test_a_bad_rulebook_is_judged_alike(folder: Path):
    with pytest.raises(NeedsFixing) as error:
        read_rulebook(folder, whole=True)
    for path in folder.glob("*.yaml"):
        source = read_file(path)
        if (
            not isinstance(source.root, Mapping)
            or not source.complete
            or any(not p.remark for p in source.problems)
        ):
            continue
        here = [p for p in error.value.problems if p.place.file == str(path) and not p.remark]
        if path.name == "rulebook.yaml":
            known = [p for p in here if of_rules(p)]
            assert bool(wrong(OF_RULES, as_an_editor(source.root) or {})) >= bool(known), known
            continue
        for section, key, value in entries(source.root):
            if section not in SECTIONS:
                continue
            mine = [p for p in here if entry_of(source.root, p) == (section, key.text, key.place)]
            ours = wrong(OF_RULES, {section: {key.text: as_an_editor(value)}})
            if any(of_rules(p) for p in mine):
                assert ours, (path.name, key.text, mine)
            elif not mine:
                assert not ours, (path.name, key.text, ours)


def test_bad_rulebooks_are_of_what_a_schema_knows():
    known: set[str] = set()
    for folder in (p.parent for p in BAD.glob("rules/*/rulebook.yaml")):
        with pytest.raises(NeedsFixing) as error:
            read_rulebook(folder, whole=True)
        known |= {p.code for p in error.value.problems}
    assert known >= KNOWABLE_OF_RULES - {"standing-missing"}, KNOWABLE_OF_RULES - known


def test_the_schemas_are_json():
    assert json.loads(text_of(CASE_SCHEMA)) == CASE_SCHEMA
    assert json.loads(text_of(RULES_SCHEMA)) == RULES_SCHEMA
