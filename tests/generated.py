"""Generated conditions and cases over one small dictionary, for the tests of the laws and of what settles.

A condition or a case is drawn as the plain data a YAML file would hold and goes through the readers,
so whatever is drawn is something a person could write.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from spec_tables import FAR, rulebook_of, source_of, written

from rsa_cli import nodes
from rsa_cli.case import Case, read_case
from rsa_cli.conditions import ConditionReader
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import Truth
from rsa_cli.nodes import Condition, Points, walk
from rsa_cli.rulebook import Rulebook
from rsa_cli.source import Mapping, Shaper, read_bytes

DAY = date(2026, 3, 1)

# --- the dictionary ------------------------------------------------------------------------------


def _item(kind: str, **more: Any) -> dict[str, Any]:
    return {"label": kind, "question": kind, "kind": kind, **more}


DECLARES: dict[str, Any] = {
    "circumstances": {
        "on_heparin": _item("flag"),
        "mid_luteal": _item("flag"),
        "pregnant": _item("flag"),
    },
    "items": {
        "smoker": _item("flag"),
        "drinker": _item("flag"),
        "partner_smoker": _item("flag", partner="yes"),
        "karyotype": _item(
            "choice",
            choices={
                "normal": {},
                "translocation": {},
                "inversion": {},
                "abnormal": {"covers": ["translocation", "inversion"]},
                "failed": {"inconclusive": "yes"},
            },
        ),
        "rhesus": _item("choice", choices=["positive", "negative"]),
        "lupus_anticoagulant": _item(
            "choice",
            choices={"positive": {}, "negative": {}, "indeterminate": {"inconclusive": "yes"}},
            set_aside_if=["on_heparin is yes"],
        ),
        "autoimmune_disease": _item("choices", choices=["lupus", "thyroiditis"]),
        "drugs": _item("choices", choices=["heparin", "insulin", "biotin"]),
        "tsh": _item(
            "quantity",
            unit="mIU/L",
            plausible="0–500 mIU/L",
            reference=[
                {"low": "0.4 mIU/L", "high": "4.0–4.5 mIU/L", "when": ["pregnant is no"], "source": "any"},
                {"high": "4.0 mIU/L", "when": ["pregnant is yes"], "source": "any"},
            ],
            stale_after="180 days",
        ),
        "glucose": _item(
            "quantity", unit="mmol/L", units={"mg/dL": "0.05551"}, plausible="0–100 mmol/L"
        ),
        "anticardiolipin": _item(
            "quantity",
            unit="GPL",
            units={"CU": "separate"},
            plausible="0–2000 GPL",
            words="yes",
            levels={
                "moderate": {"from": "40 GPL", "above": "40 GPL", "source": "any"},
                "high": {"from": "80 GPL", "source": "any"},
            },
            reference={"high": "15–20 GPL", "source": "any"},
            set_aside_if=["on_heparin is yes"],
        ),
        "progesterone": _item(
            "quantity",
            unit="nmol/L",
            plausible="0–1500 nmol/L",
            reference={"low": "30 nmol/L", "high": "80 nmol/L", "source": "any"},
            counts_only_if=["mid_luteal is yes"],
        ),
        "cigarettes": _item("quantity", unit="", plausible="0–100", bare="yes", ask_if="smoker is yes"),
        "weight": _item("quantity", unit="kg", plausible="30–250 kg"),
        "height": _item("quantity", unit="cm", plausible="100–220 cm"),
        "bmi": _item("derived", unit="kg/m2", formula="weight / (height * height) * 10000"),
        "gestation_now": _item("gestation", plausible="2w0d–45w0d"),
        "last_period": _item("date"),
        "first_visit": _item("date"),
        "family_history": _item("text"),
        "pregnancies": _item(
            "records",
            list="history",
            dated_by="ended",
            fields={
                "outcome": _item(
                    "choice",
                    choices={
                        "miscarriage": {"implies": "gestation < 28 weeks"},
                        "stillbirth": {},
                        "live_birth": {},
                        "biochemical": {},
                        "not_alive": {"covers": ["stillbirth", "biochemical"]},
                        "unknown_location": {"inconclusive": "yes"},
                    },
                ),
                "ended": _item("date"),
                "gestation": _item("gestation", plausible="2w0d–45w0d"),
                "heartbeat": _item("flag"),
                "since_previous": _item(
                    "derived", unit="days", formula="days_between(previous(ended), ended)"
                ),
                "early": _item("derived", when="gestation < 12 weeks"),
            },
        ),
        "cycles": _item(
            "records",
            list="series",
            dated_by="date",
            fields={
                "date": _item("date"),
                "biphasic": _item("flag"),
                "high_phase": _item(
                    "quantity", unit="days", plausible="0–40 days", ask_if="biphasic is yes"
                ),
                "lag": _item("quantity", unit="days", plausible="0–14 days"),
                "short": _item("derived", when={"any": ["high_phase < 11 days", "lag >= 2 days"]}),
            },
        ),
    },
    "rules": {
        "smoking": {"finding": "any", "kind": "association", "when": {"any": ["smoker is yes", "drinker is yes"]}},
        "losses": {
            "finding": "any",
            "kind": "etiology",
            "standing": "accepted",
            "when": {"run": {"of": "pregnancies", "where": "outcome is miscarriage", "at_least": "2"}},
        },
        "thyroid": {
            "finding": "any",
            "kind": "etiology",
            "standing": "accepted",
            "when": {"all": ["tsh is high", {"not": "smoking is met"}]},
        },
        # Refers to what is not known, so it stands where `known` conditions may.
        "assumed": {
            "finding": "any",
            "kind": "reminder",
            "when": {"all": ["rhesus is negative", {"not_known": "smoker is no"}]},
        },
    },
}  # fmt: skip


with tempfile.TemporaryDirectory() as _folder:
    RULEBOOK = rulebook_of(Path(_folder), DECLARES, {})

# --- what may be compared ------------------------------------------------------------------------

# Of every item its comparisons, without `ever` and `always`.
LEAVES: dict[str, list[str]] = {
    "smoker": ["smoker is yes", "smoker is no", "smoker is not yes"],
    "drinker": ["drinker is yes", "drinker is not no"],
    "partner_smoker": ["partner_smoker is yes"],
    "karyotype": [
        "karyotype is translocation",
        "karyotype is translocation or inversion",
        "karyotype is not normal",
        "karyotype is abnormal",
    ],
    "rhesus": ["rhesus is positive", "rhesus is negative", "rhesus is not negative"],
    "lupus_anticoagulant": [
        "lupus_anticoagulant is positive",
        "lupus_anticoagulant is negative",
        "lupus_anticoagulant is not positive",
    ],
    "autoimmune_disease": ["autoimmune_disease includes lupus", "autoimmune_disease is not thyroiditis"],
    "drugs": ["drugs includes heparin", "drugs includes insulin"],
    "tsh": [
        "tsh < 0.4 mIU/L",
        "tsh <= 2.5 mIU/L",
        "tsh > 4.0–4.5 mIU/L",
        "tsh >= 4.5 mIU/L",
        "tsh is high",
        "tsh is low",
        "tsh is normal",
        "tsh is not high",
    ],
    "glucose": [
        "glucose >= 7.0 mmol/L (126 mg/dL)",
        "glucose < 5.6 mmol/L (101 mg/dL)",
        "glucose > 11.1 mmol/L",
        "glucose is high",
    ],
    "anticardiolipin": [
        "anticardiolipin is at least moderate",
        "anticardiolipin is at least high",
        "anticardiolipin is not at least high",
        "anticardiolipin is positive",
        "anticardiolipin is negative",
        "anticardiolipin > 30 GPL",
    ],
    "progesterone": ["progesterone < 47.7 nmol/L", "progesterone is low", "progesterone is normal"],
    "cigarettes": ["cigarettes > 10", "cigarettes <= 20"],
    "weight": ["weight >= 90 kg"],
    "height": ["height < 150 cm"],
    "bmi": ["bmi >= 28–30 kg/m2", "bmi < 18.5 kg/m2"],
    "gestation_now": ["gestation_now < 12 weeks", "gestation_now >= 20 weeks"],
    "last_period": ["last_period >= 2026-01-15", "last_period < 2025-12-01"],
    "first_visit": ["first_visit > 2025-06-30"],
    "family_history": [],
}
FIELDS: dict[str, dict[str, list[str]]] = {
    "pregnancies": {
        "outcome": [
            "outcome is miscarriage",
            "outcome is miscarriage or stillbirth",
            "outcome is not live_birth",
            "outcome is biochemical",
        ],
        "gestation": ["gestation < 10 weeks", "gestation >= 20 weeks", "gestation < 28 weeks"],
        "heartbeat": ["heartbeat is yes", "heartbeat is not yes"],
        "since_previous": ["since_previous < 180 days"],
        "early": ["early is yes", "early is not yes"],
        "ended": ["ended >= 2024-01-01"],
    },
    "cycles": {
        "biphasic": ["biphasic is yes"],
        "high_phase": ["high_phase < 11 days", "high_phase >= 13 days"],
        "lag": ["lag >= 2 days", "lag < 1 day"],
        "short": ["short is yes", "short is no"],
        "date": ["date < 2025-01-01"],
    },
}
RULES = ["smoking is met", "losses is met", "thyroid is met", "smoking is not met"]
# Items that speak of nothing but themselves: not derived, not asked on a condition, without
# circumstances, not looked at by another one.
APART = (
    "smoker",
    "drinker",
    "karyotype",
    "rhesus",
    "autoimmune_disease",
    "glucose",
    "gestation_now",
    "last_period",
)


class Language(NamedTuple):
    """Which part of the rule language is drawn from.

    `known` allows `is known` and `not_known`, `rules` references to rules, `mixed` items of the
    case inside a count or a run; `deep` is how far conditions are nested.
    """

    items: tuple[str, ...] = tuple(LEAVES)
    fields: dict[str, tuple[str, ...]] = {of: tuple(fields) for of, fields in FIELDS.items()}
    repeats: tuple[str, ...] = ("lupus_anticoagulant", "anticardiolipin", "tsh", "karyotype")
    known: bool = True
    rules: bool = True
    mixed: bool = True
    over: bool = True
    deep: int = 3


EVERYTHING = Language()
WITHOUT_KNOWN = Language(known=False)


# --- conditions ----------------------------------------------------------------------------------


@st.composite
def conditions(
    draw: st.DrawFn, language: Language = EVERYTHING, of: str = "", deep: int | None = None
) -> Any:
    """A condition as the data of a rule file; `of` names the list inside whose count it stands."""
    deep = language.deep if deep is None else deep
    leaf = leaves(language, of)
    if deep == 0 or draw(st.integers(0, 9)) < (2 if deep == language.deep else 4):
        return draw(leaf)
    inner = conditions(language, of, deep - 1)
    forms: list[Callable[[st.DrawFn], Any]] = [
        lambda draw: {"all": draw(st.lists(inner, min_size=1, max_size=3))},
        lambda draw: {"any": draw(st.lists(inner, min_size=1, max_size=3))},
        lambda draw: {"not": draw(inner)},
        lambda draw: _some(draw, inner),
        lambda draw: _points(draw, inner),
    ]
    if language.known:
        forms.append(lambda draw: {"not_known": draw(inner)})
    if not of or language.mixed:
        forms += [lambda draw, of=of: records(draw, language, of, deep - 1) for of in language.fields]
        if language.repeats:
            forms.append(lambda draw: repeated(draw, language))
        if language.rules:
            forms.append(lambda draw: {"none_of": "etiology"})
    return draw(st.sampled_from(forms))(draw)


def leaves(language: Language, of: str = "") -> st.SearchStrategy[str]:
    """One comparison, of a field of `of` or of an item of the case."""
    found: list[st.SearchStrategy[str]] = []
    if not of or language.mixed:
        texts = [text for name in language.items for text in LEAVES[name]]
        plain = st.sampled_from(texts)
        found.append(plain)
        if language.over:
            found.append(
                st.builds(lambda over, text: f"{over} {text}", st.sampled_from(["ever", "always"]), plain)
            )
        if language.rules:
            found.append(st.sampled_from([*RULES, *(["assumed is met"] if language.known else [])]))
        if language.known:
            names = st.sampled_from([n for n in language.items if RULEBOOK.items[n].formula is None])
            found.append(
                st.builds(
                    lambda name, word: f"{name} is {word}", names, st.sampled_from(["known", "not known"])
                )
            )
    if of:
        texts = [text for name in language.fields[of] for text in FIELDS[of][name]]
        found = [st.sampled_from(texts)] * max(1, 3 * len(found)) + found
        if language.known:
            found.append(st.builds(lambda name: f"{name} is known", st.sampled_from(language.fields[of])))
    return st.one_of(found)


def _some(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    parts = draw(st.lists(inner, min_size=1, max_size=4))
    return {"some": {"at_least": draw(st.integers(1, len(parts))), "of": parts}}


def _points(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    weighted = st.fixed_dictionaries({"points": st.integers(1, 4), "when": inner})
    highest = st.fixed_dictionaries({"highest": st.lists(weighted, min_size=1, max_size=3)})
    parts = draw(st.lists(st.one_of(weighted, highest), min_size=1, max_size=3))
    most = sum(max(w["points"] for w in part.get("highest", [part])) for part in parts)
    return {"points": {"at_least": draw(st.integers(1, most)), "of": parts}}


def records(draw: st.DrawFn, language: Language, of: str, deep: int) -> Any:
    """A count over a list, or a run over a history."""
    where = conditions(language, of, min(deep, 1))
    at_least = draw(st.integers(1, 3))
    form: dict[str, Any] = {"of": of, "where": draw(where), "at_least": at_least}
    if RULEBOOK.items[of].series:
        return {"count": {**form, "out_of": at_least + draw(st.integers(0, 2))}}
    if draw(st.booleans()):
        return {"count": form}
    return {"run": {**form, "skip": draw(where)} if draw(st.booleans()) else form}


def repeated(draw: st.DrawFn, language: Language) -> Any:
    """So many results of one item that satisfy, apart from each other."""
    texts = [
        t
        for name in language.repeats
        for t in LEAVES[name]
        if " is not " not in t or RULEBOOK.items[name].choices
    ]
    return {
        "repeated": {
            "where": draw(st.sampled_from(texts)),
            "times": draw(st.sampled_from([1, 2, 2, 3])),
            "apart": draw(st.sampled_from(["6 weeks", "84 days", "1 day"])),
        }
    }


def condition_of(data: Any, rulebook: Rulebook = RULEBOOK) -> Condition:
    """The condition that the data of a rule file says."""
    source = read_bytes("condition", written({"when": data}).encode())
    shaper = Shaper()
    bars = {"etiology": tuple(r.id for r in rulebook.rules.values() if r.kind == "etiology")}
    assert isinstance(source.root, Mapping)
    found = ConditionReader(shaper, rulebook.items, rulebook.rules, bars).read(source.root.items["when"])
    shaper.refuse(source)
    assert found is not None
    return found


def kinds_of(condition: Condition) -> Iterator[type]:
    """The node classes in a condition, the parts of `points` included."""
    for node in walk(condition):
        yield type(node)
        if isinstance(node, Points):
            for part in node.parts:
                yield type(part)
                yield from (type(inner) for inner in getattr(part, "parts", ()))


NODE_CLASSES = {
    found for found in vars(nodes).values() if isinstance(found, type) and dataclasses.is_dataclass(found)
}

# --- cases ---------------------------------------------------------------------------------------

VALUES: dict[str, list[str]] = {
    "smoker": ["yes", "no"],
    "drinker": ["yes", "no"],
    "partner_smoker": ["yes", "no"],
    "karyotype": ["normal", "translocation", "inversion", "abnormal", "failed"],
    "rhesus": ["positive", "negative"],
    "lupus_anticoagulant": ["positive", "positive", "negative", "indeterminate"],
    "tsh": [
        "0.2 mIU/L", "0.4 mIU/L", "2.5 mIU/L", "4.0 mIU/L", "4.2 mIU/L", "4.5 mIU/L", "9 mIU/L",
        "<0.4 mIU/L", "2–3 mIU/L", "3–9 mIU/L", "0.1–20 mIU/L", ">4.0 mIU/L", "at least 4.0 mIU/L", "<500 mIU/L",
    ],
    "glucose": [
        "5 mmol/L", "6.99 mmol/L", "7.0 mmol/L", "12 mmol/L", "6–8 mmol/L", ">7.0 mmol/L", "4–20 mmol/L",
        "90 mg/dL", "126 mg/dL", "250 mg/dL", "125–126 mg/dL", "80–300 mg/dL", "<126 mg/dL",
    ],
    "anticardiolipin": [
        "10 GPL", "15 GPL", "18 GPL", "25 GPL", "40 GPL", "41 GPL", "90 GPL", "10–50 GPL", ">40 GPL", "<100 GPL",
        "60 CU", "positive", "negative", "moderate", "high",
    ],
    "progesterone": ["10 nmol/L", "40 nmol/L", "47.7 nmol/L", "60 nmol/L", "100 nmol/L", "20–50 nmol/L", ">40 nmol/L"],
    "cigarettes": ["0", "10", "15", "30", "5–25", ">20"],
    "weight": ["45 kg", "85 kg", "95 kg", "60–100 kg"],
    "height": ["145 cm", "170 cm", "160–175 cm"],
    "bmi": ["17 kg/m2", "29 kg/m2", "31 kg/m2", "25–35 kg/m2"],
    "gestation_now": ["8w2d", "12w0d", "11 weeks", "19–20 weeks", "under 30 weeks", "25w0d"],
    "last_period": ["2025-11-30", "2025-12-01", "2026-01-15", "2026-01", "2025"],
    "first_visit": ["2025-06-30", "2025-07-01", "2025-06", "2025"],
    "family_history": ["two losses of her mother"],
    "outcome": ["miscarriage", "miscarriage", "stillbirth", "live_birth", "biochemical", "not_alive", "unknown_location"],
    "gestation": ["6w0d", "9w6d", "10 weeks", "8–12 weeks", "19w6d", "26w0d", "under 28 weeks", "5–20 weeks"],
    "heartbeat": ["yes", "no"],
    "biphasic": ["yes"],
    "high_phase": ["9 days", "11 days", "13 days", "10–12 days", ">12 days", "5–20 days"],
    "lag": ["0 days", "1 day", "2 days", "1–3 days", "<10 days"],
}  # fmt: skip
SEVERAL = {"autoimmune_disease": ["lupus", "thyroiditis"], "drugs": ["heparin", "insulin", "biotin"]}
MISSING = ("unknown", "not done", "pending", "not applicable")
AROUND = {
    "lupus_anticoagulant": ["on_heparin"],
    "anticardiolipin": ["on_heparin"],
    "progesterone": ["mid_luteal"],
    "tsh": ["pregnant"],
}
RANGES = {"tsh": ["0.4–4.2 mIU/L", "<4.5 mIU/L"], "anticardiolipin": ["<20 GPL"], "glucose": ["4–6 mmol/L"]}
NOT_TESTED = ("smoker", "drinker", "partner_smoker", "family_history", "bmi", "last_period", "first_visit")


def days(last: date = DAY) -> st.SearchStrategy[str]:
    """Full dates up to a day; some lie close together, so that they coincide and lie six weeks apart."""
    near = st.integers(0, 12).map(lambda weeks: (last - timedelta(weeks=weeks)).isoformat())
    far = st.integers(0, 900).map(lambda days: (last - timedelta(days=days)).isoformat())
    return st.one_of(near, far)


def coarser(day: str) -> list[str]:
    """The month and the year of a day, where they do not reach beyond the day of judgement."""
    return [text for text in (day[:7], day[:4]) if text < DAY.isoformat()[: len(text)]]


def dates() -> st.SearchStrategy[str]:
    """Days, months and years before the day of judgement."""
    return days().flatmap(lambda day: st.sampled_from([day, day, *coarser(day)]))


@st.composite
def results(draw: st.DrawFn, name: str, dated: bool | None = None, full: bool = False) -> Any:
    """One result of an item: a bare value or a value with its date and circumstances."""
    value = draw(st.sampled_from([*VALUES[name] * 2, *MISSING]))
    dated = draw(st.booleans()) if dated is None else dated
    if not dated and draw(st.booleans()):
        return value
    found: dict[str, Any] = {"value": value}
    if dated:
        found["date"] = draw(days() if full else dates())
    for around in AROUND.get(name, ()):
        if draw(st.booleans()):
            found[around] = draw(st.sampled_from(["yes", "no", "no", "unknown"]))
    if name in RANGES and not value.endswith("CU") and draw(st.integers(0, 3)) == 0:
        found["range"] = draw(st.sampled_from(RANGES[name]))
    if name in ("tsh", "anticardiolipin") and draw(st.integers(0, 5)) == 0:
        found["flag"] = draw(st.sampled_from(["high", "normal", "low"]))
    return found


@st.composite
def entries(draw: st.DrawFn, name: str, full: bool = False) -> Any:
    """What is written for an item of the case: one result, or several of which at most one is undated."""
    if name in SEVERAL:
        chosen = draw(st.lists(st.sampled_from(SEVERAL[name]), unique=True))
        return draw(st.sampled_from([chosen, chosen, *MISSING]))
    if name in NOT_TESTED or draw(st.booleans()):
        return draw(st.sampled_from([*VALUES[name], *MISSING]) if name in NOT_TESTED else results(name))
    found = draw(st.lists(results(name, True, full), min_size=1, max_size=4))
    if not full and draw(st.integers(0, 4)) == 0:
        found.insert(draw(st.integers(0, len(found))), {"value": draw(st.sampled_from(VALUES[name]))})
    return found


@st.composite
def lists(draw: st.DrawFn, of: str, full: bool = False, most: int = 4) -> Any:
    """The records of a list, in the order of their dates; with `full` every date is a day of its own."""
    fields = [name for name in FIELDS[of] if name in VALUES]
    found = []
    for _ in range(draw(st.integers(0, most))):
        record = {}
        for name in fields:
            if name == "high_phase" and record.get("biphasic") != "yes":
                continue  # asked only of a curve with two phases
            choice = draw(st.sampled_from([*VALUES[name] * 2, "unknown", "pending", ""]))
            if choice:
                record[name] = choice
        found.append(record)
    if any(not _possible(record) for record in found):
        found = [record if _possible(record) else {"outcome": record["outcome"]} for record in found]
    dated_by = RULEBOOK.items[of].dated_by
    on = sorted(draw(st.lists(days(), min_size=len(found), max_size=len(found), unique=True)))
    for record, day in zip(found, on, strict=True):
        if full:
            record[dated_by] = day
        elif written_day := draw(st.sampled_from([day, *coarser(day), "unknown", ""])):
            record[dated_by] = written_day
    return found


def _possible(record: dict[str, str]) -> bool:
    """Whether the gestation goes with the outcome, as the reader demands."""
    return record.get("outcome") != "miscarriage" or not record.get("gestation", "").startswith("30")


@st.composite
def cases(draw: st.DrawFn, language: Language = EVERYTHING, full: bool = False) -> dict[str, Any]:
    """A case as the data of its file; with `full` every result and record of several has a full date."""
    found: dict[str, Any] = {}
    partner: dict[str, Any] = {}
    for name in language.items:
        if RULEBOOK.items[name].formula is not None and draw(st.integers(0, 3)):
            continue
        if draw(st.integers(0, 3)):
            item = RULEBOOK.items[name]
            (partner if item.partner else found)[item.key] = draw(entries(name, full))
    for of in language.fields:
        if draw(st.integers(0, 4)):
            found[of] = draw(lists(of, full))
    if partner:
        found["partner"] = partner
    if found.get("smoker") == "no":
        found.pop("cigarettes", None)  # not asked then
    return found


def case_of(given: Any, rulebook: Rulebook = RULEBOOK) -> Case:
    """The case that the data of its file says."""
    return read_case(source_of(given), rulebook.items, rulebook.circumstances, FAR)


def evidence_of(case: Case | Any, rulebook: Rulebook = RULEBOOK) -> Evidence:
    """What a case says on the day of judgement."""
    read = case if isinstance(case, Case) else case_of(case, rulebook)
    return Evidence(read, rulebook, DAY.toordinal())


def truth_of(condition: Condition | Any, case: Case | Any, rulebook: Rulebook = RULEBOOK) -> Truth:
    """The truth of a condition over a case, both as data or as read."""
    node = condition if isinstance(condition, Condition) else condition_of(condition, rulebook)
    return Engine(rulebook, evidence_of(case, rulebook)).verdict(node).truth
