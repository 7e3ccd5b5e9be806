"""The report for people: the most urgent first, about two screens, readable without colour."""

from __future__ import annotations

from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rsa_cli.assess import (
    DECIDES_THE_DEFINITION,
    MET,
    NOT_APPLICABLE,
    NOT_ASSESSED,
    NOT_MET,
    SUSPECTED,
    UNDETERMINED,
    Assessment,
    Finding,
    Line,
)
from rsa_cli.engines.reference import Verdict
from rsa_cli.evidence import Seen, value_text
from rsa_cli.kleene import FALSE, TRUE, UNKNOWN
from rsa_cli.nodes import (
    All,
    Any,
    Compare,
    Condition,
    Count,
    Includes,
    IsFlagged,
    IsKnown,
    IsLevel,
    IsOneOf,
    Not,
    NotKnown,
    Points,
    Repeated,
    RuleHolds,
    Run,
    Some,
    Undecidable,
)
from rsa_cli.problems import visible
from rsa_cli.renderers import Options
from rsa_cli.renderers._words import (
    HEADER,
    NO_ORDER,
    SIGNS,
    due_text,
    lines_of,
    reason_text,
    settle_lines,
    today_text,
)
from rsa_cli.rulebook import OCCASIONS

STYLES = {
    MET: "bold",
    SUSPECTED: "bold magenta",
    UNDETERMINED: "cyan",
    NOT_ASSESSED: "",
    NOT_MET: "",
    NOT_APPLICABLE: "",
}
OCCASION_WORDS = {
    "blood, any day": "blood, any",
    "blood, day 2–5": "blood, d2–5",
    "mid-luteal blood": "mid-luteal",
    "partner": "both",
}
FIRST_PAGE = ("red flag", "due", "awaited", "definition", "suspected", "core", "indicated")
LABEL = 13
NARROWEST = 40
MOST_REASONS = 6
MOST_ASKED = 3
TODAY = "met today"


def render(assessment: Assessment, options: Options) -> str:
    """The report, as wide as the terminal."""
    page = _Page(options)
    _header(page, assessment)
    _urgent(page, assessment)
    _definition(page, assessment)
    _acute(page, assessment)
    _differential(page, assessment)
    _unexplained(page, assessment)
    if options.management:
        _management(page, assessment)
    _set_aside(page, assessment)
    _checklist(page, assessment)
    return page.text()


def explain(assessment: Assessment, finding: Finding, options: Options) -> str:
    """The whole proof tree of one finding, what was assumed, what would settle it."""
    page = _Page(options)
    rule = finding.rule
    _header(page, assessment)
    page.line(
        Text.assemble(
            _status(finding),
            "  ",
            (rule.finding, "bold"),
            f"  ({rule.id}, {rule.place.file.rsplit('/', 1)[-1]}:{rule.place.line})",
        )
    )
    if rule.says:
        page.line(Text(f"  {rule.says}"))
    page.section("criteria", _proof(finding.judgement.when, assessment))
    if finding.judgement.suspect is not None:
        page.section("points to it", _proof(finding.judgement.suspect, assessment))
    said = today_text(finding)
    if said and rule.today is not None:
        sources = _documents(rule.today.source, assessment)
        page.section("today", [Text(said.removeprefix("today: ").rpartition(" [")[0]), *map(Text, sources)])
    if finding.judgement.today is not None:
        page.section("by today's", _proof(finding.judgement.today, assessment))
    if finding.due:
        page.section(
            "due", [Text(f"{assessment.rulebook.items[d.item].label} {due_text(d)}") for d in finding.due]
        )
    if finding.settled is not None:
        book, settled = assessment.rulebook, finding.settled
        for title, sets in (("could be met", settled.met), ("not met by", settled.not_met)):
            lines = settle_lines(sets, book, 12) or ["nothing found within six things that may become known"]
            page.section(title, [Text(line) for line in lines])
    assumed = dict.fromkeys(
        said
        for r in (*finding.reasons, *finding.known)
        for said in (*r.assumed, *([r.value] if r.label == "assumes" else []))
    )
    if assumed:
        page.section("assumed", [Text(visible(said)) for said in assumed])
    aside = [s for s in assessment.set_aside if any(s.result is u.result for u in _every_used(finding))]
    if aside:
        page.section("set aside", [_aside(s) for s in aside])
    page.section("rests on", [Text(line) for line in _documents(rule.rests_on, assessment)])
    if rule.reported_in:
        figure = _documents((rule.reported_in,), assessment)[0]
        page.section("how often", [Text(f"{figure} The article's figure; never this patient's probability.")])
    if rule.management is not None:
        told = rule.management
        shown = [Text(NO_ORDER, style="italic"), Text(f"{told.says} [{', '.join(told.rests_on)}]")]
        if told.today is not None:
            shown += [Text(f"today: {told.today.says}")]
            shown += [Text(f"  {line}") for line in _documents(told.today.source, assessment)]
        page.section("management", shown)
    return page.text()


