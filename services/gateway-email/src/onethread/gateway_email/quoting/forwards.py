"""The mail inside a forwarded mail, and the words that its sender put above: pure, line by line, in linear time.

Nothing in it raises. It looks for the first place where another mail begins: a ruled line or a phrase of a mail
program with fields under it, bare fields, or "On …, Ana wrote:". Whether that is an answer's history or a forward is
said by its form, then by the subject, then by whether anything stands above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

from onethread.gateway_email.quoting import labels
from onethread.gateway_email.quoting.blocks import LABEL_CHARACTERS, RULE, WHOLE, Lines, block, label, one_line
from onethread.gateway_email.quoting.people import ADDRESS, FIELD_CHARACTERS, Person, people, person, without_links

ATTRIBUTION_LINES = 4
ATTRIBUTION_STARTS = 8
ATTRIBUTION_CHARACTERS = 400
ANNOUNCEMENT_CHARACTERS = 200
RULES = 5_000
"""A text with more ruled lines than this and no mail under any of them has been made to keep us busy."""
WEBMAIL_DASHES = 10
ROW = 20
GROUPWISE = " >>>"
"""With which it ends `>>> Ana Roe <ana@x.example> 2.11.2026 10:15 >>>`; nothing that follows is quoted."""
CJK = 0x2E80
_PREFIX = re.compile(r"\s*(?:\[[^\[\]]{1,40}\]\s*){0,3}([^\W\d_][\w.\u0307]{0,15}(?:/[ab])?)\s?(?:\[\d+\])?\s*[:：]\s*")
_MAY_OPEN = re.compile(rf"^{RULE.pattern}|[\d<:：]|forwarded message$")
"""Most lines of most mails are no candidates."""
_DIGIT_OR_ADDRESS = re.compile(r"[\d<]")
_LAST_DIGIT = re.compile(r"\d[\d.,:]*(?:\s+(?:[A-Z]{1,5}|[ap]\.?m\.?|Uhr|uur|г\.|р\.)(?!\w))*(?:[+-]\d{1,4})?")


@dataclass(frozen=True, slots=True)
class Forward:
    """`message` is what the forwarding person wrote; the rest is of the mail inside."""

    message: str | None
    from_: Person | None
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    subject: str | None
    date: str | None
    body: str
    kind: Literal["forward", "reply"] = "forward"


@dataclass(frozen=True, slots=True)
class _Opening:
    """Where another mail begins: its first line, the first line of its body, and what its fields say."""

    start: int
    body: int
    fields: dict[str, str]
    is_forward: bool
    depth: int
    sender: Person | None = None


def forward(text: str, subject: str | None = None) -> Forward | None:
    """None where the mail is no forward: with no other mail in it, or with one that it answers."""
    found = original(text, subject)
    return found if found and found.kind == "forward" else None


def is_sure(found: Forward | None, subject: str) -> bool:
    """Without a subject, `Original Message` over an answer's history looks like one over a forward."""
    return found is not None and bool(subject.strip())


def original(text: str, subject: str | None = None) -> Forward | None:
    """The mail that `text` forwards or answers; None where it holds none."""
    lines = Lines.of(text)
    opening = _opening(lines, subject or "")
    if opening is None:
        return None
    body, after = _body(lines, opening)
    note = "\n".join([*_note(lines, opening.start), "", *after]).strip()
    senders = people(opening.fields.get("from", ""))
    own, without = _prefix(subject or "")
    return Forward(
        message=note or None,
        from_=opening.sender or (senders[0] if senders else None),
        to=people(opening.fields.get("to", "")),
        cc=people(opening.fields.get("cc", "")),
        subject=opening.fields.get("subject") or (without if own in labels.FORWARD_PREFIXES else None),
        date=opening.fields.get("date") or None,
        body=body,
        kind="forward" if opening.is_forward else "reply",
    )


def _opening(lines: Lines, subject: str) -> _Opening | None:
    prefix, _ = _prefix(subject)
    first = lines.next(0)
    if first < len(lines.bare) and _is_row(lines.bare[first]):
        first = lines.next(first + 1)
    rules = 0
    for number, line in enumerate(lines.bare):
        if not line or not _MAY_OPEN.search(line):
            continue
        rules += bool(RULE.match(line))
        if rules > RULES:
            return None
        is_first = number <= first
        found = (
            _ruled(lines, number, prefix, is_first)
            or _of_unknown_words(lines, number, prefix)
            or _bare_fields(lines, number, prefix, is_first and bool(subject.strip()))
            or _attributed(lines, number, prefix)
        )
        if found:
            return found
    return None


