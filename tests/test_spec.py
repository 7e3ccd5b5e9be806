"""The rule language as tables: every row on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from rsa_cli.engines import reference

from spec_tables import Row, Table, evidence_of, rulebook_of, tables

SIGN = {"true": "true", "false": "false", "unknown": "?"}
TABLES = tables()


def _rows() -> list[tuple[Table, int, Row]]:
    return [(table, number, row) for table in TABLES for number, row in enumerate(table.rows)]


@pytest.fixture(scope="session")
def rulebooks(tmp_path_factory: pytest.TempPathFactory):
    made = {}

    def of(table: Table):
        if table.name not in made:
            folder: Path = tmp_path_factory.mktemp(table.name)
            made[table.name] = rulebook_of(
                folder, table.declares, {f"row_{n}": r.when for n, r in enumerate(table.rows)}
            )
        return made[table.name]

    return of


def test_there_are_tables_for_the_whole_language():
    assert len(TABLES) >= 12
    assert min(len(table.rows) for table in TABLES) >= 8


@pytest.mark.parametrize(
    ("table", "number", "row"), _rows(), ids=lambda v: v.name if isinstance(v, Table) else None
)
def test_row(rulebooks, table: Table, number: int, row: Row):
    rulebook = rulebooks(table)
    engine = reference.Engine(rulebook, evidence_of(rulebook, row.given, row.as_of))
    verdict = engine.rule(f"row_{number}").when
    assert SIGN[str(verdict.truth)] == row.expected, (row.when, row.given, row.because)
    if row.earliest:
        assert verdict.earliest == row.earliest, (row.when, row.given, row.because)
