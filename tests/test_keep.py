"""The cache of a read rulebook: answers are the same with it, whatever happened to it."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from rsa_cli import keep, rulebook, settle
from rsa_cli.assess import read_and_assess
from rsa_cli.renderers import Options, render
from rsa_cli.rulebook import KEPT, Rulebook, read_rulebook
from rsa_cli.source import read_bytes

CASES = sorted((Path(__file__).parents[1] / "sample_cases").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSA_CACHE", "on")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rsa-workup"


def reports(book: Rulebook) -> list[str]:
    sources = [read_bytes(path.name, path.read_bytes()) for path in CASES]
    return [render(read_and_assess(source, book), "json", Options()) for source in sources]


def rulebook_in(folder: Path) -> Path:
    """The one rulebook that is kept there; what would settle its rules stands beside it."""
    [kept] = [path for path in folder.iterdir() if not path.stem.endswith("-settled")]
    return kept


@cache
def as_read() -> Any:
    """The reports by the rulebook as it is read, with nothing kept."""
    kept, os.environ["RSA_CACHE"] = os.environ["RSA_CACHE"], "off"
    try:
        return reports(read_rulebook())
    finally:
        os.environ["RSA_CACHE"] = kept


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the YAML files are read from now on."""
    times: list[int] = []
    real = rulebook._assembled
    monkeypatch.setattr(rulebook, "_assembled", lambda *args: times.append(1) or real(*args))
    return times


def test_the_second_start_reads_what_was_kept_and_answers_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    times = counted(monkeypatch)
    first, second = read_rulebook(), read_rulebook()
    assert times == [1]
    assert first.digest == second.digest
    assert reports(first) == reports(second)
    kept = rulebook_in(folder)
    assert kept.suffix == ".json"


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "null", "[0]", '{"=":9999}', '{"=":"same","of":9}', '{"of":[1,0],"=":"f"}', '{"=":0}', "[" * 5000,
     "cut", "changed"],
    ids=range(11),
)  # fmt: skip
@pytest.mark.parametrize("summed", [False, True], ids=["", "summed"])
def test_what_does_not_fit_is_read_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str, summed: bool
):
    expected = as_read()
    read_rulebook()
    kept = rulebook_in(folder)
    whole = kept.read_text(encoding="utf-8")
    # A limit of another number is well formed, and would judge: only the sum at its head betrays it.
    spoilt = {"cut": whole[:-200], "changed": whole.replace('"at_least":2', '"at_least":9')}.get(
        spoilt, spoilt
    )
    assert spoilt != whole
    if summed and "at_least" not in spoilt:  # not spoilt by chance: the sum is that of the content
        spoilt = f"{sha256(spoilt.encode()).hexdigest()}\n{spoilt}"
    kept.write_text(spoilt, encoding="utf-8")
    times = counted(monkeypatch)
    assert reports(read_rulebook()) == expected
    assert times == [1]
    assert kept.read_text(encoding="utf-8") == whole


def test_what_would_settle_each_rule_is_kept_and_answers_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RSA_CACHE", "off")
    expected = reports(read_rulebook())
    monkeypatch.setenv("RSA_CACHE", "on")
    assert reports(read_rulebook()) == expected
    [beside] = [path for path in folder.iterdir() if path.stem.endswith("-settled")]
    whole = beside.read_text(encoding="utf-8")
    assert reports(read_rulebook()) == expected
    beside.write_text(whole[:-9], encoding="utf-8")
    assert reports(read_rulebook()) == expected
    assert beside.read_text(encoding="utf-8") == whole
    # What is kept is what is used: with another content, well formed, the answer would be another.
    monkeypatch.setattr(settle, "settle", lambda *_: pytest.fail("settled again"))
    empty = read_bytes("case.yaml", b"case: EMPTY\nas_of: 2026-03-01\n")
    assert read_and_assess(empty, read_rulebook()).finding("thyroid_autoimmunity").settled.met


