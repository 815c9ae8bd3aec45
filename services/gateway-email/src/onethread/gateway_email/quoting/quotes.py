"""A mail's new words, the history under them and its signature: pure, line by line, in linear time.

Losing the author's words is worse than keeping quoted ones. When in doubt, everything stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Literal

from onethread.gateway_email.quoting import labels, quoted_html
from onethread.gateway_email.quoting.attributions import (
    BRACKETED,
    CHARACTERS,
    DATE,
    MARKS,
    OPENING,
    VERB,
    is_attribution,
    seen,
)
from onethread.gateway_email.quoting.blocks import one_line
from onethread.gateway_email.quoting.quote_phrases import (
    FOOTERS,
    FORWARDS,
    HISTORY_BELOW,
    MOBILE,
    MOBILE_ENDINGS,
    OPENERS,
    RULES,
)

ATTRIBUTION_LINES = 4
HEADER_LINES = 16
LOOK_AHEAD = 12
SIGNATURE_LINES = 25
FOOTER_LINES = 12
MOBILE_LINES = 2
HEADER_FIELDS = 3
ROW_CHARACTERS = 5
SHORT_ROW = 20
SHORT_LINE = 40
SEARCHED_LINES = 30_000
"""No person writes as much above a history; below, only quote marks count."""
LINK_OPENS = ("<http", "(http")
WRAPPED_FROM = 60
"""A quoted line as long as this may have been broken by a client that did not quote the rest of it."""
_LEFT_OUT = re.compile(r"[\[(<*]*\s*(?:(?:\. ?){2,}|…|snip\w*|schnipp?|cut)\s*[\])>*]*$")
_ANNOUNCED = re.compile("|".join(map(re.escape, (*RULES, *labels.ORIGINAL))))
_FIELD = re.compile(r"[^\W\d][^:@/]{0,40}: ?\S")
_INITIALS = re.compile(r"(?:[a-z]{1,4} ?>|\|)(?= |$)")
_YAHOO = re.compile(
    rf"(?:{'|'.join(OPENERS)}) .{{0,60}}?(?:{DATE.pattern}).{{0,120}}?<[^<>@\s]+@[^<>@\s]+>[^<>:]{{1,20}}:  +"
)
"""Its telephones put the history on the line of the attribution."""
Kind = Literal["new", "quoted", "signature"]


@dataclass(frozen=True, slots=True)
class Said:
    """Every word of a mail, in one of three."""

    new: str
    quoted: str = ""
    signature: str = ""


def split(text: str) -> Said:
    return _said(_Lines(text))


def from_html(source: str) -> Said | None:
    """By the marks of mail clients, which are surer than words. None where there are none."""
    found = quoted_html.marked(source)
    return None if found is None else _said(_Lines(found.text, found.signed))


def _said(lines: _Lines) -> Said:
    kinds = lines.kinds()
    return Said(lines.of(kinds, "new"), lines.of(kinds, "quoted"), lines.of(kinds, "signature"))


def kinds(lines: Sequence[str], signed: Collection[int] = ()) -> list[Kind]:
    """Of each line, what it is. `signed` are the numbers of those that their client marks as a signature."""
    found = _Lines("\n".join(lines), frozenset(signed)).kinds()
    below: list[Kind] = ["new"] * (len(lines) - len(found))
    return found + below


def new_text(text: str, source: str | None = None) -> str:
    """What the author says, signature and all, without the history. The whole text where nothing else would be left.

    `source` is the HTML that the text was made of, where there is one.
    """
    found = quoted_html.marked(source) if source else None
    lines = _Lines(found.text, found.signed) if found else _Lines(text)
    return lines.of(lines.kinds(), "new", "signature")


@dataclass(frozen=True, slots=True)
class _Start:
    """Where history starts, where its own words start, and by what it is known."""

    first: int
    body: int
    by: Literal["forward", "rule", "header", "attribution", "quote"]


class _Lines:
    def __init__(self, text: str, signed: frozenset[int] = frozenset()) -> None:
        self.signed = signed
        self.lines = [line.rstrip() for line in text.splitlines()]
        self.seen = [line.strip() for line in seen("\n".join(self.lines)).split("\n")]
        self.seen = self.seen[: len(self.lines)]
        marks = (">", *self._marks())
        self.quoted = [line.startswith(marks) and line != ">:" and not _is_of_groupwise(line) for line in self.seen]
        self.roles = [_role(line) if ":" in line[:60] else None for line in self.seen]

    def _marks(self) -> set[str]:
        """Some quote with a bar or their initials (`AB>`): those under "Ana wrote:"."""
        said = [line for line in self.seen if line and not _LEFT_OUT.match(line)]
        under = (
            _INITIALS.match(below)
            for above, below in pairwise(said)
            if above.endswith(":") and VERB.search(above[-80:])
        )
        return {found[0] for found in under if found}

    def of(self, kinds: list[Kind], *wanted: Kind) -> str:
        kept = [line for line, kind in zip(self.lines, kinds, strict=True) if kind in wanted]
        return "\n".join(kept).replace(HISTORY_BELOW, "").rstrip().lstrip("\n")

    def kinds(self) -> list[Kind]:
        """Of each line, what it is."""
        kinds: list[Kind] = ["new"] * len(self.lines)
        start = self._history()
        if start is None or start.by == "forward":
            own = len(self.lines)
        elif start.by in ("attribution", "quote") and self._is_quoted_next(start.body):
            own = self._mark_around_quotes(kinds, start)
        else:
            own = start.first
            _mark(kinds, own, len(kinds), "quoted")
        if start is None or start.by != "forward":
            self._mark_signature(kinds, 0, own)
        if not self._has_words(kinds):
            _mark(kinds, 0, len(kinds), "new")
        return kinds

    # Where history starts

    def _history(self) -> _Start | None:
        number, has_words = 0, False
        while number < len(self.lines):
            if not self.seen[number]:
                number += 1
                continue
            start = self._starts_at(number)
            # A mail that begins with a header is a copy of one, which may have history of its own.
            if start and start.by == "header" and not has_words:
                number = start.body
                continue
            if start:
                return start
            has_words = has_words or not self.quoted[number]
            number += 1
        first = next((n for n, is_quoted in enumerate(self.quoted) if is_quoted), None)
        if first is None:
            return None
        is_forward = self.seen[first][:CHARACTERS].strip(MARKS).startswith(FORWARDS)
        return _Start(first, first, "forward" if is_forward else "quote")

    def _starts_at(self, number: int) -> _Start | None:
        """The history that the line shows to start: at the line, or above it where the line ends an attribution."""
        if self.quoted[number] or number > SEARCHED_LINES:
            return None
        end = self._header_ends(number)
        return (
            self._announced_at(number)
            or (_Start(self._above_row(number), end, "header") if end else None)
            or self._on_one_line_at(number)
            or self._of_unknown_words_at(number)
            or self._of_notes_at(number)
            or self._attributed_at(number)
        )

    def _announced_at(self, number: int) -> _Start | None:
        """`-----Original Message-----`, `Begin forwarded message:`."""
        bare = self.seen[number].strip(MARKS) if len(self.seen[number]) < CHARACTERS else ""
        is_ruled = bare != self.seen[number]
        if bare.startswith(FORWARDS) and (is_ruled or bare.endswith(":")):
            return _Start(number, number + 1, "forward")
        is_rule = bare.startswith(RULES) and (
            is_ruled or bare == HISTORY_BELOW or "processed by" in bare or self._header_ends(number + 1)
        )
        if is_rule or _is_ruled_off(self.seen[number], bare) or _is_of_desk(self.seen[number]):
            return _Start(self._above_row(number), number + 1, "rule")
        return None

    def _attributed_at(self, number: int) -> _Start | None:
        """The line ends `On …, Ana wrote:`."""
        line = self.seen[number][:CHARACTERS]
        if _is_of_groupwise(self.seen[number]) or (":  " in line and _YAHOO.match(line)):
            return _Start(number, number + 1, "attribution")
        first = self._attribution_begins(number)
        if first is None or self._is_left_out_next(number + 1):
            return None
        return _Start(self._above_row(self._above_fields(first)), number + 1, "attribution")

    def _above_fields(self, number: int) -> int:
        """Yandex writes a row, to whom and about what above its attribution."""
        first = number
        while first and self.roles[first - 1] and number - first < HEADER_FIELDS:
            first -= 1
        return first if self._above_row(first) < first else number

    def _header_ends(self, number: int) -> int | None:
        """The line after a block of `From:` and at least two companions that starts here."""
        role = self.roles[number] if number < len(self.roles) else None
        is_ruled = role is not None and self._above_row(number) < number
        if role is None or (role in ("to", "cc", "bcc", "other") and not is_ruled):
            return None
        found: set[str] = set()
        end = None
        for here in range(number, min(number + HEADER_LINES, len(self.lines))):
            role = self.roles[here]
            if role and (role not in found or role in ("cc", "bcc", "other")):
                found.add(role)
                end = here + 1
            elif role or (here == number) or (end and here - end > 1) or not self._goes_on(here):
                break
        if not end or "from" not in found:
            return None
        if len(found - {"other"}) < HEADER_FIELDS:
            is_addressed = self.roles[number] == "from" and "@" in self.seen[number][:CHARACTERS]
            return end if is_addressed and found & {"date", "to"} else None
        is_dated = "date" in found or is_ruled
        is_mail = "subject" in found or self.roles[number + 1] == "date" or "@" in "".join(self.seen[number:end])
        return end if is_dated and is_mail else None

    def _on_one_line_at(self, number: int) -> _Start | None:
        """`From: … Date: … Subject: …`, where the breaks between the fields were lost."""
        bare = self.lines[number][:CHARACTERS].strip(MARKS) if ":" in self.seen[number] else ""
        if _role(bare.lower()) != "from" or (number and self.roles[number - 1]):
            return None
        fields = one_line(bare, least=HEADER_FIELDS - 1)
        is_mail = fields and DATE.search(fields.get("date", "")) and ("@" in bare or self.seen[number].startswith("--"))
        return _Start(self._above_row(number), number + 1, "header") if is_mail else None

    def _of_unknown_words_at(self, number: int) -> _Start | None:
        """A header in a language that we do not know: a row, fields of which the first has an address, one a date."""
        first = number + 1
        if len(self.seen[number]) < SHORT_ROW or not _is_row(self.seen[number]) or first >= len(self.seen):
            return None
        fields = list(takewhile(_FIELD.match, self.seen[first : first + HEADER_LINES]))
        is_mail = len(fields) > HEADER_FIELDS and BRACKETED.search(fields[0]) and any(map(DATE.search, fields[1:]))
        return _Start(number, first + len(fields), "header") if is_mail else None

    def _of_notes_at(self, number: int) -> _Start | None:
        """Notes shows the fields in two columns, which come as names and values on lines of their own."""
        if labels.ROLES.get(self.seen[number]) != "to":
            return None
        below = [labels.ROLES.get(line) for line in self.seen[number + 1 : number + LOOK_AHEAD]]
        return _Start(self._unnamed_above(number), number + 1, "header") if {"cc", "subject"} <= {*below} else None

    def _unnamed_above(self, number: int) -> int:
        """The sender and the date have no names there."""
        first = number
        for above in range(number - 1, max(number - ATTRIBUTION_LINES, -1), -1):
            line = self.seen[above][:CHARACTERS]
            is_date = DATE.search(line) and sum(map(str.isalpha, line)) < ROW_CHARACTERS
            if is_date or BRACKETED.search(line):
                first = above
            elif line:
                break
        return first

    def _goes_on(self, here: int) -> bool:
        """A blank or wrapped line between two fields."""
        return any(self.roles[here + 1 : here + 3])

    def _attribution_begins(self, end: int) -> int | None:
        """The first line of `On …, Ana wrote:`, which may be wrapped, where it ends here."""
        last = self.seen[end]
        if len(last) > CHARACTERS:
            return None
        is_followed = self._is_quoted_next(end + 1)
        is_ended = last.endswith((":", "---")) or (last.rstrip(MARKS).endswith(":") and VERB.search(last))
        if not (is_ended or is_followed):
            return None
        joined, fallback, is_whole = "", None, False
        for first in range(end, max(end - ATTRIBUTION_LINES, -1), -1):
            if not self.seen[first] or self.quoted[first] or len(joined) > CHARACTERS:
                break
            joined = f"{self.seen[first]} {joined}".strip().replace("< ", "<").replace(" >", ">")
            begins = self.seen[first].strip(MARKS)
            has_verb = bool(VERB.search(joined))
            is_opened = bool(OPENING.match(begins[:80]) and (has_verb or BRACKETED.search(joined)))
            if is_attribution(joined, is_opened=is_opened, is_followed=is_followed):
                if is_opened:
                    return first - self._is_opened_above(first)
                if fallback is None or not is_whole:
                    fallback, is_whole = first, bool(BRACKETED.search(joined) or (DATE.search(joined) and has_verb))
        return fallback

    def _is_opened_above(self, first: int) -> bool:
        """`On Nov 21, 2014,` on a line of its own, the time on the next."""
        above = self.seen[first - 1] if first else ""
        return len(above) < SHORT_LINE and above.endswith(",") and bool(OPENING.match(above))

    def _is_quoted_next(self, number: int) -> bool:
        for here in range(number, min(number + LOOK_AHEAD, len(self.lines))):
            if self.seen[here] and not _LEFT_OUT.match(self.seen[here]):
                return self.quoted[here]
        return False

    def _is_left_out_next(self, number: int) -> bool:
        """Who writes `[...]` below an attribution quotes by hand; without quote marks nobody can tell what is whose."""
        is_left_out = any(_LEFT_OUT.match(line) for line in self.seen[number : number + 2] if line)
        return is_left_out and not self._is_quoted_next(number)

    def _above_row(self, number: int) -> int:
        """A row of underscores or the like above a history belongs to it, with words in it or without."""
        for above in range(number - 1, max(number - 4, -1), -1):
            line = self.seen[above]
            if line:
                return above if _is_row(line) else number
        return number

    # Answers below and between quotes

    def _mark_around_quotes(self, kinds: list[Kind], start: _Start) -> int:
        """Answers between quotes stay with what they answer; below the only quote they stand alone.

        The line after the last that may be new.
        """
        own = self._own_lines(start.body)
        written = [number for number in own if number not in self.signed]
        answers = written[: self._signature_in(written)]
        has_words_above = any(self.seen[: start.first])
        _mark(kinds, start.first, len(kinds), "quoted")
        for number in {*own}.difference(answers):
            kinds[number] = "signature"
        if not answers:
            return start.first
        is_below = not has_words_above and not any(self.quoted[answers[0] : answers[-1]])
        first = answers[0] if is_below else start.first
        _mark(kinds, first, answers[-1] + 1, "new")
        return 0

    def _own_lines(self, number: int) -> list[int]:
        """The lines from here on that are neither quoted, nor lead into a quote, nor history without marks."""
        own: list[int] = []
        while number < len(self.lines):
            start = None if not self.seen[number] else self._starts_at(number)
            if start:
                while own and own[-1] >= start.first:
                    own.pop()
                if not self._is_quoted_next(start.body):
                    break
            elif self.seen[number] and not self.quoted[number] and not self._is_rest_of_quote(number):
                own.append(number)
            number += 1
        return own

    def _is_rest_of_quote(self, number: int) -> bool:
        """The end of a long quoted line that was broken on its way."""
        above = self.seen[number - 1]
        if self.quoted[number - 1] and self.seen[number].startswith(LINK_OPENS):
            return True
        is_long = self.quoted[number - 1] and len(above) >= WRAPPED_FROM and not above.endswith("?")
        is_alone = number + 1 == len(self.lines) or not self.seen[number + 1] or self.quoted[number + 1]
        return is_long and is_alone and self.lines[number].lstrip()[0].islower()

    # The signature

    def _mark_signature(self, kinds: list[Kind], first: int, end: int) -> None:
        numbers = [number for number in range(first, end) if self.seen[number]]
        signature = self._signature_in(numbers)
        for place in range(len(numbers)):
            if place >= signature or numbers[place] in self.signed or self._is_mobile_alone(numbers[place]):
                kinds[numbers[place]] = "signature"

    def _is_mobile_alone(self, number: int) -> bool:
        """A paragraph of its own, with words pasted below it."""
        around = self.seen[max(number - 1, 0) : number + 2]
        return sum(map(bool, around)) == 1 and _is_mobile(self.seen[number])

    def _signature_in(self, numbers: list[int]) -> int:
        """Of these lines with words, the first of the signature; their count where there is none."""
        for place in range(max(0, len(numbers) - SIGNATURE_LINES), len(numbers)):
            if self._is_signature(numbers, place):
                return place
        return len(numbers)

    def _is_signature(self, numbers: list[int], place: int) -> bool:
        line, left = self.seen[numbers[place]], len(numbers) - place
        if line == "--":
            return True
        if left <= FOOTER_LINES and len(line) < CHARACTERS and not line.strip("-_—"):
            below = " ".join(self.seen[number][:200] for number in numbers[place + 1 :])
            return any(words in below for words in FOOTERS)
        is_last = left <= MOBILE_LINES and numbers[-1] - numbers[place] < left
        return is_last and _is_mobile(line)

    def _has_words(self, kinds: list[Kind]) -> bool:
        return any(line and kind == "new" for line, kind in zip(self.seen, kinds, strict=True))


def _mark(kinds: list[Kind], first: int, end: int, kind: Kind) -> None:
    for number in range(first, end):
        kinds[number] = kind


def _role(line: str) -> str | None:
    return labels.ROLES.get(line[:60].partition(":")[0].strip("* "))


def _is_ruled_off(line: str, bare: str) -> bool:
    """`---- 回复的原邮件 ----`: known words after others, between two rules."""
    return line.startswith("---") and line.endswith("---") and bool(_ANNOUNCED.search(bare))


def _is_of_desk(line: str) -> bool:
    """`##- Please type your reply above this line -##`, in any language."""
    return line.startswith("##-") and line[:CHARACTERS].endswith("-##")


def _is_of_groupwise(line: str) -> bool:
    return line.startswith(">>> ") and line.endswith(">>>") and bool(DATE.search(line[:CHARACTERS]))


def _is_row(line: str) -> bool:
    ends = line[:ROW_CHARACTERS] + line[-ROW_CHARACTERS:]
    is_ruled_off = line.startswith("---") and line.endswith("---") and len(line) < CHARACTERS
    return is_ruled_off or (len(line) >= ROW_CHARACTERS and not ends.strip("-_=*"))


def _is_mobile(line: str) -> bool:
    """`Sent from my phone`, and no more."""
    said = line.strip("*_- ").partition("<")[0].partition("http")[0].strip()
    if len(said) > WRAPPED_FROM or ", " in said:
        return False
    return said.startswith(MOBILE) or said.rstrip(".").endswith(MOBILE_ENDINGS)
