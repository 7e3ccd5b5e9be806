"""Writes the generated pages: `docs/language.md` from the tables of `tests/spec`. With `--check`, compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from spec_tables import AS_OF, Table, tables

PAGE = Path(__file__).parents[1] / "docs" / "language.md"
ANSWER = {"true": "true", "false": "false", "?": "not known"}
ORDER = (
    "comparison", "gestation_and_dates", "high_low_normal", "levels", "several_results", "set_aside", "structure",
    "points", "count", "run", "repeated", "derived", "rules", "applicable",
)  # fmt: skip


def language() -> str:
    """The page on the rule language: each table's text and its rows."""
    out = [
        "# The rule language, row by row",
        "",
        "Generated from `tests/spec/*.yaml` by `make docs`; every row is a test. A condition is true, false or not",
        f"known; nothing missing is ever negative. The day of judgement is {AS_OF} unless a row says otherwise.",
    ]
    named = sorted(tables(), key=lambda t: (ORDER.index(t.name) if t.name in ORDER else len(ORDER), t.name))
    for table in named:
        out += ["", f"## {table.title}", "", str(table.about), "", *_rows(table)]
    return "\n".join(out) + "\n"


def _rows(table: Table) -> list[str]:
    lines = ["| condition | case | answer | because |", "| --- | --- | --- | --- |"]
    for row in table.rows:
        given = _flow(row.given)[1:-1] or "nothing"
        if row.as_of != AS_OF:
            given += f" (as of {row.as_of})"
        answer = ANSWER[row.expected] + (f"; next sample: {row.earliest}" if row.earliest else "")
        lines.append(
            "| "
            + " | ".join(_cell(c) for c in (f"`{_flow(row.when)}`", f"`{given}`", answer, row.because))
            + " |"
        )
    return lines


def _flow(data: Any) -> str:
    if isinstance(data, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(_flow, data)) + "]"
    return str(data)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    """Write the pages, or say which are not current."""
    page = language()
    if "--check" in sys.argv:
        if PAGE.read_text(encoding="utf-8") == page:
            return 0
        print(f"{PAGE.name} is not current: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
