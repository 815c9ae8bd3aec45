"""English words that say nothing of what a text is about."""
# ruff: noqa: SIM905 a text of words is read more easily than a list of them

STOPWORDS = frozenset(
    "a all am an and any are as at be because been being both but by can did do does each for from had has have he her "
    "his how i if in into is it its just me my no nor not now of off on only or our out over own same she should so "
    "such than that the their them then there these they this those to too until very was we were what when where "
    "which while who whom why will with you your".split()
)
