"""What other servers report of our mails: RFC 3464, RFC 5965, and those that write it their own way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Literal

from onethread.gateway_email.parsing import charsets
from onethread.gateway_email.parsing.addresses import is_machine, normal, several
from onethread.gateway_email.parsing.mime import Mail, content_of
from onethread.gateway_email.reports.failures import UNKNOWN, Failure, code_in, failure, status_in

State = Literal["failed", "retrying", "delivered"]
Kind = Literal["bounce", "complaint"]
Severity = Literal["hard", "soft", "complaint"]
ACTIONS: dict[str, State] = {"failed": "failed", "delayed": "retrying", "delivered": "delivered"}
KNOWN_ACTIONS = (*ACTIONS, "relayed", "expanded")
TEXT_BYTES = 200_000
"""In so much of a part ids are looked for: what is returned may be large."""
TEXT_CHARACTERS = 20_000
IDS = 50
RECIPIENTS = 100
DSN = {"message/delivery-status", "message/global-delivery-status"}
FEEDBACK = "message/feedback-report"
COMPLAINTS = {
    "abuse": "The recipient reported the mail as spam",
    "opt-out": "The recipient wants no more mail",
    "opt-out-list": "The recipient wants no more mail",
    "fraud": "The recipient reported the mail as fraud",
    "virus": "The recipient's server found a virus in the mail",
    "not-spam": "The recipient reported that the mail is no spam",
    "auth-failure": "The recipient's server could not make sure who sent the mail",
}
NO_COMPLAINTS = {"not-spam", "auth-failure"}
COMPLAINED = ("Original-Rcpt-To", "Removal-Recipient")
TRANSPORT = {"received", "return-path", "message-id", "mime-version", "content-type", "delivered-to"}
"""Two fields with one of these begin a mail that is returned; what a report says of it has only subject and people."""
FIELDS_OF_A_HEADER = 3
NOT_YET = "It could not be delivered yet"
WITH_IDS = ("message-id", "in-reply-to", "references")
_REPORTER = re.compile(
    r"mailer[-_.]?daemon|post[-_.]?master\b|mail delivery (sub)?system|mail deliver(y)? system|mail\.delivery\.system"
    r"|mail[-_. ]daemon\b|delivery (sub)?system@|\bndr\b|\bmta@|^.{0,40}bounces?[-+@]"
    r"|\bmail server at\b|<@?>|\bmicrosoftexchange[0-9a-f]{32}@|(^|[<\s])m?daemon@",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"\bmailer[-_.]?daemon\s*([@>(]|$)", re.IGNORECASE)
"""No person and no shop sends from there."""
SUBJECTS = (
    r"undeliver(able|ed)|deliver\w{0,10} (status|fail|problem|error|report|notif|has|was|delay)",
    r"(un|not )deliver(ed|able)",
    r"fail\w{0,10} (notice|notif|to deliver|deliver)|returned (e-?)?mail",
    r"mail (status|fail|error|system error|delivery)",
    r"message (status|undeliver|could not|blocked|not deliver)|non[- ]?deliver|returned to sender|error sending your",
    r"bounced?\b|delayed mail|message \S{1,40} delayed|(message|mail) delayed",
    r"unzustellbar|nicht (zustellbar|zugestellt)|zustell(ung|status)|übermittlungsstatus|zugestellt werden",
    r"non (remis|distribu|délivr)|[ée]chec|remise (retardée|impossible)",
    r"non (è stato )?(recapita|consegna)|mancat\w{1,3} (recapito|consegna)",
    r"no (se )?(ha )?(podido |puede )?(se )?entreg|no entregad|devuelto|no s'ha pogut (entreg|lliur)",
    r"não entreg|não (foi|pôde)[^.]{0,20} entreg|falha (na|de) entrega|devolvid[ao]|entrega atrasada",
    r"onbestelbaar|niet (bezorgd|afgeleverd|te bezorgen)|bezorging",
    r"niedostarcz|nie (można |udało się )?dostarcz|nie doręcz|opóźnione dostarcz",
    r"nedoruč|nelze doručit|nemožno doručiť|nepodařilo se doručit",
    r"olevererbar|(kan|kunde) inte leverera|(kan|kunne) ikke (leveres|levere)|ikke lever|forsinket",
    r"ei voi(tu|da) toimittaa|toimittaminen|toimitu[sk]|kézbesít|kohaletoimetamat|nepristat|nepiegād",
    r"nelivra|nu a (putut fi )?livrat|imposibil de livrat|n(edostavl|ije (isporuč|dostav))|neisporuč|nedostavljiv",
    r"teslim edil|iletilemedi|tidak (dapat )?(di)?(terkirim|kirim)|không (thể )?gửi|ไม่สามารถส่ง",
    r"(ошибка|сбой) доставки|помилка доставки|error de entrega|erreur de (remise|livraison)|erro (na|de) entrega",
    r"errore (di|nella) (consegna|recapito)|błąd dostarcz|chyba doruč|fout bij (het )?bezorg|lever(ings|ans)fe[jl]",
    r"не ?(удалось |удается )?достав|недостав|не может быть доставлен|не вдалося достав|не може да бъде достав",
    r"エラー通知|配信(不能|エラー|失敗|不可)|配信できま|送信エラー|配送エラー",
    r"退信|退回|无法(投递|送达|传递)|無法(傳遞|投遞|送達)|(投递|传递|发送)失败|전송 ?실패|배달(되지|하지|할 수 없)",
    r"παράδοσης|δεν (παραδόθηκε|ήταν δυνατή η παράδοση)|לא ניתן למסור|تعذر تسليم|غير قابل للتسليم",
)
"""With which a report is headed."""
PHRASES = (
    r"(could|can|did|was|were|is|be|been|has|have)( ?not|n't) (be |been |reach |able to )?(deliver|reach|sen[td])",
    r"undeliver|unable to deliver|deliver\w{0,10} [^.\n]{0,80}fail|failed [^.\n]{0,40}deliver",
    r"error [^.\n]{0,60}deliver",
    r"(had|following) [^.\n]{0,40}(errors|problems|rejected|failed)|(permanent|fatal) (fatal )?(error|failure)",
    r"returned (message|mail)|trouble delivering|rejected by|transcript of session|failure reasons|error message below",
    r"user unknown|unknown user|invalid user|doesn't have a|mail(box)? (is )?full",
    r"zugestellt werden|rejeté|n'a pas pu|non è stato|no se (ha )?pud?o|não (foi|pôde)|kon niet|kunne ikke|kunde inte",
    r"не может быть|не удалось|не было доставлено|送信できませんでした|失敗し|エラー|无法|無法|退回",
)
"""What it says."""
_SUBJECT = re.compile("|".join(SUBJECTS), re.IGNORECASE)
_HERALD = re.compile(r"\s*\[?(warning|notice|attention|postmaster)(:|\])\s*", re.IGNORECASE)
_SAID = re.compile("|".join(PHRASES), re.IGNORECASE)
_TRANSCRIPT = re.compile(
    r"^\s{0,8}(>>> |<<< |rcpt to:|smtp:)|(transcript of session|session transcript)", re.IGNORECASE | re.MULTILINE
)
_WAITING = re.compile(
    r"^action: delayed|\b(will|still) (be |being |continue to be |keep )?(continue|retried|retry|trying|try)\b"
    r"|\bdelayed (for )?\d|has been delayed|not yet been delivered"
    r"|no action is (required|needed)",
    re.IGNORECASE | re.MULTILINE,
)
_RETURNED = re.compile(
    r"^(return-path|received|message-id|from|to|subject|date|mime-version|content-type|x-[\w-]+|dkim-signature|delivered-to"
    r"|authentication-results|domainkey-signature|reply-to|references):",
    re.IGNORECASE,
)
_STARTS = re.compile(
    r"^[^\w@]{0,8}(?:(?:recipient address|addressed to):?|to(?=[\s:])):?\s{0,4}<?|^[^\w@]{0,8}", re.IGNORECASE
)
_ADDRESS = re.compile(r"[^\s<>@()\[\]:;,\"'*（）【】，。：；、]{1,64}@[^\s<>@()\[\]:;,\"'*（）【】，。：；、]{1,253}")
_ID = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>")


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    """That we wrote to, where the report tells; else empty."""
    action: str
    """`failed`, `delayed`, `delivered`, `relayed`, `expanded` (RFC 3464); of a complaint its kind: `abuse`."""
    status: str
    smtp_code: str
    hard: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    kind: Kind
    recipients: tuple[Recipient, ...]

    @property
    def is_failure(self) -> bool:
        """Not only that a mail arrived, or went on to where nobody reports."""
        return self.kind == "complaint" or any(one.action in ("failed", "delayed") for one in self.recipients)


@dataclass(frozen=True, slots=True)
class Bounce:
    state: State
    status: str
    """Enhanced status (RFC 3463), `5.1.1`; empty where none is stated."""
    reason: str
    """In words for the teammate whose reply it was."""
    carried: tuple[str, ...]
    """Message-IDs that stand in it: that of the mail it is about is among them."""
    report: Severity | None = None
    """Of what did not arrive, or was complained about."""
    address: str = ""


def read(mail: Mail, sender: str) -> Bounce | None:
    """None: it is no report. `sender` is that of the envelope. Whether it is about a mail of ours only its ids tell."""
    found = report(mail, sender)
    if found is None:
        return None
    if found.kind == "complaint":
        return _complained(mail, found.recipients[0])
    failed = sorted((one for one in found.recipients if one.action == "failed"), key=lambda one: not one.hard)
    about = (failed or found.recipients)[0]
    state = ACTIONS.get(about.action)
    severity = ("hard" if about.hard else "soft") if state == "failed" else None
    ids = tuple(_carried(mail))
    return Bounce(state, about.status, about.reason, ids, severity, about.address) if state else None


def _complained(mail: Mail, one: Recipient) -> Bounce | None:
    """What was complained about has arrived. That a mail is no spam, or its sender not proven, is no complaint."""
    if one.action in NO_COMPLAINTS:
        return None
    return Bounce("delivered", "", one.reason, tuple(_carried(mail)), "complaint", one.address)


def report(mail: Mail, sender: str | None = None) -> Report | None:
    """`sender` is that of the envelope; None: not known, and what stands in Return-Path is taken."""
    if complaint := _complaint(mail):
        return complaint
    is_reporter = bool(_REPORTER.search(mail.header("From")) or mail.fields("X-Failed-Recipients"))
    blocks = (
        list(_blocks(mail.message, is_reporter=is_reporter))[:RECIPIENTS] if mail.types & DSN or is_reporter else []
    )
    signs = _signs(mail, sender, is_reporter=is_reporter)
    if not (blocks or signs) or mail.fields("X-List-Administrivia"):  # nearly every mail: its text need not be read
        return None
    said, returned = _reported(mail.text)
    if blocks:
        return Report("bounce", tuple(_of_blocks(blocks, said)))
    if not _tells_of_failure(mail, signs, said, returned, is_reporter=is_reporter):
        return None
    return Report("bounce", tuple(_of_text(mail, said, returned)))


def is_null(mail: Mail, sender: str | None) -> bool:
    """The envelope has no sender, so that nobody answers."""
    return (sender if sender is not None else mail.header("Return-Path") or "?").strip() in ("", "<>")


def said_of_content(part: Message) -> str:
    """Its Content-Type without quotes and blanks. The standard library raises on some damaged parameters."""
    return re.sub(r"[\s\"']", "", str(part.get("Content-Type", "")).lower())


def _signs(mail: Mail, sender: str | None, *, is_reporter: bool) -> int:
    """How much of the header is that of a report."""
    signs = is_reporter + _is_daemon(mail) + _is_from_nobody(mail, sender) + _is_notice(mail.header("Subject"))
    return signs + bool(mail.fields("X-Failed-Recipients")) + (mail.message.get_content_type() == "multipart/report")


def _tells_of_failure(mail: Mail, signs: int, said: str, returned: str, *, is_reporter: bool) -> bool:
    """Anybody may write "undeliverable": it takes two signs, and words or a third."""
    has_proof = _returns(mail) or bool(_TRANSCRIPT.search(said))
    if not (is_reporter or has_proof or returned or status_in(said)):  # a parcel that could not be delivered, say
        return False
    is_machines = is_reporter or _is_from_machine(mail)
    return signs + (is_machines and has_proof) >= (2 if _has_words(" ".join(said.split())) else 3)


def _has_words(said: str) -> bool:
    is_told = _SAID.search(said) or _SUBJECT.search(said) or status_in(said) or code_in(said)
    return bool(is_told) or failure("", "", said).reason != UNKNOWN


def _is_from_nobody(mail: Mail, sender: str | None) -> bool:
    return is_null(mail, sender) or mail.header("Return-Path").lower().lstrip("<").startswith("mailer-daemon")


def _is_daemon(mail: Mail) -> bool:
    return bool(_DAEMON.search(mail.header("From")))


def _is_notice(subject: str) -> bool:
    """Not `Re: Undeliverable` or `Automatic reply: Delivery failed`: what stands behind a colon is quoted."""
    bare = _HERALD.sub("", subject)
    found = _SUBJECT.search(bare)
    return bool(found) and ":" not in bare[: found.start()]


def _is_from_machine(mail: Mail) -> bool:
    return any(is_machine(address) for address in several(mail.fields("From")))


def _returns(mail: Mail) -> bool:
    return bool(mail.types & {"message/rfc822", "text/rfc822-headers"})


def _complaint(mail: Mail) -> Report | None:
    """ARF (RFC 5965), and what Outlook.com sends instead."""
    parts: list[Message] = []
    if FEEDBACK in mail.types:
        parts = [part for part in _parts(mail.message) if part.get_content_type() == FEEDBACK]
    is_outlooks = mail.header("Subject").lower().startswith("complaint about message from") and _returns(mail)
    if not (parts or is_outlooks or "report-type=feedback-report" in said_of_content(mail.message)):
        return None
    fields = next((one for part in parts for one in _fields_of(part) if one.get("Feedback-Type")), Message())
    named = [str(value) for name in COMPLAINED for value in fields.get_all(name, [])]
    found = several(named) or several([str(part.get("To", "")) for part in _returned(mail)])
    kind = str(fields.get("Feedback-Type", "abuse")).strip().lower()
    why = COMPLAINTS.get(kind, COMPLAINTS["abuse"])
    return Report("complaint", tuple(Recipient(a, kind, "", "", False, why) for a in found[:RECIPIENTS] or [""]))


def _parts(message: Message, *, inside: bool = False) -> Iterator[Message]:
    """Without what stands in mails that are attached: a customer may forward a bounce. `inside`: with it."""
    yield message
    children = message.get_payload()
    if isinstance(children, list) and (message.get_content_maintype() == "multipart" or inside):
        for child in children:
            if isinstance(child, Message):
                yield from _parts(child, inside=inside)


def _blocks(message: Message, *, is_reporter: bool) -> Iterator[Message]:
    """The fields about each recipient. Some mail servers write them into a text."""
    for part in _parts(message, inside=is_reporter):
        if part.get_content_type() in DSN:
            yield from (one for one in _fields_of(part) if one.get("Action"))
    if is_reporter:
        texts = [part for part in _parts(message) if part.get_content_maintype() == "text"]
        yield from (
            one for part in texts for one in _fields_of(part) if one.get("Action") and one.get("Final-Recipient")
        )


def _fields_of(part: Message) -> Iterator[Message]:
    """The groups of fields of a report, parted by empty lines, whatever it is coded in."""
    said = charsets.decode(content_of(part)[:TEXT_BYTES], None)
    yield from (HeaderParser().parsestr(one) for one in _groups(said))


def _groups(text: str) -> list[str]:
    groups = (one.lstrip("\n") for one in text.replace("\r\n", "\n").split("\n\n"))
    return [one for one in groups if ":" in one][:RECIPIENTS]


def _of_blocks(blocks: list[Message], said: str) -> Iterator[Recipient]:
    about = _by_address(said)
    for block in blocks:
        address = _address(block)
        diagnosis = " ".join(str(block.get("Diagnostic-Code", "")).split())
        action = str(block.get("Action", "")).partition(";")[0].strip().lower()
        status, is_local = str(block.get("Status", "")), diagnosis.lower().startswith("x-unix")
        why = failure(diagnosis, status, about.get(address.lower(), said), is_local=is_local)
        yield _recipient(address, action if action in KNOWN_ACTIONS else "failed", why)


def _address(block: Message) -> str:
    """That we wrote to; where a server passed the mail on, the final one is another's."""
    fields = [str(block.get(f"{name}-Recipient", "")) for name in ("Original", "Final")]
    named = [_of_xtext(one.rpartition(";")[2].strip(" <>\r\n\t")) for one in fields]
    return next((one for one in named if _ADDRESS.fullmatch(one)), next(filter(None, named), ""))


