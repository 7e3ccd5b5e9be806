"""The blank case: it holds every question, and can be judged and gone on with as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from rsa_cli.asking import Questionnaire, view_of, way_of
from rsa_cli.assess import NOT_MET, read_and_assess
from rsa_cli.blank import WIDTH, blank
from rsa_cli.dictionary import MISSING
from rsa_cli.rulebook import Rulebook, read_rulebook
from rsa_cli.source import read_bytes
from rsa_cli.splice import at, page, put

from asked import small

ARTICLE = read_rulebook()
TODAY = date.today().toordinal()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return read_rulebook(small(tmp_path_factory.mktemp("rules") / "small"))


def rsa(*arguments: str, folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RSA_CACHE": "off", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "rsa_cli", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


def test_what_it_writes_is_judged_at_once(tmp_path: Path):
    rsa("new", "RSA-0042.yaml", folder=tmp_path)
    done = rsa("assess", "RSA-0042.yaml", folder=tmp_path)
    assert "case RSA-0042" in done.stdout
    assert "nothing met, nothing suspected" in done.stdout
    assert [line for line in done.stderr.splitlines() if "remark:" in line] == [
        line for line in done.stderr.splitlines() if "no day of judgement" in line
    ]


def test_nothing_is_known_from_it():
    source = read_bytes("blank.yaml", blank(ARTICLE, "X").encode())
    assert source.problems == []
    assessment = read_and_assess(source, ARTICLE, TODAY)
    assert assessment.case.results == {}
    assert assessment.case.lists == {}
    assert not any(f.status == NOT_MET for f in assessment.findings)


def test_every_item_stands_there_with_its_question_units_and_choices(book: Rulebook):
    for rulebook in (book, ARTICLE):
        text = blank(rulebook, "X")
        read, words = page(text), " ".join(text.replace("#", " ").split())
        for item in rulebook.items.values():
            if item.kind == "derived":
                continue
            assert at(read.data, way_of(item)) == "", item.id
            assert " ".join((item.question or item.label).split()) in words, item.id
            for unit in item.units.values():
                assert unit.text in words, item.id
            for choice in item.choices:
                assert choice in words, item.id
            for field in item.fields.values():
                assert field.kind == "derived" or f"{field.id}: " in words, (item.id, field.id)
        for section, items in Questionnaire(rulebook).sections:
            assert f"--- {section}" in text or all(item.partner for item in items)
    assert all(word in text for word in MISSING)
    assert "Not when ill." in blank(book, "X")
    assert max(len(line) for line in text.splitlines() if " " in line.strip("# ")) <= WIDTH + 20


def test_an_answer_goes_behind_its_name(book: Rulebook):
    text = blank(book, "X")
    new = put(page(text), ("tsh",), {"value": "2.1 mIU/L", "date": "2026-01"})
    new = put(new, ("pregnancies", 0), {"outcome": "miscarriage"})
    new = put(new, ("partner", "smoker"), "no")
    assert "\ntsh: {value: 2.1 mIU/L, date: 2026-01}\n" in new.text
    assert "\npregnancies:\n  - {outcome: miscarriage}\n" in new.text
    assert "\n  smoker: no\n" in new.text
    assert [line for line in new.text.splitlines() if "#" in line] == [
        line for line in text.splitlines() if "#" in line
    ]
    assert view_of(new, book, TODAY).case.lists["pregnancies"]


def test_it_goes_to_the_terminal_where_no_file_is_named(tmp_path: Path, book: Rulebook):
    small(tmp_path / "small")
    assert rsa("new", "--rules", "small/", folder=tmp_path).stdout == blank(book, "RSA-0001")


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("case: MINE\n", encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere.yaml")
    for name in ("mine.yaml", "link.yaml"):
        assert "is there already" in rsa("new", name, folder=tmp_path, status=2).stderr
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "case: MINE\n"


def test_any_name_of_a_file_makes_a_case_that_can_be_read(book: Rulebook):
    for name in ("a: b", "#1", "2024", "'", '"', "先生", "x" * 200, "- y", "\x1b[31m"):
        source = read_bytes("blank.yaml", blank(book, name).encode())
        assert not source.problems or not name.isprintable(), name
