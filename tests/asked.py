"""A small rulebook of its own for the tests of the questionnaire, and ways to answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rsa_cli.session import Command, Prompt, Reply

MANIFEST = "{name: small, version: '1', title: Small, groups: [one]}\n"
RULES = """
circumstances:
  on_heparin:
    label: on heparin
    question: Was she on heparin on that day?
    kind: flag
    worked_out: {medications: [heparin]}
  ill: {label: ill, question: Was she ill on that day?, kind: flag}
items:
  tsh:
    label: TSH
    question: TSH of the thyroid
    section: blood
    kind: quantity
    unit: mIU/L
    units: {µIU/mL: 1}
    plausible: 0.001–500 mIU/L
    reference: {high: 4 mIU/L, source: S-2}
    serves: [S-2]
  lupus:
    label: lupus anticoagulant
    question: Lupus anticoagulant, as the laboratory concluded
    section: blood
    kind: choice
    choices: {positive: {}, negative: {}, indeterminate: {inconclusive: yes}}
    set_aside_if: [on_heparin is yes, ill is yes]
  scan:
    label: scan
    question: What did the scan show?
    section: blood
    kind: choice
    choices: [normal, septum]
    dated: yes
    stale_after: 90 days
  bleeding:
    label: bleeding now
    question: Is she bleeding now?
    section: now
    kind: flag
    stale_after: 2 days
  pregnancies:
    label: pregnancies
    question: All pregnancies, first to last
    section: pregnancies
    kind: records
    list: history
    dated_by: ended
    fields:
      outcome:
        label: outcome
        question: How did it end?
        kind: choice
        choices: {miscarriage: {implies: gestation < 28 weeks}, live_birth: {}, ongoing: {}}
      ended: {label: end, question: When did it end?, kind: date, ask_if: outcome is not ongoing}
      gestation: {label: gestation, question: Gestation when it ended, kind: gestation, plausible: 2w0d–45w0d}
      since: {label: days since, kind: derived, unit: days, formula: "days_between(previous(ended), ended)"}
  medications:
    label: drugs
    question: Drugs
    section: history
    kind: records
    list: history
    fields:
      class: {label: drug, question: Which drug?, kind: choice, choices: [heparin, aspirin]}
      from: {label: from, question: Since when?, kind: date}
      to: {label: to, question: Until when?, kind: date}
  smoker:
    label: smoker
    question: Does she smoke?
    help: Pipes count too.
    section: history
    kind: flag
    serves: [S-1]
  cigarettes:
    label: cigarettes a day
    question: Cigarettes a day
    section: history
    kind: quantity
    unit: /day
    bare: yes
    plausible: 0–100 /day
    ask_if: smoker is yes
  diseases:
    label: diseases
    question: Which diseases?
    section: history
    kind: choices
    choices: [lupus, coeliac_disease]
  words:
    label: own words
    question: Anything in her own words?
    section: history
    kind: text
  partner_smoker:
    label: partner smokes
    question: Does the partner smoke?
    section: the partner
    kind: flag
    partner: yes
investigations:
  now: {label: Now, yields: [bleeding], occasion: ask, burden: question, tier: core}
  history: {label: Losses, yields: [pregnancies, pregnancies.gestation], occasion: ask, burden: question, tier: core}
  life: {label: Life, yields: [medications, smoker, cigarettes, diseases, words, partner_smoker], occasion: ask, burden: question, tier: article}
  bloods: {label: Bloods, yields: [tsh, lupus], occasion: "blood, any day", burden: blood, tier: core, timing: Not when ill}
  imaging: {label: Scan, yields: [scan], occasion: imaging, burden: imaging, tier: core}
statements:
  S-1: {says: Smoking matters., kind: claim}
  S-2: {says: TSH above 4 is high., kind: criterion, figures: [4 mIU/L]}
checks:
  too_close:
    of: pregnancies
    problem_if: since < 28 days
    says: Two pregnancies end less than 28 days apart.
    hint: Check both dates.
rules:
  recurrent:
    finding: Recurrent loss
    kind: definition
    when: {count: {of: pregnancies, where: outcome is miscarriage, at_least: 2}}
    rests_on: [S-1]
  early:
    finding: Early losses
    kind: etiology
    group: one
    standing: accepted
    when: {count: {of: pregnancies, where: {all: [outcome is miscarriage, gestation < 10 weeks]}, at_least: 2}}
    rests_on: [S-1]
  thyroid:
    finding: Thyroid disease
    kind: etiology
    group: one
    standing: accepted
    tested_by: [tsh]
    when: tsh is high
    rests_on: [S-2]
    today: {says: Ask again., source: S-2}
  clotting:
    finding: Clotting
    kind: etiology
    group: one
    standing: accepted
    when: {repeated: {where: lupus is positive, times: 2, apart: 12 weeks}}
    suspect_when: lupus is positive
    rests_on: [S-1]
  smoking:
    finding: Smoking
    kind: association
    group: one
    when: cigarettes >= 10 /day
    rests_on: [S-1]
  alarm:
    finding: Bleeding
    kind: red_flag
    when: bleeding is yes
    rests_on: [S-1]
    says: She bleeds. Look at once.
"""


def small(folder: Path, rules: str = RULES) -> Path:
    """The folder of the rulebook, written."""
    folder.mkdir(exist_ok=True)
    (folder / "rulebook.yaml").write_text(MANIFEST, encoding="utf-8")
    (folder / "small.yaml").write_text(rules, encoding="utf-8")
    return folder


class Scripted:
    """Talks to nobody: replies come from a list, or from a function of the prompt."""

    def __init__(self, replies: Iterable[Any] | Callable[[Prompt], Any]) -> None:
        self.replies = replies if callable(replies) else iter(replies)
        self.said: list[str] = []
        self.asked: list[Prompt] = []

    def say(self, text: str, style: str = "") -> None:
        self.said.append(text)

    def ask(self, prompt: Prompt) -> Reply:
        self.asked.append(prompt)
        self.said.append(f"? {prompt.text}")
        reply = self.replies(prompt) if callable(self.replies) else next(self.replies, Command.FINISH)
        if isinstance(reply, BaseException):
            raise reply
        # What the screen would never let through must not be tried here.
        if isinstance(reply, str) and prompt.options and not prompt.several:
            assert reply in {o.value for o in prompt.options} or prompt.missing, (prompt.text, reply)
        return reply