def _of_xtext(address: str) -> str:
    """RFC 3461 writes `+` and `=` in codes. Any other code may as well be the tag of an address."""
    return address.replace("+2B", "+").replace("+3D", "=")


def _recipient(address: str, action: str, why: Failure) -> Recipient:
    reason = NOT_YET if action == "delayed" and why.reason == UNKNOWN else why.reason
    return Recipient(address, action, why.status, why.smtp_code, why.hard and action == "failed", reason)


def _of_text(mail: Mail, said: str, returned: str) -> Iterator[Recipient]:
    about = _by_address(said)
    action = "delayed" if _WAITING.search(said) else "failed"
    for address in _named(mail, said, returned, about)[:RECIPIENTS] or [""]:
        below = about.get(address, said)
        around = "" if code_in(below) or status_in(below) else said  # what is said of others is not said of this one
        yield _recipient(address, action, failure(below, "", around))


def _named(mail: Mail, said: str, returned: str, about: dict[str, str]) -> list[str]:
    """Those that a field names, else those that lines begin with, else the first, else to whom the mail was."""
    ours = {*several(mail.fields("To")), *several(mail.fields("From"))}
    to = [str(part.get("To", "")) for part in _returned(mail)] + [str(HeaderParser().parsestr(returned).get("To", ""))]
    return (
        several(mail.fields("X-Failed-Recipients"))
        or [address for address in about if address not in ours]
        or [address for address in several(_ADDRESS.findall(said)[:RECIPIENTS]) if address not in ours][:1]
        or several(to)[:1]
    )


