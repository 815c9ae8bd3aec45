"""Whether a customer says that they were helped, and nothing else. Pure.

It decides what counts as a confirmed resolution, so whatever is in doubt is none: one word that is not known here is
enough.
"""
# ruff: noqa: SIM905 a text of words is read more easily than a list of them

from __future__ import annotations

import re

_THANKS = frozenset(
    "thanks thank working thx ty cheers solved fixed worked works danke dankeschön dankeschon vielen "
    "merci gracias grazie obrigado obrigada bedankt dank tack takk tak dziękuję dzięki teşekkürler "
    "teşekkür sağol спасибо благодарю شكرا شكرًا".split()
)
_ALONG = frozenset(
    "a again all alright and answer awesome best brilliant clear cool day did everything excellent "
    "fantastic fine for good got great have help helped helpful helping i i'm info information is issue "
    "it it's its just lot lots lovely me much my nice now of ok okay one perfect perfectly problem "
    "problems question quick quickly reply so super team that that's the this to today too trick "
    "understood very was well what wonderful you your yes yep yeah hi hello hey dear hallo bonjour hola "
    "ciao olá alle alles antwort auch beaucoup bem bien bon bonne das de dem den der die día du ein "
    "eine el en es está et für geht gelöst geholfen gut hat hilfe ihr ihre ihrer im ist ja jetzt klappt "
    "la le les lo los mal mille molte moltissime muchas muchísimas muito mucho na nun obrigadíssimo "
    "para parfait perfecto perfetto perfeito por pour pronto rápido réponse schnelle schnell sehr si sí "
    "sim su súper tanto tante top toda todo todos tous tout très tudo tutto un una une voor votre vous "
    "wunderbar zo bardzo çok ederim за помощь большое всё все понятно отлично goed heel hulp je wel u "
    "uw det så mycket".split()
)
_ASIAN = re.compile(
    "(?:どうも|本当に|大変|助かりました|解決しました|ありがとうございました|ありがとうございます|ありがとう|"
    "非常|十分|好的|明白了|解决了|谢谢你|谢谢您|谢谢|多谢|感谢|"
    "정말|대단히|해결됐어요|해결되었습니다|감사합니다|감사해요|고마워요|고맙습니다)+"
)
_NOT_WORDS = re.compile(r"[^\w'’]+|_")
_LONGEST = 25
"""Words."""
_SIGNATURE_WORDS = 5
_SALUTATION = re.compile(
    r"(?:hi|hello|hey|dear|hallo|guten tag|liebe[rs]?|bonjour|hola|ciao|olá|hoi|cześć|привет)\b[^.?!]{0,40}[,!]?",
    re.IGNORECASE,
)


def is_thanks(text: str) -> bool:
    """A letter's salutation, and short lines below such as a name, are no words of its own."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) > 1 and _SALUTATION.fullmatch(lines[0]):
        lines = lines[1:]
    if not lines or any("?" in line or "？" in line for line in lines):
        return False
    first, *below = lines
    return _says_thanks(first) and all(_says_thanks(line) or _signs(line) for line in below)


def _says_thanks(line: str) -> bool:
    words = [word.strip("'’") for word in _NOT_WORDS.split(line.lower().replace("’", "'")) if word.strip("'’")]
    if words and all(_ASIAN.fullmatch(word) for word in words):
        return True
    return len(words) <= _LONGEST and bool(_THANKS & set(words)) and set(words) <= _THANKS | _ALONG


def _signs(line: str) -> bool:
    """Below what was said: a name, "Best regards". A sentence is none."""
    return len(line.split()) <= _SIGNATURE_WORDS and not line.endswith((".", "!", "…")) and not re.search(r"\d", line)
