"""Writes the generated pages of `docs/`. With `--check`, says which are not current.

`language.md` comes from the tables of `tests/spec`, `rules.md` and `statements.md` from the rulebook, the schemas
that editors look up (`case.schema.json`, `rules.schema.json`) from what the readers declare.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from rsa_cli.catalogue import Catalogue
from rsa_cli.pages import Block, Heading, Paragraph, markdown
from rsa_cli.rulebook import read_rulebook, read_sources
from rsa_cli.schemas import case_schema, rules_schema, text_of

from spec_tables import AS_OF, Table, tables

DOCS = Path(__file__).parents[1] / "docs"
ANSWER = {"true": "true", "false": "false", "?": "not known"}
ORDER = (
    "comparison", "gestation_and_dates", "high_low_normal", "levels", "several_results", "set_aside", "structure",
    "points", "count", "run", "repeated", "derived", "rules", "applicable",
)  # fmt: skip


def pages() -> dict[str, str]:
    """Every generated page by its name."""
    rulebook = read_rulebook("article", whole=True)
    catalogue = Catalogue(rulebook, read_sources("article"))
    return {
        "language.md": language(),
        "rules.md": _generated(catalogue.whole()),
        "statements.md": _generated(catalogue.documents()),
        "case.schema.json": text_of(case_schema(rulebook)),
        "rules.schema.json": text_of(rules_schema()),
    }


def _generated(blocks: list[Block]) -> str:
    """A page of the rulebook, with the word below its title that nobody is to edit it."""
    title, *rest = blocks
    assert isinstance(title, Heading)
    return markdown(
        [title, Paragraph("Generated from `rules/` by `make docs`: edit the files there."), *rest]
    )


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
    found = pages()
    if "--check" not in sys.argv:
        for name, text in found.items():
            (DOCS / name).write_text(text, encoding="utf-8")
        return 0
    stale = [n for n, t in found.items() if not (DOCS / n).is_file() or (DOCS / n).read_text("utf-8") != t]
    for name in stale:
        print(f"docs/{name} is not current: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
