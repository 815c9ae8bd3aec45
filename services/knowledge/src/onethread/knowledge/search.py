"""Search: meaning and words, mixed by scaled score, the best passage of each article."""

from dataclasses import dataclass

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, Passage
from onethread.knowledge.articles import Context, StoredPassage
from onethread.knowledge.confidence import Calibration, features
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.index import VectorIndex
from onethread.knowledge.lexical import WordIndex

CANDIDATES = 50
# Measured on four help centres: rank fusion throws away how sure each side is, and loses up to five points.
COSINE_SHARE = 0.8


@dataclass(frozen=True)
class Hit:
    """An article by its best passage. `score` is 1 when it leads both in meaning and in words."""

    passage: StoredPassage
    score: float


@dataclass(frozen=True)
class Ranking:
    """Hits, best first, at most one an article, and the eight numbers that confidence is made of."""

    hits: list[Hit]
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Searcher:
    """Safe to call from several threads; blocks for some milliseconds."""

    store: DocumentStore
    vectors: VectorIndex
    words: WordIndex
    embedder: Embedder
    calibration: Calibration

    def search(self, question: KnowledgeSearch) -> KnowledgeFound:
        ranking = self.rank(question)
        if not ranking.hits:
            return KnowledgeFound(confidence=0.0)
        hits = ranking.hits[: question.k]
        contexts = self.store.contexts(hit.passage.id for hit in hits)
        return KnowledgeFound(
            confidence=self.calibration.belief(ranking.numbers),
            passages=[_found(hit, contexts[hit.passage.id]) for hit in hits if hit.passage.id in contexts],
        )

    def rank(self, question: KnowledgeSearch) -> Ranking:
        where = (question.workspace, question.audience)
        if not self.store.has(question.workspace):
            return Ranking([], ())
        vector = self.embedder.embed_query(question.query)
        cosines = self.vectors.nearest(*where, vector, CANDIDATES)
        match = self.words.match(*where, question.query, CANDIDATES, also=cosines)
        cosines |= self.vectors.cosines(*where, vector, match.scores.keys() - cosines.keys())
        # What comes back is checked against the truth: workspace, audience, and that it is still live.
        passages = self.store.passages(question.workspace, cosines.keys() | match.scores.keys(), question.audience)
        hits = _best_of_each_article(passages, cosines, match.scores)
        if not hits:
            return Ranking([], ())
        numbers = features(
            _best(passages, cosines), _best(passages, match.scores), match.known, hits[0].passage.document_id
        )
        return Ranking(hits, numbers)


def _best_of_each_article(
    passages: dict[int, StoredPassage], cosines: dict[int, float], words: dict[int, float]
) -> list[Hit]:
    nearest = max(cosines.values(), default=0.0) or 1.0
    wordiest = max(words.values(), default=0.0) or 1.0
    best: dict[str, Hit] = {}
    for i, passage in passages.items():
        cosine, word = max(cosines.get(i, 0.0), 0.0) / nearest, words.get(i, 0.0) / wordiest
        score = COSINE_SHARE * cosine + (1 - COSINE_SHARE) * word
        known = best.get(passage.document_id)
        if known is None or score > known.score:
            best[passage.document_id] = Hit(passage, score)
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.passage.id))


def _best(passages: dict[int, StoredPassage], scores: dict[int, float]) -> dict[str, float]:
    """The best score of each article."""
    best: dict[str, float] = {}
    for i in scores.keys() & passages.keys():
        article = passages[i].document_id
        best[article] = max(best.get(article, 0.0), scores[i])
    return best


def _found(hit: Hit, context: Context) -> Passage:
    passage = hit.passage
    return Passage(
        document_id=passage.document_id,
        title=passage.title,
        heading_path=list(context.heading_path),
        text=context.text,
        url=passage.url,
        score=round(hit.score, 4),
        version=passage.version,
    )
