"""`rsa batch`: every case is accounted for exactly once, in order, whatever happens to the others."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from rsa_cli import batch
from rsa_cli.assess import STATUSES, read_and_assess
from rsa_cli.batch import Counts, Judge, Outcome, Settings, Task, Worker, find
from rsa_cli.rulebook import read_rulebook
from rsa_cli.run import Asked, run
from rsa_cli.source import read_file
from rsa_cli.tables import formats, table

from cases import BROKEN, BROKEN_LINES, cases, yaml_text

ROOT = Path(__file__).parents[1]

RULEBOOK = read_rulebook()
TODAY = date.today().toordinal()
SAMPLES = sorted((ROOT / "sample_cases").glob("*.yaml"))
GENERATED = list(cases(30))
RSA = Path(sys.executable).with_name("rsa")
SOUND = "case: {}\nas_of: 2026-03-01\npregnancies:\n  - {{outcome: miscarriage, ended: 2025-01-10}}\n"


def asked(*paths: Path | str, **more: Any) -> Asked:
    return Asked(
        tuple(str(p) for p in paths), more.pop("format", "ndjson"), RULEBOOK, TODAY, **{"jobs": 1, **more}
    )


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six sound cases in two folders."""
    for name in ("a/1", "a/2", "b/3", "b/4", "b/c/5", "b/c/6"):
        path = tmp_path / "cases" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOUND.format(f"C{name[-1]}"), encoding="utf-8")
    return tmp_path / "cases"


# --- the quick way says what the slow one says -----------------------------------------------------


