"""Numbers of a text with what they count, so that "30 days" is neither "60 days" nor "30 weeks". Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from onethread.agent.tongues import Language

_UNITS: Mapping[str, str] = {
    "minute": "min mins minute minutes minuten minuto minutos minuti minuut minut minuty dakika минут минуты 分钟 分",
    "hour": "h hr hrs hour hours stunde stunden heure heures hora horas ora ore uur uren godzin godziny saat "
    "часов часа 小时 時間",
    "day": "day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen dni dzień gün "
    "дней дня день 天 日",
    "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane weken tydzień tygodni hafta "
    "недель недели 周 週間",
    "month": "month months monat monate monaten mois mes meses mese mesi mês maand maanden miesiąc miesięcy ay "
    "месяцев месяца 个月 か月",
    "year": "year years jahr jahre jahren an ans année années año años anno anni ano anos jaar rok lat yıl "
    "лет года год 年",
    "eur": "€ eur euro euros",
    "usd": "$ usd dollar dollars",
    "gbp": "£ gbp pound pounds",
    "chf": "chf franken",
    "pln": "zł pln",
    "try": "₺ tl try",
    "yen": "¥ yen jpy 円",
    "rub": "₽ rub рублей рубля",
    "percent": "% percent prozent procent",
    "kg": "kg kilo kilos kilogram kilograms",
    "g": "g gram grams gramm",
    "km": "km",
    "cm": "cm",
    "mm": "mm",
    "ml": "ml",
    "litre": "l litre litres liter liters",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_MEASURES = {*_UNIT_OF, "work", "working", "busi", "busines", "up", "least", "most", "within", "about", "cost"}
_WORKING = re.compile(r"(?:working|business|work|bank|banking|werk|arbeits|ouvr\w+|hábil\w*|lavorativ\w+)[\s-]*")
_COUNTS: Mapping[Language, str] = {
    "en": "two three four five six seven eight nine ten eleven twelve",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "it": "due tre quattro cinque sei sette otto nove dieci undici dodici",
    "pt": "dois três quatro cinco seis sete oito nove dez onze doze",
    "nl": "twee drie vier vijf zes zeven acht negen tien elf twaalf",
}
_TENS: Mapping[Language, str] = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "nl": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
}
_WORDS: Mapping[Language, Mapping[str, str]] = {
    tongue: {
        **{word: str(n) for n, word in enumerate(counts.split(), 2)},
        **{word: str(10 * n) for n, word in enumerate(_TENS[tongue].split(), 2)},
    }
    for tongue, counts in _COUNTS.items()
}
_NUMBER = re.compile(r"\d+(?:[.,:'’]\d+)*|[^\W\d_]+")
_BEFORE = re.compile(r"([€$£¥₺₽]|\b(?:eur|usd|gbp|chf|pln)\b)\s?$", re.IGNORECASE)
_AFTER = re.compile(r"[\s\u00a0-]?((?:[^\W\d_]+[\s-])?)([€$£¥₺₽%円]|[^\W\d_]+)")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+")
_GROUPED = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+)[.,](\d{1,2})")
_RANGE = re.compile(r"\s?(?:[-–—/]|to|or|and|bis|oder|und|à|ou|a|o|y|e|tot|en|do|lub)\s?[€$£]?", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """`unit` is None where what is counted is no measure. `start` and `end` are where it stands."""

    value: str
    unit: str | None
    start: int
    end: int

    def is_like(self, other: "Figure") -> bool:
        return self.value == other.value and (None in {self.unit, other.unit} or self.unit == other.unit)


def figures(text: str, tongue: Language | None = None) -> list[Figure]:
    """In order. Numbers in words are read in `tongue`."""
    words = _WORDS.get(tongue or "en", {})
    found: list[Figure] = []
    for match in _NUMBER.finditer(text):
        value = _plain(match[0]) if match[0][0].isdigit() else words.get(match[0].lower())
        if value is not None:
            found.append(Figure(value, _unit(text, match), match.start(), match.end()))
    return _with_the_units_of_ranges(text, found)


def ranges(text: str, found: list[Figure]) -> list[list[Figure]]:
    """The figures, those of one range together."""
    groups: list[list[Figure]] = []
    for figure in found:
        if groups and _RANGE.fullmatch(text, groups[-1][-1].end, figure.start):
            groups[-1].append(figure)
        else:
            groups.append([figure])
    return groups


def is_measure(stem: str) -> bool:
    """True for a word, or its stem, that says what is counted."""
    return stem in _MEASURES


def _plain(number: str) -> str:
    if _THOUSANDS.fullmatch(number):
        return re.sub(r"\D", "", number)
    if mixed := _GROUPED.fullmatch(number):
        number = re.sub(r"\D", "", mixed[1]) + f".{mixed[2]}"
    number = number.replace(",", ".").replace("’", ".").replace("'", ".")
    if number.count(".") == 1 and ":" not in number:
        number = number.rstrip("0").rstrip(".")
    return number.removesuffix(":00").lstrip("0") or "0"


def _unit(text: str, match: re.Match[str]) -> str | None:
    if before := _BEFORE.search(text, max(0, match.start() - 5), match.start()):
        return _UNIT_OF[before[1].lower()]
    after = _AFTER.match(text, match.end())
    if after is None:
        return None
    between, word = after[1].lower().rstrip(" -"), after[2].lower()
    if between and _WORKING.fullmatch(between):
        return f"working {_UNIT_OF.get(word, word)}"
    if between:
        word = between
    if compound := _WORKING.match(word):
        rest = _UNIT_OF.get(word[compound.end() :])
        return f"working {rest}" if rest else None
    return _UNIT_OF.get(word)


def _with_the_units_of_ranges(text: str, found: list[Figure]) -> list[Figure]:
    """In "1–3 days" the 1 counts days as well."""
    return [
        figure if figure.unit else replace(figure, unit=group[-1].unit)
        for group in ranges(text, found)
        for figure in group
    ]
