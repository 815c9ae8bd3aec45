"""The new words of a mail, without the history under them: pure, line by line, in linear time.

Losing the author's words is worse than keeping quoted ones. When in doubt, everything stays.
"""

from __future__ import annotations

STARTS = (
    "on ", "am ", "le ", "el ", "il ", "op ", "em ", "den ", "på ", "w dniu", "dnia ", "dne ", "a ", "în data", "în ",
    "va", "20", "в ", "пн", "вт", "ср", "чт", "пт", "сб", "вс",
)  # fmt: skip
VERBS = (
    "wrote", "schrieb", "a écrit", "escribió", "ha scritto", "schreef", "escreveu", "skrev", "napisał", "napsal",
    "kirjoitti", "írta", "a scris", "написал", "написав", "пише", "yazdı", "のメール", "写道", "寫道", "님이 작성",
    "va escriure", ">",
)  # fmt: skip
RULES = (
    "original message", "original appointment", "ursprüngliche nachricht", "originalnachricht", "message d'origine",
    "mensaje original", "messaggio originale", "oorspronkelijk bericht", "mensagem original", "oprindelig meddelelse",
    "ursprungligt meddelande", "opprinnelig melding", "wiadomość oryginalna", "původní zpráva", "исходное сообщение",
    "原始邮件", "原始郵件", "元のメッセージ", "reply above this line",
)  # fmt: skip
FORWARDS = (
    "begin forwarded message", "anfang der weitergeleiteten", "début du message réexpédié",
    "inizio messaggio inoltrato", "inicio del mensaje reenviado", "begin doorgestuurd bericht",
    "início da mensagem reencaminhada",
)  # fmt: skip
SENDER_LABELS = {"from", "von", "de", "da", "van", "fra", "från", "od", "lähettäjä", "feladó", "от", "gönderen",
                 "发件人", "寄件者", "差出人", "보낸 사람"}  # fmt: skip
OTHER_LABELS = {"sent", "date", "to", "cc", "subject", "gesendet", "datum", "an", "betreff", "envoyé", "à", "objet",
                "enviado", "enviada em", "enviado el", "fecha", "data", "para", "asunto", "assunto", "inviato", "a",
                "oggetto", "verzonden", "aan", "onderwerp", "sendt", "til", "emne", "skickat", "till", "ämne",
                "wysłano", "do", "temat", "odesláno", "komu", "předmět", "дата", "кому", "тема", "отправлено",
                "发送时间", "收件人", "主题", "日期", "送信日時", "宛先", "件名"}  # fmt: skip
ATTRIBUTION_LINES = 4
ATTRIBUTION_CHARACTERS = 400
HEADER_LINES = 8


def new_text(text: str) -> str:
    """`text` without quoted history. The whole text where nothing else would be left, or answers stand in between."""
    lines = [line.rstrip() for line in text.splitlines()]
    whole = "\n".join(lines).strip("\n")
    cut = _history_starts(lines)
    new = "\n".join(lines[:cut]).rstrip()
    if not new.strip() or _is_interleaved(lines[cut:]):
        return whole
    return new.lstrip("\n")


def _history_starts(lines: list[str]) -> int:
    labels = [_label(line) for line in lines]
    for number, line in enumerate(lines):
        if not line:
            continue
        if _is_forward(line):
            return len(lines)
        if _is_rule(line) or _is_header_block(labels, number) or _is_attribution(lines, number):
            return _above_rule(lines, number)
    return _trailing_quote(lines)


def _is_rule(line: str) -> bool:
    bare = line.strip()
    return bare.startswith(("-----", "#####", "_____")) and bare.strip("-#_ ").lower().startswith(RULES)


def _is_forward(line: str) -> bool:
    """What follows is what the sender wants us to read."""
    bare = line.strip().lower()
    is_ruled = bare.startswith("-----") and any(character.isalpha() for character in bare[:200])
    return bare.startswith(FORWARDS) or (is_ruled and not _is_rule(line))


def _is_header_block(labels: list[str], number: int) -> bool:
    """`From:` with at least two of its companions in the next lines."""
    if labels[number] not in SENDER_LABELS:
        return False
    return sum(label in OTHER_LABELS for label in labels[number + 1 : number + HEADER_LINES]) > 1


def _label(line: str) -> str:
    if not line:
        return ""
    name, colon, _ = line[:60].replace("：", ":").partition(":")
    return name.strip("* \t").lower() if colon else ""


def _is_attribution(lines: list[str], number: int) -> bool:
    """`On …, Ana wrote:`, wrapped over up to four lines."""
    if not lines[number].strip().lower().startswith(STARTS):
        return False
    joined = ""
    for line in lines[number : number + ATTRIBUTION_LINES]:
        if not line.strip() or line.startswith(">"):
            return False
        joined += " " + line.strip()
        if len(joined) > ATTRIBUTION_CHARACTERS:
            return False
        if joined.endswith((":", "：")) and any(verb in joined.lower() for verb in VERBS):
            return any(character.isdigit() for character in joined)
    return False


def _above_rule(lines: list[str], number: int) -> int:
    """A row of underscores above a header block belongs to it."""
    above = number - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    is_row = above >= 0 and len(lines[above].strip()) > 1 and not lines[above].strip().strip("_-")
    return above if is_row else number


def _trailing_quote(lines: list[str]) -> int:
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(">")):
        end -= 1
    return end


def _is_interleaved(history: list[str]) -> bool:
    """Own words after a quoted line, below the point where the history begins."""
    quoted = [number for number, line in enumerate(history) if line.startswith(">")]
    if not quoted:
        return False
    last = max(quoted)
    between = history[quoted[0] : last]
    return any(line.strip() and not line.startswith(">") for line in [*between, *history[last + 1 :]])