def written(tmp_path: Path) -> list[Path]:
    paths = []
    for case in GENERATED:
        path = tmp_path / f"{case['case']}.yaml"
        path.write_text(yaml_text(case), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize("as_of", [None, date(2025, 6, 1).toordinal()])
def test_the_quick_way_says_what_the_reference_says(tmp_path: Path, as_of: int | None):
    quick = Judge(Settings(RULEBOOK, TODAY, as_of))
    slow = Judge(Settings(RULEBOOK, TODAY, as_of, quick=False))
    taken = 0
    for path in [*SAMPLES, *written(tmp_path)]:
        task = Task(str(path))
        found = quick._quickly(task)
        if found is not None:
            taken += 1
            assert found == slow.outcome(task), path
    assert taken > (25 if as_of is None else 2)


def varied(random: Random, case: dict[str, Any]) -> dict[str, Any]:
    """The case with what bears on its results changed: dates, drugs, pregnancy, circumstances, order."""
    found = json.loads(json.dumps(case))
    day = date.fromisoformat(found["as_of"])

    def before() -> str:
        return (day - timedelta(random.randrange(1200))).isoformat()

    results = [name for name, value in found.items() if isinstance(value, dict) and name != "partner"]
    for name in random.sample(results, 5):
        result = found[name]
        changes: list[Callable[[], Any]] = [
            lambda r=result: r.pop("date", None),
            lambda r=result: r.update(date=random.choice([before(), before()[:7], found["as_of"]])),
            lambda r=result: r.update(value=random.choice(["unknown", "not done", "pending"])),
            lambda r=result: r.update(dict.fromkeys(random.sample(AROUND, 2), random.choice(["yes", "no"]))),
            lambda r=result: r.update(note="a: b"),
            lambda n=name, r=result: found.update({n: [r, {**r, "date": before()}]}),
        ]
        random.choice(changes)()
    drugs = list(RULEBOOK.items["medications"].fields["class"].choices)
    for name, value in (
        ("medications", [{"class": random.choice(drugs), "from": before()}]),
        ("medications", [{"class": random.choice(drugs), "from": before(), "to": found["as_of"]}]),
        ("currently_pregnant", "yes"), ("currently_pregnant", {"value": "yes", "date": found["as_of"]}),
        ("breastfeeding", "yes"), ("curettages", [{"date": before()}]), ("uterine_surgery", [{"date": before()}]),
        ("pregnancies", []), ("pregnancies", None), ("as_of", before()),
    ):  # fmt: skip
        if random.randrange(8) == 0:
            found[name] = value
    names = list(found)
    random.shuffle(names)
    return {name: found[name] for name in names}


AROUND = [name for name, item in RULEBOOK.circumstances.items() if item.kind == "flag"]


@pytest.mark.parametrize(("most", "often"), [(1, 400), (3, 150), (10_000, 150)])
def test_what_was_met_in_one_case_says_nothing_wrong_of_another(
    monkeypatch: pytest.MonkeyPatch, most: int, often: int
):
    """Much is remembered from case to case, or forgotten: with one judge for all, each comes out as by itself."""
    monkeypatch.setattr("rsa_cli.quick._KEPT", most)
    monkeypatch.setattr("rsa_cli.engines.compiled._KEPT", most)
    quick = Judge(Settings(RULEBOOK, TODAY))
    slow = Judge(Settings(RULEBOOK, TODAY, quick=False))
    random = Random(11)
    taken = 0
    for number in range(often):
        data = varied(random, GENERATED[number % len(GENERATED)])
        task = Task("x.ndjson", number + 1, json.dumps(data).encode())
        found = quick._quickly(task)
        if found is not None:
            taken += 1
            assert found == slow.outcome(task), data
    assert taken > often / 2


def test_the_quick_way_takes_nothing_that_needs_fixing(tmp_path: Path):
    quick = Judge(Settings(RULEBOOK, TODAY))
    text = yaml_text(GENERATED[0])
    assert quick._quickly(Task(str(SAMPLES[0]))) is not None
    spoilt = {name: spoil(text.encode()) for name, spoil in BROKEN.items()}
    assert len({*spoilt.values(), text.encode()}) == len(BROKEN) + 1
    for name, data in spoilt.items():
        path = tmp_path / "x.yaml"
        path.write_bytes(data)
        assert quick._quickly(Task(str(path))) is None, name
        assert quick.outcome(Task(str(path))).outcome == batch.NEEDS_FIXING, name


def layouts(case: dict[str, Any]) -> dict[str, str]:
    """The same case as people and programs write it."""
    text = yaml_text(case)
    lines = text.splitlines()
    silent = re.sub("^note:.*\n", "", text, flags=re.MULTILINE)

    def taken(*dates: str) -> str:
        drugs = "".join(f"\n  - {{class: metformin, {on}}}" for on in dates)
        return text.replace("medications: []", f"medications:{drugs}")

    return {
        "as a program writes it": yaml.safe_dump(case, sort_keys=False, allow_unicode=True),
        "in the order of the names": yaml.safe_dump(case, allow_unicode=True, width=40),
        "with comments": "# by hand\n\n---\n# a case\n" + "\n".join(f"{line}  # seen: 2024-01-01" for line in lines) + "\n",
        "with empty lines": "\n\n# and\n".join(lines) + "\n",
        "with a mark for its encoding": "\ufeff" + text,
        "with the line ends of Windows": text.replace("\n", "\r\n"),
        "with two dates in one record": taken("from: 2022-01-02, to: 2022-03-04", "from: 2022-01-02, to: 2022-03-05"),
        "with the other date alone": taken("to: 2022-03-04", "from: 2022-03-04"),
        "with a date that is none": text.replace("solvent_exposure: no", "solvent_exposure: {value: no, note: 2024-02-03}"),
        "with a block of text": silent + "note: |\n  seen 2024-02-03\n  again\n",
        "with a block of text, not ended": silent + "note: |\n  seen\n  again",
        "with the sign that is put for a date": re.sub(r"date: \d{4}-\d\d-\d\d", "date: \0", text),
        "ended by a mark": text + "...\n",
        "without a last line end": text[:-1],
        "as JSON": json.dumps(case, ensure_ascii=False) + "\n",
        "with brackets over several lines": text.replace("{", "{\n    ").replace("}", "\n  }"),
        "with brackets in the first column": text.replace("{", "{\n").replace("}", "\n}"),
        "with names in quotation marks": "\n".join(f'"{line.replace(":", chr(34) + ":", 1)}' if line[0].isalpha() else line
                                                     for line in lines) + "\n",
    }  # fmt: skip


def test_whatever_the_layout_the_quick_way_says_what_the_reference_says(tmp_path: Path):
    """An entry is parsed by itself, and remembered: that may change nothing."""
    quick = Judge(Settings(RULEBOOK, TODAY))
    slow = Judge(Settings(RULEBOOK, TODAY, quick=False))
    taken = dict.fromkeys(layouts(GENERATED[0]), 0)
    for case in GENERATED[:8]:
        for layout, text in layouts(case).items():
            path = tmp_path / "x.yaml"
            path.write_bytes(text.encode())
            found = quick._quickly(Task(str(path)))
            if found is not None:
                taken[layout] += 1
                assert found == slow.outcome(Task(str(path))), layout
    left = (
        "without a last line end", "as JSON", "not ended", "that is put for a date", "first column", "quotation marks", "ended by a mark",
    )  # fmt: skip
    assert taken == {layout: 0 if layout.endswith(left) else 8 for layout in taken}


BEGIN = "case: X\nas_of: 2026-03-01\n"


@pytest.mark.parametrize(
    "text",
    [
        # Dates, and the sign for one, that stand in the file otherwise than in the value.
        BEGIN + 'hcg: {value: 50 IU/L, date: "202\\x36-02-25"}  # seen 2025-02-25\n',
        BEGIN + 'hcg: {value: 2 IU/L, date: 2026-02-25, note: "\\0"}\n',
        BEGIN + 'hcg: {value: 2 IU/L, note: [2025-01-01, "\\0"], date: 2026-02-25}\n',
        BEGIN + "medications: [{class: metformin, from: ２０24-01-01}]\n",
        # A date further in.
        BEGIN + "currently_pregnant: {value: no, note: {seen: 2024-01-01}}\n",
        BEGIN + "hcg: {value: 2 IU/L, date: 2026-02-25, note: {seen: 2024-01-01}}\n",
        BEGIN + "tsh: [{value: 2 mIU/L, date: 2026-02-25, note: {seen: 2024-01-01}}, {value: 2 mIU/L, date: 2026-02-20}]\n",
        BEGIN + "pregnancies:\n  - {outcome: miscarriage, ended: 2024-01-02, gestation: {value: 8 weeks, date: 2024-01-01}}\n",
        # Before the first entry.
        " case: X\nas_of: 2026-03-01\n", "---\n  case: X\nas_of: 2026-03-01\n", "---\n---\n'case': X\n", "# a\n\ufeffcase: X\n",
        f"# \a\n{BEGIN}", f"# \x7f\n{BEGIN}", f"\t# a\n{BEGIN}", f"\t\n{BEGIN}", f" \t\n{BEGIN}", "%YAML 1.1\n---\n'case': X\n",
        "---  # a\n'case': X\n", "?\n  case\n: X\nas_of: 2026-03-01\n",
        # Left out, and what only looks like a list.
        BEGIN + "tsh: {value: 2 mIU/L, date: null, range: ~, flag: null}\n", BEGIN + "tsh: {value: null, date: 2026-02-01}\n",
        BEGIN + "note: |\n  - a\n  - b\n", BEGIN + f"{'a' * 1100}: 1\n",
    ],
)  # fmt: skip
def test_what_the_quick_way_may_take_otherwise_is_left_or_taken_rightly(tmp_path: Path, text: str):
    quick = Judge(Settings(RULEBOOK, TODAY))
    path = tmp_path / "x.yaml"
    slow = Judge(Settings(RULEBOOK, TODAY, quick=False))
    for seen in ("2026-02-25", "2025-02-25", "2025-02-25"):
        path.write_text(text.replace("seen 2025-02-25", f"seen {seen}"), encoding="utf-8")
        assert quick._quickly(Task(str(path))) in (None, slow.outcome(Task(str(path))))


SIGNS = (
    "\n", "\n\n", " ", "  ", "'", '"', "{", "}", "[", "]", ": ", ", ", " #", "  # ", "\n- ", "\n  - ", "|", ">", "&a ", "*a", "!a ",
    "\\", "\ufeff", "\a", "\n---\n", "\n...\n", "\n%YAML 1.1\n", "\t", "\r", "\x85", "\u2028", "\n? ", "2024-02-03", "null", "~", "\0", "\ntsh: 2 mIU/L\n", "：",
)  # fmt: skip


def test_wherever_a_sign_is_typed_the_quick_way_says_what_the_reference_says(tmp_path: Path):
    """Signs that mean something to YAML, put anywhere into cases that were met before: taken rightly, or not at all."""
    quick = Judge(Settings(RULEBOOK, TODAY))
    slow = Judge(Settings(RULEBOOK, TODAY, quick=False))
    random = Random(5)
    path = tmp_path / "x.yaml"
    texts = [yaml_text(case) for case in GENERATED[:5]]
    taken = 0
    for number in range(800):
        text = (
            random.choice((*[""] * 9, "# a\n", "# a\r", "# a\x85", "# a\u2028tsh: 9 mIU/L\n"))
            + texts[number % 5]
        )
        at = random.choice((random.randrange(len(text)), text.index("\n", random.randrange(len(text)))))
        cut = random.choice((0, 0, 1, 30))
        path.write_bytes(f"{text[:at]}{random.choice(SIGNS)}{text[at + cut :]}".encode())
        quick._quickly(Task(str(path)))
        found = quick._quickly(Task(str(path)))  # what was met once is read another way
        if found is not None:
            taken += 1
            assert found == slow.outcome(Task(str(path))), path.read_text(encoding="utf-8")
    assert 40 < taken < 700


def test_a_sign_that_stands_for_a_date_may_be_typed():
    """The content, and so its digest, is that of the ordinary reader."""
    text = "case: X\nas_of: 2026-03-01\ntsh: {value: 2 mIU/L, assay: '%s', date: 2026-01-01}\n"
    judge = Judge(Settings(RULEBOOK, TODAY))
    for typed in ("Abbott", "\\u0000"):
        [first, second] = [
            judge.outcome(Task("x.ndjson", 1, json.dumps(yaml_data_of(text % typed)).encode())),
            Judge(Settings(RULEBOOK, TODAY, quick=False)).outcome(
                Task("x.ndjson", 1, json.dumps(yaml_data_of(text % typed)).encode())
            ),
        ]
        assert first == second
        assert first.digest


def yaml_data_of(text: str) -> object:
    """The plain data of a YAML text."""
    return yaml.load(text, Loader=yaml.BaseLoader)


def test_nor_a_line_that_needs_fixing():
    judge = Judge(Settings(RULEBOOK, TODAY))
    line = json.dumps(GENERATED[0]).encode()
    assert judge._quickly(Task("x.ndjson", 1, line)) is not None
    for name, spoil in BROKEN_LINES.items():
        task = Task("x.ndjson", 1, spoil(line))
        assert judge._quickly(task) is None, name
        assert judge.outcome(task).outcome == batch.NEEDS_FIXING, name


def test_statuses_are_those_of_assess():
    judge = Judge(Settings(RULEBOOK, TODAY))
    for path in SAMPLES:
        found = judge.outcome(Task(str(path)))
        assessment = read_and_assess(read_file(path), RULEBOOK, None, TODAY)
        statuses = [STATUSES[s] for s in found.statuses]
        assert statuses == [assessment.finding(rule).status for rule in RULEBOOK.rules]
        assert found.digest == assessment.case.digest


@pytest.mark.parametrize("quick", [True, False])
def test_without_partner_his_items_are_as_if_not_given(tmp_path: Path, quick: bool):
    data = next(c for c in GENERATED if "partner" in c)
    alone = {name: value for name, value in data.items() if name != "partner"}
    wrong = {**data, "partner": {"karyotype": "sdrawkcab", "nonsense": "x"}}
    with_him = Judge(Settings(RULEBOOK, TODAY, quick=quick))
    without = Judge(Settings(RULEBOOK, TODAY, without_partner=True, quick=quick))
    for number, form in enumerate((lambda d: json.dumps(d).encode(), lambda d: yaml_text(d).encode())):
        path = tmp_path / f"{number}.yaml"
        task = Task(str(path), 1 - number, b"" if number else form(data))
        tasks = []
        for case in (alone, data, wrong):
            path.write_bytes(form(case))
            tasks.append(
                (without if case is not alone else with_him).outcome(
                    task._replace(data=b"" if number else form(case))
                )
            )
        assert tasks[0].outcome == batch.JUDGED
        assert tasks[0] == tasks[1]
        assert tasks[0].statuses == tasks[2].statuses
        assert (
            with_him.outcome(task._replace(data=b"" if number else form(wrong))).outcome == batch.NEEDS_FIXING
        )
    path.write_bytes(yaml_text(data).encode())
    assert with_him.outcome(Task(str(path))).digest != tasks[0].digest
    assessed = read_and_assess(read_file(path), RULEBOOK, None, TODAY, without_partner=True)
    assert assessed.case.digest == tasks[0].digest
    twice = json.dumps(data)[:-1] + ',"tsh":"2 mIU/L","tsh":"3 mIU/L"}'
    found = without.outcome(Task("x.ndjson", 1, twice.encode()))
    assert "duplicate-key" in [p.code for p in found.problems]


def test_json_says_what_yaml_says(tmp_path: Path):
    """Answers are equal but for places; numbers are read as their text, true and false as yes and no."""
    judge = Judge(Settings(RULEBOOK, TODAY))
    for path in written(tmp_path)[:10]:
        data = next(c for c in GENERATED if c["case"] == path.stem)
        loose = {**data, "cigarettes_per_day": 7, "note": None, "currently_pregnant": False}
        text = yaml_text({**data, "cigarettes_per_day": "7", "note": "nothing", "currently_pregnant": "no"})
        path.write_text(text.replace("note: nothing", "note:"))
        for ascii_only in (True, False):
            line = json.dumps(loose, ensure_ascii=ascii_only).encode()
            for quickly in (True, False):
                task = Task("x.ndjson", 3, line)
                ours = judge.outcome(task) if quickly else judge._in_full(task)
                theirs = judge.outcome(Task(str(path)))
                assert ours._replace(file="", line=0, id_line=0) == theirs._replace(
                    file="", line=0, id_line=0
                )
                assert ours.place == "x.ndjson:3"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"case":"X","tsh":"2 mIU/L","tsh":"3 mIU/L"}', "duplicate-key"),
        ('{"case":"X","pregnancies":[{"outcome":"molar","outcome":"molar"}]}', "duplicate-key"),
        ('{"case":"X","note":"a:b","tsh":"2 mIU/L","tsh":"3 mIU/L"}', "duplicate-key"),
        ('{"case":"X\\u0007"}', "control-character"),
        ('{"case":"X\\ud800"}', "control-character"),
        ('{"case":"X\\b"}', "control-character"),
        ('{"case":"X\x7f"}', "control-character"),
        ('{"case":"X","note":"a\xc2\x9b"}', "control-character"),
        ('{"case":"X","note":["a\x7f"]}', "control-character"),
        ('{"case":"X","tsh":{"value":"2 mIU/L","note":"a\x7f"}}', "control-character"),
        ('{"case":"X","pregnancies":[{"outcome":"molar","note":"a\x7f"}]}', "control-character"),
        ('{"case":"X","tsh":{"value":"2 mIU/L","date":"2199-01-01"}}', "future"),
        ('{"case":"X"', "syntax"),
        ("[1]", "not-a-case"),
        ('{"case":"X","tsh":2.1}', "no-unit"),
        ('{"case":"X","tsh":NaN}', "not-a-quantity"),
        ('{"case":"X","note":' + "[" * 70 + "]" * 70 + "}", "too-deep"),
        ('{"case":"X","note":' + "[" * 9000 + "]" * 9000 + "}", "too-deep"),
        ('{"case":"\xff"}', "file-not-text"),
    ],
)
def test_a_line_of_json_that_needs_fixing(line: str, code: str):
    found = Judge(Settings(RULEBOOK, TODAY)).outcome(Task("x.ndjson", 7, line.encode("latin-1")))
    assert found.outcome == batch.NEEDS_FIXING
    assert [p.code for p in found.problems if not p.remark] == [code]
    assert str(found.problems[0].place).startswith("x.ndjson:7")