def _documents(ids: tuple[str, ...], assessment: Assessment) -> list[str]:
    """What the statements and sources of a rule say; what nobody checked is marked so."""
    book, said = assessment.rulebook, []
    for name in ids:
        document = book.statements.get(name) or book.sources.get(name) or {}
        parts = [document.get("says") or document.get("title") or ""]
        if source := book.sources.get(document.get("source", "")):
            parts.append(f"({source.get('title', '')})")
        if document.get("checked") == "no":
            parts.append("(general knowledge, not checked)")
        parts += [
            f"{key.replace('_', ' ')}: {document[key]}" for key in ("read_as", "today") if key in document
        ]
        said.append(f"{name}  {' '.join(parts)}".rstrip())
    return said


class _Page:
    """Lines that wrap with a hanging indent under a label; drawn at once, at the end."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.width = max(options.width, NARROWEST)
        self.wide = self.width >= 110
        self.lines: list[Text] = []

    def line(self, text: Text | None = None) -> None:
        """A line from margin to margin."""
        self._wrapped(Text(), text or Text(), 0)

    def section(self, label: str, lines: list[Text], style: str = "bold") -> None:
        """A label in the margin and lines beside it."""
        margin = Text(f" {label:<{LABEL}}", style=style)
        for text in lines:
            self._wrapped(margin, text, LABEL + 1)
            margin = Text(" " * (LABEL + 1))

    def _wrapped(self, margin: Text, text: Text, left: int) -> None:
        indent = len(text.plain) - len(text.plain.lstrip(" "))
        room = self.width - left - indent
        cuts = _breaks(text.plain, indent, room, room - 2)
        for number, piece in enumerate(text.divide(cuts)[1:] if indent else text.divide(cuts)):
            piece.rstrip()
            before = margin if number == 0 else Text(" " * left)
            self.lines.append(Text.assemble(before, " " * (indent + 2 * (number > 0)), piece))

    def text(self) -> str:
        """Everything drawn, without blanks at the ends of lines."""
        out = StringIO()
        console = Console(
            file=out, width=self.width, force_terminal=self.options.colour, no_color=not self.options.colour,
            color_system="standard" if self.options.colour else None, highlight=False, markup=False, emoji=False, legacy_windows=False,
        )  # fmt: skip
        console.print(Text("\n").join(self.lines), soft_wrap=True)
        return "".join(line.rstrip(" ") + "\n" for line in out.getvalue().rstrip("\n").split("\n"))


def _breaks(plain: str, start: int, first: int, later: int) -> list[int]:
    """Where to cut a text into lines: before the word that does not fit; a word too long is cut."""
    cuts = [start] if start else []
    begin, room = start, first
    while cell_len(plain[begin:].rstrip()) > room:
        end = begin
        while end < len(plain) and cell_len(plain[begin : end + 1]) <= room:
            end += 1
        space = plain.rfind(" ", begin, end + 1)
        begin = space + 1 if space > begin else end
        cuts.append(begin)
        room = later
    return cuts


def _header(page: _Page, assessment: Assessment) -> None:
    book = assessment.rulebook
    left = f" Work-up · case {assessment.case.id} · as of {assessment.as_of}"
    right = f"rulebook {book.name} {book.version} ({book.digest[:6]})"
    program = f"rsa {assessment.version}"
    width = page.width - 1
    first = len(left) + len(right) + 2 <= width
    page.line(Text(left + right.rjust(width - len(left)) if first else left, style="bold"))
    if not first:
        page.line(Text(f" {right}"))
    page.line(Text(f" {HEADER}" + program.rjust(width - len(HEADER) - 1)))
    if assessment.without_partner:
        page.line(Text(" The partner's items were left out, as asked."))
    page.line()


def _urgent(page: _Page, assessment: Assessment) -> None:
    flags = assessment.of_kind("red_flag")
    raised = [f for status in (MET, SUSPECTED) for f in flags if f.status == status]
    labels = {name: assessment.rulebook.items[name].label for name in assessment.rulebook.items}
    for flag in raised:
        met, rule = flag.status == MET, flag.rule
        lines = [
            Text(rule.finding.upper() if met else f"{rule.finding}: cannot be ruled out", style="bold red")
        ]
        if not met:  # the question before the alarm
            missing = [labels[n] for n in rule.tested_by if n in labels and not assessment.answered(n)]
            lines.append(Text("ask: " + ", ".join(missing or [labels[n] for n in rule.asks if n in labels])))
        lines.append(Text(rule.says if met else f"if so: {rule.says}"))
        lists = {i.id for i in assessment.rulebook.items.values() if i.kind == "records"}
        told = [r for r in flag.reasons if r.label != "assumes" and r.item not in lists]
        # In an emergency nobody reads what a "yes" takes for granted.
        lines += [Text(reason_text(r._replace(assumed=(), passed=()))) for r in told]
        lines += [Text(r.value) for r in flag.reasons if r.label == "assumes"]
        page.section("! URGENT" if met else "! Urgent?", lines, "bold red")
    if raised:
        _reminders(page, assessment)
        page.line()
    present = [
        labels[n]
        for n in dict.fromkeys(n for f in flags for n in f.rule.symptoms)
        if _says(n, "yes", assessment) and not any(n in f.rule.symptoms for f in raised)
    ]
    if present:
        page.section("! Symptoms", [Text(f"{', '.join(present)}: needs assessment all the same")], "bold red")
    asked = dict.fromkeys(n for f in flags for n in f.rule.asks)
    said = {n for f in raised for n in f.rule.tested_by if f.status == SUSPECTED}
    unknown = [labels[n] for n in asked if not assessment.answered(n) and n not in said]
    if unknown:
        first = unknown if page.options.everything else unknown[:MOST_ASKED]
        rest = f", and {len(unknown) - len(first)} more signs (--all)" if len(first) < len(unknown) else ""
        page.section("! Also ask" if raised else "! Urgent?", [Text(f"not known: {', '.join(first)}{rest}")])
    elif not raised and not present:
        page.section("Urgent", [Text("none of the signs that were asked")])


def _says(item: str, choice: str, assessment: Assessment) -> bool:
    return any(r.value is not None and r.value.text == choice for r in assessment.case.results.get(item, ()))


def _reminders(page: _Page, assessment: Assessment) -> None:
    """What is to be remembered, each under the word of its group."""
    for finding in assessment.of_kind("reminder"):
        if finding.status in (MET, SUSPECTED):
            said = finding.rule.says if finding.status == MET else f"suspected: {finding.rule.finding}"
            lines = [Text(said)]
            if finding.rule.group != "RhD":
                lines += [Text(f"  {reason_text(r)}") for r in finding.reasons if r.label != "assumes"]
            page.section(finding.rule.group or "Note", lines)


def _definition(page: _Page, assessment: Assessment) -> None:
    lines = []
    for finding in assessment.of_kind("definition"):
        if finding.rule.id == "miscarriage" and not page.options.everything and finding.status == MET:
            continue
        text = Text.assemble(_status(finding), " ", (finding.rule.finding, STYLES[finding.status]))
        if finding.settled is not None and finding.settled.met:
            text.append(": needs " + settle_lines(finding.settled.met, assessment.rulebook)[0])
        elif finding.status in (MET, NOT_MET) and finding.reasons:
            text.append(": " + reason_text(finding.reasons[0]).partition(": ")[2])
        lines.append(text)
        if finding.only_today or (finding.status == MET and finding.today_differs):
            lines.append(Text(f"  {today_text(finding)}"))
    page.section("Definition", lines)
    page.line()


def _acute(page: _Page, assessment: Assessment) -> None:
    """The acute differential, where it arises: the type of miscarriage and what may be taken for one."""
    entries = assessment.of_kind("acute")
    if entries and (assessment.acute or page.options.everything):
        _block(page, "Acute", list(entries), assessment)
        page.line()


def _management(page: _Page, assessment: Assessment) -> None:
    """What the article says is done about each finding that is met; never an order."""
    lines = [Text(NO_ORDER, style="italic")]
    for finding in assessment.findings:
        told = finding.rule.management
        if told is None or finding.status != MET:
            continue
        lines.append(Text(f"{finding.rule.finding}: {told.says} [{', '.join(told.rests_on)}]"))
        if told.today is not None:
            lines.append(Text(f"  today: {told.today.says} [{', '.join(told.today.source)}]"))
    if len(lines) == 1:
        lines.append(Text("nothing is met of which the article names a management"))
    page.section("Management", lines)
    page.line()


def _status(finding: Finding) -> Text:
    return Text(f"{SIGNS[finding.status]} {finding.status}", style=STYLES[finding.status])


def _differential(page: _Page, assessment: Assessment) -> None:
    causes = assessment.of_kind("etiology")
    accepted = [f for f in causes if f.rule.standing in ("accepted", "disputed")]
    others = [f for f in (*causes, *assessment.of_kind("association")) if f not in accepted]
    shown = (MET, SUSPECTED, UNDETERMINED)
    quiet = not any(f.status in (*shown, NOT_MET) for f in (*accepted, *others))
    if quiet and not page.options.everything:
        number = len(accepted) + len(others)
        page.section(
            "Differential", [Text(f"nothing met, nothing suspected; {number} causes not assessed (--all)")]
        )
        return
    _block(page, "Differential", accepted, assessment)
    if others:
        _block(page, "Not accepted", others, assessment, "not accepted as causes today, or associations only")


def _block(page: _Page, title: str, findings: list[Finding], assessment: Assessment, said: str = "") -> None:
    lines = [Text(said, style="italic")] if said else []
    heads = 0
    said_before, name_before = "", ""
    for status in (MET, TODAY, SUSPECTED, UNDETERMINED):
        for finding in (f for f in findings if _shown_as(f) == status):
            head, *why = _finding(page, finding, assessment)
            said_now = "\n".join(text.plain for text in why)
            if why and said_now == said_before and status == UNDETERMINED:
                lines[heads].append(f" · {finding.rule.finding}", style=STYLES[status])
            elif why and said_now == said_before:
                lines += [head, Text(f"  as for {name_before}")]
            else:
                heads = len(lines)
                lines += [head, *why]
                said_before, name_before = said_now, finding.rule.finding
    for status in (NOT_ASSESSED, NOT_MET, NOT_APPLICABLE):
        mine = [f for f in findings if _shown_as(f) == status]
        named = [f.rule.finding + "*" * (status == NOT_MET and _assumes(f)) for f in mine]
        if named and page.options.everything:
            lines += [Text(f"{SIGNS[status]} {status:<13} {name}") for name in named]
        elif named:
            lines.append(Text(f"{SIGNS[status]} {status}: {' · '.join(named)}"))
        if any(name.endswith("*") for name in named):
            lines.append(Text("  * on something not recorded: see rsa explain"))
    page.section(title, lines)


def _shown_as(finding: Finding) -> str:
    """Where a finding stands: what only today's criterion meets stands beside what is met."""
    return TODAY if finding.only_today else finding.status


