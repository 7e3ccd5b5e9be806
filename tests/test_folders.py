"""What is found by listing a folder keeps its contract; the shipped rulebook names only what there is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from rsa_cli import engines, renderers
from rsa_cli.dictionary import KINDS as ITEM_KINDS
from rsa_cli.dictionary import Item
from rsa_cli.rulebook import (
    BURDENS,
    INVESTIGATION,
    KINDS,
    OCCASIONS,
    RULE,
    STANDINGS,
    TIERS,
    Investigation,
    Rule,
    read_rulebook,
    rules_folder,
)

ROOT = Path(__file__).parents[1]
RULEBOOK = read_rulebook("article", whole=True)
KNOWN = {**RULEBOOK.statements, **RULEBOOK.sources}
RENDERERS = sorted(p.stem for p in Path(renderers.__file__).parent.glob("[!_]*.py"))
ENGINES = sorted(p.stem for p in Path(engines.__file__).parent.glob("[!_]*.py"))
# Every file of rules as plain data: what the reader checks and does not keep is seen too.
FILES = {
    f"{path.parent.name}/{path.name}": yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for path in sorted(rules_folder().glob("*/*.y*ml"))
}


def entries(section: str) -> dict[str, dict[str, Any]]:
    """What stands under a section of any file, as written."""
    return {key: entry for data in FILES.values() for key, entry in (data.get(section) or {}).items()}


def all_items() -> Iterator[tuple[str, Item]]:
    """Items, circumstances and fields, by the name a test shows."""
    for items in (RULEBOOK.items, RULEBOOK.circumstances):
        for item in items.values():
            yield item.id, item
            yield from ((f"{item.id}.{field.id}", field) for field in item.fields.values())


# --- folders -------------------------------------------------------------------------------------


def test_the_formats_are_the_files_of_the_folder():
    assert list(renderers.formats()) == RENDERERS
    assert {"terminal", "json"} <= set(RENDERERS)


@pytest.mark.parametrize("name", RENDERERS)
def test_a_renderer_renders_an_assessment(name: str):
    module = import_module(f"rsa_cli.renderers.{name}")
    assert module.__doc__
    assert list(inspect.signature(module.render).parameters) == ["assessment", "options"]
    assert inspect.signature(module.render).return_annotation in ("str", str)


def test_the_terminal_explains_a_finding():
    explain = import_module("rsa_cli.renderers.terminal").explain
    assert list(inspect.signature(explain).parameters) == ["assessment", "finding", "options"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_judges_evidence(name: str):
    module = import_module(f"rsa_cli.engines.{name}")
    assert module.__doc__
    assert list(inspect.signature(module.judge).parameters) == ["rulebook", "evidence"]


def test_there_is_the_reference_engine():
    assert "reference" in ENGINES


# --- items ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "item"), [pytest.param(n, i, id=n) for n, i in all_items()])
def test_an_item_can_be_asked_and_printed(name: str, item: Item):
    assert item.kind in ITEM_KINDS
    assert item.label.strip()
    assert item.kind == "derived" or item.question.strip()
    for choice in item.choices.values():
        assert choice.label.strip()


def test_nothing_that_is_worked_out_lacks_its_way():
    for name, item in all_items():
        if item.kind == "derived":
            assert item.formula or item.when, name


# --- rules ---------------------------------------------------------------------------------------


def test_every_entry_of_the_files_became_part_of_the_rulebook():
    for section in ("items", "circumstances", "investigations", "rules"):
        assert set(entries(section)) == set(getattr(RULEBOOK, section)), section
        assert entries(section), section
    for section in ("statements", "sources"):
        assert set(entries(section)) == set(getattr(RULEBOOK, section)), section
        assert entries(section), section


@pytest.mark.parametrize("rule", RULEBOOK.rules.values(), ids=lambda r: r.id)
def test_a_rule_has_what_it_needs(rule: Rule):
    written = entries("rules")[rule.id]
    assert {key for key, kind in RULE.items() if kind.endswith("!")} <= set(written)
    assert set(written) <= set(RULE)
    assert rule.finding.strip()
    assert rule.kind in KINDS
    assert rule.rests_on
    if rule.kind in ("etiology", "association"):
        assert rule.group in RULEBOOK.groups
        assert rule.tested_by
    if rule.kind == "etiology":
        assert rule.standing in STANDINGS
    if rule.kind in ("red_flag", "reminder"):
        assert rule.says.strip()


def test_a_cause_bars_unexplained_unless_it_says_why():
    for rule in RULEBOOK.rules.values():
        if not rule.bars_unexplained:
            because = entries("rules")[rule.id]["bars_unexplained"]
            assert isinstance(because, dict), rule.id
            assert list(because) == ["no"], rule.id
            assert because["no"].strip(), rule.id


@pytest.mark.parametrize("investigation", RULEBOOK.investigations.values(), ids=lambda i: i.id)
def test_an_investigation_has_what_it_needs(investigation: Investigation):
    written = entries("investigations")[investigation.id]
    assert {key for key, kind in INVESTIGATION.items() if kind.endswith("!")} <= set(written)
    assert set(written) <= set(INVESTIGATION)
    assert investigation.label.strip()
    assert investigation.yields
    assert investigation.occasion in OCCASIONS
    assert investigation.burden in BURDENS
    assert investigation.tier in TIERS
    assert investigation.source or investigation.serves
    assert bool(investigation.discouraged_because) == (investigation.tier == "discouraged")


def test_what_tests_a_finding_is_yielded_by_an_investigation():
    yielded = {name for i in RULEBOOK.investigations.values() for name in i.yields}
    lists = {name.partition(".")[0] for name in yielded}
    for rule in RULEBOOK.rules.values():
        for name in rule.tested_by:
            item = RULEBOOK.items[name.partition(".")[0]]
            derived = item.kind == "derived" or (
                "." in name and item.fields[name.partition(".")[2]].kind == "derived"
            )
            assert derived or name in yielded or name in lists, (rule.id, name)


# --- statements and sources ----------------------------------------------------------------------


def named() -> Iterator[tuple[str, str]]:
    """Every statement and source that any file names, with where it is named."""

    def within(node: Any, way: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, list):
            for part in node:
                yield from within(part, way)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("source", "rests_on", "serves", "reported_in"):
                    yield from (
                        (f"{way}.{key}", name) for name in (value if isinstance(value, list) else [value])
                    )
                else:
                    yield from within(value, f"{way}.{key}")

    for name, data in FILES.items():
        yield from within(data, name)


def test_a_name_of_a_statement_or_source_stands_for_one():
    names = list(named())
    assert len(names) > 200
    assert [(way, name) for way, name in names if name not in KNOWN] == []


def test_statements_and_sources_do_not_share_names():
    assert set(RULEBOOK.statements) & set(RULEBOOK.sources) == set()
    assert all(name.startswith("S-") for name in RULEBOOK.statements)


def test_a_statement_says_something_of_a_kind():
    for name, statement in RULEBOOK.statements.items():
        assert statement["says"].strip(), name
        assert statement["kind"].strip(), name
        assert set(statement) <= {"says", "kind", "figures", "read_as", "today", "background"}, name


def test_a_source_says_whether_it_was_checked():
    for name, source in RULEBOOK.sources.items():
        assert source["checked"] in ("yes", "no"), name
        assert source.get("says") or (source.get("title") and source.get("url")), name
        assert source.get("source", name) in RULEBOOK.sources, name


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "sample_cases").glob("*.yaml")),
        *sorted((ROOT / "rsa_cli").rglob("*.py")),
        *sorted(rules_folder().glob("*/*.yaml")),
        ROOT / "README.md",
    ],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_a_statement_that_is_mentioned_exists(path: Path):
    mentioned = set(re.findall(r"\bS-[A-Z]+\d+[a-z]?\b", path.read_text(encoding="utf-8")))
    assert mentioned - set(RULEBOOK.statements) == set()


def test_what_is_not_covered_is_named_by_statements():
    assert all(ids for ids in RULEBOOK.not_covered.values())
    missing = {s for ids in RULEBOOK.not_covered.values() for s in ids} - set(RULEBOOK.statements)
    assert missing == set()


def test_every_cause_of_the_article_has_a_rule_or_is_said_to_be_missing():
    causes = {name for name, statement in RULEBOOK.statements.items() if statement["kind"] == "etiology"}
    rested_on = {name for rule in RULEBOOK.rules.values() for name in rule.rests_on}
    not_covered = {name for ids in RULEBOOK.not_covered.values() for name in ids}
    assert len(causes) > 20
    assert all(name.startswith("S-E") for name in causes)
    assert causes - rested_on - not_covered == set()


def test_a_statement_is_used_or_says_why_nothing_rests_on_it():
    used = {name for _, name in named()} | {s for ids in RULEBOOK.not_covered.values() for s in ids}
    background = {name for name, statement in RULEBOOK.statements.items() if statement.get("background")}
    treatments = {name for name in RULEBOOK.statements if name.startswith("S-T")}  # management is to come
    assert set(RULEBOOK.statements) - used - background - treatments == set()