def test_what_would_settle_is_not_believed_where_it_is_none(folder: Path):
    source = read_bytes("case.yaml", b"case: EMPTY\nas_of: 2026-03-01\n")
    settled = read_and_assess(source, read_rulebook()).finding("thyroid_autoimmunity").settled
    [beside] = [path for path in folder.iterdir() if path.stem.endswith("-settled")]
    body = json.dumps(dict.fromkeys(read_rulebook().rules, 1))
    beside.write_text(f"{sha256(body.encode()).hexdigest()}\n{body}", encoding="utf-8")
    found = read_and_assess(source, read_rulebook()).finding("thyroid_autoimmunity").settled
    assert settled is not None
    assert found is not None
    assert [[a.yields for a in s] for s in found.met] == [[a.yields for a in s] for s in settled.met]


def test_what_is_left_out_of_the_partner_is_kept_for_nobody_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    source = read_bytes("case.yaml", b"case: EMPTY\nas_of: 2026-03-01\n")

    def sets(without_partner: bool) -> list[Any]:
        return [
            f.settled and [[a.yields for a in atoms] for atoms in (*f.settled.met, *f.settled.not_met)]
            for f in read_and_assess(source, read_rulebook(), without_partner=without_partner).findings
        ]

    found = [sets(True), sets(False), sets(True)]
    monkeypatch.setenv("RSA_CACHE", "off")
    assert found == [sets(True), sets(False), sets(True)]


def test_another_rulebook_under_this_name_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    read_rulebook()
    kept = rulebook_in(folder)
    check, _, body = kept.read_text(encoding="utf-8").partition("\n")
    data = json.loads(body)
    data["digest"] = "0" * 64
    body = json.dumps(data)
    kept.write_text(f"{sha256(body.encode()).hexdigest()}\n{body}", encoding="utf-8")
    assert keep.fetch(kept.stem, KEPT).digest == "0" * 64
    assert check != sha256(body.encode()).hexdigest()
    times = counted(monkeypatch)
    assert read_rulebook().digest != "0" * 64
    assert times == [1]


def test_a_changed_file_is_another_rulebook(folder: Path, tmp_path: Path):
    book = tmp_path / "book"
    book.mkdir()
    (book / "rulebook.yaml").write_text("{name: x, version: '1', title: X, uses: [shared]}", encoding="utf-8")
    topic = book / "topic.yaml"
    rule = "rules: {a: {finding: A, kind: definition, rests_on: [], when: tsh > %s mIU/L}}"
    for limit in ("4", "5"):
        topic.write_text(rule % limit, encoding="utf-8")
        assert read_rulebook(book).rules["a"].when.text == f"tsh > {limit} mIU/L"


@pytest.mark.parametrize("name", ["settle.py", "engines/reference.py"])
def test_changed_code_believes_nothing_that_was_kept(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """What would settle a rule is worked out by an engine: another engine works it out anew."""
    monkeypatch.setattr(rulebook, "__file__", str(tmp_path / "rulebook.py"))
    code = tmp_path / name
    code.parent.mkdir(exist_ok=True)
    code.write_text("A = 1\n", encoding="utf-8")
    before = rulebook._key("digest", tmp_path)
    code.write_text("A = 10\n", encoding="utf-8")
    assert rulebook._key("digest", tmp_path) != before


def test_off_means_off_and_a_folder_that_cannot_be_written_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("RSA_CACHE", "off")
    read_rulebook()
    assert not folder.exists()
    monkeypatch.setenv("RSA_CACHE", "on")
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read_rulebook().rules


def test_many_at_once_leave_one_whole_file(folder: Path):
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: read_rulebook().digest, range(8)))
    assert len(digests) == 1
    kept = rulebook_in(folder)
    assert isinstance(keep.fetch(kept.stem, KEPT), Rulebook)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bits")
def test_a_folder_that_others_may_write_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch):
    read_rulebook()
    kept = rulebook_in(folder)
    folder.chmod(0o722)
    times = counted(monkeypatch)
    read_rulebook()
    assert times == [1]
    kept.unlink()
    read_rulebook()
    assert not kept.exists()


def test_what_a_killed_run_left_goes_after_a_day(folder: Path):
    folder.mkdir(mode=0o700)
    old, new = folder / "a.1.part", folder / "b.2.part"
    for part in (old, new):
        part.write_text("half", encoding="utf-8")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    read_rulebook()
    assert not old.exists()
    assert new.exists()
    assert keep.folder() == folder
