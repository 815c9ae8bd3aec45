"""What a message wants, where a help article would be the wrong answer. Pure."""
# ruff: noqa: SIM905 a text of words is read more easily than a list of them

import re
from typing import Literal

from onethread.agent.words import content, tokens

Intent = Literal["greeting", "thanks", "person", "account", "question"]

_GREETINGS = frozenset(
    "hi hello hey hiya howdy greetings morning afternoon evening moin hallo servus guten tag morgen abend "
    "grüezi bonjour salut bonsoir coucou hola buenos días dias buenas tardes noches ciao salve buongiorno "
    "buonasera olá ola oi hoi goedendag hej hei cześć dzień dobry ahoj merhaba selam привет здравствуйте "
    "こんにちは 你好 您好 안녕하세요".split()
)
_THANKS = frozenset(
    "thanks thank thx ty cheers danke dankeschön vielen merci gracias grazie obrigado obrigada bedankt dank "
    "tack takk tak dziękuję teşekkürler спасибо ありがとう ありがとうございます 谢谢 감사합니다 bye goodbye".split()
)
_FILLER = frozenset(
    "a again all alright and awesome best brilliant cool day dear everyone everything for good got great have "
    "help helped helpful helps here is it i'm lot lots lovely me much nice now ok okay one perfect so support "
    "team that that's the there this to too very was well what's worked works yes you your à alle beaucoup "
    "bien bon bonne das de en es für gut ihr ihre ist ja mal mille muchas mucho para por schön sehr super "
    "tous tout todo todos très un une vous zusammen".split()
)

_PERSON = (
    r"(?:human(?: being)?|person|people|(?:live |support |service )*agents?|representative|rep|operator|advis[oe]r|"
    r"colleague|employee|manager|supervisor|team member|staff(?: member)?|customer (?:service|support|care))"
)
_MAN = r"(?:real|live|actual|human|proper|physical|different)"
_ASKS_FOR_PERSON = re.compile(
    "|".join(
        (
            (
                rf"\b(?:talk|speak|chat|connect(?:ed)?|transfer(?:red)?|escalate|(?:put|pass|hand) me)(?: me)?"
                rf"(?: (?:through|over|on))? (?:to|with) (?:(?:an?|the|some|your|one of your) )?(?:{_MAN} )*"
                rf"(?:{_PERSON}|some(?:one|body)(?! (?:on|by|over) (?:the )?(?:phone|telephone)))\b"
            ),
            (
                rf"\b(?:need|want|get me|give me|prefer|can i have|is there) (?:an?|the|some)? ?(?:{_MAN} )*{_PERSON}\b"
                rf"(?! (?:who|with|that|of|discount|price))"
            ),
            rf"^(?:an? )?(?:{_MAN} )*{_PERSON}(?: please| now)*$",
            r"\b(?:not|stop|no more) (?:a |the |this |to a )?(?:ro)?bots?\b",
            (
                r"\bmit (?:einem|einer|jemandem|deinem|ihrem)? ?(?:echten |richtigen )?"
                r"(?:mensch\w*|mitarbeiter\w*|person|kolleg\w*|jemand\w*|berater\w*|kundenservice)\b.*"
                r"\b(?:sprechen|reden|verbinden|verbunden|chatten|schreiben)\b"
            ),
            r"\b(?:echte[rn]?|richtige[rn]?) (?:mensch\w*|mitarbeiter\w*|person)\b",
            (
                r"\b(?:parler|discuter|contacter|joindre|échanger)\b.{0,20}"
                r"\b(?:humain|une? (?:vraie )?personne|quelqu'un|conseiller|conseillère|un agent)\b"
            ),
            (
                r"\b(?:hablar|contactar|comunicar\w*|chatear)\b.{0,20}"
                r"\b(?:humano|una persona|alguien|un agente|un asesor|representante|operador)\b"
            ),
            r"\bparlare\b.{0,20}\b(?:umano|una persona|qualcuno|operatore)\b",
            r"\bfalar\b.{0,20}\b(?:humano|uma pessoa|alguém|atendente)\b",
            (
                r"\b(?:iemand|mens|medewerker)\b.{0,20}\b(?:spreken|praten)\b|\b(?:spreken|praten)\b.{0,20}"
                r"\b(?:iemand|mens|medewerker)\b"
            ),
            r"\bczłowiek\w*|konsultant\w*|живым? человек\w*|оператор\w*|人工客服|转人工|担当者と|オペレーター|상담원",
        )
    )
)

