"""What kind of thing a question asks for, an amount of money or of time, and whether a sentence holds one. Pure."""

import re
from collections.abc import Callable

Holds = Callable[[str], bool]

_ASKS_MONEY = re.compile(
    r"\bhow much (?!time|longer)|\b(?:costs?|prices?|priced|fees?|charges?|expensive|cheap)\b"
    r"|\bwie ?viel kost|\bwas kost|\b(?:kosten|preise?|gebühr(?:en)?|teuer)\b"
    r"|\bcombien (?!de temps)|\b(?:prix|coûte\w*|tarifs?|frais)\b"
    r"|\bcuánto (?:cuesta|vale|es)|\b(?:precios?|costes?|costos?|tarifas?)\b"
    r"|\bquanto cost|\b(?:prezz[oi]|costi?|tariff[ae])\b|\bquanto custa|\b(?:preços?|custos?)\b"
    r"|\bhoeveel kost|\bwat kost|\bprij(?:s|zen)\b|\bile kosztuj|\b(?:cen[ay]|koszty?)\b|\bfiyat|\bücret"
    r"|сколько стои|\b(?:цен[аы]|стоимость)\b|いくら|料金|値段|価格|多少钱|价格|费用",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[€$£¥₺₽]\s?\d|\d\s?(?:[€$£¥₺₽%円元]"
    r"|(?:euros?|eur|usd|gbp|chf|dollars?|pounds?|cents?|francs?|zł\w*|pln|tl|lira|руб\w*)\b)"
    r"|\b(?:free|kostenlos\w*|kostenfrei\w*|gratuit\w*|gratis|grátis|bezpłatn\w*|ücretsiz|бесплатн\w*)\b|無料|免费",
    re.IGNORECASE,
)
_ASKS_TIME = re.compile(
    r"\bhow (?:long|soon|fast|quickly|many (?:days|weeks|hours))\b|(?:^|[.!?,;]\s*|\b(?:and|but|so)\s)when\b"
    r"|\b(?:wie (?:lange|schnell)|wann|combien de temps|quand|délais?|cuánto (?:tiempo|tarda)|cuándo|plazo)\b"
    r"|\b(?:quanto tempo|quando|prazo|hoe (?:lang|snel)|wanneer|jak długo|ile (?:trwa|czasu)|kiedy)\b"
    r"|\b(?:ne kadar sür\w*|kaç gün|ne zaman|сколько времени|как долго|когда|срок\w*)\b"
    r"|いつ|どのくらい|何日|多久|什么时候|几天",
    re.IGNORECASE,
)
_NUMBER = (
    r"(?:\d|\b(?:one|two|three|four|five|six|seven|ten|ein\w*|zwei|drei|deux|trois|dos|tres|due|tre)\b"
    r"|\b(?:dois|três|twee|drie)\b)"
)
_UNIT = (
    r"(?:(?:working |business |calendar )?(?:minutes?|hours?|days?|weeks?|months?|years?)"
    r"|minuten?|stunden?|(?:werk|arbeits)?tage?n?|wochen?|monate?n?|jahre?n?|heures?|jours?|semaines?|mois|ans?"
    r"|minutos?|horas?|días?|dias?|semanas?|mes(?:es)?|años?|anos?|minuti|ore|giorn[oi]|settiman[ae]|mes[ei]|ann[oi]"
    r"|uur|uren|(?:werk)?dag(?:en)?|weken|maand(?:en)?|jaar|minut\w*|godzin\w*|dni|dzień|tygodni\w*|miesi\w+"
    r"|dakika|saat|(?:iş )?günü?|hafta|ay|минут\w*|час\w*|д(?:ень|н\w+)|недел\w+|месяц\w*)\b"
)
_TIME = re.compile(
    rf"{_NUMBER}[^.!?]{{0,12}}?(?<![^\W\d_]){_UNIT}"
    r"|\d\s?(?:分|時間|日|週間|天|小时|周|个月)|\ban? (?:hour|day|week|month|year|minute)\b"
    r"|\b(?:instant(?:ly)?|immediately|(?:right|straight) away|at once|today|tomorrow)\b"
    r"|\b(?:sofort|tout de suite|de inmediato|subito|сразу)\b"
    r"|\b\d{1,2}[:.]\d\d\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b",
    re.IGNORECASE,
)


def wanted(question: str) -> Holds | None:
    """Whether a sentence holds such a thing as is asked for. None: the question asks for neither kind."""
    kinds = [holds for asks, holds in ((_ASKS_MONEY, _MONEY), (_ASKS_TIME, _TIME)) if asks.search(question)]
    return (lambda text: any(kind.search(text) for kind in kinds)) if kinds else None
