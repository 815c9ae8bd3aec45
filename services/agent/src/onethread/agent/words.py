"""Words of a text: which carry meaning, and which language the others betray. Pure."""
# ruff: noqa: SIM905 a text of words is read more easily than a list of them

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from Stemmer import Stemmer

Language = Literal["en", "de", "fr", "es"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SMALL: dict[Language, frozenset[str]] = {
    "en": frozenset(
        "a about after all also am an and any are aren't as at be because been before but by can can't cannot "
        "could did didn't do does doesn't doing don't for from get gets had has have he her here hers him his how "
        "i i'd i'll i'm i've if in into is isn't it it's its just let like many may me might more much must my "
        "need no not of off on one only or our ours out over please she should so some such tell than that that's "
        "the their them then there these they they're this those through to too under until up us very want was "
        "wasn't we we're were what what's when where where's which while who who's why will with won't would you "
        "you're your yours".split()
    ),
    "de": frozenset(
        "aber alle als am auch auf aus bei bin bis bitte da das dass dein dem den der des die doch du ein eine "
        "einem einen einer er es für gibt habe haben hat hatte ich ihr ihre ihren im in ist ja kann kein keine "
        "können man mein meine meinem meinen meiner mich mir mit möchte muss nach nicht noch nur oder schon sein "
        "sich sie sind so über um und uns unser vom von vor wann warum was wenn wer werden wie wir wird wo zu zum "
        "zur".split()
    ),
    "fr": frozenset(
        "ai au aux avec avez bien c'est ce ces cette combien comment dans de des du elle en est est-ce et être il "
        "ils j'ai je l'ai la le les leur lui ma mais me mes moi mon n'ai n'est ne nos notre nous on ou où par pas "
        "peut peux plus pour pourquoi puis-je qu'est quand que quel quelle qui sa se ses si son sont suis sur ta "
        "te tu un une vos votre vous".split()
    ),
    "es": frozenset(
        "al aquí como cómo con cuál cuándo cuánto cuesta de del desde dónde el ella en entre es esta está este "
        "esto están favor fue ha han hay he la las le les lo los me mi mis muy más nada ni no nos o para pero por "
        "porque puede puedo que qué quiero se si sin sobre son soy su sus te tengo tiene tienen todo tu un una "
        "uno unos y ya yo".split()
    ),
}
_ANY_SMALL = frozenset().union(*_SMALL.values())


def tokens(text: str) -> list[str]:
    """The words of `text`, in lower case."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower().replace("’", "'"))


def content(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return _stemmer().stemWords([word for word in tokens(text) if word not in _ANY_SMALL])


def language(text: str) -> Language | None:
    """None when no small word tells. English wins a tie."""
    words = tokens(text)
    counts = {name: sum(word in _SMALL[name] for word in words) for name in get_args(Language)}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


@cache
def _stemmer() -> "Stemmer":
    from Stemmer import Stemmer

    return Stemmer("english")