def _is_row(line: str) -> bool:
    return len(line) > 1 and not RULE.sub("", line).strip()


def is_titled(subject: str) -> bool | None:
    """Whether the prefix of a subject says that it was forwarded, or that it answers. None: it says neither."""
    prefix, _ = _prefix(subject)
    return True if prefix in labels.FORWARD_PREFIXES else False if prefix in labels.REPLY_PREFIXES else None


def _prefix(subject: str) -> tuple[str, str]:
    """`fwd` and the subject without it; an empty word where there is none that is known."""
    found = _PREFIX.match(subject[:FIELD_CHARACTERS])
    word = labels.plain(found[1]) if found else ""
    if found and (word in labels.FORWARD_PREFIXES or word in labels.REPLY_PREFIXES):
        return word, subject[found.end() :].strip()
    return "", subject.strip()


def _ruled(lines: Lines, number: int, prefix: str, is_first: bool) -> _Opening | None:
    """`---------- Forwarded message ---------`, `Begin forwarded message:` and their like, with a mail under it."""
    words, rest, dashes = _announcement(lines.bare[number])
    if not words:
        return None
    under = lines.next(number + 1)
    is_sure = _is_forwarding(words) or (dashes > 0 and prefix in labels.FORWARD_PREFIXES)
    read = one_line(rest) or (None if rest else block(lines, under, sure=is_sure))
    sender = None
    if read:
        fields, body = (read, number + 1) if isinstance(read, dict) else read
    else:
        said = _attribution(lines, under) if dashes and not rest else None
        if not said:
            return None
        sender, date, body = said
        fields = {"date": date}
    kind = _kind(words, dashes, fields, prefix, is_first)
    if kind is None:
        return None
    return _Opening(
        number,
        body,
        fields,
        kind and not _is_in_a_quote(lines, number),
        lines.depth[min(under, len(lines.depth) - 1)],
        sender,
    )


def _announcement(line: str) -> tuple[str, str, int]:
    """The words between two rules, what follows on the line, and the length of the first rule (0: there is none)."""
    first = RULE.match(line)
    if not first:
        return _phrase(line), "", 0
    inner = line[first.end() : first.end() + FIELD_CHARACTERS]
    second = RULE.search(inner)
    words = inner[: second.start()] if second else inner
    rest = inner[second.end() :].strip() if second else ""
    return (
        (labels.plain(words) if len(words) < ANNOUNCEMENT_CHARACTERS and any(map(str.isalpha, words)) else ""),
        rest,
        len(first[0]),
    )


def _phrase(line: str) -> str:
    """Apple Mail, MailMate and The Bat! write a line of words, without a rule."""
    if len(line) > LABEL_CHARACTERS * 2 or not line.endswith((":", "：", "forwarded message")):
        return ""
    words = labels.plain(line).removeprefix("this is a ")
    return words if words.startswith(labels.FORWARDED) else ""


def _kind(words: str, dashes: int, fields: dict[str, str], prefix: str, is_first: bool) -> bool | None:
    """Whether it announces a forward; None where the line announces nothing."""
    if _is_forwarding(words):
        return True
    if "from" not in fields or len(fields) < WHOLE:
        return None
    if not words.startswith(labels.ORIGINAL):
        is_mails = any("@" in fields.get(role, "") for role in ("from", "to"))  # minutes have From, To and Date too
        return _is_forwarded(prefix, is_mails)
    # Webmailers (Open-Xchange, Roundcube) rule their forwards like this, with ten dashes or with the subject first.
    is_webmail = dashes >= WEBMAIL_DASHES or next(iter(fields)) == "subject"
    return _is_forwarded(prefix, is_first or is_webmail)


def _is_forwarding(words: str) -> bool:
    return any(phrase in words for phrase in labels.FORWARDED)


def _is_forwarded(prefix: str, is_likely: bool) -> bool:
    return prefix in labels.FORWARD_PREFIXES or (prefix not in labels.REPLY_PREFIXES and is_likely)