# --- input -----------------------------------------------------------------------------------------


def test_folders_are_read_in_order_and_other_files_named(folder: Path):
    (folder / "README.md").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.yaml").write_text("x")
    (folder / "b" / "z.ndjson").write_text('{"case":"Z"}\n')
    found = find([str(folder)], None)
    assert [Path(f).name for f in found.files] == [
        "1.yaml",
        "2.yaml",
        "3.yaml",
        "4.yaml",
        "z.ndjson",
        "5.yaml",
        "6.yaml",
    ]
    assert [Path(f).name for f in found.ignored] == ["README.md"]


def test_a_pattern_a_file_and_the_same_file_again(folder: Path):
    found = find([str(folder / "**" / "*.yaml"), str(folder / "a" / "1.yaml")], None)
    assert [Path(f).name for f in found.files] == ["1.yaml", "2.yaml", "3.yaml", "4.yaml", "5.yaml", "6.yaml"]


@pytest.mark.parametrize("make", [lambda p: p / "nowhere", lambda p: p / "*.yaml", lambda p: p])
def test_nothing_to_judge_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], Path]
):
    assert run(asked(make(tmp_path))) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rsa: ")


def test_an_empty_ndjson_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "x.ndjson").write_text("\n\n")
    assert run(asked(tmp_path, output=tmp_path / "out")) == 2
    assert "no case found" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def test_standard_input_holds_paths_or_ndjson(folder: Path):
    names = "\n".join(str(p) for p in sorted(folder.rglob("*.yaml")))
    listed = subprocess.run([RSA, "batch", "-"], input=names, capture_output=True, text=True, check=True)
    assert [o["case"] for o in objects(listed.stdout)] == ["C1", "C2", "C3", "C4", "C5", "C6"]
    lines = '\n{"case":"J1"}\n\n{"case":"J2","tsh":2}\n'
    read = subprocess.run(
        [RSA, "batch", "-"], input=lines.lstrip(), capture_output=True, text=True, check=False
    )
    found = objects(read.stdout)
    assert read.returncode == 3
    assert [(o["case"], o["outcome"], o["line"]) for o in found] == [
        ("J1", "judged", 1),
        (None, "needs fixing", 3),
    ]
    empty = subprocess.run([RSA, "batch", "-"], input="", capture_output=True, text=True, check=False)
    assert empty.returncode == 2


