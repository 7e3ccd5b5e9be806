"""The rulebook as a document: nothing of a rule is lost, every form of condition has words, pages are current."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from rsa_cli import nodes
from rsa_cli.catalogue import CHAPTERS, KINDS, TIER_WORDS, Catalogue, Use
from rsa_cli.cli import app
from rsa_cli.conditions import FORMS
from rsa_cli.dictionary import FLAGS, Item
from rsa_cli.nodes import Condition, walk
from rsa_cli.pages import Heading, Paragraph, Points, Table, anchor, markdown, plain
from rsa_cli.rulebook import KINDS as RULE_KINDS
from rsa_cli.rulebook import TIERS, Rule, read_rulebook, read_sources
from rsa_cli.wording import Wording
from typer.testing import CliRunner, Result

from make_docs import DOCS, pages
from spec_tables import rulebook_of

BOOK = read_rulebook("article", whole=True)
CATALOGUE = Catalogue(BOOK, read_sources("article"))
DECLARES = {
    "items": {
        "tsh": {"label": "TSH", "kind": "quantity", "unit": "mIU/L"},
        "glucose": {"label": "glucose", "kind": "quantity", "unit": "mmol/L", "units": {"mg/dL": "0.05551"}},
        "igg": {"label": "IgG", "kind": "quantity", "unit": "GPL",
                "levels": {"moderate": {"from": "40 GPL", "source": "s"}}},
        "pain": {"label": "pain now", "kind": "flag"},
        "shape": {"label": "shape", "kind": "choice",
                  "choices": {"a": {"label": "septum"}, "b": {"label": "two horns"}, "c": {"label": "one, or none"}}},
        "diseases": {"label": "diseases", "kind": "choices", "choices": {"lupus": {"label": "lupus (SLE)"}}},
        "losses": {"label": "pregnancies", "kind": "records", "list": "history", "fields": {
            "outcome": {"label": "outcome", "kind": "choice", "choices": ["miscarriage", "birth"]},
            "gestation": {"label": "gestation", "kind": "gestation"}}},
        "cycles": {"label": "tested cycles", "kind": "records", "list": "series", "fields": {
            "phase": {"label": "high phase", "kind": "quantity", "unit": "days"},
            "deficient": {"label": "deficient", "kind": "derived", "when": "phase < 11 days"}}},
        "sample": {"label": "sample", "kind": "quantity", "unit": "g", "words": "yes",
                   "set_aside_if": ["pregnant is yes", "drug is not no", "drug is warfarin", "since_birth < 42 days",
                                    {"all": ["value > 3 g", {"any": ["pregnant is no", "drug is heparin"]}]}]},
    },
    "circumstances": {
        "pregnant": {"label": "pregnant", "kind": "flag"},
        "since_birth": {"label": "days since the birth", "kind": "quantity", "unit": "days"},
        "drug": {"label": "on a drug", "kind": "choice", "choices": {"no": {}, "heparin": {}, "warfarin": {}}},
    },
    "rules": {
        "known": {"finding": "A cause", "kind": "etiology", "standing": "accepted", "when": "pain is yes"},
        "second": {"finding": "Another", "kind": "etiology", "standing": "accepted", "when": "pain is no"},
    },
}  # fmt: skip
# A condition as a rule file has it, and the words for it, one line each with its depth.
WORDS: list[tuple[Any, str]] = [
    ("tsh > 4.0–4.5 mIU/L", "TSH more than 4.0–4.5 mIU/L, not known between the two"),
    ("tsh <= 10 mIU/L", "TSH at most 10 mIU/L"),
    ("glucose >= 7.0 mmol/L (126 mg/dL)", "glucose at least 7.0 mmol/L (126 mg/dL)"),
    ("glucose ≥ 7.0 mmol/L", "glucose at least 7.0 mmol/L"),
    ("tsh < 4 mIU/L", "TSH less than 4 mIU/L"),
    ("tsh is high", "TSH high"),
    ("ever tsh is low", "TSH low, in any result"),
    ("always tsh is normal", "TSH normal, in every result"),
    ("igg is at least moderate", "IgG at least moderate"),
    ("pain is yes", "pain now: yes"),
    ("shape is a or b", "shape: septum or two horns"),
    ("shape is a or c", "shape: one of “septum”, “one, or none”"),
    ("shape is not a", "shape: not septum"),
    ("diseases includes lupus", "diseases includes lupus (SLE)"),
    ("tsh is known", "TSH known"),
    ("tsh is not known", "TSH not known"),
    ("known is met", "A cause met (`known`)"),
    ({"all": ["pain is yes", {"any": ["tsh is high", "tsh is low"]}]},
     "all of:\n pain now: yes\n any of:\n  TSH high\n  TSH low"),
    ({"all": ["pain is yes"]}, "pain now: yes"),
    ({"any": ["pain is yes", "tsh is high"]}, "any of:\n pain now: yes\n TSH high"),
    ({"not": "tsh is high"}, "not: TSH high"),
    ({"not": {"not_known": "tsh is high"}}, "it is known that TSH high"),
    ({"not_known": {"any": ["pain is yes", "tsh is high"]}},
     "unless it is known that any of:\n pain now: yes\n TSH high"),
    ({"some": {"at_least": "2", "of": ["pain is yes", "tsh is high", "tsh is low"]}},
     "at least 2 of these 3:\n pain now: yes\n TSH high\n TSH low"),
    ({"points": {"at_least": "3", "of": [{"points": "1", "when": "pain is yes"},
                                         {"highest": [{"points": "4", "when": {"all": ["tsh is high", "pain is no"]}},
                                                      {"points": "2", "when": "tsh is low"}]}]}},
     "at least 3 points of:\n 1 for pain now: yes\n only the highest of:\n"
     "  4 for all of:\n   TSH high\n   pain now: no\n  2 for TSH low"),
    ({"count": {"of": "losses", "where": "gestation < 10 weeks", "at_least": "3"}},
     "at least 3 of the pregnancies, where gestation less than 10 weeks"),
    ({"count": {"of": "losses", "where": {"all": ["outcome is miscarriage", "tsh is high"]}, "at_least": "3"}},
     "at least 3 of the pregnancies, where all of:\n outcome: miscarriage\n TSH high"),
    ({"count": {"of": "cycles", "where": "deficient is yes", "at_least": "2", "out_of": "3"}},
     "at least 2 of the tested cycles (denied only once 3 are known), where high phase less than 11 days"),
    ({"run": {"of": "losses", "where": "outcome is miscarriage", "skip": "gestation > 5 weeks", "at_least": "2"}},
     "at least 2 in a row of the pregnancies, where outcome: miscarriage\n"
     " passed over, neither counted nor breaking the row, where gestation more than 5 weeks"),
    ({"not": {"run": {"of": "losses", "where": "outcome is miscarriage", "skip": "gestation is known", "at_least": "2"}}},
     "not:\n at least 2 in a row of the pregnancies, where outcome: miscarriage\n"
     "  passed over, neither counted nor breaking the row, where gestation known"),
    ({"repeated": {"where": "tsh is high", "times": "2", "apart": "6 weeks"}},
     "2 results, each at least 6 weeks after the one before, with TSH high"),
    ({"repeated": {"where": "tsh is high", "times": "3", "apart": "1 day"}},
     "3 results, each at least 1 day after the one before, with TSH high"),
    ({"none_of": "etiology"},
     "none of these 2: each is known not to be met, or does not apply: A cause (`known`); Another (`second`)"),
    ({"undecidable": "No test exists."}, "never decided: No test exists."),
]  # fmt: skip


@pytest.fixture(scope="module")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    conditions = {f"c{number}": when for number, (when, _) in enumerate(WORDS)}
    return Wording(rulebook_of(tmp_path_factory.mktemp("wording"), DECLARES, conditions))


@cache
def whole() -> str:
    """The whole rulebook as a page."""
    return markdown(CATALOGUE.whole())


def rsa(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


# --- conditions in words -------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(WORDS)), ids=lambda n: str(WORDS[n][0])[:60])
def test_a_condition_in_words(number: int, wording: Wording):
    lines = wording.lines(wording.book.rules[f"c{number}"].when)
    assert "\n".join(" " * depth + text for depth, text in lines) == WORDS[number][1]


def test_every_form_of_condition_stands_in_the_table(wording: Wording):
    forms = {form for when, _ in WORDS if isinstance(when, dict) for form in when}
    assert forms == set(FORMS)
    whens = [wording.book.rules[f"c{number}"].when for number in range(len(WORDS))]
    assert {type(node) for when in whens for node in walk(when)} == set(get_args(Condition))


def test_the_flags_of_a_laboratory_have_words(tmp_path: Path):
    conditions = {word: f"tsh is {word}" for word in FLAGS}
    book = rulebook_of(tmp_path, DECLARES, conditions)
    for word in FLAGS:
        assert Wording(book).line(book.rules[word].when) == f"TSH {word}"


def test_circumstances_in_words(wording: Wording):
    sample = wording.book.items["sample"]
    assert [wording.line(condition, sample) for condition in sample.set_aside_if] == [
        "pregnant",
        "on a drug",
        "on a drug warfarin",
        "less than 42 days since the birth",
        "the result more than 3 g and (not pregnant or on a drug heparin)",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing"),
        ({"tsh": "8 mIU/L"}, "TSH: 8 mIU/L"),
        ({"tsh": {"value": "8 mIU/L", "date": "2025-01-10", "range": "<4 mIU/L", "flag": "high", "assay": "X"}},
         "TSH: 8 mIU/L (2025-01-10, laboratory's range <4 mIU/L, flagged high, assay X)"),
        ({"tsh": [{"value": "8 mIU/L"}, {"value": "9 mIU/L", "pregnant": "no"}]},
         "TSH: 8 mIU/L, then 9 mIU/L (not pregnant)"),
        ({"tsh": {"value": "8 mIU/L", "since_birth": "41 days", "drug": "warfarin"}},
         "TSH: 8 mIU/L (41 days since the birth, on a drug warfarin)"),
        ({"tsh": "pending", "pain": "no", "shape": "c"}, "TSH: pending; pain now: no; shape: one, or none"),
        ({"diseases": ["lupus"]}, "diseases: lupus (SLE)"),
        ({"diseases": []}, "diseases: none"),
        ({"losses": []}, "pregnancies: none"),
        ({"losses": [{}]}, "pregnancies: one, nothing said"),
        ({"losses": [{"outcome": "miscarriage"}, {"outcome": "miscarriage"}, {"outcome": "unknown", "gestation": "9w0d"}]},
         "pregnancies: 2 × miscarriage / outcome: unknown, gestation 9w0d"),
        ({"losses": "unknown"}, "pregnancies: unknown"),
    ],
)  # fmt: skip
def test_the_case_of_an_example_in_words(given: dict[str, Any], words: str, wording: Wording):
    assert wording.given(given) == words


# --- nothing is lost -----------------------------------------------------------------------------


def conditions_of(rule: Rule) -> list[Condition]:
    today = rule.today.when if rule.today else None
    return [node for whole in (rule.when, rule.suspect_when, today) if whole for node in walk(whole)]


@pytest.mark.parametrize("rule", BOOK.rules.values(), ids=lambda r: r.id)
def test_the_page_of_a_rule_holds_all_of_it(rule: Rule):
    page = plain(CATALOGUE.show(rule.id), 10_000)
    written = CATALOGUE.entries["rules"][rule.id]
    for node in conditions_of(rule):
        if isinstance(node, nodes.Compare):
            limit = re.split(r"[<>≤≥]=?", node.text)[1].strip()
            assert limit in page, node.text
        if isinstance(node, nodes.IsOneOf):
            item = CATALOGUE.wording.item(str(node.name))
            assert item is not None
            assert all(item.choices[choice].label in page for choice in node.choices), node.text
        if isinstance(node, (*nodes.LEAVES, nodes.IsKnown)):
            item = CATALOGUE.wording.item(str(node.name))
            assert item is not None
            assert item.label in page, node.text
            assert_limits(item, page)
        if isinstance(node, nodes.Count | nodes.Run | nodes.Some | nodes.Points):
            assert f"at least {node.at_least} " in page
        if isinstance(node, nodes.Repeated):
            assert f"{node.times} results" in page
    for said in texts(written, ("says", "no")):
        assert said in page
    for name in texts(written, ("rests_on", "source", "reported_in")):
        document = BOOK.statements.get(name) or BOOK.sources[name]
        says = document.get("says") or document["title"]
        line = next(line for line in page.splitlines() if f"{name}: {says}" in line)
        assert ("general knowledge, not checked" in line) == (document.get("checked") == "no")
        assert document.get("read_as", "") in line
        assert document.get("today", "") in line
    for example in BOOK.examples:
        if rule.id in example.expect:
            row = next(line for line in page.splitlines() if line.startswith(f"{example.name}  "))
            assert example.expect[rule.id].replace("_", " ") in row


def texts(data: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """The texts under some keys, at any depth."""
    for key, value in data.items() if isinstance(data, dict) else ():
        if key in keys:
            yield from [value] if isinstance(value, str) else value
        elif key != "when":
            yield from texts(value, keys)


def assert_limits(item: Item, page: str) -> None:
    """The reference ranges, levels and time limits of an item stand on a page."""
    raw = CATALOGUE._written(item)
    reference = raw.get("reference", [])
    for ends in reference if isinstance(reference, list) else [reference]:
        assert all(ends[end] in page for end in ("low", "high") if end in ends), item.id
    for name, ends in raw.get("levels", {}).items():
        assert all(
            f"{name.replace('_', ' ')} " in page and ends[e] in page for e in ("from", "above") if e in ends
        )
    if item.stale_after is not None:
        assert f"older than {item.stale_after} days" in page, item.id


def test_the_whole_document_holds_every_entry():
    page = whole()
    for group in (BOOK.rules, BOOK.items, BOOK.circumstances, BOOK.investigations):
        for name in group:
            assert len(re.findall(rf"^#+ .*\(`{name}`\)$", page, re.MULTILINE)) == 1 + _twice(name), name
    for item in BOOK.items.values():
        for field in item.fields.values():
            assert f"(`{item.id}.{field.id}`)" in page
    for check in BOOK.checks:
        assert check.says in page
    for name, source in BOOK.sources.items():
        assert f"- {name}: {source.get('says') or source['title']}" in page


def _twice(name: str) -> int:
    """A test and what it yields may bear one name."""
    return (
        sum(name in group for group in (BOOK.rules, BOOK.items, BOOK.circumstances, BOOK.investigations)) - 1
    )


def test_links_of_the_document_lead_to_its_headings():
    page = whole()
    headings = [anchor(found) for found in re.findall(r"^#+ (.+)$", page, re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert len(links) > len(BOOK.rules)
    assert [link for link in links if headings.count(link) != 1] == []


def test_every_statement_and_source_has_its_row():
    page = markdown(CATALOGUE.documents())
    rows = {
        line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| ")
    }
    for name, document in {**BOOK.statements, **BOOK.sources}.items():
        for key in ("says", "read_as", "today", "background"):
            assert document.get(key, "") in rows[name]
        for rule in BOOK.rules.values():
            assert (f"`{rule.id}`" in rows[name]) >= (name in rule.rests_on)
        for investigation in BOOK.investigations.values():
            named = name in (*investigation.serves, *investigation.source)
            assert (f"`{investigation.id}`" in rows[name]) >= named


def test_uses_are_found_at_any_depth(tmp_path: Path):
    (tmp_path / "rulebook.yaml").write_text("{name: t, version: '1', title: T}", encoding="utf-8")
    (tmp_path / "topic.yaml").write_text(
        """
