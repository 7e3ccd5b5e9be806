"""What readers see: each sample case in each format, kept as files to open and look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from rsa_cli.assess import Assessment, read_and_assess
from rsa_cli.renderers import Options, render
from rsa_cli.rulebook import read_rulebook
from rsa_cli.source import read_bytes

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
CASES = sorted((ROOT / "sample_cases").glob("*.yaml"))
# Without the digest, which every change of a rule file changes in every golden file.
RULEBOOK = read_rulebook()._replace(digest="0" * 64)


def assessed(path: Path) -> Assessment:
    return read_and_assess(read_bytes(path.name, path.read_bytes()), RULEBOOK)


def test_there_are_sample_cases_and_each_says_what_it_shows():
    assert len(CASES) >= 8
    for path in CASES:
        first, second, *_ = path.read_text(encoding="utf-8").splitlines()
        assert first == "# yaml-language-server: $schema=../docs/case.schema.json"
        assert second.startswith("# ")


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.stem)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("txt", Options(80)),
        ("wide.txt", Options(120)),
        ("all.txt", Options(100, everything=True)),
        ("json", Options()),
    ],
    ids=["80", "120", "all", "json"],
)
def test_golden(case: Path, name: str, options: Options, rewrite: bool):
    shown = render(assessed(case), "json" if name == "json" else "terminal", options)
    if name != "json":
        assert max(map(len, shown.splitlines())) <= options.width
    kept = GOLDEN / f"{case.stem}.{name}"
    if rewrite:
        GOLDEN.mkdir(exist_ok=True)
        kept.write_text(shown, encoding="utf-8")
    assert shown == kept.read_text(encoding="utf-8")


def test_golden_holds_nothing_else():
    stems = {path.stem for path in CASES}
    assert {path.name.split(".")[0] for path in GOLDEN.iterdir()} == stems


def test_the_almost_empty_case_fits_a_page_and_the_antibodies_come_first():
    assessment = assessed(ROOT / "sample_cases" / "two-losses.yaml")
    shown = render(assessment, "terminal", Options(80)).splitlines()
    assert len(shown) <= 30
    first = next(line for line in assessment.checklist if line.investigation.occasion != "ask")
    assert first.investigation.id == "antiphospholipid_tests"


def test_a_full_case_keeps_to_two_screens():
    shown = render(
        assessed(ROOT / "sample_cases" / "antiphospholipid-awaiting.yaml"), "terminal", Options(80)
    )
    assert len(shown.splitlines()) <= 2 * 50