def test_a_line_that_is_too_long_shifts_no_other(tmp_path: Path):
    (tmp_path / "x.ndjson").write_bytes(
        b'{"case":"A"}\n{"note":"' + b"x" * (9 * 2**20) + b'"}\n{"case":"B"}\n'
    )
    tasks = list(find([str(tmp_path)], None).tasks())
    assert [t.line for t in tasks] == [1, 2, 3]
    judge = Judge(Settings(RULEBOOK, TODAY))
    assert [judge.outcome(t).id for t in tasks] == ["A", "", "B"]
    assert judge.outcome(tasks[1]).problems[0].code == "file-too-large"


# --- outcomes --------------------------------------------------------------------------------------


def test_one_bad_file_never_stops_the_run(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "b" / "3.yaml").write_bytes(b"\xff\xfe")
    (folder / "b" / "4.yaml").unlink()
    (folder / "b" / "4.yaml").symlink_to("nowhere")
    for jobs in (1, 2):
        assert run(asked(folder, jobs=jobs)) == 3
        found = objects(capsys.readouterr().out)
        assert [o["outcome"] for o in found] == [
            "judged",
            "judged",
            "needs fixing",
            "needs fixing",
            "judged",
            "judged",
        ]
        assert [Path(o["file"]).stem for o in found] == list("123456")
        assert found[3]["problems"][0]["code"] == "file-missing"


