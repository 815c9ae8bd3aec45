"""What a message asks, without what is only around it; and its questions one by one. Pure."""

import re

from onethread.agent.tongues import fold, tongues
from onethread.agent.words import content, language, tokens

LONGEST_READ = 8_000
"""Characters. A search takes no more, and reading 200,000 would hold up everyone else for a second."""
MOST_QUESTIONS = 4
FEW_WORDS = 2
SHORT = 5
_SALUTATION = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|moin|liebe[rs]?|"
    r"sehr geehrte[rs]?|bonjour|bonsoir|ch(?:er|ère)s?|hola|estimad[oa]s?|buen[oa]s \w+|ciao|salve|gentile|"
    r"buongiorno|olá|car[oa]s?|bom dia|boa tarde|beste|geachte|goede\w+|dag|dzień dobry|cześć|szanown\w+|merhaba|"
    r"sayın|iyi günler|здравствуйте|привет|добрый \w+|уважаем\w+)\b",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"(?:(?:best|kind|warm|many)(?:est)? (?:regards|wishes|thanks)|regards|best|cheers|sincerely|yours|thanks|thank you"
    r"|(?:viele|liebe|beste|schöne|freundliche) grüße|mit (?:freundlichen|besten) grüßen|lg|vg|mfg|danke|gruß|"
    r"(?:bien )?cordialement|merci|bonne journée|(?:un )?saludos?(?: cordiales)?|un saludo|atentamente|gracias|"
    r"(?:cordiali|distinti) saluti|saluti|grazie|(?:com os melhores )?cumprimentos|atenciosamente|obrigad[oa]|"
    r"(?:met )?vriendelijke groeten?|groet(?:en|jes)?|bedankt|(?:z poważaniem|pozdrawiam|dziękuję)|"
    r"(?:saygılarımla|saygılar|teşekkürler)|с уважением|спасибо|よろしくお願い(?:いた)?します|以上|此致|谢谢)"
    r"(?!\w)[^.?!？\n]{0,30}[,.!。]?",
    re.IGNORECASE,
)
_SALUTATION_WORDS = 5
_SIGNATURE = re.compile(
    r"^(?:--|__+|—|Sent from my .*|Von meinem .* gesendet|Envoyé de mon .*|Enviado desde mi .*)\s*$"
)
_QUOTE = re.compile(r"^\s*>")
_WROTE = re.compile(
    r"^(?:On|Am|Le|El|Il|Em|Op)\b.{5,120}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef)\b.*:\s*$|"
    r"^-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Forwarded message)\b.*$"
)
_ENDS = re.compile(r"(?<=[.!?])(?<!\d\.)\s+|(?<=[。！？])\s*|\n+")
_IS_QUESTION = re.compile(r"[?？؟]\W*$")
_ASKS = re.compile(
    r"(?:how|what|when|where|which|who|why|can|do|does|is|are|will|could|should|"
    r"wie|was|wann|wo|welche\w*|wer|warum|kann|habt|gibt|ist|comment|quand|quel\w*|où|combien|pourquoi|est-ce|puis-je|"
    r"cómo|como|cuándo|cuánto|dónde|qué|puedo|come|quando|quanto|dove|posso|onde|qual|hoe|wanneer|waar|welke|kan|"
    r"jak|kiedy|gdzie|ile|czy|nasıl|ne|nerede|kaç|как|когда|где|сколько|можно)\b"
)
"""So begins a question, with or without a mark at its end."""
_ANSWERED = re.compile(r"\s*\w{1,5}(?:\[\d+\])?\s?[:：]")
"""`Re:`, `AW:`, `Fwd:` and their like: the subject is an older mail's."""
_AT_SUBJECT = re.compile(
    r"\b(?:subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|temat\w*|konu\w*|tem[ay]|тем[аеуы])\b|件名|主题|主旨|標題",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\W*([^\W_]+(?:['’][^\W_]+)?)[\s,!.:、，！。–-]*")


def said_in(subject: str | None, text: str) -> str:
    """What a mail says. Its own subject counts where the body is empty, or points at it ("see subject")."""
    if not subject or _ANSWERED.match(subject):
        return text
    body = question_of(text)
    points = len(body.split()) <= SHORT and _AT_SUBJECT.search(body)
    return subject if points or not content(body) else text


def question_of(text: str) -> str:
    """The message without quoted mail, salutation, sign-off, signature, and sentences of mere small talk.

    A message that is nothing else is given back as it is. Of a very long one the beginning is read.
    """
    text = text.strip()[:LONGEST_READ]
    lines = _without_letter(_without_quotes([line.strip() for line in text.strip().splitlines()]))
    kept = _trimmed([sentence for line in lines for sentence in _sentences(line)])
    return ("\n" if len(lines) > 1 else " ").join(kept).strip() or text.strip()


def questions(text: str) -> list[str]:
    """Each question of a cleaned message with what leads to it; the whole text where there is at most one.

    "I have a pen. Can I return it? What does shipping cost?" holds two.
    """
    found: list[str] = []
    lead: list[str] = []
    for sentence in _sentences(text):
        lead.append(sentence)
        if _IS_QUESTION.search(sentence) and len(content(sentence)) > 0:
            found.append(" ".join(lead))
            lead = []
    if not 1 < len(found) <= MOST_QUESTIONS:
        return [text]
    return [*found[:-1], " ".join([found[-1], *lead])]


def ends_in_question(text: str) -> bool:
    return _IS_QUESTION.search(text.strip()) is not None


def _without_quotes(lines: list[str]) -> list[str]:
    """Up to a quoted mail or a signature; a quote above the answer is left out."""
    until = next((i for i, line in enumerate(lines) if i and (_WROTE.match(line) or _SIGNATURE.match(line))), None)
    return [line for line in lines[:until] if not _QUOTE.match(line)]


def _without_letter(lines: list[str]) -> list[str]:
    lines = [line for line in lines if line]
    if len(lines) > 1 and _is_salutation(lines[0]):
        lines = lines[1:]
    end = next((i for i, line in enumerate(lines) if i and _SIGN_OFF.fullmatch(line)), None)
    return lines[:end]


def _is_salutation(line: str) -> bool:
    short = len(line.split()) <= _SALUTATION_WORDS and not _IS_QUESTION.search(line)
    return short and _SALUTATION.match(line) is not None


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _ENDS.split(text) if sentence.strip()]


def _trimmed(sentences: list[str]) -> list[str]:
    """Without small talk at either end, and without "I have a question"."""
    while len(sentences) > 1 and _is_small_talk(sentences[0]):
        sentences = sentences[1:]
    while len(sentences) > 1 and _is_small_talk(sentences[-1]):
        sentences = sentences[:-1]
    if sentences:
        sentences = [_without_greeting(sentences[0]), *sentences[1:]]
    return [one for one in sentences if not _is_opener(one)] or sentences


def _without_greeting(sentence: str) -> str:
    """Of "Hi there, how long …" it leaves "how long …"; "Morning delivery?" greets nobody."""
    rest, greeted, closed = sentence, False, False
    while (word := _LEAD.match(rest)) and _may_greet(word[1].lower(), greeted=greeted):
        closed = word[0].rstrip()[-1] in _MARKS
        greeted = greeted or word[1].lower() not in _TIMES
        rest = rest[word.end() :]
    return rest if (greeted or closed) and content(rest) else sentence


def _may_greet(word: str, *, greeted: bool) -> bool:
    if any(word in tongue.greetings for tongue in tongues().values()):
        return True
    return word in _AFTER_GREETING if greeted else word == "good"


_MARKS = ",!.:、，！。"
_AFTER_GREETING = frozenset(("there", "all", "team", "everyone", "everybody", "zusammen", "à", "tous", "a", "todos"))
_TIMES = frozenset(
    (
        "good",
        "morning",
        "afternoon",
        "evening",
        "morgen",
        "abend",
        "tag",
        "day",
        "dag",
        "dia",
        "tarde",
        "tardes",
        "noite",
    )
)
"""They greet before a mark or after a greeting only."""


def _is_small_talk(sentence: str) -> bool:
    words = {*tokens(sentence)}
    return any(
        words <= tongue.greetings | tongue.thanks | tongue.filler and bool(words & (tongue.greetings | tongue.thanks))
        for tongue in tongues().values()
    )


def _is_opener(sentence: str) -> bool:
    plain = fold(sentence).strip(".!?,: ")
    tongue = language(sentence)
    known = [tongues()[tongue]] if tongue else tongues().values()
    return any(one.openers.search(plain) for one in known)


def points_back(text: str) -> bool:
    """True for "and to France?" or "how long does that take": only what was said before completes it."""
    tongue = language(text)
    if len(content(text, tongue)) > SHORT:
        return False
    plain = fold(text).lstrip("¿¡ ")
    known = [tongues()[tongue]] if tongue else tongues().values()
    return any(one.back.search(plain) for one in known)


def is_fragment(text: str) -> bool:
    """May stand alone or may need what was said before: "shipping price", but not "do you ship?"."""
    return len(content(text)) <= FEW_WORDS and not begins_a_question(text)


def begins_a_question(text: str) -> bool:
    return _ASKS.match(text.lstrip("¿ ").lower()) is not None
