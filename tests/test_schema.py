"""The JSON Schema of the assessment: what the program writes is valid, what it never writes is refused."""

from __future__ import annotations

import ast
import copy
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from rsa_cli import assess, renderers, settle
from rsa_cli.assess import PLACES, STATUSES, Assessment, read_and_assess
from rsa_cli.kleene import Truth
from rsa_cli.renderers._words import HEADER, NO_ORDER
from rsa_cli.renderers.json import FORMAT, data
from rsa_cli.rulebook import BURDENS, KINDS, OCCASIONS, STANDINGS, TIERS, Example, read_rulebook
from rsa_cli.source import Source, read_bytes
from rsa_cli.values import read_date

from spec_tables import AS_OF, rulebook_of, source_of

ROOT = Path(__file__).parents[1]
FILE = ROOT / "rsa_cli" / "assessment.schema.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
RULEBOOK = read_rulebook("article", whole=True)
CASES = sorted((ROOT / "sample_cases").glob("*.yaml"))
FAR = 10**6  # a day that nothing lies after

Step = str | int
Path_ = tuple[Step, ...]


def assessed(path: Path) -> Assessment:
    return read_and_assess(read_bytes(path.name, path.read_bytes()), RULEBOOK)


OUTPUTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(renderers.render(assessed(path), "json", renderers.Options())) for path in CASES
}
# A case without an id: a remark says so.
OUTPUTS["remarked"] = data(read_and_assess(read_bytes("remarked.yaml", b"age: 31 years"), RULEBOOK, FAR, FAR))


def wrong(output: Any) -> list[str]:
    """What the schema refuses of an output, and where."""
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in VALIDATOR.iter_errors(output)]


def places(part: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Everything in an output, with the way to it."""
    yield path, part
    for step, inner in (
        part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    ):
        yield from places(inner, (*path, step))


def at(part: Any, path: Path_) -> Any:
    for step in path:
        part = part[step]
    return part


def shape(path: Path_) -> Path_:
    """The way without the numbers of members: what is alike for all of them."""
    return tuple(step if isinstance(step, str) else 0 for step in path)


def ways(wanted: type) -> dict[tuple[Path_, frozenset[str]], tuple[str, Path_]]:
    """Of everything of a type in the outputs one of each shape: the sample case and the way to it."""
    found: dict[tuple[Path_, frozenset[str]], tuple[str, Path_]] = {}
    for case, output in OUTPUTS.items():
        for path, part in places(output):
            if isinstance(part, wanted):
                keys = frozenset(part) if isinstance(part, dict) else frozenset({type(part).__name__})
                found.setdefault((shape(path), keys), (case, path))
    return found


def schemas(part: Any = SCHEMA, path: Path_ = ()) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Every mapping in the schema, with the way to it."""
    return ((p, inner) for p, inner in places(part, path) if isinstance(inner, dict))


# --- the schema itself -----------------------------------------------------------------------------


def test_it_is_a_schema_of_draft_07_with_the_version_in_its_id():
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["$id"] == f"urn:rsa-workup:assessment:{FORMAT}"


def test_the_file_is_written_as_the_program_writes_json():
    assert FILE.read_text(encoding="utf-8") == json.dumps(SCHEMA, ensure_ascii=False, indent=2) + "\n"


def test_every_object_is_closed_and_requires_all_it_names():
    objects = [(path, s) for path, s in schemas() if s.get("type") == "object" and "then" not in path]
    assert len(objects) > 15
    for path, inner in objects:
        assert inner["additionalProperties"] is False, path
        assert inner["required"] == list(inner["properties"]), path


def test_every_property_has_a_title_and_a_description():
    told = 0
    for path, inner in schemas():
        if "then" in path or "else" in path or "if" in path:
            continue
        named = inner.get("properties", {}) if inner.get("type") == "object" else {}
        for name, described in {**named, **(inner if path == ("$defs",) else {})}.items():
            told += 1
            assert described["title"].strip(), (path, name)
            # A sentence, and more than its title again.
            assert re.fullmatch(r"[A-Z].*\.", described["description"]), (path, name)
            assert len(described["description"]) > len(described["title"]) + 5, (path, name)
    assert told > 100
    assert SCHEMA["title"]
    assert SCHEMA["description"]


def test_every_reference_leads_somewhere_and_every_definition_is_used():
    used = {inner["$ref"] for _, inner in schemas() if "$ref" in inner}
    assert used == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


# --- no enumeration drifts -------------------------------------------------------------------------


def line_states() -> set[str]:
    """Every state that the checklist can give a line: read off the code, which has no list of them."""
    found: set[str] = set()
    for function in (assess._line, assess._progress):
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            value: ast.expr | None = None
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "state" for t in node.targets
            ):
                value = node.value
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                value = node.value.elts[0]
            chosen = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            found |= {c.value for c in chosen if isinstance(c, ast.Constant)}
    return found