def _assumes(finding: Finding) -> bool:
    return any(reason.assumed for reason in finding.reasons)


def _finding(page: _Page, finding: Finding, assessment: Assessment) -> list[Text]:
    book = assessment.rulebook
    head = Text.assemble(_status(finding), " ", (finding.rule.finding, STYLES[finding.status]))
    statements = " ".join(s for s in finding.rule.rests_on if s.startswith("S-"))
    lines = [head]
    if page.wide:
        head.append(f"   {statements}", style="dim")
    said = today_text(finding)
    if finding.only_today:
        lines.append(Text(f"  {said}"))
    if finding.status in (MET, SUSPECTED):
        reasons = finding.reasons
        if finding.rule.kind == "acute":  # of now: what an answer of today takes for granted is noise
            reasons = tuple(r._replace(assumed=()) for r in reasons)
        told = list(dict.fromkeys(map(reason_text, reasons)))
        if finding.rule.kind == "association" and finding.rule.says:
            lines.append(Text(f"  {finding.rule.says}"))
        lines += [Text(f"  {text}") for text in told[:MOST_REASONS]]
        if len(told) > MOST_REASONS:
            lines.append(Text(f"  and {len(told) - MOST_REASONS} more: rsa explain"))
        outdated = finding.status == MET or finding.rule.standing in ("superseded", "research")
        if said and not finding.only_today and (finding.today_differs or outdated):
            lines.append(Text(f"  {said}"))
    elif finding.status == UNDETERMINED:
        known = [reason_text(r) for r in finding.known[:MOST_REASONS]]
        if len(finding.known) > MOST_REASONS:
            known.append(f"and {len(finding.known) - MOST_REASONS} more")
        missing = ", ".join(finding.unknown[:4]) + ", …" * (len(finding.unknown) > 4)
        if isinstance(finding.rule.when, Undecidable):
            known.append(finding.rule.when.text)
        said_of = "; ".join([*known, *([f"not known: {missing}"] if missing else [])])
        lines += [Text(f"  {said_of}")] if said_of else []
    if finding.due:
        lines += [Text(f"  to decide: {book.items[d.item].label} {due_text(d)}") for d in finding.due[:3]]
    elif finding.settled is not None and finding.status in (SUSPECTED, UNDETERMINED):
        sets = finding.settled.not_met if finding.status == UNDETERMINED else finding.settled.met
        pointing = {r.item for r in finding.reasons}
        near = tuple(s for s in sets if finding.status == SUSPECTED and any(a.name in pointing for a in s))
        ways = settle_lines(near or sets, book, 1)
        if ways:
            lines.append(Text(f"  to decide: {'; or '.join(ways)}"))
    return lines


