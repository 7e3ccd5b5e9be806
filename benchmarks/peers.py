"""Rule engines that a Python program can install, on rules and cases that all of them can express.

Used by `batch.py --peers`; needs `pip install datalogic-py zen-engine`, which this project does not depend on.
The rules are drawn from the rulebook's own comparisons of single items (all, any, not, some over them); the
cases hold plain values of these items. A truth is a number on all sides (0 false, 1 unknown, 2 true): *all* is
the least, *any* the greatest, *not* 2 minus it. Values stand ready in the form each engine likes best, and every
answer is compared with the reference engine's.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

from rsa_cli.case import read_case
from rsa_cli.engines.compiled import Compiled
from rsa_cli.engines.reference import Engine
from rsa_cli.evidence import Evidence
from rsa_cli.kleene import Truth
from rsa_cli.nodes import All, Compare, Condition, IsOneOf, Not, Some, walk
from rsa_cli.nodes import Any as AnyOf
from rsa_cli.problems import Place
from rsa_cli.quick import QuickReader
from rsa_cli.rulebook import Rule, Rulebook
from rsa_cli.source import read_bytes

from cases import yaml_text

FAR = 10**6
NOWHERE = Place("")
Timed = Callable[..., list[float]]


def measure(
    rulebook: Rulebook, rounds: int, in_turn: Timed, line: Callable[..., None], rules: int = 30
) -> None:
    """Print a line for each engine; those that are not installed are named."""
    random = Random(3)
    leaves = _leaves(rulebook)
    drawn = {f"r{n}": _condition(random, leaves, 2) for n in range(rules)}
    book = rulebook._replace(
        checks=(), rules={name: Rule(name, name, "definition", when, NOWHERE) for name, when in drawn.items()}
    )
    given = [_case(random, leaves, book, index) for index in range(300)]
    plain = [{name: value for name, (value, _) in case.items()} for case in given]
    texts = [
        {"case": f"P{n}", **{name: text for name, (_, text) in case.items()}} for n, case in enumerate(given)
    ]

    cases = [
        read_case(read_bytes("x", yaml_text(t).encode()), book.items, book.circumstances, FAR) for t in texts
    ]
    expected = []
    for case in cases:
        engine = Engine(book, Evidence(case, book, FAR), timing=False)
        expected.append([engine.rule(name).when.truth.value for name in drawn])
    counts = [sum(answer.count(truth.value) for answer in expected) for truth in Truth]
    print(f"{rules} rules, {len(given)} cases; {counts[0]} false, {counts[1]} unknown, {counts[2]} true")

    compiled = Compiled(book)
    quick = QuickReader(compiled, FAR)
    sheets = [quick.read(text, 0, None, FAR).sheet for text in texts]
    works: dict[str, Callable[[], list[list[Any]]]] = {}
    order = list(drawn)

    def ours() -> list[list[Any]]:
        return [[found[name][0].value for name in order] for found in map(compiled.truths, sheets)]

    assert ours() == expected
    # What a comparison says of a value is known to us since the value was read: that way is shown too.
    judged = {
        "compiled engine, values read before": lambda: [compiled.judge(sheet) for sheet in sheets],
        "compiled engine, from the texts of the values": lambda: [
            compiled.judge(quick.read(text, 0, None, FAR).sheet) for text in texts
        ],
    }

    space: dict[str, Any] = {}
    exec("def hand(v):\n g = v.get\n return [" + ", ".join(_python(c) for c in drawn.values()) + "]", space)
    works["a Python function over a dict, written for it"] = lambda: [space["hand"](v) for v in plain]
    for name, make in (("datalogic_py", _datalogic), ("zen", _zen)):
        try:
            works[name] = make(importlib.import_module(name), list(drawn.values()), plain)
        except ImportError:
            print(f"{name} is not installed")
    for name, work in works.items():
        found = [[int(truth) for truth in answer] for answer in work()]
        assert found == expected, f"{name} answers otherwise"
    print(f"{len(expected) * rules:,} answers of each compared one by one, all the same")

    def reference() -> None:
        for case in cases:
            engine = Engine(book, Evidence(case, book, FAR), timing=False)
            for name in order:
                engine.rule(name)

    times = in_turn(rounds, *judged.values(), *works.values(), reference)
    for name, seconds in zip([*judged, *works, "reference engine"], times, strict=True):
        line(name, seconds, len(given), seconds / times[0], "of the compiled engine's time")


def _leaves(rulebook: Rulebook) -> list[Compare | IsOneOf]:
    """The comparisons of the rulebook with items whose results always count, in one unit."""
    found: dict[str, Compare | IsOneOf] = {}
    for rule in rulebook.rules.values():
        for node in walk(rule.when):
            if not isinstance(node, Compare | IsOneOf) or node.name.of is not None or node.over != "latest":
                continue
            item = rulebook.items[node.name.item]
            if (
                item.set_aside_if
                or item.counts_only_if
                or item.stale_after
                or item.ask_if
                or item.dated
                or item.partner
            ):
                continue
            if isinstance(node, Compare) and (item.kind != "quantity" or item.unit not in node.limits):
                continue
            if isinstance(node, Compare) and any(
                s.low is None or s.high is None for s in node.limits.values()
            ):
                continue
            found[node.text] = node
    return list(found.values())


def _condition(random: Random, leaves: list[Compare | IsOneOf], deep: int) -> Condition:
    if deep == 0:
        return random.choice(leaves)
    parts = tuple(_condition(random, leaves, deep - 1) for _ in range(2 + random.randrange(3)))
    kind = random.randrange(5)
    if kind == 0:
        return Not(parts[0], NOWHERE)
    if kind == 1:
        return Some(1 + random.randrange(len(parts)), parts, NOWHERE)
    return (All if kind < 4 else AnyOf)(parts, NOWHERE)


def _case(
    random: Random, leaves: list[Compare | IsOneOf], rulebook: Rulebook, index: int
) -> dict[str, tuple[Any, str]]:
    """Of three in four items a plain value, as a number or a word and as a person writes it."""
    found: dict[str, tuple[Any, str]] = {}
    for node in leaves:
        item = rulebook.items[node.name.item]
        if random.randrange(4) == 0 or item.id in found:
            continue
        if isinstance(node, IsOneOf):
            word = random.choice(item.settled_choices())
            found[item.id] = (word, word)
            continue
        low = node.limits[item.unit].low
        number = Fraction(round(float(low or 0) * random.uniform(0.5, 1.6), 1)).limit_denominator(10)
        plausible = item.plausible
        if plausible is not None and plausible.low is not None and number < plausible.low:
            number = Fraction(plausible.low)
        found[item.id] = (float(number), f"{float(number):g} {item.unit}".strip())
    return found


# --- the rules in the language of each ---------------------------------------------------------------


def _limits(node: Compare) -> tuple[float, float]:
    span = next(iter(node.limits.values()))
    assert span.low is not None
    assert span.high is not None
    return float(span.low), float(span.high)


def _python(node: Condition) -> str:
    match node:
        case Compare(name=name, sign=sign):
            low, high = _limits(node)
            sure, never = _bounds(sign, low, high)
            return f"(1 if (x := g({name.item!r})) is None else 2 if x {sure[0]} {sure[1]} else 0 if x {never[0]} {never[1]} else 1)"
        case IsOneOf(name=name, choices=choices, negated=negated):
            yes, no = (0, 2) if negated else (2, 0)
            return f"(1 if (x := g({name.item!r})) is None else {yes} if x in {set(choices)!r} else {no})"
        case All(parts=parts):
            return f"min({', '.join(_python(p) for p in parts)})"
        case AnyOf(parts=parts):
            return f"max({', '.join(_python(p) for p in parts)})"
        case Not(part=part):
            return f"(2 - {_python(part)})"
        case Some(parts=parts, at_least=least):
            return f"sorted(({', '.join(_python(p) for p in parts)}))[-{least}]"
    raise TypeError(type(node).__name__)


def _bounds(sign: str, low: float, high: float) -> tuple[tuple[str, float], tuple[str, float]]:
    """Where a point surely satisfies a limit that is a span, and where it surely does not."""
    return {
        ">": ((">", high), ("<=", low)), ">=": ((">=", high), ("<", low)),
        "<": (("<", low), (">=", high)), "<=": (("<=", low), (">", high)),
    }[sign]  # fmt: skip


def _datalogic(
    module: Any, conditions: list[Condition], plain: list[dict[str, Any]]
) -> Callable[[], list[list[Any]]]:
    def logic(node: Condition) -> Any:
        match node:
            case Compare(name=name, sign=sign):
                sure, never = _bounds(sign, *_limits(node))
                value = {"var": name.item}
                return {
                    "if": [
                        {"==": [value, None]},
                        1,
                        {sure[0]: [value, sure[1]]},
                        2,
                        {never[0]: [value, never[1]]},
                        0,
                        1,
                    ]
                }
            case IsOneOf(name=name, choices=choices, negated=negated):
                value = {"var": name.item}
                yes, no = (0, 2) if negated else (2, 0)
                return {"if": [{"==": [value, None]}, 1, {"in": [value, sorted(choices)]}, yes, no]}
            case All(parts=parts):
                return {"min": [logic(p) for p in parts]}
            case AnyOf(parts=parts):
                return {"max": [logic(p) for p in parts]}
            case Not(part=part):
                return {"-": [2, logic(part)]}
            case Some(parts=parts, at_least=least):
                told = [logic(p) for p in parts]
                certain = {"+": [{"if": [{"==": [p, 2]}, 1, 0]} for p in told]}
                possible = {"+": [{"if": [{">": [p, 0]}, 1, 0]} for p in told]}
                return {"if": [{">=": [certain, least]}, 2, {">=": [possible, least]}, 1, 0]}
        raise TypeError(type(node).__name__)

    import json

    rules = [module.Engine().compile(json.dumps(logic(c))) for c in conditions]
    handles = [module.DataHandle(json.dumps(v)) for v in plain]
    return lambda: [[rule.evaluate_data(handle) for rule in rules] for handle in handles]


def _zen(
    module: Any, conditions: list[Condition], plain: list[dict[str, Any]]
) -> Callable[[], list[list[Any]]]:
    def said(node: Condition) -> str:
        match node:
            case Compare(name=name, sign=sign):
                sure, never = _bounds(sign, *_limits(node))
                x = name.item
                return (
                    f"({x} == null ? 1 : ({x} {sure[0]} {sure[1]} ? 2 : ({x} {never[0]} {never[1]} ? 0 : 1)))"
                )
            case IsOneOf(name=name, choices=choices, negated=negated):
                yes, no = (0, 2) if negated else (2, 0)
                words = ", ".join(f'"{choice}"' for choice in sorted(choices))
                return f"({name.item} == null ? 1 : ({name.item} in [{words}] ? {yes} : {no}))"
            case All(parts=parts):
                return f"min([{', '.join(said(p) for p in parts)}])"
            case AnyOf(parts=parts):
                return f"max([{', '.join(said(p) for p in parts)}])"
            case Not(part=part):
                return f"(2 - {said(part)})"
            case Some(parts=parts, at_least=least):
                told = [said(p) for p in parts]
                certain = " + ".join(f"({p} == 2 ? 1 : 0)" for p in told)
                possible = " + ".join(f"({p} > 0 ? 1 : 0)" for p in told)
                return f"({certain} >= {least} ? 2 : ({possible} >= {least} ? 1 : 0))"
        raise TypeError(type(node).__name__)

    rules = module.compile_expression(f"[{', '.join(said(c) for c in conditions)}]")
    return lambda: [rules.evaluate(v) for v in plain]