def _reported(text: str) -> tuple[str, str]:
    """(what the server says, the mail that it returns below): that begins with fields on end."""
    lines = text[:TEXT_CHARACTERS].replace("\r\n", "\n").split("\n")
    start, names = 0, set[str]()
    for at, line in enumerate(lines):
        field = _RETURNED.match(line)
        if field:
            start = start if names else at
            names.add(field[1].lower())
            if start and len(names) >= (FIELDS_OF_A_HEADER - bool(names & TRANSPORT)):
                return "\n".join(lines[:start]), "\n".join(lines[start:])
        elif not line.startswith((" ", "\t")):
            names = set()
    return "\n".join(lines), ""


def _by_address(said: str) -> dict[str, str]:
    """Of each address that a line begins with: the lines until one begins with another."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in said.split("\n"):
        if address := _begins(line):
            current = found.setdefault(address, [])
        current.append(line)
    return {address: "\n".join(lines) for address, lines in found.items()}


def _begins(line: str) -> str | None:
    start = _STARTS.match(line)
    found = _ADDRESS.match(line, start.end() if start else 0)
    return normal(found[0].rstrip(".")) if found else None


def _returned(mail: Mail) -> Iterator[Message]:
    for part in mail.message.walk():
        if part is not mail.message and part.get("From") and part.get("To"):
            yield part


def _carried(mail: Mail) -> Iterator[str]:
    ids = [id_ for part in mail.message.walk() for id_ in _ID.findall(_text(part))]
    yield from list(dict.fromkeys(ids))[:IDS]


def _text(part: Message) -> str:
    """The header of a part (a mail that is returned has its own), and what it says."""
    header = "\n".join(f"{name}: {value}" for name, value in part.raw_items() if name.lower().endswith(WITH_IDS))
    payload = part.get_payload(decode=True) if part.get_content_maintype() in ("text", "message") else None
    said = charsets.decode(payload[:TEXT_BYTES], part.get_content_charset()) if isinstance(payload, bytes) else ""
    return f"{header}\n{said}"
