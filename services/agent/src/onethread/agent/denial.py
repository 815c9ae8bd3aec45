"""What a sentence denies, so that "not refundable" never passes for "refundable". Pure."""
# ruff: noqa: SIM905 a text of words is read more easily than a list of them

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from onethread.agent.tongues import Language
from onethread.agent.words import content

_NOT: Mapping[Language, str] = {
    "en": "not never no nor neither cannot none non without isn't aren't wasn't weren't don't doesn't didn't won't "
    "can't couldn't shouldn't wouldn't hasn't haven't mustn't",
    "de": "ohne nicht kein keine keinen keinem keiner keines nie niemals weder",
    "fr": "sans pas jamais aucun aucune ni non",
    "es": "sin no nunca jamás ningún ninguna ninguno ni tampoco",
    "it": "senza non mai nessun nessuna nessuno né",
    "pt": "sem não nunca nenhum nenhuma nem jamais",
    "nl": "zonder niet geen nooit noch",
    "pl": "bez nie nigdy żaden żadna żadne ani",
    "tr": "değil değildir yok yoktur asla olmaz olamaz edilmez edilemez yapılmaz yapılamaz",
    "ru": "без не нет никогда нельзя ни",
}
_NOT_WORDS = {tongue: frozenset(words.split()) for tongue, words in _NOT.items()}
_UNSPACED_NOT = re.compile("[不没沒無无非未]|ない|ません|なし|できず")
_AFTERWARDS: frozenset[Language] = frozenset(("de", "nl", "tr"))
"""Here "not" may stand behind what it denies."""
_NO_DENIAL = frozenset(
    "later more less fewer sooner earlier problem problems worries worry doubt matter forget hesitate only just nur "
    "seulement solo sólo problema".split()
)
"""After these "not" denies nothing that counts."""
_OVER = frozenset("longer yet always necessarily mehr immer unbedingt toujours siempre".split())
_OR = frozenset("or nor and oder noch und ou ni et o ni y né of en lub ani или и ve veya".split())
_HINT = re.compile(
    r"\b(?:except\w*|exclud\w*|exempt\w*|only|unless|instead|however|refus\w*|declin\w*|imposs\w*|unable|fail\w*|"
    r"prohib\w*|forbid\w*|forbidden|reject\w*|den(?:y|ied|ies)|until|unavailable|invalid|ineligible|"
    r"nur|außer|ausnahme\w*|ausgenommen|ausgeschlossen|erst|"
    r"sauf|seulement|uniquement|excep\w*|exclu\w*|hormis|"
    r"salvo|solo|sólo|solamente|únicamente|a menos|"
    r"tranne|soltanto|unicamente|eccetto|apenas|somente|exceto|"
    r"behalve|alleen|uitgezonderd|oprócz|tylko|"
    r"hariç|sadece|yalnızca|кроме|только)\b|[仅只除]|のみ|だけ|以外",
    re.IGNORECASE,
)
"""Says somehow that something is not so, without telling what."""
_EXCEPTION = re.compile(
    r"\b(?:except(?:ion|ions|ing)?|exclud\w*|excluding|exempt\w*|ausnahme\w*|ausgenommen|ausgeschlossen|exclu\w*|"
    r"exclusion\w*|excepci\w*|eccezion\w*|exceç\w*|uitzondering\w*|wyjąt\w*|исключ\w*)\b|除外|例外",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.,;:()!?…。，、；：！？\n–—]|\b(?:but|aber|sondern|mais|pero|sino|ma|mas|maar|ale|но)\b")
_BUT_NOT = re.compile(
    r"\b(?:but|aber|mais|pero|ma|mas|maar|ale|но) (?:not|nicht|kein\w*|pas|no|non|não|niet|geen|nie|не)\b",
    re.IGNORECASE,
)
"""It limits what stands before it as well."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True)
class Denial:
    """Stems that are only denied, and stems that are affirmed; `flatly`: those affirmed where nothing is limited.
    `hints`: something in it is limited or denied; `excepts`: it names exceptions.
    """

    denied: frozenset[str]
    affirmed: frozenset[str]
    flatly: frozenset[str]
    hints: bool
    excepts: bool

    def against(self, source: "Denial") -> frozenset[str]:
        """What this says the opposite of."""
        against = self.denied & source.flatly
        return against if self.hints else against | (self.affirmed & source.denied)


@lru_cache(maxsize=2048)
def denial(text: str, tongue: Language) -> Denial:
    denied, affirmed, flatly, denies = set[str](), set[str](), set[str](), False
    so_far: set[str] = set()
    but_not = _BUT_NOT.search(text) is not None
    for clause in _CLAUSE.split(text.lower().replace("’", "'")):
        words = _WORD.findall(clause)
        stems = ["".join(content(word, tongue)) for word in words]
        places = [i for i, word in enumerate(words) if _denies(words, i, tongue)]
        hit = {stems[at] for i in places for at in _reach(words, stems, i, tongue)}
        if places and not hit:  # "Emoji and logos cannot."
            hit = {*so_far, *stems} - {""}
        rest = {stem for stem in stems if stem} - hit
        denied, affirmed, so_far = denied | hit, affirmed | rest, so_far | rest
        if not places and not but_not and not _HINT.search(clause):
            flatly |= rest
        denies = denies or bool(places)
    hints = denies or any(pattern.search(text) for pattern in (_UNSPACED_NOT, _HINT))
    excepts = _EXCEPTION.search(text) is not None
    return Denial(frozenset(denied - flatly), frozenset(affirmed - denied), frozenset(flatly - denied), hints, excepts)


def _denies(words: list[str], i: int, tongue: Language) -> bool:
    if words[i] not in _NOT_WORDS.get(tongue, ()):
        return False
    return i + 1 == len(words) or words[i + 1] not in _NO_DENIAL


_WITHOUT = frozenset("without no kein keine keinen ohne sans aucun aucune sin senza sem zonder geen bez без".split())
"""These deny all that follows them in their clause."""


def _reach(words: list[str], stems: list[str], at: int, tongue: Language) -> list[int]:
    """Where the words stand that the one at `at` denies: the next that means something, and those joined to it."""
    reach: list[int] = []
    for i in range(at + 1, len(words)):
        if words[i] in _OVER:
            continue
        if not stems[i]:
            if reach and words[i] not in _OR and words[at] not in _WITHOUT:
                break
            continue
        if reach and words[i - 1] not in _OR and words[at] not in _WITHOUT:
            break
        reach.append(i)
    if tongue in _AFTERWARDS:
        reach += [i for i in range(at - 1, -1, -1) if stems[i]][:1]
    return reach


def opposites(words: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Those of `words` of which the others have only the opposite: "opened" where they say "unopened"."""
    return frozenset(
        word
        for word in words
        for prefix, least in (("un", 4), ("non", 4), ("in", 7), ("im", 7), ("ir", 7), ("dis", 6))
        if len(word) >= least and f"{prefix}{word}" in others and word not in others
    )