def test_the_second_of_one_id_names_the_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "b" / "3.yaml").write_text(SOUND.format("C1"))
    lines = tmp_path / "x.ndjson"
    lines.write_text('{"case":"C2"}\n{"case":"J"}\n{"case":"J"}\n')
    assert run(asked(folder, lines)) == 3
    found = objects(capsys.readouterr().out)
    wrong = [o for o in found if o["outcome"] != "judged"]
    assert len(found) == 9
    assert [p["code"] for o in wrong for p in o["problems"]] == ["id-twice"] * 3
    says = [o["problems"][0]["says"] for o in wrong]
    assert says[0].endswith(f"first in {folder}/a/1.yaml")
    assert says[1].endswith(f"first in {folder}/a/2.yaml")
    assert says[2].endswith(f"first in {lines}:2")
    assert wrong[0]["problems"][0]["place"]["line"] == 1


def test_a_mistake_of_the_program_fails_one_case_and_tells_no_data(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    before = Judge._in_full

    def broken(self: Judge, task: Task) -> Outcome:
        if task.file.endswith("3.yaml"):
            raise RuntimeError("secret of the patient")
        return before(self, task)

    monkeypatch.setattr(Judge, "_in_full", broken)
    monkeypatch.setattr(Judge, "_quickly", lambda self, task: None)
    assert run(asked(folder)) == 3
    out, err = capsys.readouterr()
    found = objects(out)
    assert [o["outcome"] for o in found] == ["judged"] * 2 + ["failed"] + ["judged"] * 3
    assert found[2]["error"].startswith("RuntimeError")
    assert "secret" not in out + err


def test_symptoms_are_said_of_a_file_that_needs_fixing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "x.yaml").write_text("case: X\nbleeding_now: yes\ntsh: 2\n")
    run(asked(tmp_path))
    (found,) = objects(capsys.readouterr().out)
    assert found["symptoms"] == [RULEBOOK.items["bleeding_now"].label]


def test_a_case_without_a_day_is_judged_today_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "x.yaml").write_text("case: X\n")
    assert run(asked(tmp_path)) == 0
    out, err = capsys.readouterr()
    (found,) = objects(out)
    assert found["as_of"] == date.today().isoformat()
    assert found["day_taken"] is True
    assert "1 cases name no day of judgement" in err


# --- status ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("recurrent_miscarriage=met", 0), ("miscarriage=met", 1), ("not assessed", 1), ("not_assessed", 1),
        ("needs fixing", 0), ("failed", 0), ("thyroid=met", 2), ("nonsense", 2), ("miscarriage=nonsense", 2),
    ],
)  # fmt: skip
def test_fail_on(folder: Path, capsys: pytest.CaptureFixture[str], what: str, status: int):
    assert run(asked(folder, fail_on=(what,))) == status


def test_fail_on_goes_before_needs_fixing(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "x.yaml").write_text("")
    assert run(asked(folder)) == 3
    assert run(asked(folder, fail_on=("needs fixing",))) == 1


# --- formats ---------------------------------------------------------------------------------------


def test_the_formats_are_the_files_of_the_folder():
    assert formats() == ("csv", "junit", "markdown", "ndjson", "table")


@pytest.mark.parametrize("name", formats())
def test_the_same_input_gives_the_same_bytes_whatever_the_processes(
    name: str, capsys: pytest.CaptureFixture[str]
):
    run(asked(*SAMPLES, ROOT / "tests" / "bad", format=name))
    alone = capsys.readouterr()
    run(asked(*SAMPLES, ROOT / "tests" / "bad", format=name, jobs=3))
    assert capsys.readouterr() == alone


def test_csv_has_a_column_for_each_finding(capsys: pytest.CaptureFixture[str]):
    run(asked(*SAMPLES, format="csv"))
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == len(SAMPLES)
    assert list(rows[0])[6:-7] == list(RULEBOOK.rules)
    aps = next(r for r in rows if r["case"] == "APS-AWAITING")
    assert aps["antiphospholipid_antibodies"] == "suspected"
    assert aps["recurrent_miscarriage"] == "met"


def test_csv_holds_nothing_that_a_spreadsheet_would_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "x.yaml").write_text("case: '=1+1'\nas_of: 2026-03-01\n")
    run(asked(tmp_path, format="csv"))
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("'=1+1,")
    assert table("csv", RULEBOOK).row(line).id == "=1+1"