def _is_in_a_quote(lines: Lines, number: int) -> bool:
    """The quotation goes on from above: it holds a forward, and was answered."""
    above = lines.before(number)
    return lines.depth[number] > 0 and above >= 0 and lines.depth[above] > 0


def _bare_fields(lines: Lines, number: int, prefix: str, is_first: bool) -> _Opening | None:
    """Outlook: `From:`, `Sent:`, `To:`, `Subject:` with at most a row of underscores above."""
    name, _ = label(lines.bare[number])
    if labels.ROLES.get(name) not in ("from", "date", "subject"):
        return None
    read = block(lines, number, sure=False)
    if not read or "from" not in read[0] or len(read[0]) < WHOLE:
        return None
    is_finnish = prefix == "vs" and any(label(line)[0] == "lähettäjä" for line in lines.bare[number : read[1]])
    is_mails = any("@" in read[0].get(role, "") for role in ("from", "to"))  # a journey has From, To and Date too
    is_whole = is_first and "to" in read[0] and is_mails
    is_likely = _is_forwarded("re" if is_finnish else prefix, is_whole)
    above = lines.before(number)
    if _is_dated(lines, above, number):
        date = lines.bare[above].partition(" du ")[2]
        return _Opening(above, read[1], {"date": date, **read[0]}, is_likely, depth=lines.depth[number])
    is_forward = is_likely and not _is_in_a_quote(lines, number)
    if _is_unknown_phrase(lines, above, number):
        return _Opening(above, read[1], read[0], is_forward=True, depth=lines.depth[number])
    return _Opening(number, read[1], read[0], is_forward, lines.depth[number])


def _of_unknown_words(lines: Lines, number: int, prefix: str) -> _Opening | None:
    """Outlook in a language that we do not know: a row, and fields under it that look like those of a mail."""
    if prefix not in labels.FORWARD_PREFIXES or len(lines.bare[number]) < ROW or not _is_row(lines.bare[number]):
        return None
    read = block(lines, number + 1, sure=True)
    if not read or not {"from", "date", "subject"} <= read[0].keys():
        return None
    return _Opening(number, read[1], read[0], is_forward=True, depth=lines.depth[number])


def _is_unknown_phrase(lines: Lines, above: int, number: int) -> bool:
    """Apple Mail's line in a language that we do not know: it opens the quotation in which the fields stand."""
    if above < number - 2 or above < 0 or not lines.depth[above] or _is_in_a_quote(lines, above):
        return False
    return len(lines.bare[above]) < 2 * LABEL_CHARACTERS and lines.bare[above].endswith((":", "："))


def _is_dated(lines: Lines, above: int, number: int) -> bool:
    """Orange begins the quotation in which the fields stand with "Message du 02/11/26 10:15"."""
    if above < number - 1 or above < 0 or not lines.depth[above] or _is_in_a_quote(lines, above):
        return False
    return labels.plain(lines.bare[above]).startswith(labels.DATED)


def _attributed(lines: Lines, number: int, prefix: str) -> _Opening | None:
    """`On 28/10/2026, "Jo" <jo@x.example> wrote:`, in Outlook for the Mac a forward too, as the subject tells."""
    said = _attribution(lines, number)
    if not said:
        return None
    sender, date, body = said
    is_titled = prefix in labels.FORWARD_PREFIXES
    under = lines.next(body)
    if (
        under < len(lines.bare)
        and (is_titled or lines.depth[under] == lines.depth[number])
        and _announces(lines, under)
    ):
        return None
    is_forward = is_titled and not _is_in_a_quote(lines, number)
    return _Opening(number, body, {"date": date}, is_forward, lines.depth[number], sender)


def _announces(lines: Lines, number: int) -> bool:
    return bool(_announcement(lines.bare[number])[0] and block(lines, lines.next(number + 1), sure=True))


def _attribution(lines: Lines, number: int) -> tuple[Person | None, str, int] | None:
    """Who wrote and when, and the line after it."""
    joined = ""
    first = lines.bare[number] if number < len(lines.bare) else ""
    if len(first) < ATTRIBUTION_STARTS or not _DIGIT_OR_ADDRESS.search(first):
        return None
    for later in range(number, min(number + ATTRIBUTION_LINES, len(lines.bare))):
        line = lines.bare[later]
        if not line or lines.depth[later] != lines.depth[number] or len(joined) + len(line) > ATTRIBUTION_CHARACTERS:
            return None
        if labels.ROLES.get(label(line)[0]):
            return None
        joined = f"{joined} {line}".strip()
        if joined.endswith((":", "：", GROUPWISE)):
            return (*_who_and_when(joined), later + 1) if _is_attribution(joined) else None
    return None


