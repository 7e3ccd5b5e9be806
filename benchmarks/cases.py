"""Generated cases shaped like the samples: full work-ups of 2 to 4 kB, the same ones for the same number.

Each begins as one of the fuller sample cases. Its dates are moved together, its numbers changed a little,
answers left out or missing in one of the ways there are, losses and results added. `broken` spoils one in
every way that the tests know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

SAMPLES = Path(__file__).resolve().parents[1] / "sample_cases"
FULL = (
    "nothing-met",
    "nothing-met",
    "antiphospholipid-awaiting",
    "set-aside",
    "luteal-phase",
    "septum-resected",
)
MISSING = ("unknown", "not done", "pending")
KEPT = (
    "format",
    "case",
    "as_of",
    "currently_pregnant",
    "pregnancies",
    "donor_sperm",
    "donor_eggs",
    "partner",
)


def _loaded(name: str) -> dict[str, Any]:
    text = (SAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return found


def cases(number: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """So many cases as plain data, every text as a person would write it."""
    samples = {name: _loaded(name) for name in set(FULL)}
    whole = samples["nothing-met"]
    for index in range(number):
        yield case(Random(f"{seed} {index}"), index, samples, whole)


def case(
    random: Random, index: int, samples: dict[str, dict[str, Any]], whole: dict[str, Any]
) -> dict[str, Any]:
    """One case: what its sample says, else what the fullest one says."""
    sample = samples[random.choice(FULL)]
    moved = timedelta(days=random.randrange(-900, 200))
    given = {**whole, **sample}
    found: dict[str, Any] = {}
    for key, value in given.items():
        kind = random.randrange(24)
        if key not in KEPT and kind == 0:
            continue
        if key not in KEPT and kind == 1:
            found[key] = random.choice(MISSING)
            continue
        found[key] = _changed(random, value, moved, key)
    found["case"] = f"GEN-{index:07}"
    found["pregnancies"] = _pregnancies(random, found["pregnancies"])
    for key in ("lupus_anticoagulant", "anticardiolipin_igg", "anticardiolipin_igm"):
        if isinstance(found.get(key), dict) and random.randrange(3) == 0:
            found[key] = [_before(random, found[key]), found[key]]
    if random.randrange(3) == 0:
        found["note"] = "Seen in the clinic with her partner; reports on paper, to be sent for."
    return found


def _changed(random: Random, value: Any, moved: timedelta, key: str) -> Any:
    """The value with its dates moved, and its number a little other than it was."""
    if isinstance(value, dict):
        return {name: _changed(random, inner, moved, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_changed(random, inner, moved, key) for inner in value]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return (date.fromisoformat(value) + moved).isoformat()
    if re.fullmatch(r"\d{4}-\d\d", value):
        return (date.fromisoformat(f"{value}-15") + moved).isoformat()[:7]
    if key in ("range", "height", "weight", "format") or not (
        number := re.match(r"(\d+)(\.\d+)?(?= )", value)
    ):
        return value
    places = len(number[2] or ".") - 1
    return f"{float(number[0]) * random.uniform(0.85, 1.2):.{places}f}{value[number.end() :]}"


def _pregnancies(random: Random, given: list[dict[str, str]]) -> list[dict[str, str]]:
    """One to five of them, the added ones before the first."""
    found = given[random.randrange(2) if len(given) > 1 else 0 :]
    first = min((p["ended"] for p in found if len(p.get("ended", "")) == 10), default="2023-01-01")
    at = date.fromisoformat(first)
    for _ in range(random.randrange(3)):
        at -= timedelta(days=random.randrange(330, 700))
        outcome = random.choice(
            ["miscarriage", "miscarriage", "miscarriage", "live_birth", "ectopic", "biochemical"]
        )
        weeks = {"live_birth": 39, "ectopic": 6, "biochemical": 4}.get(outcome, random.randrange(5, 20))
        added = {"outcome": outcome, "ended": at.isoformat(), "gestation": f"{weeks}w{random.randrange(7)}d"}
        if outcome == "miscarriage" and random.randrange(3) == 0:
            added["embryo_karyotype"] = random.choice(["normal", "not done", "failed", "unknown"])
        found = [added, *found]
    return found


def _before(random: Random, result: dict[str, str]) -> dict[str, str]:
    """The same sample some weeks earlier."""
    on = date.fromisoformat(result["date"]) - timedelta(days=random.randrange(30, 120))
    return {**result, "date": on.isoformat()}


# --- written -----------------------------------------------------------------------------------------


def yaml_text(case: dict[str, Any]) -> str:
    """A case as people write it: a line for each thing, results in braces."""
    lines = []
    for key, value in case.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{key}:", *(f"  - {_flow(part)}" for part in value)]
        elif key == "partner":
            lines += ["partner:", *(f"  {name}: {_flow(part)}" for name, part in value.items())]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(part) for part in value) + "]"
    plain = re.fullmatch(r"[\w<][\w .;/%°–*<-]*", value)
    return value if plain else "'" + value.replace("'", "''") + "'"


def write_folder(folder: Path, number: int, seed: int = 1) -> list[Path]:
    """So many cases as YAML files, a thousand to a folder."""
    paths = []
    for index, case in enumerate(cases(number, seed)):
        path = folder / f"{index // 1000:03}" / f"{case['case']}.yaml"
        if index % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml_text(case), encoding="utf-8")
        paths.append(path)
    return paths


# --- broken ------------------------------------------------------------------------------------------

# What is done to the bytes of a case so that it needs fixing.
BROKEN = {
    "empty": lambda data: b"",
    "nothing but a comment": lambda data: b"# nothing\n",
    "not UTF-8": lambda data: data + b"note: caf\xe9\n",
    "control character": lambda data: data + b"note: a\x07b\n",
    "key twice": lambda data: data + b"as_of: 2026-03-01\n",
    "unknown key": lambda data: data + b"tsch: 2.1 mIU/L\n",
    "no unit": lambda data: data + b"prolactin: 12\n",
    "a list for a date": lambda data: data + b"inr: {value: 1.0, date: [2026-01-01]}\n",
    "a mapping for a date": lambda data: data + b"inr: {value: 1.0, date: {a: b}}\n",
    "alias": lambda data: data + b"note: *there\n",
    "tag": lambda data: data + b"note: !!str x\n",
    "second document": lambda data: data + b"---\ncase: X\n",
    "never closed": lambda data: data + b"note: [a\n",
    "too deep": lambda data: data + b"note: " + b"[" * 80 + b"]" * 80 + b"\n",
    "thousands of brackets": lambda data: data + b"note: " + b"[" * 30_000 + b"\n",
    "future": lambda data: re.sub(rb"as_of: \S+", b"as_of: 2199-01-01", data),
    "not a day": lambda data: re.sub(rb"as_of: \S+", b"as_of: 2026-03", data),
    "not a case": lambda data: b"- a\n- b\n",
    "too large": lambda data: b"#" * (4 * 1024 * 1024 + 1),
    "unknown format": lambda data: data.replace(b"format: 1", b"format: 9"),
    "no gestation": lambda data: re.sub(rb"gestation: [^,}]+", b"gestation: tennis-ball", data, count=1),
    "a tab": lambda data: data + b"partner:\n\tkaryotype: normal\n",
    "order of dates": lambda data: data.replace(b"pregnancies:\n", b"pregnancies:\n"
        b"  - {outcome: miscarriage, ended: 2099-01-01}\n"),
}  # fmt: skip


def _with(more: bytes) -> Callable[[bytes], bytes]:
    """One more entry at the end of a line of JSON."""
    return lambda data: data.rstrip()[:-1] + b"," + more + b"}"


# The same for a line of NDJSON.
BROKEN_LINES = {
    "not closed": lambda data: data[:-1],
    "a brace": lambda data: b"{",
    "a list": lambda data: b"[]",
    "not UTF-8": lambda data: b"\xff",
    "two objects": lambda data: data + data,
    "key twice": _with(b'"tsh":"2 mIU/L","tsh":"3 mIU/L"'),
    "key of a record twice": _with(b'"fibroids":[{"type":"0","type":"1"}]'),
    "control character by its number": _with(b'"note":"a\\u0007"'),
    "control character": _with(b'"note":"a\x7f"'),
    "no unit": _with(b'"prolactin":12'),
    "a list for a date": _with(b'"prolactin":{"value":"12 ng/mL","date":["2026-01-01"]}'),
    "a mapping for a date": _with(b'"prolactin":{"value":"12 ng/mL","date":{"a":"b"}}'),
    "no number": _with(b'"prolactin":NaN'),
    "unknown key": _with(b'"tsch":"2.1 mIU/L"'),
    "too deep": _with(b'"note":' + b"[" * 80 + b"]" * 80),
    "thousands of brackets": _with(b'"note":' + b"[" * 30_000 + b"]" * 30_000),
    "future": lambda data: re.sub(rb'"as_of": ?"[^"]*"', b'"as_of":"2199-01-01"', data),
    "not a case": lambda data: b'"case"',
}  # fmt: skip
