"""Search: meaning and words, mixed by scaled score, a second look at the best, the best passage of each article."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from onethread.contracts.knowledge import Evidence, KnowledgeFound, KnowledgeSearch, Passage
from onethread.knowledge.articles import Audience, Context, StoredPassage, Where, language_of
from onethread.knowledge.calibrations import Calibrations
from onethread.knowledge.confidence import features
from onethread.knowledge.embedding import AskedVectors, Embedder, Pieces, Vectors
from onethread.knowledge.reference import comparable
from onethread.knowledge.reranking import SecondLook, second_look, unknown_share

CANDIDATES = 50
# Measured on four help centres: rank fusion throws away how sure each side is, and loses up to five points.
COSINE_SHARE = 0.8
# Of the candidates, so many are looked at again; with more or fewer by half, the figures are the same.
LOOKED_AT = 40


@dataclass(frozen=True)
class Scores:
    """Of passages, by id. `again` has the best of them."""

    cosines: Mapping[int, float]
    words: Mapping[int, float]
    again: SecondLook = field(default_factory=SecondLook)


@dataclass(frozen=True)
class Hit:
    """An article by its best passage. `score` is 1 when it leads in everything."""

    passage: StoredPassage
    score: float


@dataclass(frozen=True)
class Ranking:
    """Hits, best first, at most one an article; the numbers that confidence is made of, and the model they are from."""

    hits: list[Hit]
    numbers: tuple[float, ...]
    model_id: str


class Passages(Protocol):
    """What a search needs of the document store."""

    def has(self, workspace: str) -> bool: ...
    def passages(self, workspace: str, ids: Iterable[int], audience: Audience) -> dict[int, StoredPassage]: ...
    def contexts(self, ids: Iterable[int]) -> dict[int, Context]: ...


class Nearness(Protocol):
    """What it needs of the vector index of one model."""

    def nearest(self, where: Where, vector: Vectors, k: int) -> dict[int, float]: ...
    def cosines(self, where: Where, vector: Vectors, ids: Iterable[int]) -> dict[int, float]: ...


class NearnessBy(Protocol):
    def of(self, model_id: str) -> Nearness: ...


class LiveModels(Protocol):
    def live(self, workspace: str) -> Embedder: ...


class Words(Protocol):
    """What it needs of the word index."""

    def match(self, where: Where, query: str, k: int, also: Iterable[int] = ()) -> dict[int, float]: ...
    def languages(self, workspace: str, audience: Audience) -> set[str]: ...
    def rarity(self, workspace: str, audience: Audience) -> Callable[[str], float]: ...
    def knows(self, workspace: str, audience: Audience) -> Callable[[str], bool]: ...


class PiecesOf(Protocol):
    def get(self, passages: Iterable[int]) -> dict[int, Pieces]: ...


@dataclass(frozen=True)
class Searcher:
    """Safe to call from several threads; blocks for some milliseconds. Its parts are the live ones, or in a trial those
    with drafts laid over them (`trial.py`). Raises `EmbeddingError` while the workspace's model can't be used.
    """

    store: Passages
    vectors: NearnessBy
    words: Words
    pieces: PiecesOf
    models: LiveModels
    calibrations: Calibrations

    def search(self, question: KnowledgeSearch) -> KnowledgeFound:
        ranking = self.rank(question)
        calibration = self.calibrations.of(question.workspace, ranking.model_id)
        left_out = self._left_out(question)
        if not ranking.hits:
            return KnowledgeFound(confidence=0.0, calibration=calibration.version, left_out=left_out)
        hits = ranking.hits[: question.k]
        contexts = self.store.contexts(hit.passage.id for hit in hits)
        return KnowledgeFound(
            confidence=calibration.belief(ranking.numbers),
            passages=[_found(hit, contexts[hit.passage.id]) for hit in hits if hit.passage.id in contexts],
            calibration=calibration.version,
            left_out=left_out,
            evidence=self._evidence(question.workspace, ranking),
        )

    def _evidence(self, workspace: str, ranking: Ranking) -> Evidence:
        """What the belief in what was found is made of."""
        base = self.calibrations.in_use(workspace, ranking.model_id).base
        return Evidence(model=ranking.model_id, calibration=base, numbers=list(ranking.numbers))

    def rank(self, question: KnowledgeSearch) -> Ranking:
        model = self.models.live(question.workspace)
        if not self.store.has(question.workspace):
            return Ranking([], (), model.model_id)
        where = self._where(question)
        vectors = self.vectors.of(model.model_id)
        asked = model.embed_query(question.query)
        cosines = vectors.nearest(where, asked.vector, CANDIDATES)
        words = self.words.match(where, question.query, CANDIDATES, also=cosines)
        cosines |= vectors.cosines(where, asked.vector, words.keys() - cosines.keys())
        if not model.gives_pieces:  # what follows was measured with the one that does
            cosines = comparable(cosines, model)
        # What comes back is checked against the truth: workspace, audience, and that it is still live.
        passages = self.store.passages(question.workspace, cosines.keys() | words.keys(), question.audience)
        if not passages:
            return Ranking([], (), model.model_id)
        scores = self._look_again(where, question.query, asked, passages, Scores(cosines, words))
        hits = _best_of_each_article(passages, _final(passages, scores))
        return Ranking(hits, _numbers(passages, scores, hits[0]), model.model_id)

    def _where(self, question: KnowledgeSearch) -> Where:
        """A language that no article names filters nothing: an answer in another one is better than none."""
        language = language_of(question.locale)
        known = self.words.languages(question.workspace, question.audience)
        return Where(question.workspace, question.audience, (None, language) if language in known else None)

    def _left_out(self, question: KnowledgeSearch) -> list[str]:
        seen = self._where(question).languages
        known = self.words.languages(question.workspace, question.audience)
        return [] if seen is None else sorted(known - {*seen})

    def _look_again(
        self, where: Where, query: str, asked: AskedVectors, passages: Mapping[int, StoredPassage], scores: Scores
    ) -> Scores:
        rarity = self.words.rarity(where.workspace, where.audience)
        knows = self.words.knows(where.workspace, where.audience)
        if not len(asked.pieces):
            return replace(scores, again=SecondLook(strange=unknown_share(query, rarity, knows)))
        mixed = _first_look(passages, scores)
        best = sorted(mixed, key=lambda i: (-mixed[i], i))[:LOOKED_AT]
        return replace(scores, again=second_look(asked, self.pieces.get(best), rarity, knows))


def _final(passages: Mapping[int, StoredPassage], scores: Scores) -> dict[int, float]:
    """A model that has no word pieces leaves all to meaning and words.

    The shares are fitted on the questions of two help centres; those of either one alone give nearly the same.
    """
    if not scores.again.held:
        return _first_look(passages, scores)
    again = scores.again
    return _mixed(passages, (scores.cosines, 0.33), (again.held, 0.43), (again.about, 0.17), (scores.words, 0.07))


def _first_look(passages: Mapping[int, StoredPassage], scores: Scores) -> dict[int, float]:
    return _mixed(passages, (scores.cosines, COSINE_SHARE), (scores.words, 1 - COSINE_SHARE))


def _mixed(passages: Mapping[int, StoredPassage], *sides: tuple[Mapping[int, float], float]) -> dict[int, float]:
    """Each side scaled to its best, times its share."""
    mixed = dict.fromkeys(passages, 0.0)
    for scores, share in sides:
        best = max((scores[i] for i in passages if i in scores), default=0.0)
        if best > 0:
            for i in passages:
                mixed[i] += share * max(scores.get(i, 0.0), 0.0) / best
    return mixed


def _best_of_each_article(passages: Mapping[int, StoredPassage], scores: Mapping[int, float]) -> list[Hit]:
    """The best score of an article counts, and its best passage is shown: a wording leads there, but says nothing."""
    best: dict[str, int] = {}
    shown: dict[str, int] = {}
    for i in sorted(passages, key=lambda i: (-scores[i], i)):
        article = passages[i].document_id
        best.setdefault(article, i)
        if not passages[i].wording:
            shown.setdefault(article, i)
    return [Hit(passages[shown.get(article, i)], scores[i]) for article, i in best.items()]


def _numbers(passages: Mapping[int, StoredPassage], scores: Scores, first: Hit) -> tuple[float, ...]:
    again = scores.again
    return features(
        _best(passages, scores.cosines), _best(passages, scores.words),
        _best(passages, again.held), _best(passages, again.about), again.strange, first.passage.document_id,
    )  # fmt: skip


def _best(passages: Mapping[int, StoredPassage], scores: Mapping[int, float]) -> dict[str, float]:
    """The best score of each article."""
    best: dict[str, float] = {}
    for i in scores.keys() & passages.keys():
        article = passages[i].document_id
        best[article] = max(best.get(article, scores[i]), scores[i])
    return best


def _found(hit: Hit, context: Context) -> Passage:
    passage = hit.passage
    return Passage(
        document_id=passage.document_id,
        title=passage.title,
        heading_path=list(context.heading_path),
        text=context.text,
        url=passage.url,
        locale=passage.locale,
        score=round(hit.score, 4),
        version=passage.version,
    )