def test_junit_reads_as_xml(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "x<&.yaml").write_text("case: X\nnope: 1\n")
    run(asked(folder, format="junit"))
    found = ET.fromstring(capsys.readouterr().out).findall(".//testcase")
    assert len(found) == 7
    (error,) = [e for case in found for e in case.findall("error")]
    assert error.get("type") == "needs fixing"
    assert "nope" in str(error.get("message"))


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_what_people_read_says_what_it_is_not(name: str, capsys: pytest.CaptureFixture[str]):
    run(asked(*SAMPLES, format=name))
    out = capsys.readouterr().out
    assert out.startswith("Supports review by a clinician. Not a diagnosis.")
    for case in (read_file(path).root.items["case"].text for path in SAMPLES):
        assert case in out


@pytest.mark.parametrize("name", formats())
def test_met_by_the_article_alone_is_never_said_without_today(name: str, capsys: pytest.CaptureFixture[str]):
    rule = RULEBOOK.rules["luteal_phase_deficiency"]
    assert rule.today is not None
    run(asked(ROOT / "sample_cases" / "luteal-phase.yaml", format=name))
    assert rule.today.says[:40] in capsys.readouterr().out.replace("\\", "")


def test_explain_adds_the_reasons(capsys: pytest.CaptureFixture[str]):
    for name in formats():
        run(asked(SAMPLES[0], format=name))
        plain = capsys.readouterr().out
        run(asked(SAMPLES[0], format=name, explain=True))
        assert len(capsys.readouterr().out) > len(plain) + 200, name
    run(asked(SAMPLES[0], explain=True))
    (found,) = objects(capsys.readouterr().out)
    (reason,) = [
        r for r in found["reasons"]["antiphospholipid_antibodies"] if r["item"] == "lupus_anticoagulant"
    ][:1]
    assert reason["places"][0]["line"] > 0


# --- summary ---------------------------------------------------------------------------------------


def test_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    chosen = [p for p in SAMPLES if p.stem in ("two-losses", "three-losses-one-positive")]
    told = tmp_path / "summary.json"
    assert run(asked(*chosen, tmp_path / "x.yaml", summary=told)) == 2  # not there: nothing was done
    (tmp_path / "x.yaml").write_text("nope")
    assert run(asked(*chosen, tmp_path / "x.yaml", summary=told)) == 3
    found = json.loads(told.read_text())
    assert found["outcomes"] == {"judged": 2, "needs fixing": 1, "failed": 0}
    of = found["findings"]["antiphospholipid_antibodies"]
    assert (of["cases"], of["assessable"], of["suspected"], of["not assessed"]) == (2, 2, 1, 1)
    assert sum(of[status] for status in STATUSES) == 2
    assert of["clauses"][0]["unknown"] == 2
    assert of["clauses"][0]["path"] == "when"
    assert len(of["clauses"]) > 3
    assert found["missing"]
    assert next(iter(found["settles"])) in RULEBOOK.investigations
    assert "settles most open findings by itself" in capsys.readouterr().err


def test_a_rulebook_that_was_kept_sums_up_the_same(tmp_path: Path):
    told = []
    for cache in ("off", "on", "on"):  # the second keeps it, the third reads what was kept
        out = tmp_path / f"{len(told)}.json"
        env = {**os.environ, "RSA_CACHE": cache, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        words = [
            RSA,
            "batch",
            *SAMPLES[:3],
            "--summary",
            out,
            "--output",
            tmp_path / "out",
            "--format",
            "csv",
        ]
        subprocess.run(words, env=env, check=True, capture_output=True)
        told.append(out.read_text(encoding="utf-8"))
    assert told[0] == told[1] == told[2]
    assert all(c["line"] for f in json.loads(told[0])["findings"].values() for c in f["clauses"])


def test_counts_are_those_of_the_lines():
    counts = Counts(3)
    for number in range(1000):
        statuses = bytes([number % 6, 0, 5])
        counts.add(batch.Row("judged", "x", 0, str(number), 0, False, statuses, ""))
    assert counts.statuses() == [[167, 167, 167, 167, 166, 166], [1000, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1000]]


# --- output, interruption, going on ----------------------------------------------------------------


def many(tmp_path: Path, number: int) -> Path:
    lines = "".join(
        json.dumps({**GENERATED[n % 30], "case": f"M{n}"}, ensure_ascii=False) + "\n" for n in range(number)
    )
    (tmp_path / "many.ndjson").write_text(lines)
    return tmp_path / "many.ndjson"


def test_output_appears_when_it_is_whole(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out.ndjson"
    out.write_text("before")
    out.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(out)
    assert run(asked(folder, output=link)) == 0
    assert len(objects(out.read_text())) == 6
    assert link.is_symlink()
    assert out.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "out.ndjson.part").exists()
    assert capsys.readouterr().out == ""


def test_the_output_is_no_input(folder: Path, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        assert run(asked(folder, output=folder / "out.ndjson")) == 0
    assert len(objects((folder / "out.ndjson").read_text())) == 6
    assert run(asked(folder / "a" / "1.yaml", output=folder / "a" / "1.yaml")) == 2
    assert (folder / "a" / "1.yaml").read_text() == SOUND.format("C1")


def test_a_full_disk_is_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(asked(folder, output=Path("/dev/full"))) == 2
    assert "cannot write /dev/full: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ndjson", "csv"])
@pytest.mark.parametrize("cut", [0, 1, 200, 5000])
def test_resume_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, cut: int):
    paths = [many(tmp_path, 12), *SAMPLES]
    (tmp_path / "x.yaml").write_text("case: M3\n")  # the id of a line that is done
    whole, part = tmp_path / "whole", tmp_path / "out.part"
    run(asked(*paths, tmp_path / "x.yaml", output=whole, format=name))
    first = capsys.readouterr().err
    part.write_bytes(whole.read_bytes()[:-cut] if cut else whole.read_bytes())
    assert run(asked(*paths, tmp_path / "x.yaml", output=tmp_path / "out", format=name, resume=True)) == 3
    assert (tmp_path / "out").read_bytes() == whole.read_bytes()
    assert not part.exists()
    assert capsys.readouterr().err.endswith(first)  # the counts are of all


