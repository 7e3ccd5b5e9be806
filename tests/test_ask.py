"""The questionnaire: what is asked and when, what becomes of answers, and that none is ever lost."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsa_cli import journal as journals
from rsa_cli.asking import Question, Questionnaire, View, read_answer, shown_answer, view_of, way_of
from rsa_cli.assess import BURDEN, Finding
from rsa_cli.dictionary import UnreadableError
from rsa_cli.engines.reference import Engine, Verdict
from rsa_cli.evidence import hangs_on
from rsa_cli.journal import Journal, LockedError, load, save
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN, Truth, greatest, least, opposite
from rsa_cli.problems import NeedsFixing
from rsa_cli.rulebook import Rulebook, read_rulebook
from rsa_cli.session import Command, Prompt, Session, StoppedError
from rsa_cli.source import read_file
from rsa_cli.splice import UnsafeError, Way, at, changed, data, page, rendered

from asked import RULES, Scripted, small
from spec_tables import Table, rulebook_of, tables, written

TODAY = date(2026, 3, 1).toordinal()
BOOKS: dict[str, Rulebook] = {}
SAMPLES = sorted((Path(__file__).parents[1] / "sample_cases").glob("*.yaml"))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return read_rulebook(small(tmp_path_factory.mktemp("rules") / "small"))


def sitting(
    book: Rulebook, folder: Path, replies: Any, text: str = "case: C\n", shortest: bool = False
) -> tuple[Session, Scripted]:
    """A session over a case, not yet run."""
    talk = Scripted(replies)
    path = folder / "case.yaml"
    session = Session(talk, book, Journal(path), page(text, str(path)), TODAY, shortest)
    session.journal.begin(text)
    return session, talk


def answered(
    book: Rulebook, folder: Path, replies: Any, text: str = "case: C\n", **how: Any
) -> tuple[Any, Scripted]:
    """What a case holds when the replies are used up, and what was said."""
    session, talk = sitting(book, folder, replies, text, **how)
    found = data(page(session.run()).source.root)
    session.journal.close(remove=True)
    return found, talk


# --- what is asked -----------------------------------------------------------------------------------


def open_ways(book: Rulebook, text: str) -> list[Any]:
    view = view_of(page(text), book, TODAY, strict=False)
    return [q.way for q in Questionnaire(book).questions(view, frozenset(), ())]


def test_the_sections_go_as_a_visit_does(book: Rulebook):
    sections = [name for name, _ in Questionnaire(book).sections]
    assert sections == ["now", "pregnancies", "history", "the partner", "blood"]


def test_an_item_comes_behind_what_says_whether_it_applies(book: Rulebook):
    ways = open_ways(book, "case: C\n")
    assert ways.index(("smoker",)) < ways.index(("cigarettes",))
    assert ("partner", "smoker") in ways


def test_only_what_is_open_is_asked(book: Rulebook):
    text = "case: C\nsmoker: no\ntsh: not done\ndiseases: []\nlupus:\n"
    ways = open_ways(book, text)
    assert ("smoker",) not in ways
    assert ("cigarettes",) not in ways
    assert ("tsh",) not in ways
    assert ("diseases",) not in ways
    assert ("lupus",) in ways


def test_what_says_null_is_open_and_stays_so(book: Rulebook, tmp_path: Path):
    text = "case: C\nbleeding: ~\nsmoker: null   # asked by post\nwords: 'null'\ncigarettes: 20\n"
    ways = open_ways(book, text)
    assert ("bleeding",) in ways
    assert ("smoker",) in ways
    assert ("words",) not in ways
    anew = view_of(page(rendered(page(text).data)), book, TODAY)
    assert anew.case.results.keys() == {"words", "cigarettes"}
    found, _ = answered(book, tmp_path, ["no", "none", "none", "yes"], text)
    assert found["smoker"] == "yes"


def test_what_could_make_a_result_count_is_asked_and_nothing_else(book: Rulebook):
    asked = open_ways(book, "case: C\nlupus: positive\n")
    assert [w[1:] for w in asked if w[0] == "lupus"] == [("date",), ("on_heparin",), ("ill",), (1,)]
    asked = open_ways(book, "case: C\nmedications: []\nlupus: {value: positive, date: 2026-01-10}\n")
    assert [w[1:] for w in asked if w[0] == "lupus"] == [("ill",), (1,)]
    # Set aside already: nothing else can make it count.
    asked = open_ways(book, "case: C\nlupus: {value: positive, date: 2026-01-10, on_heparin: yes}\n")
    assert [w[1:] for w in asked if w[0] == "lupus"] == [(1,)]
    asked = open_ways(book, "case: C\nlupus: {value: pending, date: 2026-01-10}\n")
    assert [w for w in asked if w[0] == "lupus"] == []
    asked = open_ways(book, "case: C\ntsh: {value: 9 mIU/L, date: 2026-01-10}\n")
    assert [w[1:] for w in asked if w[0] == "tsh"] == [("range",)]
    asked = open_ways(book, "case: C\ntsh: {value: 9 mIU/L, date: 2026-01-10, flag: high}\n")
    assert [w for w in asked if w[0] == "tsh"] == []
    # What is asked of now has no date to be asked for.
    assert [w for w in open_ways(book, "case: C\nbleeding: no\n") if w[0] == "bleeding"] == []


@pytest.mark.parametrize(("around", "asked"), [("pregnant: yes", True), ("pregnant: perhaps", True), ("pregnant: no", False),
                                               ("pregnant: yes, range_for_pregnancy: yes", False)])  # fmt: skip
def test_of_a_pregnant_woman_it_is_asked_whom_the_range_is_for(around: str, asked: bool):
    text = f"case: C\ntsh: {{value: 9 mIU/L, date: 2026-01-10, range: 0.4–4.2 mIU/L, {around}}}\n"
    ways = [way[1:] for way in open_ways(read_rulebook("article"), text) if way[0] == "tsh"]
    assert (("range_for_pregnancy",) in ways) is asked


NAMES = [f"i{n}" for n in range(7)]


def _asking_if(random: Random, names: list[str], depth: int = 0) -> Any:
    """A condition over some flags, as data."""
    way = random.randrange(5) if depth < 2 else 0
    if way < 2 or not names:
        return f"{random.choice(names)} is {random.choice(['yes', 'no', 'not yes'])}" if names else None
    if way == 2:
        return {"not": _asking_if(random, names, depth + 1)}
    return {
        ["all", "any"][way - 3]: [_asking_if(random, names, depth + 1) for _ in range(random.randint(1, 3))]
    }


def _truth(condition: Any, known: dict[str, Truth]) -> Truth:
    """Three-valued truth, by hand: `known` says of each flag whether it is yes."""
    if isinstance(condition, str):
        name, _, word = condition.partition(" is ")
        return known[name] if word == "yes" else opposite(known[name])
    [(form, inner)] = condition.items()
    if form == "not":
        return opposite(_truth(inner, known))
    return (least if form == "all" else greatest)([_truth(part, known) for part in inner])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_an_item_is_asked_if_and_only_if_it_may_apply(tmp_path_factory: pytest.TempPathFactory, seed: int):
    random = Random(seed)
    conditions = {
        name: _asking_if(random, NAMES[:n]) if random.random() < 0.7 else None for n, name in enumerate(NAMES)
    }
    fields = {
        name: _asking_if(random, NAMES[:n]) if random.random() < 0.5 else None
        for n, name in enumerate(NAMES[:4])
    }

    def item(condition: Any) -> dict[str, Any]:
        return {"label": "L", "kind": "flag", **({"ask_if": condition} if condition else {})}

    items: dict[str, Any] = {name: item(condition) for name, condition in conditions.items()}
    items["list"] = {
        "label": "L",
        "kind": "records",
        "list": "history",
        "fields": {f"f{n}": item(c) for n, c in fields.items()},
    }
    made = rulebook_of(tmp_path_factory.mktemp("rules"), {"items": items}, {"r": "i0 is yes"})
    given_ = {name: random.choice(["yes", "no", "unknown"]) for name in NAMES if random.random() < 0.6}
    asked = {
        way[0] if len(way) == 1 else way
        for way in open_ways(made, written({"case": "C", **given_, "list": [{}]}))
    }

    known: dict[str, Truth] = {}
    for name in NAMES:  # each condition looks at earlier items only
        applies = TRUE if conditions[name] is None else _truth(conditions[name], known)
        value = given_.get(name) if applies is not FALSE else None
        known[name] = {"yes": TRUE, "no": FALSE}.get(value or "", UNKNOWN)
        assert (name in asked) is (applies is not FALSE and name not in given_), name
    for name, condition in fields.items():
        applies = TRUE if condition is None else _truth(condition, known)
        assert (("list", 0, f"f{name}") in asked) is (applies is not FALSE), name


# --- answers -----------------------------------------------------------------------------------------


def test_a_whole_case(book: Rulebook, tmp_path: Path):
    found, talk = answered(
        book,
        tmp_path,
        [
            "no",                                                       # bleeding
            "add", "miscarriage", "2024-01-19", "8w2d",                 # pregnancies
            "add", "miscarriage", "2025-02", "9 weeks", "all",
            "add", "heparin", "2025-01-20", "2025-02-14", "all",        # drugs
            "yes", "20", ["lupus"], "先生 said: “rest”, #1", "unknown",  # history, the partner
            "30.2 µIU/mL", "2026-01-10", "0.4–4.2 mIU/L",               # TSH, its date, its range
            "positive", "2026-01-10", "no", "negative", "2026-02-25",   # lupus twice, not ill
        ],
    )  # fmt: skip
    assert found == {
        "case": "C",
        "bleeding": {"value": "no", "date": "2026-03-01"},
        "pregnancies": [
            {"outcome": "miscarriage", "ended": "2024-01-19", "gestation": "8w2d"},
            {"outcome": "miscarriage", "ended": "2025-02", "gestation": "9 weeks"},
        ],
        "medications": [{"class": "heparin", "from": "2025-01-20", "to": "2025-02-14"}],
        "smoker": "yes",
        "cigarettes": "20",
        "diseases": ["lupus"],
        "words": "先生 said: “rest”, #1",
        "partner": {"smoker": "unknown"},
        "tsh": {"value": "30.2 µIU/mL", "date": "2026-01-10", "range": "0.4–4.2 mIU/L"},
        "lupus": [
            {"value": "positive", "date": "2026-01-10", "ill": "no"},
            {"value": "negative", "date": "2026-02-25"},
        ],
    }
    assert [line.strip() for line in talk.said if "  ● " in line or "  ◐ " in line] == [
        "● now met: Recurrent loss",
        "● now met: Early losses",
        "● now met: Smoking",
        "● now met: Thyroid disease · today: Ask again. [S-2]",
        "◐ now suspected: Clotting",
    ]
    assert [line for line in talk.said if "lupus" in line and "·" in line] == [
        "Step 5 of 5 · blood · lupus anticoagulant",
        "Step 5 of 5 · blood · lupus anticoagulant, result 2",
    ]
    assert "Step 2 of 5 · pregnancies" in talk.said
    assert "Step 2 of 5 · pregnancies · pregnancies, number 2" in talk.said


def test_a_remark_of_the_reader_is_said_with_the_answer_and_once(tmp_path: Path):
    rules = RULES.replace(
        "    reference: {high: 4 mIU/L, source: S-2}",
        "    reference: {high: 4 mIU/L, source: S-2}\n    usual: 0.1–50 mIU/L",
    )
    text = "case: C\nas_of: 2026-01-31\nbleeding: no\npregnancies: []\nmedications: []\nsmoker: no\ndiseases: []\nwords: w\npartner: {smoker: no}\n"
    _, talk = answered(
        read_rulebook(small(tmp_path / "rules", rules)), tmp_path, ["90 mIU/L", "2026-02-10"], text
    )
    said = [line for line in talk.said if "remark" in line]
    assert len(said) == 2
    assert "unusual" in said[0]
    assert said[1] == "  remark: this lies after the day of judgement (2026-01-31) and does not count"


def test_a_red_flag_is_said_at_once_and_in_full(book: Rulebook, tmp_path: Path):
    _, talk = answered(book, tmp_path, ["yes"])
    place = talk.said.index("! Bleeding. She bleeds. Look at once.")
    assert talk.said[place - 2 : place] == ["? Is she bleeding now?", "  dated 2026-03-01"]


def test_while_a_history_is_being_filled_in_only_red_flags_are_said(book: Rulebook, tmp_path: Path):
    replies = ["no", "add", "miscarriage", "2024-01", "8w", "add", "miscarriage", "2025-01", "8w", "all"]
    _, talk = answered(book, tmp_path, replies)
    assert talk.said.index("  ● now met: Recurrent loss") > len(talk.said) - 6
    assert (
        talk.said.index("  ● now met: Recurrent loss")
        > [n for n, s in enumerate(talk.said) if s.startswith("? All preg")][-1]
    )


def test_an_answer_that_does_not_fit_is_not_taken(book: Rulebook, tmp_path: Path):
    replies = [
        "no",
        "add",
        "miscarriage",
        "2024-06",
        "30 weeks",
        "8w2d",
        "add",
        "miscarriage",
        "2024-05-01",
        "2025-01-01",
        Command.LEAVE,
        "all",
    ]
    found, talk = answered(book, tmp_path, replies)
    assert found["pregnancies"][0]["gestation"] == "8w2d"
    assert found["pregnancies"][1]["ended"] == "2025-01-01"
    assert any("gestation 30 weeks does not go with outcome: miscarriage" in s for s in talk.said)
    assert any("this date lies before that of number 1" in s for s in talk.said)


def test_a_list_is_closed_only_when_it_is_sound_as_a_whole(book: Rulebook, tmp_path: Path):
    first = [
        "no",
        "add",
        "miscarriage",
        "2024-06-01",
        "8w2d",
        "add",
        "miscarriage",
        "2024-06-10",
        "8w2d",
        "all",
    ]
    mended = [*first, "record 1", "ended", "2024-09-10", " done", "all"]
    found, talk = answered(book, tmp_path, mended)
    assert "  number 2: Two pregnancies end less than 28 days apart: Check both dates." in talk.said
    shown = [prompt for prompt in talk.asked if prompt.text.startswith("All pregnancies")][-1]
    assert [o.label for o in shown.options[2:]] == [
        "number 1: miscarriage, 2024-06-01, 8w2d",
        "number 2: miscarriage, 2024-09-10, 8w2d",
    ]
    assert found["pregnancies"][1]["ended"] == "2024-09-10"


def test_a_record_is_shown_by_what_is_known_of_it(book: Rulebook):
    record = {"outcome": "live_birth", "ended": "unknown", "gestation": "not done", "note": "kept to herself"}
    item = book.items["pregnancies"]
    assert shown_answer([record, {}], item) == "live birth, 2 not known; nothing known yet"
    assert shown_answer({"value": "positive", "date": "2026-01", "note": "n"}) == "positive, date 2026-01"


def test_a_reminder_is_not_said_to_be_met(tmp_path: Path):
    rules = f"{RULES}  again: {{finding: Rhesus, kind: reminder, when: smoker is yes, rests_on: [S-1], says: Look it up.}}\n"
    _, talk = answered(
        read_rulebook(small(tmp_path / "rules", rules)), tmp_path, ["no", "none", "none", "yes"]
    )
    assert "  · reminder: Rhesus" in talk.said


def test_what_an_edit_makes_irrelevant_is_dropped_and_said(book: Rulebook, tmp_path: Path):
    replies = ["no", "there was none", "yes", "20", Command.BACK, Command.BACK, "no"]
    replies[1] = "none"
    replies.insert(2, "none")  # no drugs
    found, talk = answered(book, tmp_path, replies)
    assert found["smoker"] == "no"
    assert "cigarettes" not in found
    assert "  taken out, as it does not apply any more: cigarettes a day: 20" in talk.said
    again = page("case: C\npregnancies:\n  - {outcome: miscarriage, ended: 2024-01}\n")
    found, talk = answered(book, tmp_path, ["no", Command.LEAVE, Command.BACK, Command.BACK], again.text)
    text = "case: C\npregnancies: [{outcome: miscarriage, ended: 2024-01, gestation: 8w0d}]\n"
    edit = [Command.ANSWERS, "pregnancies", "record 0", "outcome", "ongoing", " done", "all"]
    found, talk = answered(book, tmp_path, edit, text)
    assert found["pregnancies"] == [{"outcome": "ongoing", "gestation": "8w0d"}]
    assert "  taken out, as it does not apply any more: end of pregnancies 1: 2024-01" in talk.said


def test_back_over_three_questions_and_changed(book: Rulebook, tmp_path: Path):
    def replies() -> Iterator[Any]:
        yield from ["no", "none", "none", "yes", "20"]  # bleeding, pregnancies, drugs, smoker, cigarettes
        yield from [Command.BACK, Command.BACK, Command.BACK, "unknown"]
        yield from [["[]"]]

    found, talk = answered(book, tmp_path, replies())
    assert [p.text for p in talk.asked[5:10]] == [
        "Which diseases?",
        "Cigarettes a day",
        "Does she smoke?",
        "Drugs",
        "Which diseases?",
    ]
    assert talk.asked[6].default == "20"
    assert talk.asked[7].default == "yes"
    assert found["medications"] == "unknown"
    assert found["cigarettes"] == "20"
    assert found["diseases"] == []


def test_records_are_taken_out_and_the_last_one_leaves_the_list_unknown(book: Rulebook, tmp_path: Path):
    text = "case: C\npregnancies: [{outcome: miscarriage}, {outcome: live_birth}]\n"
    out = [Command.ANSWERS, "pregnancies", "record 0", " remove", "all"]
    found, _ = answered(book, tmp_path, out, text)
    assert found["pregnancies"] == [{"outcome": "live_birth"}]
    out = [Command.ANSWERS, "pregnancies", "record 0", " remove", "record 0", " remove", KeyboardInterrupt()]
    session, _ = sitting(book, tmp_path, out, text)
    with pytest.raises(KeyboardInterrupt):
        session.run()
    session.journal.close(remove=True)
    assert session.view.page.data.get("pregnancies", "") == ""  # and not [], which says that there was none


def test_results_are_added_changed_and_taken_out(book: Rulebook, tmp_path: Path):
    text = "case: C\nlupus:\n  - {value: positive, date: 2026-01-10}   # at Leeds\n  - {value: pending, date: 2026-02-25}\n"
    found, _ = answered(book, tmp_path, [Command.ANSWERS, "lupus", "2", "negative"], text)
    assert found["lupus"][1] == {"value": "negative", "date": "2026-02-25"}
    found, _ = answered(book, tmp_path, [Command.ANSWERS, "lupus", "out 1"], text)
    assert found["lupus"] == [{"value": "positive", "date": "2026-01-10"}]
    found, _ = answered(book, tmp_path, [Command.ANSWERS, "lupus", " more", "negative"], text)
    assert found["lupus"][2] == "negative"


def test_what_counts_for_a_time_only_is_written_with_its_date_at_once(book: Rulebook, tmp_path: Path):
    def reply(prompt: Prompt) -> Any:
        return {"What did the scan show?": "septum", "When was it taken (scan)?": "5 days ago"}.get(
            prompt.text, Command.LEAVE if prompt.leave else "save"
        )

    found, _ = answered(book, tmp_path, reply)
    assert found["scan"] == {"value": "septum", "date": "2026-02-24"}
    lines = [json.loads(line) for line in _journal_lines(book, tmp_path, reply) if "scan" in line]
    assert lines[0] == ["put", ["scan"], {"value": "septum", "date": "2026-02-24"}]


def test_who_does_not_know_the_date_is_not_kept_there(book: Rulebook, tmp_path: Path):
    first = ["no", "none", "none", "no", ["[]"], Command.LEAVE, "no", "not done", "not done"]
    for way_out in (Command.BACK, Command.LEAVE):
        found, talk = answered(book, tmp_path, [*first, "septum", Command.HELP, way_out, "unknown"])
        assert found["scan"] == "unknown"
        assert [p.text for p in talk.asked][-3:-1] == ["When was it taken (scan)?", "What did the scan show?"]
    assert "  Without a date it would not count: say unknown, or leave scan open." in talk.said


def _journal_lines(book: Rulebook, folder: Path, reply: Any) -> list[str]:
    session, _ = sitting(book, folder, reply)
    session.run()
    lines = session.journal.path.read_text(encoding="utf-8").splitlines()
    session.journal.close(remove=True)
    return lines


def test_help_says_what_it_is_when_it_is_measured_and_what_it_serves(book: Rulebook, tmp_path: Path):
    _, talk = answered(book, tmp_path, ["no", "none", "none", Command.HELP, "no"])
    assert "  smoker: Pipes count too." in talk.said
    assert "  S-1: Smoking matters." in talk.said
    text = "case: C\nbleeding: no\npregnancies: []\nmedications: []\nsmoker: no\ndiseases: []\nwords: w\npartner: {smoker: no}\n"
    _, talk = answered(book, tmp_path, [Command.HELP], text)
    assert "  By: Bloods (blood, any day). Not when ill." in talk.said
    assert "  S-2: TSH above 4 is high." in talk.said
    assert any("mIU/L or µIU/mL; plausible 0.001–500 mIU/L" in s for s in talk.said)


@pytest.mark.parametrize(
    ("typed", "written_"),
    [
        ("2024-01-19", "2024-01-19"),
        ("2024-05", "2024-05"),
        ("2024", "2024"),
        ("today", "2026-03-01"),
        ("Yesterday", "2026-02-28"),
        ("10 days ago", "2026-02-19"),
        ("2 weeks ago", "2026-02"),
        ("2 weeks", "2026-02"),
        ("0 weeks ago", "two-months"),
        ("8 weeks ago", "two-months"),
        ("tomorrow", "not-a-date"),
        ("2026-03-02", "future"),
        ("19.1.2024", "not-a-date"),
        ("unknown", "unknown"),
    ],
)
def test_days_are_written_as_they_are_known(book: Rulebook, typed: str, written_: str):
    field = book.items["pregnancies"].fields["ended"]
    question = Question(("pregnancies", 0, "ended"), "value", field, book.items["pregnancies"])
    try:
        found = read_answer(question, typed, TODAY)
    except UnreadableError as error:
        found = error.code
    assert found == written_


def test_an_age_of_weeks_never_says_more_than_was_said(book: Rulebook):
    """Whatever day it is asked, the month written holds every day of that week."""
    field = book.items["pregnancies"].fields["ended"]
    question = Question(("pregnancies", 0, "ended"), "value", field, book.items["pregnancies"])
    for day in range(TODAY, TODAY + 60):
        for weeks in (1, 5):
            days = {date.fromordinal(day) - timedelta(7 * weeks + more) for more in range(7)}
            months = {f"{d:%Y-%m}" for d in days}
            try:
                assert {read_answer(question, f"{weeks} weeks ago", day)} == months
            except UnreadableError:
                assert len(months) == 2


# --- what an answer cannot change -------------------------------------------------------------------


def _said_of(finding: Finding) -> Any:
    """All that a finding says of a case, but for the lines it stands in."""

    def of(verdict: Verdict | None) -> Any:
        if verdict is None:
            return None
        used = [
            (s.item.id, s.state, s.result.value, s.result.missing, s.date, s.why, s.provided, s.record)
            for s in verdict.used
        ]
        return verdict.truth, used, verdict.records, verdict.maybe, [of(part) for part in verdict.parts]

    judged = finding.judgement
    return finding.status, finding.today, of(judged.when), of(judged.suspect), of(judged.today)


def _kept_as_anew(
    questionnaire: Questionnaire, before: View, whole: dict[str, Any]
) -> tuple[View, int] | None:
    """The view after a change, each finding as judged anew; how many were kept. `None` where it cannot be read."""
    book = questionnaire.book
    try:
        after, _ = questionnaire.answered(page(rendered(whole)), before, TODAY, strict=False)
    except (NeedsFixing, UnsafeError):
        return None
    fresh = view_of(after.page, book, TODAY, strict=False)
    for name, finding in after.findings.items():
        assert _said_of(finding) == _said_of(fresh.findings[name]), (name, after.page.text)
    return after, sum(finding is before.findings[name] for name, finding in after.findings.items())


def _values_of(examples: Iterable[dict[str, Any]]) -> dict[Way, list[Any]]:
    """What stands at each place of some cases, and that nothing does."""
    found: dict[Way, list[Any]] = {}
    for whole in examples:
        for key, value in whole.items():
            for way, part in (
                [((key, k), v) for k, v in value.items()] if key == "partner" else [((key,), value)]
            ):
                found.setdefault(way, [None, "unknown"]).append(part)
    return found


@cache
def _article() -> tuple[Questionnaire, list[dict[str, Any]], dict[Way, list[Any]]]:
    """The shipped rulebook, the cases written for it, and what stands in them."""
    article = read_rulebook(whole=True)
    cases = [data(example.given) for example in article.examples]
    cases += [data(page(path.read_text(encoding="utf-8")).source.root) for path in SAMPLES]
    values = {way: v for way, v in _values_of(cases).items() if way[0] not in ("case", "format", "note")}
    values["as_of",] = [None, "2026-03-01", "2026-01-20", "2025-06-01"]
    return Questionnaire(article), cases, values


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9))
def test_a_finding_that_is_kept_is_as_judged_anew(seed: int):
    (questionnaire, cases, values), random, kept = _article(), Random(seed), 0
    whole = {"case": "C", **random.choice(cases)}
    view = view_of(page(rendered(whole)), questionnaire.book, TODAY, strict=False)
    # Places that many findings hang on change as often as all others together.
    bearing = [way for way in values if sum(way in ways for ways in questionnaire.ways.values()) > 5]
    for _ in range(10):
        way = random.choice(bearing if random.random() < 0.5 else list(values))
        found = _kept_as_anew(questionnaire, view, changed(view.page.data, way, random.choice(values[way])))
        if found is not None:
            view, kept = found[0], kept + found[1]
    assert kept


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_a_finding_of_a_small_rulebook_that_is_kept_is_as_judged_anew(table: Table, tmp_path: Path):
    conditions = {f"r{n}": row.when for n, row in enumerate(table.rows)}
    book = rulebook_of(tmp_path / "rules", table.declares, conditions)
    questionnaire, random = Questionnaire(book), Random(table.name)
    values = _values_of(row.given for row in table.rows)
    view = view_of(page("case: C\n"), book, TODAY, strict=False)
    for row in random.sample(table.rows, min(10, len(table.rows))):
        way = random.choice(list(values))
        for whole in (row.given, changed(view.page.data, way, random.choice(values[way]))):
            found = _kept_as_anew(questionnaire, view, {**whole, "case": "C", "as_of": row.as_of})
            view = found[0] if found is not None else view


# Each thing that a finding may hang on besides what its own criteria name: a small rulebook, a case, a change.
HANGING: dict[str, tuple[Any, str, str]] = {
    "whether an item applies": ("x is yes", "a: yes\nx: yes\n", "a: no\nx: yes\n"),
    "a rule referred to": ("inner is met", "i: yes\n", "i: no\n"),
    "what tests a rule referred to": ({"none_of": "etiology"}, "i: unknown\n", "i: unknown\na: no\n"),
    "a circumstance that an item of today speaks for": (
        "s is yes",
        "s: {value: yes, date: 2026-03-01}\nnow_so: no\n",
        "s: {value: yes, date: 2026-03-01}\nnow_so: yes\n",
    ),
    "the range that holds": (
        "q is high",
        "q: {value: 3 g, date: 2026-02-01}\n",
        "q: {value: 3 g, date: 2026-02-01}\nmedications: []\n",
    ),
    "whether she is pregnant": (
        "p is yes",
        "p: {value: yes, date: 2026-02-20}\npregnancies: []\n",
        "p: {value: yes, date: 2026-02-20}\npregnancies: []\ncurrently_pregnant: yes\n",
    ),
    "the day of judgement": (
        "d is yes",
        "as_of: 2026-03-01\nd: {value: yes, date: 2026-02-20}\n",
        "as_of: 2026-02-10\nd: {value: yes, date: 2026-02-20}\n",
    ),
    "what is pending": (
        {"repeated": {"where": "s is yes", "times": 2, "apart": "1 day"}},
        "s: unknown\n",
        "s: pending\n",
    ),
    "what only tests it": ("i is yes", "", "t: yes\n"),
}


@pytest.mark.parametrize("what", HANGING)
def test_a_finding_is_judged_anew_when_what_it_hangs_on_changes(what: str, tmp_path: Path):
    when, before, after = HANGING[what]
    flag = {"label": "L", "kind": "flag"}
    class_ = {"class": {"label": "D", "kind": "choice", "choices": ["heparin"]}}
    ended = {"ended": {"label": "E", "kind": "date"}, "outcome": {**flag, "kind": "choice", "choices": ["ongoing", "miscarriage"]}}  # fmt: skip
    declares = {
        "circumstances": {
            "of_today": {**flag, "now": "now_so"},
            "pregnant": {**flag, "worked_out": "pregnant"},
            "on_drug": {**flag, "worked_out": {"medications": ["heparin"]}},
        },
        "items": {
            **dict.fromkeys(("a", "i", "d", "t", "now_so", "currently_pregnant"), flag),
            "x": {**flag, "ask_if": "a is yes"},
            "b": {**flag, "ask_if": "a is yes"},
            "s": {**flag, "set_aside_if": ["of_today is yes"]},
            "p": {**flag, "set_aside_if": ["pregnant is yes"], "counts_only_if": ["pregnant is no"]},
            "q": {
                "label": "Q", "kind": "quantity", "unit": "g", "plausible": "0–9 g",
                "reference": [{"high": "2 g", "when": ["on_drug is no"], "source": "S-1"}],
            },
            "medications": {"label": "M", "kind": "records", "list": "history", "fields": class_},
            "pregnancies": {"label": "P", "kind": "records", "list": "history", "dated_by": "ended", "fields": ended},
        },
        "statements": {"S-1": {"says": "S.", "kind": "claim"}},
        "rules": {
            "inner": {"finding": "I", "kind": "etiology", "group": "one", "standing": "accepted", "tested_by": ["b"], "when": "i is yes"},
            "tested": {"finding": "T", "kind": "definition", "tested_by": ["t"], "when": when},
        },
    }  # fmt: skip
    book = rulebook_of(tmp_path / "rules", declares, {} if what == "what only tests it" else {"r": when})
    view = view_of(page(f"case: C\n{before}"), book, TODAY, strict=False)
    fresh = view_of(page(f"case: C\n{after}"), book, TODAY, strict=False)
    said = {name: _said_of(finding) for name, finding in fresh.findings.items()}
    assert said != {name: _said_of(finding) for name, finding in view.findings.items()}
    found, _ = Questionnaire(book).answered(fresh.page, view, TODAY, strict=False)
    assert {name: _said_of(finding) for name, finding in found.findings.items()} == said


# --- the shortest way --------------------------------------------------------------------------------


def _sets(
    condition: str, book: Rulebook, known: dict[str, str], free: dict[str, list[str]]
) -> list[frozenset[str]]:
    """By brute force: the smallest sets of items that can decide a rule, met or not met."""
    reaching: list[tuple[frozenset[str], Truth]] = []
    for names in chain.from_iterable(combinations(sorted(free), n) for n in range(len(free) + 1)):
        for values in product(*(free[name] for name in names)):
            text = written({"case": "C", **known, **dict(zip(names, values, strict=True))})
            view = view_of(page(text), book, TODAY, strict=False)
            truth = Engine(book, view.evidence).rule(condition).when.truth
            if truth is not UNKNOWN:
                reaching.append((frozenset(names), truth))
    found = []
    for wanted in (TRUE, FALSE):
        sets = {names for names, truth in reaching if truth is wanted}
        found += [s for s in sets if not any(other < s for other in sets)]
    return found


BURDENS = ["question", "examination", "blood", "imaging"]


def _condition(random: Random, names: list[str], depth: int = 0) -> Any:
    way = random.randrange(5) if depth < 2 else 0
    if way < 2:
        name = random.choice(names)
        return (
            f"{name} is {random.choice(['yes', 'no'])}"
            if name[0] == "f"
            else f"{name} >= {random.choice([3, 7])} g"
        )
    parts = [_condition(random, names, depth + 1) for _ in range(random.randint(2, 3))]
    if way == 4:
        return {"some": {"at_least": "2", "of": parts}}
    return {["all", "any"][way - 2]: parts}


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_weights_are_those_that_brute_force_finds(tmp_path_factory: pytest.TempPathFactory, seed: int):
    random = Random(seed)
    free = {
        "fa": ["yes", "no"],
        "fb": ["yes", "no"],
        "fc": ["yes", "no"],
        "qd": ["1 g", "3 g", "5 g", "7 g", "9 g"],
    }
    items = {
        name: {"label": name, "kind": "flag"}
        if name[0] == "f"
        else {"label": name, "kind": "quantity", "unit": "g", "plausible": "0–10 g"}
        for name in free
    }
    burdens = {name: random.choice(BURDENS) for name in free}
    investigations = {
        f"t{name}": {"label": "T", "yields": [name], "occasion": "ask", "burden": burden, "tier": "core"}
        for name, burden in burdens.items()
    }
    rules = {
        f"r{n}": {
            "finding": f"r{n}", "kind": "definition", "when": _condition(random, list(free)),
            **({"suspect_when": _condition(random, list(free))} if random.random() < 0.5 else {}),
        }
        for n in range(3)
    }  # fmt: skip
    made = rulebook_of(
        tmp_path_factory.mktemp("rules"),
        {"items": items, "investigations": investigations, "rules": rules},
        {},
    )
    known = {name: values[0] for name, values in free.items() if random.random() < 0.25}
    left = {name: values for name, values in free.items() if name not in known}

    view = view_of(page(written({"case": "C", **known})), made, TODAY)
    wanted: dict[Any, Fraction] = {}
    for rule in rules:
        finding = view.findings[rule]
        if finding.judgement.when.truth is UNKNOWN:
            for name in left:
                sizes = [len(s) for s in _sets(rule, made, known, left) if name in s]
                if sizes:
                    times = 2 if finding.status == "suspected" else 1
                    wanted[name,] = wanted.get((name,), Fraction(0)) + Fraction(times, min(sizes))
    wanted = {way: worth / BURDEN[burdens[way[0]]] for way, worth in wanted.items()}
    found = Questionnaire(made).weights(view)
    assert {way: weight.worth for way, weight in found.items()} == wanted


def test_a_suspected_finding_counts_twice(tmp_path: Path):
    items = {name: {"label": name, "kind": "flag"} for name in ("a", "b")}
    rule = {
        "finding": "r",
        "kind": "definition",
        "when": {"all": ["a is yes", "b is yes"]},
        "suspect_when": "a is yes",
    }
    made = rulebook_of(tmp_path / "rules", {"items": items, "rules": {"r": rule}}, {})
    worth = {}
    for known in ({}, {"a": "yes"}):
        view = view_of(page(written({"case": "C", **known})), made, TODAY)
        worth[len(known)] = Questionnaire(made).weights(view)[("b",)].worth
    assert worth == {0: 1, 1: 2}  # alone it can deny; the other known, it decides, and is pointed to


def test_the_weights_of_a_changed_case_are_those_of_a_fresh_one(book: Rulebook):
    kept = Questionnaire(book)
    text = "case: C\n"
    for line in (
        "pregnancies: [{outcome: miscarriage}, {outcome: miscarriage}]",
        "smoker: yes",
        "lupus: positive",
        "medications: []",
    ):
        text += f"{line}\n"
        view = view_of(page(text), book, TODAY)
        one, two = kept.weights(view), Questionnaire(book).weights(view)
        assert {w: x.worth for w, x in one.items()} == {w: x.worth for w, x in two.items()}


SOURCES: dict[str, list[Any]] = {
    "medications": [
        None,
        [],
        [{"class": "vitamin_k_antagonist", "from": "2024-01-01"}],
        [{"class": "glucocorticoid"}],
    ],
    "pregnancies": [None, [], [{"outcome": "ongoing"}], [{"outcome": "miscarriage", "ended": "2026-01-05"}]],
    "currently_pregnant": [
        None,
        {"value": "yes", "date": "2026-03-01"},
        {"value": "no", "date": "2026-03-01"},
    ],
    "donor_eggs": [None, "yes", "no"],
    "height": [None, "120 cm"],
    "uterine_surgery": [None, [], [{"date": "2026-02-01"}]],
}


@pytest.mark.parametrize("sample", ["set-aside", "nothing-met", "antiphospholipid-awaiting"])
def test_what_is_kept_of_the_weights_is_never_stale(sample: str):
    """Drugs, pregnancies and the like change under results that are there: what hangs on them is worked out anew."""
    article = BOOKS.setdefault("article", read_rulebook())
    kept, seen = Questionnaire(article), set()
    whole = data(page((SAMPLES[0].parent / f"{sample}.yaml").read_text(encoding="utf-8")).source.root)
    for name, values in SOURCES.items():
        for value in values:
            text = rendered(changed(whole, (name,), value))
            view = view_of(page(text), article, TODAY, strict=False)
            one, two = (
                {way: (weight.worth, frozenset(weight.decides)) for way, weight in found.items()}
                for found in (kept.weights(view), Questionnaire(article).weights(view))
            )
            assert one == two, (name, value)
            seen.add(frozenset(one.items()))
    assert len(seen) >= 5


def test_what_an_item_hangs_on():
    article = BOOKS.setdefault("article", read_rulebook())
    for name, wanted in (
        (
            "cervix_now",
            {"currently_pregnant", "pregnancy_test", "recent_loss_or_procedure"},
        ),  # whether it applies
        ("tsh", {"pregnancies", "currently_pregnant"}),  # which range holds
        ("protein_s_free", {"pregnancies", "medications"}),  # whether it counts
        ("homa_ir", {"fasting_glucose", "fasting_insulin"}),  # what it is worked out from
        ("uterine_cavity", {"uterine_surgery"}),  # what came later
    ):
        assert wanted | {name} <= hangs_on([name], article), name
    assert hangs_on(["abo"], article) == {"abo"}
    assert "medications" not in hangs_on(["uterine_cavity"], article)


def test_the_shortest_way_asks_what_settles_most_says_why_and_stops(book: Rulebook, tmp_path: Path):
    def reply(prompt: Prompt) -> Any:
        words = {
            "Is she bleeding now?": "no",
            "Cigarettes a day": "20",
            "All pregnancies, first to last": "none",
            "What now?": "save",
        }
        return words.get(prompt.text, "not done" if prompt.missing else Command.LEAVE)

    found, talk = answered(book, tmp_path, reply, shortest=True)
    texts = [p.text for p in talk.asked]
    # One list decides three findings at once; a stop as soon as only blood tests could change anything.
    assert texts[0] == "All pregnancies, first to last"
    assert "  decides: Recurrent loss, Early losses" in talk.said
    assert set(texts) == {
        "All pregnancies, first to last",
        "Is she bleeding now?",
        "Cigarettes a day",
        "What now?",
    }
    assert "tsh" not in found
    assert any("Tests stand on the checklist" in s for s in talk.said)


def test_the_shortest_way_asks_tests_while_they_are_worth_more_than_what_is_left_in_the_room(tmp_path: Path):
    items = {
        "blood": {"label": "B", "kind": "flag"},
        "habit": {"label": "H", "kind": "flag"},
        "other": {"label": "O", "kind": "flag"},
    }
    investigations = {
        name: {"label": "T", "yields": [name], "occasion": "ask", "burden": burden, "tier": "core"}
        for name, burden in (("blood", "blood"), ("habit", "question"), ("other", "question"))
    }
    many = {f"r{n}": "blood is yes" for n in range(7)}
    made = rulebook_of(
        tmp_path / "rules", {"items": items, "investigations": investigations}, {**many, "h": "habit is yes"}
    )
    asked: list[str] = []

    def reply(prompt: Prompt) -> Any:
        asked.append(prompt.text)
        return "save" if prompt.text == "What now?" else "yes"

    answered(made, tmp_path, reply, shortest=True)
    assert asked == ["B", "H", "What now?"]  # `other` decides nothing and is never asked


def test_the_shortest_way_asks_of_a_new_record_what_it_cannot_do_without(book: Rulebook, tmp_path: Path):
    # The outcome and the end; the gestation only when its turn comes.
    first = iter(["add", "miscarriage", "2024-01", "add", "miscarriage", "2025-01", "all"])

    def reply(prompt: Prompt) -> Any:
        word = (
            "8w2d" if prompt.text == "Gestation when it ended" else "not done" if prompt.missing else "save"
        )
        return next(first, word)

    found, talk = answered(book, tmp_path, reply, shortest=True)
    texts = [p.text for p in talk.asked]
    assert texts[:4] == ["All pregnancies, first to last", "How did it end?", "When did it end?", texts[0]]
    assert texts.index("Gestation when it ended") > 6
    assert [p["gestation"] for p in found["pregnancies"]] == ["8w2d", "8w2d"]


# --- nothing is lost ---------------------------------------------------------------------------------


def test_every_answer_is_on_disk_before_the_next_question(
    book: Rulebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(journals.os, "fsync", lambda file: (synced.append(1), real(file))[1])
    counts: list[tuple[int, int]] = []

    def reply(prompt: Prompt) -> Any:
        lines = (tmp_path / "case.yaml.part").read_text(encoding="utf-8").splitlines()
        counts.append((len(lines), len(synced)))
        return (
            "none"
            if any(o.value == "none" for o in prompt.options)
            else "unknown"
            if prompt.missing
            else Command.FINISH
        )

    answered(book, tmp_path, reply)
    assert len(counts) > 6
    for lines, syncs in counts:
        assert lines == syncs
    assert [lines for lines, _ in counts[:5]] == [1, 2, 3, 4, 5]


def test_a_session_is_taken_up_where_it_stopped(book: Rulebook, tmp_path: Path):
    session, _ = sitting(book, tmp_path, ["no", "add", "miscarriage", Command.LEAVE, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        session.run()
    session.journal.close()
    assert stat.S_IMODE((tmp_path / "case.yaml.part").stat().st_mode) == 0o600

    session, talk = sitting(book, tmp_path, ["8w2d", "all", Command.FINISH])
    assert session.resume() == 3
    found = data(page(session.run()).source.root)
    session.journal.close(remove=True)
    assert [p.text for p in talk.asked] == [
        "Gestation when it ended",
        "All pregnancies, first to last",
        "Drugs",
    ]
    assert found["pregnancies"] == [{"outcome": "miscarriage", "gestation": "8w2d"}]
    assert not (tmp_path / "case.yaml.part").exists()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 12))
def test_wherever_the_journal_is_cut_all_whole_answers_are_there(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int
):
    book = BOOKS.setdefault("small", read_rulebook(small(tmp_path_factory.mktemp("rules") / "small")))
    folder, random = tmp_path_factory.mktemp("case"), Random(seed)
    texts: list[str] = []

    def reply(prompt: Prompt) -> Any:
        texts.append(session.view.page.text)
        if len(texts) > 30:
            raise KeyboardInterrupt
        return _any_reply(random, prompt)

    session, _ = sitting(book, folder, reply)
    with suppress(KeyboardInterrupt):
        session.run()
    session.journal.close()
    path = folder / "case.yaml.part"
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - random.randrange(1, 40 * cut))])
    again, _ = sitting(book, folder, [])
    again.resume()
    assert again.view.page.text in [*texts, session.view.page.text]
    kept = path.read_bytes().count(b"\n")
    assert len(again.journal.entries) == max(0, kept - 1)
    again.journal.close(remove=True)


def _any_reply(random: Random, prompt: Prompt) -> Any:
    """Some reply that a person might give."""
    if random.random() < 0.1 and prompt.commands:
        return random.choice([Command.BACK, Command.ANSWERS, Command.HELP])
    if random.random() < 0.15 and prompt.leave:
        return Command.LEAVE
    if random.random() < 0.15 and prompt.missing:
        return random.choice(["unknown", "not done", "pending"])
    values = [o.value for o in prompt.options]
    if prompt.several:
        return random.choice([["[]"], [values[0]], values[:-1]])
    if values:
        return random.choice(values)
    tries = ["2024-01-19", "8w2d", "20", "3 mIU/L", "0–4 mIU/L", "some words"]
    random.shuffle(tries)
    return next((t for t in tries if prompt.check is None or not prompt.check(t)), Command.LEAVE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_whatever_is_answered_the_case_can_always_be_judged(
    tmp_path_factory: pytest.TempPathFactory, seed: int
):
    book = BOOKS.setdefault("small", read_rulebook(small(tmp_path_factory.mktemp("rules") / "small")))
    folder, random = tmp_path_factory.mktemp("case"), Random(seed)
    count = iter(range(60))

    def reply(prompt: Prompt) -> Any:
        if next(count, None) is None:
            raise KeyboardInterrupt
        return _any_reply(random, prompt)

    session, _ = sitting(book, folder, reply, shortest=random.random() < 0.5)
    with suppress(KeyboardInterrupt):
        session.run()
    again = view_of(page(session.view.page.text), book, TODAY, strict=not session.lists)
    assert {k: f.status for k, f in again.findings.items()} == {
        k: f.status for k, f in session.view.findings.items()
    }
    session.journal.close(remove=True)


def test_a_full_disk_stops_the_asking_and_shows_the_answer_back(
    book: Rulebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    session, talk = sitting(book, tmp_path, ["no", "add", "miscarriage", Command.LEAVE, "8w2d"])
    before = session.journal.path.read_bytes()

    def full(file: int, line: bytes) -> int:
        if b"8w2d" in line:
            real(file, line[:7])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, line)

    real = os.write
    monkeypatch.setattr(journals.os, "write", full)
    with pytest.raises(StoppedError) as stopped:
        session.run()
    assert stopped.value.status == 2
    assert "Not saved: 8w2d" in talk.said
    assert any("No space left on device" in s for s in talk.said)
    monkeypatch.undo()
    session.journal.close()
    after = session.journal.path.read_bytes()
    assert after.startswith(before)
    assert after.endswith(b"\n")
    assert b"8w2d" not in after
    session, _ = sitting(book, tmp_path, [])
    session.resume()
    assert at(session.view.page.data, ("pregnancies", 0)) == {"outcome": "miscarriage"}


def test_two_sessions_cannot_ask_for_one_case(tmp_path: Path):
    first = Journal(tmp_path / "case.yaml")
    with pytest.raises(LockedError):
        Journal(tmp_path / "case.yaml")
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "case.yaml")
    with pytest.raises(LockedError):
        Journal(link)
    first.close(remove=True)
    Journal(link).close(remove=True)
    assert not list(tmp_path.glob("*.part"))


def test_a_saved_case_keeps_its_mode_and_its_link(tmp_path: Path):
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"case: A\r\n")
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, "case: B\r\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"case: B\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]
    assert load(link) == "case: B\r\n"


def test_a_case_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = tmp_path / "case.yaml"
    real.write_text("case: A\n", encoding="utf-8")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journals.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(real, "case: B\n")
    assert real.read_text(encoding="utf-8") == "case: A\n"
    assert [p.name for p in tmp_path.iterdir()] == ["case.yaml"]


def test_a_journal_is_put_aside_and_not_lost(tmp_path: Path):
    journal = Journal(tmp_path / "case.yaml")
    journal.begin("one")
    journal.add("put", ["smoker"], "yes")
    aside = journal.put_aside()
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    journal.begin("two")
    journal.add("put", ["smoker"], "no")
    journal.close()
    again = Journal(tmp_path / "case.yaml")
    assert again.entries == [["put", ["smoker"], "no"]]
    again.close(remove=True)
    assert b'"yes"' in aside.read_bytes()


def test_where_a_splice_is_not_safe_the_case_goes_to_a_new_file(book: Rulebook, tmp_path: Path):
    text = "case: C\npregnancies:\n  # the first\n  - {outcome: miscarriage}   # of twins\n  - {outcome: live_birth}\nnote: kept\n"
    (tmp_path / "case.yaml").write_text(text, encoding="utf-8")
    out = [Command.ANSWERS, "pregnancies", "record 0", " remove", "all"]
    session, talk = sitting(book, tmp_path, out, text)
    found = data(page(session.run()).source.root)
    session.journal.close(remove=True)
    assert session.target.name == "case-2.yaml"
    assert any("cannot be written into case.yaml without harm" in s for s in talk.said)
    assert found == {"case": "C", "pregnancies": [{"outcome": "live_birth"}], "note": "kept"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_asking_drops_nothing_of_a_case_and_touches_no_other_line(path: Path, tmp_path: Path):
    article = BOOKS.setdefault("article", read_rulebook())
    text = path.read_text(encoding="utf-8")
    questionnaire = Questionnaire(article)
    view = view_of(page(text), article, date.today().toordinal())
    first = next(
        q for q in questionnaire.questions(view, frozenset(), ()) if q.kind == "value" and not q.item.of
    )
    talk = Scripted(lambda prompt: "unknown" if prompt.missing else Command.FINISH)
    session = Session(
        talk, article, Journal(tmp_path / path.name), page(text), date.today().toordinal(), False
    )
    assert session._accept(first, "unknown")
    new = session.view.page.text
    session.journal.close(remove=True)
    added = set(new.splitlines()) - set(text.splitlines())
    assert len(added) <= 1
    assert set(text.splitlines()) - set(new.splitlines()) == set() or len(text.splitlines()) == len(
        new.splitlines()
    )
    assert [line for line in text.splitlines() if "#" in line] == [
        line for line in new.splitlines() if "#" in line
    ]
    assert way_of(first.item)[-1] in new


def test_the_rulebook_of_these_tests_says_what_they_need():
    assert re.search(r"worked_out: \{medications", RULES)
    assert read_file(SAMPLES[0]).root is not None