def _unexplained(page: _Page, assessment: Assessment) -> None:
    causes, rules = assessment.unexplained, assessment.rulebook.rules
    conclusions = assessment.of_kind("conclusion")
    explained = tuple(f.rule.id for f in assessment.of_kind("etiology") if f.status == MET)
    definition = next((f for f in assessment.findings if f.rule.id == DECIDES_THE_DEFINITION), None)
    if definition is not None and definition.status == NOT_MET:
        said = "does not arise: the article's definition is not met"
    elif causes.answer == MET:
        said = f"yes, by the article: none of its {causes.total} causes that can be tested is met"
        said += "".join(f"; {today_text(f)}" for f in conclusions if today_text(f))
    elif accepted := tuple(r for r in causes.met if rules[r].standing in ("accepted", "disputed")):
        said = f"no, by the article: {_names(accepted, assessment)}"
    elif causes.answer == NOT_MET and not causes.met:
        said = f"no: {_names(explained, assessment)}"
    elif causes.met:
        said = f"by the article no ({_names(causes.met, assessment)}); not accepted today, so the question is open"
    else:
        said = f"cannot be said: {len(causes.open)} of {causes.total} causes are open"
        if causes.open and causes.not_met:
            said += f" ({_names(causes.open[:4], assessment)}{', …' * (len(causes.open) > 4)})"
        if causes.not_covered:
            named = f": {', '.join(causes.not_covered)}" if not causes.open or page.options.everything else ""
            said += f", {len(causes.not_covered)} more not covered{named}"
    page.section("Unexplained", [Text(said)])
    if not any(f.status in (MET, SUSPECTED) for f in assessment.of_kind("red_flag")):
        _reminders(page, assessment)
    page.line()


