"""The tables of `tests/spec`: the rule language, one row a case. Read here for tests and docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rsa_cli.case import read_case
from rsa_cli.evidence import Evidence
from rsa_cli.rulebook import Rulebook, read_rulebook
from rsa_cli.source import Source, read_bytes
from rsa_cli.values import read_date

FOLDER = Path(__file__).parent / "spec"
AS_OF = "2026-03-01"
FAR = 10**6  # a real day that nothing in a table lies after


class Row(NamedTuple):
    """One row: a condition, a case, the truth expected, the earliest next day where one is named."""

    when: Any
    given: Any
    expected: str
    because: str
    as_of: str
    earliest: str


class Table(NamedTuple):
    """One file: a title and a text for people, a small dictionary, rows."""

    name: str
    title: str
    about: str
    declares: dict[str, Any]
    rows: list[Row]


def tables() -> list[Table]:
    """Every table, by file name. A key that is not known is a mistake, not a comment."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        unknown = set(data) - {"title", "about", "items", "circumstances", "rules", "rows"}
        assert not unknown, f"{path.name}: {unknown}"
        rows = []
        for row in data["rows"]:
            unknown = set(row) - {"when", "given", "is", "because", "as_of", "earliest"}
            assert not unknown, f"{path.name}: {unknown} in {row}"
            assert row["is"] in ("true", "false", "?"), row
            rows.append(Row(row["when"], row["given"] or {}, row["is"], row.get("because", ""),
                            row.get("as_of", AS_OF), row.get("earliest", "")))  # fmt: skip
        declares = {key: data[key] for key in ("items", "circumstances", "rules") if key in data}
        found.append(Table(path.stem, data["title"], data["about"], declares, rows))
    return found


def written(data: Any) -> str:
    """YAML that our reader takes: every scalar in quotes, in braces."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{_quoted(str(k))}: {written(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(written(v) for v in data) + "]"
    return _quoted(str(data)) if data not in ("", "null") else "null"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def rulebook_of(folder: Path, declares: dict[str, Any], conditions: dict[str, Any]) -> Rulebook:
    """A rulebook with these declarations, and a rule for each condition."""
    rules = {
        **{name: {"rests_on": [], **rule} for name, rule in declares.get("rules", {}).items()},
        **{
            name: {"finding": name, "kind": "definition", "when": when, "rests_on": []}
            for name, when in conditions.items()
        },
    }
    folder.mkdir(exist_ok=True)
    (folder / "rulebook.yaml").write_text("{name: spec, version: '1', title: Spec}", encoding="utf-8")
    text = "".join(f"{key}: {written(value)}\n" for key, value in {**declares, "rules": rules}.items())
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    return read_rulebook(folder)


def source_of(given: Any) -> Source:
    """A case body as a source."""
    return read_bytes("given", written({"case": "GIVEN", **given}).encode())


def evidence_of(rulebook: Rulebook, given: Any, as_of: str = AS_OF) -> Evidence:
    """What a case body says on a day."""
    case = read_case(source_of(given), rulebook.items, rulebook.circumstances, FAR)
    day = read_date(as_of)
    assert day is not None
    assert day.low is not None
    return Evidence(case, rulebook, int(day.low))
