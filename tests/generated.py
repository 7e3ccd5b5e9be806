"""Generated conditions and cases over one small dictionary, for the laws and for what would settle.

A condition or a case is drawn as the plain data its YAML would hold and goes through the readers, so
whatever is drawn is something a person could write. The draws are calls of a `Random` that hypothesis
stands behind: they shrink, and cost a tenth of strategies put together for each draw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from rsa_cli import nodes
from rsa_cli.case import Case, read_case
from rsa_cli.conditions import ConditionReader
from rsa_cli.dictionary import Item, read_value
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import Truth
from rsa_cli.nodes import Condition, Count, Points, RuleHolds, Run, walk
from rsa_cli.rulebook import Rulebook
from rsa_cli.source import Mapping, Node, Shaper, Text, read_bytes

from spec_tables import FAR, rulebook_of, source_of, written

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
        "smoking": {
            "finding": "any",
            "kind": "association",
            "when": {"any": ["smoker is yes", "drinker is yes"]},
        },
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

# Items that speak of nothing but themselves: not derived nor an input of such, asked in every case, with
# no circumstances, never too old.
APART = ("smoker", "drinker", "karyotype", "rhesus", "autoimmune_disease", "glucose", "gestation_now",
         "last_period")  # fmt: skip


class Language(NamedTuple):
    """Which part of the rule language is drawn from.

    `known` allows `is known` and `not_known`, `rules` references to rules, `over` the words `ever`
    and `always`, `mixed` items of the case inside a count or a run; `deep` is how far it nests.
    """

    items: tuple[str, ...] = tuple(LEAVES)
    lists: tuple[str, ...] = tuple(FIELDS)
    fields: tuple[str, ...] = tuple(name for of in FIELDS for name in FIELDS[of])
    repeats: tuple[str, ...] = ("lupus_anticoagulant", "anticardiolipin", "tsh", "karyotype")
    known: bool = True
    rules: bool = True
    over: bool = True
    mixed: bool = True
    deep: int = 3


EVERYTHING = Language()
WITHOUT_KNOWN = Language(known=False)

# --- conditions ----------------------------------------------------------------------------------


def condition(random: Random, language: Language = EVERYTHING, of: str = "", deep: int | None = None) -> Any:
    """A condition as the data of a rule file; `of` names the list inside whose count or run it stands."""
    deep = language.deep if deep is None else deep
    if deep == 0 or random.randrange(10) < (1 if deep == language.deep else 4):
        return leaf(random, language, of)

    def part() -> Any:
        return condition(random, language, of, deep - 1)

    def several(most: int) -> list[Any]:
        return [part() for _ in range(1 + random.randrange(most))]

    forms: list[Callable[[], Any]] = [
        lambda: {"all": several(3)},
        lambda: {"any": several(3)},
        lambda: {"not": part()},
        lambda: _some(random, several(4)),
        lambda: _points(random, part),
        lambda: {"undecidable": "no test exists"},
    ]
    if language.known:
        forms.append(lambda: {"not_known": part()})
    if not of or language.mixed:
        forms += [lambda of=of: _records(random, language, of, deep - 1) for of in language.lists]
        if language.repeats:
            forms.append(lambda: _repeated(random, language))
        if language.rules:
            forms.append(lambda: {"none_of": "etiology"})
    return random.choice(forms)()


def leaf(random: Random, language: Language = EVERYTHING, of: str = "") -> str:
    """One comparison: of a field of `of`, of an item of the case, or of another rule."""
    if of and (not language.mixed or random.randrange(4)):
        name = random.choice([field for field in FIELDS[of] if field in language.fields])
        if language.known and RULEBOOK.items[of].fields[name].when is None and random.randrange(8) == 7:
            return f"{name} is {random.choice(['known', 'not known'])}"
        return random.choice(FIELDS[of][name])
    name = random.choice(language.items)
    texts = LEAVES[name]
    if not texts or random.randrange(8) == 7:
        if language.known:
            return f"{name} is {random.choice(['known', 'not known'])}"
        if language.rules:
            return random.choice(RULES)
    if language.rules and random.randrange(10) == 9:
        return random.choice([*RULES, "assumed is met"] if language.known else RULES)
    text = random.choice(texts or ["smoker is yes"])
    over = random.choice(["", "", "ever ", "always "]) if language.over else ""
    return over + text


def _some(random: Random, parts: list[Any]) -> Any:
    return {"some": {"at_least": 1 + random.randrange(len(parts)), "of": parts}}


def _points(random: Random, part: Callable[[], Any]) -> Any:
    def weighted() -> Any:
        return {"points": 1 + random.randrange(4), "when": part()}

    parts = [
        {"highest": [weighted() for _ in range(1 + random.randrange(3))]}
        if random.randrange(2)
        else weighted()
        for _ in range(1 + random.randrange(3))
    ]
    most = sum(max(w["points"] for w in p.get("highest", [p])) for p in parts)
    return {"points": {"at_least": 1 + random.randrange(most), "of": parts}}


def _records(random: Random, language: Language, of: str, deep: int) -> Any:
    """A count over a list, or a run over a history."""

    def where() -> Any:
        return condition(random, language, of, min(deep, 1))

    form: dict[str, Any] = {"of": of, "where": where(), "at_least": 1 + random.randrange(3)}
    if RULEBOOK.items[of].series:
        return {"count": {**form, "out_of": form["at_least"] + random.randrange(3)}}
    if random.randrange(2):
        return {"count": form}
    return {"run": {**form, "skip": where()} if random.randrange(2) else form}


def _repeated(random: Random, language: Language) -> Any:
    """So many results of one item that satisfy, apart from each other."""
    # `is not` of what is no choice is a `not` around the comparison, which `repeated` does not take.
    texts = [t for name in language.repeats for t in LEAVES[name]
             if " is not " not in t or RULEBOOK.items[name].choices]  # fmt: skip
    times, apart = random.choice([2, 1, 2, 3]), random.choice(["6 weeks", "84 days", "1 day"])
    return {"repeated": {"where": random.choice(texts), "times": times, "apart": apart}}


def condition_of(data: Any, rulebook: Rulebook | None = None) -> Condition:
    """The condition that the data of a rule file says."""
    text = written({"when": data})
    return _read_condition(text) if rulebook is None else _condition(text, rulebook)


@cache
def _read_condition(text: str) -> Condition:
    """Read once: nothing changes a node, and a test asks for the same one again and again."""
    return _condition(text, RULEBOOK)


def _condition(text: str, rulebook: Rulebook) -> Condition:
    source = read_bytes("condition", text.encode())
    shaper = Shaper()
    bars = {"etiology": tuple(r.id for r in rulebook.rules.values() if r.kind == "etiology")}
    assert isinstance(source.root, Mapping)
    found = ConditionReader(shaper, rulebook.items, rulebook.rules, bars).read(source.root.items["when"])
    shaper.refuse(source)
    assert found is not None
    return found


# Every class of the rule language; `Name` and whatever the classes are made with have no place.
NODE_CLASSES = {
    found
    for found in vars(nodes).values()
    if isinstance(found, type)
    and found.__module__ == nodes.__name__
    and "place" in getattr(found, "__annotations__", ())
}


def kinds_of(node: Condition) -> Iterator[type]:
    """The classes of the nodes in a condition, the parts of `points` included."""
    for inner in walk(node):
        yield type(inner)
        for part in inner.parts if isinstance(inner, Points) else ():
            yield type(part)
            yield from (type(weighted) for weighted in getattr(part, "parts", ()))


def looked_at(node: Condition, rulebook: Rulebook | None = None) -> set[str]:
    """The items and lists that a condition looks at, through rules, formulas and applicability."""
    rulebook = rulebook or RULEBOOK
    found: set[str] = set()

    def look(item: Item) -> None:
        if item.id not in found:
            found.add(item.id)
            for other in rulebook.items.values():
                if other.id in str(item.formula) or (item.ask_if and other.id in item.ask_if.text):
                    look(other)

    for inner in walk(node):
        name = getattr(inner, "name", None)
        if name is not None:
            look(rulebook.items[name.of or name.item])
        if isinstance(inner, Count | Run):
            look(rulebook.items[inner.of])
        if isinstance(inner, RuleHolds):
            found |= looked_at(rulebook.rules[inner.rule].when, rulebook)
    return found


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
        "<0.4 mIU/L", "2–3 mIU/L", "3–9 mIU/L", "0.1–20 mIU/L", ">4.0 mIU/L", "at least 4.0 mIU/L",
        "<500 mIU/L",
    ],
    "glucose": [
        "5 mmol/L", "6.99 mmol/L", "7.0 mmol/L", "12 mmol/L", "6–8 mmol/L", ">7.0 mmol/L", "4–20 mmol/L",
        "90 mg/dL", "126 mg/dL", "250 mg/dL", "125–126 mg/dL", "80–300 mg/dL", "<126 mg/dL",
    ],
    "anticardiolipin": [
        "10 GPL", "15 GPL", "18 GPL", "25 GPL", "40 GPL", "41 GPL", "90 GPL", "10–50 GPL", ">40 GPL",
        "<100 GPL", "60 CU", "positive", "negative", "moderate", "high",
    ],
    "progesterone": [
        "10 nmol/L", "40 nmol/L", "47.7 nmol/L", "60 nmol/L", "100 nmol/L", "20–50 nmol/L", ">40 nmol/L",
    ],
    "cigarettes": ["0", "10", "15", "30", "5–25", ">20"],
    "weight": ["45 kg", "85 kg", "95 kg", "60–100 kg"],
    "height": ["145 cm", "170 cm", "160–175 cm"],
    "bmi": ["17 kg/m2", "29 kg/m2", "31 kg/m2", "25–35 kg/m2"],
    "gestation_now": ["8w2d", "12w0d", "11 weeks", "19–20 weeks", "under 30 weeks", "25w0d"],
    "last_period": ["2025-11-30", "2025-12-01", "2026-01-15", "2026-01", "2025"],
    "first_visit": ["2025-06-30", "2025-07-01", "2025-06", "2025"],
    "family_history": ["two losses of her mother"],
    "outcome": [
        "miscarriage", "miscarriage", "stillbirth", "live_birth", "biochemical", "not_alive",
        "unknown_location",
    ],
    "gestation": ["6w0d", "9w6d", "10 weeks", "8–12 weeks", "19w6d", "26w0d", "under 28 weeks", "5–20 weeks"],
    "heartbeat": ["yes", "no"],
    "biphasic": ["yes", "no"],
    "high_phase": ["9 days", "11 days", "13 days", "10–12 days", ">12 days", "5–20 days"],
    "lag": ["0 days", "1 day", "2 days", "1–3 days", "<10 days"],
}  # fmt: skip
SEVERAL = {"autoimmune_disease": ["lupus", "thyroiditis"], "drugs": ["heparin", "insulin", "biotin"]}
MISSING = ["unknown", "not done", "pending", "not applicable"]
# Items of which one bare value is written, without date or circumstances.
BARE = (
    "smoker",
    "drinker",
    "partner_smoker",
    "cigarettes",
    "bmi",
    "last_period",
    "first_visit",
    "family_history",
)
AROUND = {
    "lupus_anticoagulant": "on_heparin",
    "anticardiolipin": "on_heparin",
    "progesterone": "mid_luteal",
    "tsh": "pregnant",
}
RANGES = {"tsh": ["0.4–4.2 mIU/L", "<4.5 mIU/L"], "anticardiolipin": ["<20 GPL"], "glucose": ["4–6 mmol/L"]}


def case(random: Random, about: set[str], full: bool = False) -> dict[str, Any]:
    """A case as the data of its file, of these items and lists; some are left out.

    With `full` the date of each of several results is a day, as is that of each record, all different.
    """
    found: dict[str, Any] = {}
    partner: dict[str, Any] = {}
    for name in sorted(about):
        item = RULEBOOK.items[name]
        if random.randrange(5) == 0 or (item.formula and random.randrange(4)):
            continue
        if item.kind == "records":
            found[name] = random.choice(MISSING) if random.randrange(8) == 7 else records(random, name, full)
        else:
            (partner if item.partner else found)[item.key] = entry(random, name, full)
    if partner:
        found["partner"] = partner
    if found.get("smoker") == "no":
        found.pop("cigarettes", None)  # not asked then
    return found


def entry(random: Random, name: str, full: bool = False) -> Any:
    """What is written for an item: one result, or several of which at most one is undated."""
    if random.randrange(8) == 7:
        return random.choice(MISSING)
    if name in SEVERAL:
        return [choice for choice in SEVERAL[name] if random.randrange(2)]
    if name in BARE:
        return random.choice(VALUES[name])
    if random.randrange(2):
        return result(random, name, random.randrange(3) > 0)
    found = [result(random, name, True, full) for _ in range(1 + random.randrange(4))]
    if not full and random.randrange(5) == 4:
        found.append(result(random, name, False))
        random.shuffle(found)
    return found


def result(random: Random, name: str, dated: bool, full: bool = False) -> Any:
    """One result: a bare value, or one with its date and circumstances, its range or flag."""
    value = random.choice(MISSING) if random.randrange(6) == 5 else random.choice(VALUES[name])
    if not dated and random.randrange(2):
        return value
    found = {"value": value}
    if dated:
        found["date"] = day(random) if full else written_date(random, day(random))
    if name in AROUND and random.randrange(2):
        found[AROUND[name]] = random.choice(["no", "no", "yes", "unknown"])
    if name in RANGES and not value.endswith("CU") and random.randrange(4) == 3:
        found["range"] = random.choice(RANGES[name])
    if name in RANGES and random.randrange(6) == 5:
        found["flag"] = random.choice(["high", "normal", "low"])
    return found


def records(random: Random, of: str, full: bool = False) -> list[dict[str, str]]:
    """The records of a list in the order of their dates, which may be missing or partial unless `full`."""
    found: list[dict[str, str]] = []
    for _ in range(random.randrange(5)):
        record: dict[str, str] = {}
        for name in (field for field in FIELDS[of] if field in VALUES):
            if name == "high_phase" and record.get("biphasic") == "no":
                continue  # not asked then
            kind = random.randrange(6)
            if kind < 4:
                record[name] = random.choice(VALUES[name])
            elif kind == 4:
                record[name] = random.choice(MISSING)
        found.append(record)
    dates = sorted({day(random) for _ in found})
    for record, on in zip(found, dates, strict=False):
        if full or random.randrange(4):
            record[RULEBOOK.items[of].dated_by] = on if full else written_date(random, on)
    return found[: len(dates)] if full else found


def day(random: Random) -> str:
    """A day up to that of judgement; most lie whole weeks before it, so that some coincide."""
    ago = timedelta(weeks=random.randrange(14)) if random.randrange(3) else timedelta(random.randrange(900))
    return (DAY - ago).isoformat()


def written_date(random: Random, on: str) -> str:
    """A day as it may be written: in full, or its month or year where that is over."""
    return random.choice([on, on, *coarser(on)])


def coarser(on: str) -> list[str]:
    """The month and the year that hold a date, where they end before the day of judgement."""
    return [on[:size] for size in (7, 4) if size < len(on) and on[:size] < DAY.isoformat()[:size]]


def case_of(given: Any, rulebook: Rulebook | None = None) -> Case:
    """The case that the data of its file says."""
    if rulebook is None:
        return _read_case(written({"case": "GIVEN", **given}))
    return read_case(source_of(given), rulebook.items, rulebook.circumstances, FAR)


@lru_cache(maxsize=64)
def _read_case(text: str) -> Case:
    """Read once for all conditions that a test asks of it."""
    return read_case(read_bytes("given", text.encode()), RULEBOOK.items, RULEBOOK.circumstances, FAR)


def evidence_of(given: Any, rulebook: Rulebook | None = None) -> Evidence:
    """What a case, as data or as read, says on the day of judgement."""
    read = given if isinstance(given, Case) else case_of(given, rulebook)
    return Evidence(read, rulebook or RULEBOOK, DAY.toordinal())


def truth_of(node: Any, given: Any, rulebook: Rulebook | None = None) -> Truth:
    """The truth of a condition over a case, each as data or as read."""
    read = node if type(node) in NODE_CLASSES else condition_of(node, rulebook)
    return Engine(rulebook or RULEBOOK, evidence_of(given, rulebook)).verdict(read).truth


def plain(node: Node) -> Any:
    """What a case file or an example says, as data."""
    if isinstance(node, Text):
        return node.text
    if isinstance(node, Mapping):
        return {key: plain(inner) for key, inner in node.items.items()}
    return [plain(part) for part in node.parts]


# --- strategies ----------------------------------------------------------------------------------


class Question(NamedTuple):
    """A condition and a case, both as data."""

    condition: Any
    case: dict[str, Any]


def drawn(make: Callable[[Random], Any]) -> st.SearchStrategy[Any]:
    """What a function makes of a `Random` that hypothesis stands behind."""
    return st.randoms(use_true_random=False).map(make)


def conditions(language: Language = EVERYTHING) -> st.SearchStrategy[Any]:
    """Conditions as data."""
    return drawn(lambda random: condition(random, language))


def questions(language: Language = EVERYTHING, full: bool = False) -> st.SearchStrategy[Question]:
    """Conditions, each with a case of what it looks at."""

    def make(random: Random) -> Question:
        data = condition(random, language)
        return Question(data, case(random, looked_at(condition_of(data)), full))

    return drawn(make)


# --- the same case with less known of it ---------------------------------------------------------


def _wider() -> dict[str, dict[str, list[str]]]:
    """Of every value the others of its item that say the same less exactly, in the same unit."""
    items = {**RULEBOOK.items, **{n: f for of in FIELDS for n, f in RULEBOOK.items[of].fields.items()}}
    found: dict[str, dict[str, list[str]]] = {}
    for name, texts in VALUES.items():
        values = {text: read_value(items[name], text) for text in texts}
        found[name] = {
            text: [
                other
                for other, theirs in values.items()
                if (value.choices and theirs.choices and value.choices < theirs.choices)
                or (
                    value.span
                    and theirs.span
                    and value.unit == theirs.unit
                    and value.span != theirs.span
                    and value.span.within(theirs.span)
                )
            ]
            for text, value in values.items()
        }
    return found


WIDER = _wider()


class Filled(NamedTuple):
    """A condition with two cases, of which the second knows more."""

    condition: Any
    less: dict[str, Any]
    more: dict[str, Any]


def fillings(language: Language = WITHOUT_KNOWN) -> st.SearchStrategy[Filled]:
    """Conditions, each with a case and the same case with less known of it."""

    def make(random: Random) -> Filled:
        question = condition(random, language)
        more = case(random, looked_at(condition_of(question)))
        return Filled(question, lessened(random, more), more)

    return drawn(make)


def lessened(random: Random, more: dict[str, Any]) -> dict[str, Any]:
    """The same case with items left out or unknown, and spans wider.

    Only what is *filling in* the other way round: neither a further result of an item that has one,
    nor a value for a derived item, a circumstance or a laboratory's range.
    """
    less: dict[str, Any] = {}
    for key, inner in more.items():
        item = RULEBOOK.items.get(key)
        if key == "partner":
            less[key] = {k: v if random.randrange(2) else "unknown" for k, v in inner.items()}
        elif item is None or item.formula:
            less[key] = inner
        elif random.randrange(4) == 3:
            if random.randrange(2):
                less[key] = "unknown"
        elif item.kind == "records" and isinstance(inner, list):
            less[key] = [_lessened_record(random, item, record) for record in inner]
        elif isinstance(inner, list) and key not in SEVERAL:
            less[key] = [_lessened_result(random, key, one, len(inner) == 1) for one in inner]
        else:
            less[key] = _lessened_result(random, key, inner, True)
    return less


def _lessened_result(random: Random, name: str, inner: Any, alone: bool) -> Any:
    if isinstance(inner, dict):
        less = {**inner, "value": _lessened_result(random, name, inner["value"], alone)}
        if "date" in inner and random.randrange(2):
            less["date"] = random.choice([inner["date"], *coarser(inner["date"])])
        return less
    if alone and random.randrange(4) == 3:
        return random.choice(MISSING)
    if name in WIDER and random.randrange(2):
        return random.choice([inner, *WIDER[name].get(inner, ())])
    return inner


def _lessened_record(random: Random, item: Item, record: dict[str, str]) -> dict[str, str]:
    less = {}
    for name, inner in record.items():
        kind = random.randrange(6)
        if kind == 5:
            continue
        if kind == 4:
            less[name] = random.choice(MISSING)
        elif name == item.dated_by and inner not in MISSING:
            less[name] = random.choice([inner, *coarser(inner)])
        else:
            less[name] = random.choice([inner, *WIDER.get(name, {}).get(inner, ())])
    return less