def _names(rules: tuple[str, ...], assessment: Assessment) -> str:
    return ", ".join(assessment.rulebook.rules[rule].finding for rule in rules)


def _set_aside(page: _Page, assessment: Assessment) -> None:
    if assessment.set_aside:
        page.section("Set aside", [_aside(seen) for seen in assessment.set_aside])
        page.line()


def _aside(seen: Seen) -> Text:
    number = f" of {seen.record}" if seen.record else ""
    where = lines_of([seen.result.place])
    return Text(
        f"{seen.item.label}{number}: {visible(value_text(seen))} ({where}): {seen.why}; does not count, neither way"
    )


def _checklist(page: _Page, assessment: Assessment) -> None:
    lines = tuple(line for line in assessment.checklist if line.state != "not applicable")
    done = [line for line in lines if line.state == "done"]
    uncalled = [line for line in lines if line.state == "not called for"]
    left = [line for line in lines if line not in done and line not in uncalled]
    shown = left if page.options.everything else [line for line in left if line.place in FIRST_PAGE]
    rest = [line for line in left if line not in shown]
    page.line(Text(" Next", style="bold"))
    for place, label, style in (("red flag", "first", "bold red"), ("due", "due", "bold")):
        mine = [line for line in shown if line.place == place]
        if mine:
            page.section(f"  {label}", [_line(page, line, assessment) for line in mine], style)
    for occasion in OCCASIONS:
        mine = [
            line
            for line in shown
            if line.investigation.occasion == occasion and line.place not in ("red flag", "due")
        ]
        if mine:
            page.section(
                f"  {OCCASION_WORDS.get(occasion, occasion)}",
                [_line(page, line, assessment) for line in mine],
                "",
            )
    if rest:
        against = sum(line.place == "discouraged" for line in rest)
        said = f", {against} advised against today" if against else ""
        page.line(Text(f"   + {len(rest)} more that the article names{said} (--all)"))
    if uncalled:
        page.line(Text(f"   {len(uncalled)} not called for (definition not met)"))
    counts = [f"{len(done)} of {len(lines)} done"]
    if awaited := sum(line.state == "awaited" for line in lines):
        counts.append(f"{awaited} awaited")
    star = (
        "★ core of the work-up in current guidance · "
        if any(line.investigation.tier == "core" for line in shown)
        else ""
    )
    page.line(Text(f" {star}{' · '.join(counts)}"))