statements: {S-E01: {says: One., kind: etiology}}
sources: {a: {says: A., checked: no}}
items:
  n:
    label: n
    kind: quantity
    unit: g
    reference: [{high: 3 g, source: a}]
    serves: S-E01
  l: {label: l, kind: records, list: history, fields: {f: {label: f, kind: flag, serves: [S-E01]}}}
checks: {c: {remark_if: n > 2 g, says: Two., source: a}}
rules:
  r:
    finding: R
    kind: definition
    when: n > 2 g
    rests_on: [S-E01]
    today: {says: Now., source: [a]}
    management: {says: This., rests_on: [S-E01], today: {says: That., source: [a]}}
""",
        encoding="utf-8",
    )
    catalogue = Catalogue(read_rulebook(tmp_path, whole=True), read_sources(tmp_path))
    assert set(catalogue.uses["S-E01"]) == {
        Use("item", "n"), Use("item", "l.f"), Use("rule", "r"), Use("rule", "r", "treatment"),
    }  # fmt: skip
    assert set(catalogue.uses["a"]) == {
        Use("item", "n"), Use("check", "c"), Use("rule", "r", "today"), Use("rule", "r", "treatment today"),
    }  # fmt: skip


def test_a_folder_of_checks_alone_is_looked_through(tmp_path: Path):
    for name, text in {
        "ours/rulebook.yaml": "{name: t, version: '1', title: T, uses: [checks]}",
        "ours/topic.yaml": "items: {n: {label: n, kind: flag}}",
        "checks/topic.yaml": "{checks: {c: {remark_if: n is yes, says: Two., source: a}},"
        " sources: {a: {says: A., checked: no}}}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    catalogue = Catalogue(read_rulebook(tmp_path / "ours", whole=True), read_sources(tmp_path / "ours"))
    assert catalogue.uses == {"a": [Use("check", "c")]}
    assert "Two." in plain(catalogue.whole())


def test_everything_can_be_shown():
    names = CATALOGUE.ids()
    assert len(names) == len(set(names)) > 500
    for name in names:
        page = plain(CATALOGUE.show(name))
        assert name.removeprefix("work-up") in page.replace("\n", ""), name
        assert len(page) > len(name) + 20, name
        assert not re.search(r"\bNone\b|Span\(|Fraction\(|\{|object at", page), name
        assert max(len(line) for line in page.splitlines()) <= 80, name


def test_every_example_stands_in_the_document():
    page = whole()
    for example in BOOK.examples:
        assert f"| {example.name.replace('|', '')} |" in page, example.name


def test_kinds_tiers_and_chapters_are_all_named():
    assert set(KINDS) == set(RULE_KINDS)
    assert set(TIER_WORDS) == set(TIERS)
    prefixes = {re.sub(r"[^A-Z].*", "", name.removeprefix("S-")) for name in BOOK.statements}
    assert prefixes == set(CHAPTERS)


def test_the_generated_pages_are_current():
    found = pages()
    assert set(found) == {"language.md", "rules.md", "statements.md", "case.schema.json", "rules.schema.json"}
    for name, text in found.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"docs/{name} is not current: make docs"


# --- text ----------------------------------------------------------------------------------------

BLOCKS = [
    Heading(2, "A * title"),
    Paragraph("Below <35 and <b>bold</b> \x1b[31m `code`"),
    Points(((0, "one"), (1, "two"))),
    Table(("a", "b"), (("x|y", "z"),), "1 row"),
    Heading(5, "label"),
]


def test_markdown_is_inert():
    assert markdown(BLOCKS) == (
        "## A \\* title\n\nBelow <35 and &lt;b>bold&lt;/b> \\x1b[31m `code`\n\n- one\n  - two\n\n"
        "<details><summary>1 row</summary>\n\n| a | b |\n| --- | --- |\n| x\\|y | z |\n\n</details>\n\n**label**\n"
    )


def test_plain_text_is_inert():
    assert plain(BLOCKS) == (
        "A * title\n=========\n\nBelow <35 and <b>bold</b> \\x1b[31m code\n- one\n  - two\n\n1 row\na    b\n---  -\n"
        "x|y  z\n\nlabel\n"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_plain_text_keeps_its_width_and_its_words(width: int):
    text = plain(CATALOGUE.listing(), width)
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        assert all(rule in text for rule in BOOK.rules)


# --- the commands --------------------------------------------------------------------------------


def test_rules_list_names_every_finding_below_its_group():
    done = rsa("rules", "list")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for rule in BOOK.rules.values():
        at = next(n for n, line in enumerate(lines) if line.split() and line.split()[0] == rule.id)
        assert rule.standing in lines[at]
        title = next(line for line in reversed(lines[:at]) if line and not line.startswith(" "))
        assert title.startswith(KINDS[rule.kind])
        assert rule.kind not in ("etiology", "association") or title.endswith(f": {rule.group}")


def test_rules_show_prints_a_rule_an_item_and_the_work_up():
    done = rsa("rules", "show", "antiphospholipid_antibodies")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 results, each at least 6 weeks after the one before" in done.stdout
    assert "2 results, each at least 12 weeks after the one before" in done.stdout
    assert (
        "moderate above 40 GPL, not known at 40 GPL exactly"
        in rsa("rules", "show", "anticardiolipin_igg").stdout
    )
    work_up = rsa("rules", "show", "work-up").stdout
    assert [work_up.index(title) for title in TIER_WORDS.values()] == sorted(
        work_up.index(title) for title in TIER_WORDS.values()
    )
    assert all(investigation.id in work_up for investigation in BOOK.investigations.values())


@pytest.mark.parametrize(
    ("name", "hint"),
    [("hypothyroidsm", "did you mean hypothyroidism"), ("xyzzy", "rsa rules list")],
    ids=["near", "far"],
)
def test_an_unknown_id_is_wrong_usage(name: str, hint: str):
    done = rsa("rules", "show", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert repr(name) in done.stderr
    assert hint in done.stderr


@pytest.mark.parametrize("command", [["list"], ["show", "tsh"]], ids=["list", "show"])
def test_a_rulebook_that_needs_fixing_is_said(command: list[str], tmp_path: Path):
    done = rsa("rules", *command, "--rules", str(tmp_path))
    assert (done.exit_code, done.stdout) == (3, "")
    assert "rulebook.yaml: there is no such file" in done.stderr


def test_a_document_needs_nothing_that_draws():
    code = "import sys, rsa_cli.catalogue; print(sorted({'rich', 'typer', 'questionary'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", [("rules", "list"), ("rules", "show", "raised")])
def test_what_shows_a_rulebook_does_not_speak_of_judging(command: tuple[str, ...], tmp_path: Path):
    (tmp_path / "rulebook.yaml").write_text("name: t\nversion: '1'\n", encoding="utf-8")
    done = rsa(*command, "--rules", str(tmp_path))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.endswith("1 problem in 1 file.\n")