def atom_kinds() -> set[str]:
    """Every kind of thing that may become known."""
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(settle))) if isinstance(n, ast.Call)]
    made = [c.args[0] for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Atom"]
    assert all(isinstance(first, ast.Constant) for first in made)
    return {first.value for first in made if isinstance(first, ast.Constant)}


ENUMS: dict[str, tuple[Any, ...] | set[str]] = {
    "$defs/truth": tuple(str(truth) for truth in Truth),
    "$defs/finding/properties/kind": KINDS,
    "$defs/finding/properties/standing": (*STANDINGS, None),
    "$defs/finding/properties/status": STATUSES,
    "$defs/line/properties/occasion": OCCASIONS,
    "$defs/line/properties/burden": BURDENS,
    "$defs/line/properties/tier": TIERS,
    "$defs/line/properties/place": PLACES,
    "$defs/line/properties/state": line_states(),
    "$defs/atom/properties/kind": atom_kinds(),
    "$defs/unexplained/properties/answer": (*STATUSES, None),
}
CONSTANTS = {
    "properties/format": FORMAT,
    "properties/notice": HEADER,
    "properties/program/properties/name": "rsa",
    "$defs/management/properties/notice": NO_ORDER,
}


def test_every_enumeration_is_the_programs_own():
    found = {"/".join(map(str, p)): s["enum"] for p, s in schemas() if "enum" in s and "if" not in p}
    assert found.keys() == ENUMS.keys()
    for where, words in found.items():
        own = ENUMS[where]
        assert (set(words) if isinstance(own, set) else tuple(words)) == own, where
        assert len(words) == len(set(words)), where


def test_every_constant_is_the_programs_own():
    conditional = {"if", "then"}
    found = {
        "/".join(map(str, p)): s["const"] for p, s in schemas() if "const" in s and not conditional & set(p)
    }
    assert found == CONSTANTS


def test_words_in_conditions_of_the_schema_are_words_of_the_enumerations():
    for branch in SCHEMA["$defs"]["finding"]["allOf"]:
        for clause in branch.values():
            for name, said in clause["properties"].items():
                words = said.get("enum", [said["const"]] if "const" in said else [])
                own = {"status": STATUSES, "truth": ENUMS["$defs/truth"], "kind": KINDS}.get(name, ())
                assert set(words) <= set(own)


# --- what the program writes is valid --------------------------------------------------------------


@pytest.mark.parametrize("case", OUTPUTS)
def test_a_sample_case_is_valid(case: str):
    assert wrong(OUTPUTS[case]) == []


# An example of what cannot be judged, a check that refuses or an answer that does not apply, gives no output.
JUDGED = [e for e in RULEBOOK.examples if not {"problem", "nothing"} & set(e.expect.values())]


@pytest.mark.parametrize("example", JUDGED[::8], ids=lambda e: e.name.replace(" ", "-"))
def test_an_example_of_the_rulebook_is_valid(example: Example):
    source = Source(example.place.file, [], example.given, [])
    day = read_date(example.as_of or AS_OF)
    assert day is not None
    assert day.low is not None
    assert wrong(data(read_and_assess(source, RULEBOOK, int(day.low), FAR))) == []


@pytest.mark.parametrize("case", OUTPUTS)
def test_every_item_named_is_an_item_of_the_rulebook(case: str):
    names = [part["item"] for _, part in places(OUTPUTS[case]) if isinstance(part, dict) and part.get("item")]
    assert names
    for name in names:
        of, _, field = name.partition(".")
        assert of in RULEBOOK.items, name
        assert not field or field in RULEBOOK.items[of].fields, name


@pytest.mark.parametrize("case", OUTPUTS)
def test_every_value_that_was_written_says_where(case: str):
    for _, part in places(OUTPUTS[case]):
        if isinstance(part, dict) and "measured_by" in part and part["item"] and part["record"]:
            assert part["places"], part
            assert all(p["line"] and p["column"] and p["file"] == f"{case}.yaml" for p in part["places"])


# Values of every sort, each asked for by a rule of its own.
SORTS: dict[str, Any] = {
    "items": {
        "tsh": {"kind": "quantity", "unit": "mIU/L"},
        "ratio": {"kind": "quantity", "bare": "yes"},
        "antibody": {"kind": "quantity", "unit": "GPL", "units": {"CU": "separate"}, "words": "yes",
                     "levels": {"high": {"from": "80 GPL", "source": "any"}}},
        "insulin": {"kind": "quantity", "unit": "mIU/L"},
        "index": {"kind": "derived", "formula": "tsh * insulin / 22.5"},
        "last_period": {"kind": "date"},
        "gestation_now": {"kind": "gestation"},
        "karyotype": {"kind": "choice", "choices": {"normal": {}, "translocation": {}, "inversion": {},
                      "abnormal": {"covers": ["translocation", "inversion"]}}},
        "diseases": {"kind": "choices", "choices": ["lupus", "thyroiditis"]},
        "images": {"kind": "records", "list": "series", "dated_by": "date",
                   "set_aside_if": "surgery_since is yes",
                   "fields": {"date": {"kind": "date"}, "size": {"kind": "quantity", "unit": "cm"}}},
        "surgery": {"kind": "records", "list": "history", "dated_by": "date",
                    "fields": {"date": {"kind": "date"}}},
        "losses": {"kind": "records", "list": "history", "dated_by": "ended", "fields": {
            "ended": {"kind": "date"},
            "sort": {"kind": "choice", "choices": {"early": {"implies": "gestation < 12 weeks"}, "late": {}}},
            "gestation": {"kind": "gestation"},
        }},
    },
    "circumstances": {"surgery_since": {"kind": "flag", "worked_out": {"later": ["surgery"]}}},
}  # fmt: skip
ASKED = {
    "tsh": ("tsh > 4 mIU/L", {"text": "2.50 mIU/L", "value": 2.5, "unit": "mIU/L"}),
    "ratio": ("ratio > 1", {"text": "1.2", "value": 1.2, "unit": "1"}),
    "antibody": ("antibody > 40 GPL", {"text": "55 CU", "value": 55, "unit": "CU"}),
    "index": ("index > 2", {"text": "> 1.11", "low": 10 / 9, "high": None, "low_in": False, "high_in": True,
                            "unit": "1"}),
    "insulin": ("insulin < 5 mIU/L", {"text": ">10 mIU/L", "low": 10, "high": None, "low_in": False,
                                      "high_in": True, "unit": "mIU/L"}),
    "last_period": ("last_period > 2025-01-01", {"text": "2026-01"}),
    "gestation_now": ("gestation_now < 12 weeks", {"text": "8w2d", "value": 58, "unit": "days"}),
    "karyotype": ("karyotype is normal", {"text": "abnormal", "choices": ["inversion", "translocation"]}),
    "diseases": ("diseases includes lupus",
                 {"text": "thyroiditis, lupus", "choices": ["lupus", "thyroiditis"]}),
    "losses.gestation": ({"count": {"of": "losses", "where": "gestation < 12 weeks", "at_least": "1"}},
                         {"text": "implied by sort: early", "low": 0, "high": 84, "low_in": True,
                          "high_in": False, "unit": "days"}),
}  # fmt: skip
GIVEN = {
    "tsh": "2.50 mIU/L", "insulin": ">10 mIU/L", "ratio": "1.2", "antibody": "55 CU",
    "last_period": "2026-01", "gestation_now": "8w2d", "karyotype": "abnormal",
    "diseases": ["thyroiditis", "lupus"],
    "losses": [{"ended": "2025-05", "sort": "early"}],
    "images": [{"date": "2024-01-19", "size": "3 cm"}], "surgery": [{"date": "2025-01-19"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def sorts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    def labelled(items: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {
                "label": name,
                "question": name,
                **raw,
                **({"fields": labelled(raw["fields"])} if "fields" in raw else {}),
            }
            for name, raw in items.items()
        }

    declares = {section: labelled(items) for section, items in SORTS.items()}
    rules = {f"asks_{name.replace('.', '_')}": when for name, (when, _) in ASKED.items()}
    book = rulebook_of(tmp_path_factory.mktemp("sorts"), declares, rules)
    day = read_date(AS_OF)
    assert day is not None
    assert day.low is not None
    return data(read_and_assess(source_of(GIVEN), book, int(day.low), FAR))


def test_values_of_every_sort_are_valid(sorts: dict[str, Any]):
    assert wrong(sorts) == []


@pytest.mark.parametrize("name", ASKED)
def test_a_number_has_its_unit_and_a_date_is_no_number(sorts: dict[str, Any], name: str):
    finding = next(f for f in sorts["findings"] if f["id"] == f"asks_{name.replace('.', '_')}")
    values = [r["value"] for r in (*finding["reasons"], *finding["known"]) if r["item"] == name]
    assert values
    assert all(value == ASKED[name][1] for value in values)


def test_a_record_set_aside_has_no_value_of_its_own(sorts: dict[str, Any]):
    assert [(s["item"], s["record"], s["value"]) for s in sorts["set_aside"]] == [("images", 1, None)]


# --- what the program never writes is refused ------------------------------------------------------

DICTS, LEAVES = ways(dict), ways(str) | ways(bool) | ways(int) | ways(float) | ways(type(None))


def changed(case: str, path: Path_, change: Callable[[Any], None]) -> dict[str, Any]:
    output = copy.deepcopy(OUTPUTS[case])
    change(at(output, path))
    return output


def test_the_sample_cases_show_every_shape():
    shown = {tuple(sorted(keys)) for _, keys in DICTS}
    for path, inner in schemas():
        if inner.get("type") == "object" and "then" not in path:
            assert tuple(sorted(inner["properties"])) in shown, path


@pytest.mark.parametrize(
    ("case", "path"), DICTS.values(), ids=["/".join(map(str, p)) for _, p in DICTS.values()]
)
def test_a_missing_or_an_extra_field_is_refused(case: str, path: Path_):
    for key in at(OUTPUTS[case], path):
        if key != "choices":  # an answer without its choices is words: a shape of its own
            assert wrong(changed(case, path, lambda part, key=key: part.pop(key))), key
    assert wrong(changed(case, path, lambda part: part.update(extra=1)))


def test_a_value_of_the_wrong_type_is_refused():
    for case, path in LEAVES.values():
        for other in ([], {}):
            assert wrong(
                changed(case, path[:-1], lambda part, p=path, o=other: part.__setitem__(p[-1], o))
            ), path


def test_an_enumerated_word_in_other_letters_is_refused():
    fields = {where.rsplit("/", 1)[-1] for where in ENUMS} - {"place"} | {"format", "notice", "answer"}
    tried = set()
    for case, path in LEAVES.values():
        if path[-1] in fields or (path[-1] == "place" and path[0] == "checklist"):
            tried.add(path[-1])
            for word in ("", "MET", "none", 2):
                assert wrong(
                    changed(case, path[:-1], lambda part, p=path, w=word: part.__setitem__(p[-1], w))
                ), path
    assert tried == fields | {"place"}


def finding(output: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    return next(f for f in output["findings"] if all(f[key] == value for key, value in wanted.items()))


def number(output: dict[str, Any]) -> dict[str, Any]:
    """A value that is a number."""
    return next(
        part
        for _, part in places(output)
        if isinstance(part, dict) and {"value", "unit"} == part.keys() - {"text"}
    )


def span(output: dict[str, Any]) -> dict[str, Any]:
    return next(part for _, part in places(output) if isinstance(part, dict) and "low_in" in part)


MUTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a status that is no status": lambda o: o["findings"][0].update(status="excluded"),
    "not met, though not known": lambda o: finding(o, truth="unknown").update(status="not met"),
    "met, though false": lambda o: finding(o, status="not met").update(status="met"),
    "not assessed, though decided": lambda o: finding(o, status="not met").update(status="not assessed"),
    "open, and nothing to settle it": lambda o: finding(o, truth="unknown").update(settle=None),
    "decided, and something to settle it": lambda o: finding(o, truth="false").update(
        settle={"met": [], "not_met": [], "more": False}
    ),
    "a way to settle of nothing at all": lambda o: finding(o, truth="unknown")["settle"]["met"].append([]),
    "an etiology without its standing": lambda o: finding(o, kind="etiology").update(standing=None),
    "a finding without reasons": lambda o: o["findings"][0].pop("reasons"),
    "a number without the unit key": lambda o: number(o).pop("unit"),
    "a number with an empty unit": lambda o: number(o).update(unit=""),
    "a number with no unit": lambda o: number(o).update(unit=None),
    "a number as text": lambda o: number(o).update(value="2.1"),
    "a number without its text": lambda o: number(o).pop("text"),
    "a number that is answers too": lambda o: number(o).update(choices=["yes"]),
    "a number and a span at once": lambda o: number(o).update(low=1, high=2, low_in=True, high_in=True),
    "a span with one end left out": lambda o: span(o).pop("high"),
    "a span without its unit": lambda o: span(o).pop("unit"),
    "a span whose ends are not said to be in or out": lambda o: span(o).pop("low_in"),
    "an answer whether they are unexplained": lambda o: o.update(unexplained={**o["unexplained"], "answer": "yes"}),
    "a count below nothing": lambda o: o["unexplained"].update(causes=-1),
    "a line counted from 0": lambda o: places_of(o)[0].update(line=0),
    "a line that is no whole number": lambda o: places_of(o)[0].update(line=1.5),
    "a place without its line": lambda o: places_of(o)[0].pop("line"),
    "a day in another order": lambda o: o.update(as_of="01/03/2026"),
    "a month for a day": lambda o: o.update(as_of="2026-03"),
    "a digest of another sort": lambda o: o["case"].update(digest="md5:0"),
    "a later format": lambda o: o.update(format=2),
    "no format": lambda o: o.pop("format"),
    "another schema named in it": lambda o: o.update({"$schema": "x"}),
    "findings by name": lambda o: o.update(findings={f["id"]: f for f in o["findings"]}),
    "a repeat without a day": lambda o: due(o).update(when=""),
    "a repeat after no days at all": lambda o: due(o)["article"].update(days=0),
    "an occasion with a hyphen": lambda o: o["checklist"][0].update(occasion="blood, day 2-5"),
}  # fmt: skip


def places_of(output: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        part
        for _, part in places(output)
        if isinstance(part, dict) and part.keys() == {"file", "line", "column"}
    ]


def due(output: dict[str, Any]) -> dict[str, Any]:
    return next(d for f in output["findings"] for d in f["due"])


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_output_is_refused(name: str):
    tried = 0
    for output in OUTPUTS.values():
        mutated = copy.deepcopy(output)
        try:
            MUTATIONS[name](mutated)
        except (StopIteration, IndexError):
            continue  # the case has nothing of the kind
        tried += 1
        assert wrong(mutated)
    assert tried


# --- what is delivered -----------------------------------------------------------------------------


def test_the_command_prints_exactly_this_file():
    done = subprocess.run(
        [sys.executable, "-m", "rsa_cli", "schema", "assessment"],
        capture_output=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == FILE.read_bytes()
    assert done.stderr == b""
