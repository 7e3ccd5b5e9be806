"""One JSON object a line and case; `docs/batch.md` lists its fields."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

from rsa_cli.assess import STATUSES
from rsa_cli.batch import JUDGED, OUTCOMES, Outcome, Row
from rsa_cli.problems import Place, Problem
from rsa_cli.renderers.json import _reason as reason
from rsa_cli.rulebook import Rulebook
from rsa_cli.tables import Table as Base

FORMAT = 1
_TOGETHER = 8  # findings in a row that are remembered together
_KEPT = 5_000


class Table(Base):
    """Made for speed: what is the same in every line is put together once."""

    resumes = True

    def __init__(self, rulebook: Rulebook) -> None:
        super().__init__(rulebook)
        program = {
            "program": self.program,
            "rulebook": self.book,
            "rulebook_digest": f"sha256:{rulebook.digest}",
        }
        self.ending = f",{_text(program)[1:]}\n"
        self.pieces = [[f"{_text(rule.id)}:{_text(status)}" for status in STATUSES] for rule in self.rules]
        self.findings: list[dict[bytes, str]] = [{} for _ in range(0, len(self.rules), _TOGETHER)]
        self.beside: dict[Any, str] = {}
        self.with_today = [number for number, _ in self.today]
        self.numbers = {rule.id: number for number, rule in enumerate(self.rules)}

    def line(self, outcome: Outcome) -> str:
        """One object."""
        head = (
            f'{{"format":{FORMAT},"outcome":"{outcome.outcome}","case":{_text(outcome.id or None)},'
            f'"file":{_text(outcome.file)},"line":{outcome.line or "null"}'
        )
        if outcome.outcome != JUDGED:
            return f"{head}{self._wrong(outcome)}{self.ending}"
        statuses = outcome.statuses
        findings = ",".join(
            [
                known.get(part := statuses[at : at + _TOGETHER]) or self._findings(at, part)
                for at, known in zip(range(0, len(statuses), _TOGETHER), self.findings, strict=True)
            ]
        )
        key = (outcome.today, *[statuses[number] for number in self.with_today])
        more = self.beside.get(key)
        if more is None:
            more = self._today(key, outcome)
        if outcome.remarks:
            more += f',"remarks":{_text([_problem(p) for p in outcome.remarks])}'
        if outcome.reasons:
            found = {name: [reason(r, self.rulebook) for r in reasons] for name, reasons in outcome.reasons}
            more += f',"reasons":{_text(found)}'
        return (
            f'{head},"digest":"sha256:{outcome.digest}","as_of":"{outcome.as_of}",'
            f'"day_taken":{"true" if outcome.day_taken else "false"},"findings":{{{findings}}}{more}{self.ending}'
        )

    def _findings(self, at: int, statuses: bytes) -> str:
        """Some findings in a row, remembered as there are few ways in which they come out."""
        known = self.findings[at // _TOGETHER]
        if len(known) > _KEPT:
            known.clear()
        found = ",".join([pieces[s] for pieces, s in zip(self.pieces[at:], statuses, strict=False)])
        known[statuses] = found
        return found

    def _today(self, key: Any, outcome: Outcome) -> str:
        """Today's word, likewise."""
        beside = {
            rule.id: {"truth": truth, "says": rule.today.says if rule.today else ""}
            for rule, truth in self.today_beside(outcome)
        }
        if len(self.beside) > _KEPT:
            self.beside.clear()
        found = self.beside[key] = f',"today":{_text(beside)}' if beside else ""
        return found

    def _wrong(self, outcome: Outcome) -> str:
        more: dict[str, Any] = {"id_line": outcome.id_line or None}
        if outcome.problems:
            more["problems"] = [_problem(p) for p in outcome.problems]
        if outcome.symptoms:
            more["symptoms"] = list(outcome.symptoms)
        if outcome.error:
            more["error"] = outcome.error
        return f",{_text(more)[1:-1]}"

    def row(self, line: str) -> Row:
        """A line that was written, read back."""
        try:
            data = json.loads(line)
            if data["outcome"] not in OUTCOMES or data["rulebook_digest"] != f"sha256:{self.rulebook.digest}":
                raise ValueError(line)
            found = data.get("findings", {})
            statuses = bytes(STATUSES.index(found[name]) for name in self.numbers) if found else b""
            return Row(
                data["outcome"], data["file"], data["line"] or 0, data["case"] or "", data.get("id_line") or 0,
                data.get("day_taken", False), statuses, line,
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(line) from error


def _text(data: Any) -> str:
    # JSON lets control characters above 0x7f and line separators through; a terminal or a reader may obey them.
    if type(data) is str:
        text = encode_basestring(data)
    else:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return json.dumps(data, separators=(",", ":"))


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "says": problem.says,
        "hint": problem.hint or None,
        "place": _place(problem.place),
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line or None, "column": place.column or None}