def _is_attribution(line: str) -> bool:
    if not any(map(str.isdigit, line)):
        return False
    bare = f" {labels.plain(line).rstrip(' :：')} "
    is_told = any(verb in bare if ord(verb[0]) > CJK else f" {verb} " in bare for verb in labels.VERBS)
    return is_told or (bool(ADDRESS.search(line)) and line.rstrip(" :：\xa0").endswith(">"))


def _who_and_when(line: str) -> tuple[Person | None, str]:
    line = without_links(line.removesuffix(GROUPWISE).rstrip(":： \xa0"))
    found = ADDRESS.search(line)
    before, after = (line[: found.start()], line[found.end() :]) if found else (line, "")
    before, after = before.rstrip(" <([\xa0\"“”„«»'"), after.lstrip(" >)]\xa0")
    if not any(map(str.isdigit, before)):  # the name comes first
        return person(_trimmed(before), found[0] if found else None), _trimmed(after)
    quote = max(before.rfind(mark, 0, -1) for mark in '"“„«')
    comma = before.rfind(",")
    if quote > 0 and not any(map(str.isdigit, before[quote:])):
        date, name = before[:quote], before[quote:]
    elif comma > 0 and not any(map(str.isdigit, before[comma:])):
        date, name = before[:comma], before[comma:]
    else:
        digits = list(_LAST_DIGIT.finditer(before))[-1]
        date, name = before[: digits.end()], before[digits.end() :]
    return person(_trimmed(name), found[0] if found else None), _trimmed(date)


def _trimmed(words: str) -> str:
    """Without the small words around it: "On", "schrieb", "heeft"."""
    kept = words.strip(" ,:\xa0").split()
    while kept and _is_small(kept[0]):
        kept.pop(0)
    while kept and _is_small(kept[-1]):
        kept.pop()
    return " ".join(kept).strip(" ,\"“”„«»'")


def _is_small(word: str) -> bool:
    bare = labels.plain(word).strip(",:")
    return word != "AM" and (not bare or bare in labels.JOINTS or bare in labels.VERBS)


def _note(lines: Lines, start: int) -> list[str]:
    """What stands above the other mail, without a row of underscores that belongs to it."""
    end = lines.before(start) + 1
    if end and _is_row(lines.bare[end - 1]):
        end = lines.before(end - 1) + 1
    return lines.raw[:end]


def _body(lines: Lines, opening: _Opening) -> tuple[str, list[str]]:
    """The words of the other mail, out of their quotation, and those that its forwarder wrote under it."""
    end = _ruled_end(lines, opening.body)
    depth, last = opening.depth, end
    if depth:
        quoted = [number for number in range(opening.body, end) if lines.depth[number] >= depth]
        last = quoted[-1] + 1 if quoted else end
    elif all(lines.depth[number] for number in range(opening.body, end) if lines.bare[number]):
        depth = 1
    said = [_unquoted(line, depth) for line in lines.raw[opening.body : last]]
    after = lines.raw[last:end] + lines.raw[end + 1 :]
    return dedent("\n".join(said)).strip(), after


def _ruled_end(lines: Lines, start: int) -> int:
    """Yandex rules off the end as well, KMail without a word."""
    last = lines.before(len(lines.bare))
    if last > start and len(lines.bare[last]) >= WEBMAIL_DASHES and not lines.bare[last].strip("-"):
        return last
    for number in range(start, len(lines.bare)):
        line = lines.bare[number]
        if (
            line.startswith("---")
            and len(line) < ANNOUNCEMENT_CHARACTERS
            and labels.plain(line.strip("- ")).startswith(labels.ENDS)
        ):
            return number
    return len(lines.bare)


def _unquoted(line: str, depth: int) -> str:
    for _ in range(depth):
        inner = line.lstrip(" \t\xa0")
        if not inner.startswith(">"):
            break
        line = inner[2:] if inner[1:2] in (" ", "\xa0") else inner[1:]
    return line