def test_resume_refuses_what_is_not_its_own(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out, part = tmp_path / "out", tmp_path / "out.part"
    run(asked(folder, output=out))
    text = out.read_text()
    for wrong in (
        text.replace("a/2.yaml", "a/9.yaml"),
        text.splitlines(keepends=True)[1],
        "not ours\n",
        "".join(text.splitlines(keepends=True)[:2]).replace('"miscarriage":"met"', '"miscarriage":"not met"'),
    ):
        part.write_text(wrong)
        assert run(asked(folder, output=out, resume=True)) == 2
        assert "begin again" in capsys.readouterr().err
        assert part.read_text() == wrong
    assert run(asked(folder, resume=True)) == 2
    assert "--resume needs --output" in capsys.readouterr().err
    assert run(asked(folder, output=out, resume=True, format="table")) == 0
    assert "beginning again" in capsys.readouterr().err


def test_two_runs_do_not_write_one_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    command = [RSA, "batch", "-", "-o", out, "-f", "ndjson", "-j", "1"]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert first.stdin is not None
    first.stdin.write('{"case":"FIRST"}\n')
    first.stdin.flush()
    until = time.monotonic() + 20
    while time.monotonic() < until and not (tmp_path / "out.part").exists():
        time.sleep(0.01)
    time.sleep(0.2)
    assert run(asked(folder, output=out)) == 2
    assert "another run is writing" in capsys.readouterr().err
    first.communicate()
    assert [o["case"] for o in objects(out.read_text())] == ["FIRST"]
    assert run(asked(folder, output=out)) == 0


def test_a_run_that_was_killed_is_gone_on_with_at_once(tmp_path: Path):
    """Its workers may still be at work on what nobody waits for."""
    paths = [many(tmp_path, 600)]
    whole, out = tmp_path / "whole", tmp_path / "out"
    subprocess.run(
        [RSA, "batch", *paths, "-o", whole, "-j", "2", "-f", "ndjson"], check=True, capture_output=True
    )
    command = [RSA, "batch", *paths, "-o", out, "-j", "2", "-f", "ndjson", "--resume"]
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while time.monotonic() < until and not ((part := tmp_path / "out.part").exists() and part.stat().st_size):
        time.sleep(0.005)
    started.kill()
    started.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == whole.read_bytes()


def test_interrupted_and_gone_on(tmp_path: Path):
    """Ctrl-C finishes what is under way and says how to go on; the end is as if nothing had been."""
    paths = [str(many(tmp_path, 600))]
    whole = tmp_path / "whole"
    subprocess.run(
        [RSA, "batch", *paths, "-o", whole, "-j", "2", "-f", "ndjson"], check=True, capture_output=True
    )
    command = [RSA, "batch", *paths, "-o", tmp_path / "out", "-j", "2", "-f", "ndjson"]
    for _ in range(4):
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        part = tmp_path / "out.part"
        until = time.monotonic() + 20
        while time.monotonic() < until and not (part.exists() and part.stat().st_size):
            time.sleep(0.005)
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=30)
        if started.returncode == 130:
            break
    assert started.returncode == 130
    assert "interrupted: " in err
    assert "--resume goes on" in err
    left = part.read_bytes()
    assert left.endswith(b"\n")
    assert whole.read_bytes().startswith(left)
    assert len(left) < whole.stat().st_size
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert (tmp_path / "out").read_bytes() == whole.read_bytes()


def test_a_closed_pipe_ends_quietly(tmp_path: Path):
    line = f"{RSA} batch {many(tmp_path, 400)} -j 2 | head -n 3"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 3, "")


# --- workers ---------------------------------------------------------------------------------------


def rows_of(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch, kills: Callable[[Task], bool]
) -> list[batch.Row]:
    before = Judge.outcome

    def deadly(self: Judge, task: Task) -> Outcome:
        if kills(task):
            os.kill(os.getpid(), signal.SIGKILL)
        return before(self, task)

    monkeypatch.setattr(Judge, "outcome", deadly)
    how = batch.Run(Settings(RULEBOOK, TODAY), table("ndjson", RULEBOOK).line)
    return list(batch.rows(how, tasks, 2, lambda: False))


def test_a_case_that_kills_its_worker_has_failed_and_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch):
    tasks = list(find([str(folder)], None).tasks())
    found = rows_of(tasks, monkeypatch, lambda task: task.file.endswith("4.yaml"))
    assert [r.outcome for r in found] == ["judged"] * 3 + ["failed"] + ["judged"] * 2
    assert [Path(r.file).stem for r in found] == list("123456")
    assert "ended twice" in found[3].text


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_killed_from_outside_loses_no_case(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
):
    mark = tmp_path / "killed"
    mark.touch()

    def first(task: Task) -> bool:
        if mark.stat().st_size == times or not task.file.endswith("5.yaml"):
            return False
        with mark.open("a") as marks:
            marks.write("x")
        return True

    found = rows_of(list(find([str(folder)], None).tasks()), monkeypatch, first)
    assert mark.stat().st_size == times
    assert [r.outcome for r in found] == ["judged"] * 6