_THING = (
    r"(?:(?:last|latest|recent|new|return|second|other) )?"
    r"(?:order|parcel|package|refund|money|delivery|shipment|payment|item|items|stuff|return|repair|replacement|reward)"
    r"(?! (?:number|code|link|method|label|confirmation))"
)
_ACCOUNT = re.compile(
    "|".join(
        (
            rf"\bwhere(?:'s| is| are)(?: the hell| on earth)? my {_THING}\b",
            rf"\b(?:status|whereabouts) of my {_THING}\b|\bmy order status\b",
            (
                rf"\b(?:has|have|did|is|was) my {_THING} (?:already |been |still |yet )*"
                r"(?:ship\w*|sent|arriv\w*|process\w*|dispatch\w*|left|refund\w*|gone|approved|issued|received|paid)\b"
            ),
            (
                rf"\b(?:haven't|have not|didn't|did not|still not|not yet|never) (?:yet |even )?"
                rf"(?:received|receive|got|gotten|get|seen|had) (?:my|the) {_THING}\b"
            ),
            (
                rf"\bmy {_THING} (?:hasn't|has not|still hasn't|never|did not|didn't|is not|isn't) (?:yet )?"
                r"(?:arriv\w*|come|came|ship\w*|shown|turned|been)\b"
            ),
            r"\b(?:check|look up|look into|look at|cancel|change|track|find) (?:on )?my order (?:for me|number|no\b|#)",
            (
                r"\b(?:order|parcel|invoice|return|refund|bestellung|commande|pedido)\b.{0,20}"
                r"(?:\b[a-z]{1,3}-?\d{5,}\b|#\d{4,}\b|\b\d{6,}\b)"
            ),
            r"\bwo (?:ist|sind|bleibt|bleiben) meine? (?:bestellung|paket|rückerstattung|geld|lieferung|sendung)\b",
            r"\boù (?:est|sont|en est) (?:ma|mon|mes) (?:commande|colis|remboursement|argent|livraison)\b",
            r"\bdónde está(?:n)? mis? (?:pedido|paquete|reembolso|dinero|envío)\b",
        )
    )
)
_POINTS_BACK = re.compile(
    r"^(?:and|but|or|also|what about|how about|und|aber|et|mais|y|pero)\b"
    r"|\b(?:it|its|that|this|they|them|those|these|one|ones|there|the same|instead)\b"
)
_SPACES = re.compile(r"\s+")
FEW_WORDS = 2
SHORT = 5


def intent_of(text: str) -> Intent:
    """`account` means the customer's own order or money, which no article knows."""
    words = set(tokens(text))
    if words and words <= _GREETINGS | _FILLER and words & _GREETINGS:
        return "greeting"
    if words and words <= _THANKS | _GREETINGS | _FILLER and words & _THANKS:
        return "thanks"
    plain = _SPACES.sub(" ", text.lower().replace("’", "'")).strip(" .!?,")
    if _ASKS_FOR_PERSON.search(plain):
        return "person"
    if _ACCOUNT.search(plain):
        return "account"
    return "question"


def points_back(text: str) -> bool:
    """True for "and to France?" or "how long does that take": only what was said before completes it."""
    return len(content(text)) <= SHORT and _POINTS_BACK.search(text.strip().lower()) is not None


def is_short(text: str) -> bool:
    """May stand alone or may need what was said before: "shipping price"."""
    return len(content(text)) <= FEW_WORDS


_SALUTATION = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten tag|liebe[rs]?|bonjour|hola)\b", re.IGNORECASE
)
_SIGN_OFF = re.compile(
    r"(?:(?:best|kind|warm|many)(?:est)? (?:regards|wishes|thanks)|"
    r"regards|best|cheers|sincerely|yours|thanks|thank you|"
    r"(?:viele|liebe|beste) grüße|mit freundlichen grüßen|danke|cordialement|merci|saludos|un saludo|gracias)\b"
    r"[^.?!\n]{0,30}[,.!]?",
    re.IGNORECASE,
)
_SALUTATION_WORDS = 5


def question_of(text: str) -> str:
    """The message without a letter's salutation and sign-off."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) > 1 and len(lines[0].split()) <= _SALUTATION_WORDS and _SALUTATION.match(lines[0]):
        lines = lines[1:]
    for i, line in enumerate(lines):
        if i and _SIGN_OFF.fullmatch(line):
            lines = lines[:i]
            break
    return "\n".join(lines).strip() or text.strip()