def _line(page: _Page, line: Line, assessment: Assessment) -> Text:
    investigation = line.investigation
    star = "★ " if investigation.tier == "core" else "  "
    text = Text(star + investigation.label)
    state = {
        "repeat due": "again now" if line.due == "now" else f"again from {line.due}",
        "to do": "",
        "partly done": "partly done",
    }.get(line.state, line.state)
    notes = [state, *line.notes] if state else list(line.notes)
    if line.state in ("first rule out", "not now") and line.notes:
        notes = [f"{line.state}: {line.notes[-1]}", *line.notes[:-1]]
    if notes:
        text.append(f" [{'; '.join(notes)}]", style="italic")
    if line.place in ("due", "suspected") and line.settles:
        text.append(f" → {_names(line.settles[:2], assessment)}", style="dim")
    if page.options.everything and investigation.timing and line.state not in ("done", "not now"):
        text.append(f": {investigation.timing[0].lower()}{investigation.timing[1:]}", style="dim")
    if line.place == "discouraged" and investigation.discouraged_because:
        text.append(f" ({investigation.discouraged_because})")
    return text


# --- proof -----------------------------------------------------------------------------------------

_TRUTH_WORDS = {TRUE: "yes", FALSE: "no", UNKNOWN: "unknown"}


def _proof(verdict: Verdict, assessment: Assessment, depth: int = 0) -> list[Text]:
    """The verdict tree, one line a condition, indented as the rule is."""
    node = verdict.condition
    line = Text("  " * depth)
    line.append(
        f"{_TRUTH_WORDS[verdict.truth]:<10}", style={TRUE: "bold", UNKNOWN: "cyan"}.get(verdict.truth, "")
    )
    line.append(_condition_text(node))
    number = f"[{verdict.record}] " if verdict.record and depth else ""
    if number:
        line.append(f"  record {verdict.record}", style="dim")
    if verdict.earliest:
        line.append(f"  next sample: {verdict.earliest}")
    if isinstance(node, Count | Run):
        said = f"  holds of {', '.join(map(str, verdict.records)) or 'none'}"
        line.append(said + (f"; not known of {', '.join(map(str, verdict.maybe))}" if verdict.maybe else ""))
    lines = [line]
    for seen in verdict.used:
        why = (
            f"; {seen.state}: {seen.why}" if seen.why else "" if seen.state == "usable" else f"; {seen.state}"
        )
        provided = "".join(f"; provided {words}" for words in seen.provided)
        where = lines_of([seen.result.place] if not seen.inputs else [s.result.place for s in seen.inputs])
        lines.append(
            Text(
                "  " * depth
                + f"            {seen.item.label}: {visible(value_text(seen))} ({where}){why}{provided}",
                style="dim",
            )
        )
    if isinstance(node, Compare | IsOneOf | Includes | IsFlagged | IsLevel | Repeated) and not verdict.used:
        lines[0].append("  nothing usable is known", style="dim")
    for part in verdict.parts:
        lines += _proof(part, assessment, depth + 1)
    return lines


def _condition_text(node: Condition) -> str:
    match node:
        case (
            Compare()
            | IsOneOf()
            | Includes()
            | IsFlagged()
            | IsLevel()
            | IsKnown()
            | RuleHolds()
            | Repeated()
        ):
            return node.text
        case Undecidable():
            return f"cannot be decided: {node.text}"
        case All():
            return "all of"
        case Any():
            return "any of"
        case Not():
            return "not"
        case NotKnown():
            return "unless it is known that"
        case Some():
            return f"at least {node.at_least} of"
        case Points():
            return f"at least {node.at_least} points from"
        case Count():
            out_of = f" out of {node.out_of}" if node.out_of else ""
            return f"at least {node.at_least}{out_of} of {node.of} where"
        case Run():
            return f"at least {node.at_least} in a row of {node.of} where"


def _every_used(finding: Finding) -> list[Seen]:
    def of(verdict: Verdict | None) -> list[Seen]:
        if verdict is None:
            return []
        return [*verdict.used, *(s for part in verdict.parts for s in of(part))]

    judgement = finding.judgement
    return [*of(judgement.when), *of(judgement.suspect), *of(judgement.today)]