def test_a_worker_killed_in_the_middle_of_its_answer_loses_no_case(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mark, parent = tmp_path / "killed", os.getpid()
    before = Connection._send_bytes  # where an answer leaves in one piece

    def half(self: Any, data: memoryview) -> None:
        if os.getpid() != parent and not mark.exists():
            mark.touch()
            os.write(self.fileno(), len(data).to_bytes(4, "big") + bytes(data[: len(data) // 2]))
            os.kill(os.getpid(), signal.SIGKILL)
        before(self, data)

    monkeypatch.setattr(Connection, "_send_bytes", half)
    found = rows_of(list(find([str(folder)], None).tasks()), monkeypatch, lambda task: False)
    assert mark.exists()
    assert [r.outcome for r in found] == ["judged"] * 6


def test_workers_end_with_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[Worker] = []
    before = Worker.__init__

    def noted(self: Worker, *rest: Any) -> None:
        made.append(self)
        before(self, *rest)

    monkeypatch.setattr(Worker, "__init__", noted)
    how = batch.Run(Settings(RULEBOOK, TODAY), table("ndjson", RULEBOOK).line)
    some = batch.rows(how, find([str(folder)], None).tasks(), 2, lambda: False)
    next(some)
    some.close()  # as where the reader of the output has gone
    assert len(made) == 2
    assert not any(worker.process.is_alive() for worker in made)


# --- the command line ------------------------------------------------------------------------------


def test_progress_is_drawn_on_a_terminal_only(tmp_path: Path):
    import pexpect

    path = many(tmp_path, 500)
    command = f"{RSA} batch {path} -o {tmp_path / 'out'} -j 1"
    seen = pexpect.run(command, timeout=60).decode()
    assert "a second" in seen
    done = subprocess.run(command.split(), capture_output=True, text=True, check=True)
    assert "a second" not in done.stderr


def test_the_partner_is_left_out_by_an_option(tmp_path: Path):
    (tmp_path / "x.yaml").write_text("case: X\nas_of: 2026-03-01\npartner:\n  nonsense: 1\n")
    for more, status in ([], 3), (["--without-partner"], 0):
        done = subprocess.run([RSA, "batch", tmp_path, *more], capture_output=True, check=False)
        assert done.returncode == status, done.stderr


def test_a_wrong_option_is_said(folder: Path):
    for more in (["-f", "tabel"], ["--as-of", "soon"], ["--jobs", "0"], ["--rules", "nowhere"]):
        done = subprocess.run([RSA, "batch", folder, *more], capture_output=True, text=True, check=False)
        assert done.returncode in (2, 3), more
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


# --- the scripts of docs/batch.md ------------------------------------------------------------------

DOCS = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^### (.*?)\n\n```sh\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
JQ = pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A place with cases and `rsa` and `mail` on the path: sound ones, one that needs fixing, one that is due."""
    shutil.copytree(ROOT / "sample_cases", tmp_path / "cases")
    (tmp_path / "cases" / "broken.yaml").write_text("case: BROKEN\ntsh: 2\n")
    due = "case: DUE\nas_of: 2026-03-01\nlupus_anticoagulant: {value: positive, date: 2025-12-10}\n"
    (tmp_path / "cases" / "due.yaml").write_text(due)
    (tmp_path / "cases" / "later.yaml").write_text(due.replace("DUE", "LATER").replace("12-10", "12-30"))
    (tmp_path / "bin").mkdir()
    mail = tmp_path / "bin" / "mail"
    mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} >> {tmp_path}/sent\n')
    mail.chmod(0o755)
    return tmp_path


def script(clinic: Path, number: int, **more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(clinic / "bin"), str(RSA.parent), os.environ["PATH"]])
    command = ["bash", "-eu", "-c", SCRIPTS[number][1]]
    environment = {**os.environ, "PATH": path, **more}
    return subprocess.run(command, cwd=clinic, env=environment, capture_output=True, text=True, check=False)


def test_there_are_five_scripts():
    assert len(SCRIPTS) == 5


def test_the_nightly_check_sends_a_mail(clinic: Path):
    done = script(clinic, 0)
    assert done.returncode == 0, done.stderr
    sent = (clinic / "sent").read_text()
    assert "ended with status 1" in sent
    assert "--fail-on: possible_ectopic_pregnancy=met, needs fixing" in sent
    assert "clinic@example.org" in sent
    (clinic / "sent").unlink()
    (clinic / "cases" / "broken.yaml").unlink()
    (clinic / "cases" / "pregnant-and-bleeding.yaml").unlink()
    assert script(clinic, 0).returncode == 0
    assert not (clinic / "sent").exists()


@JQ
def test_questions_with_jq(clinic: Path):
    done = script(clinic, 1)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "APS-AWAITING" in lines
    assert "ONE-LOSS" not in lines
    assert lines[-1].startswith("cases/broken.yaml:2 ")


def test_csv_into_a_program(clinic: Path):
    done = script(clinic, 2)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"recurrent miscarriage in \d+ of {len(SAMPLES) + 2}\n", done.stdout)


@JQ
def test_who_is_due_this_week(clinic: Path):
    done = script(clinic, 3, TODAY="2026-03-01")
    assert done.returncode == 0, done.stderr
    assert "DUE 2026-03-04\n" in done.stdout
    assert "LATER" not in done.stdout


def test_the_hook_refuses_a_broken_case(clinic: Path):
    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(RSA.parent), os.environ["PATH"]])
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", *who, *arguments], cwd=clinic / "cases", capture_output=True, text=True,
                              env={**os.environ, "PATH": path}, check=False)  # fmt: skip

    assert git("init", "-q").returncode == 0
    hook = clinic / "cases" / ".git" / "hooks" / "pre-commit"
    hook.write_text(SCRIPTS[4][1])
    hook.chmod(0o755)
    git("add", "due.yaml", "later.yaml")
    assert git("commit", "-q", "-m", "sound").returncode == 0
    git("add", "broken.yaml")
    refused = git("commit", "-q", "-m", "broken")
    assert refused.returncode != 0
    assert "broken.yaml:2:6" in refused.stderr
    assert git("log", "--oneline").stdout.count("\n") == 1
