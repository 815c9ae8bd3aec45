"""A search as if drafts were published and other articles were gone: what one looks at before publishing.

The passages of the drafts are laid over the live index in memory, for the searches of this one trial. Nothing of it is
written anywhere, and the live index is only read, so that no customer's search can meet a draft.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Generic, TypeVar

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, KnowledgeTrial
from onethread.knowledge.articles import Audience, Context, StoredPassage, Where
from onethread.knowledge.chunking import Chunk, chunk, looked_up_text, wordings
from onethread.knowledge.embedding import NO_PIECES, Embedder, Pieces, Vectors
from onethread.knowledge.exact import Matrix
from onethread.knowledge.lexical import WordsLaidOver
from onethread.knowledge.library import Library
from onethread.knowledge.search import Nearness, Passages, PiecesOf, Searcher
from onethread.knowledge.stemming import language_in
from onethread.knowledge.written import ArticleStore, Written

V = TypeVar("V")
KEPT_DRAFTS = 32
"""Embedding an article of twenty passages takes a third of a second, and a run asks for it with each question."""
KEPT_TRIALS = 4
PASSAGES_A_STEP = 64
_IDS = "select id from live_passages where workspace = ? and document_id = ?"


@dataclass(frozen=True)
class _Laid:
    """A passage that is not live: all that a search asks of one."""

    passage: StoredPassage
    context: Context
    vector: Vectors
    pieces: Pieces


class Trials:
    """Safe to call from several threads. The first search of a trial embeds its drafts and counts their words."""

    def __init__(self, library: Library, live: Searcher, written: ArticleStore) -> None:
        self._library, self._live, self._written = library, live, written
        self._drafts = _Latest[list[_Laid]](KEPT_DRAFTS)
        self._trials = _Latest[_Trial](KEPT_TRIALS)
        self._making = threading.Lock()

    def search(self, question: KnowledgeSearch) -> KnowledgeFound:
        """Raises `NoSuchArticleError` for a draft that the workspace does not have."""
        if question.trial is None:
            return self._live.search(question)
        return self._as_if(question.workspace, question.trial).search(question)

    def _as_if(self, workspace: str, trial: KnowledgeTrial) -> Searcher:
        drafts = [self._written.get(workspace, name) for name in dict.fromkeys(trial.articles)]
        gone = frozenset((*trial.articles, *trial.without))
        model = self._library.models.live(workspace)
        key = (workspace, model.model_id, tuple((draft.id, draft.latest.number) for draft in drafts), gone)
        with self._making:
            made = self._trials.get(key, lambda: self._make(workspace, model, drafts, gone))
            if made.words.is_old:
                made = self._trials.put(key, self._make(workspace, model, drafts, gone))
        laid = made.laid
        live = self._live.vectors.of(model.model_id)
        return replace(
            self._live,
            store=_Store(self._live.store, gone, laid),
            vectors=_Vectors(live, self._ids_of(workspace, gone), made.matrices),
            words=made.words,
            pieces=_Pieces(self._live.pieces, laid),
            models=_Model(model),
        )

    def _make(self, workspace: str, model: Embedder, drafts: list[Written], gone: frozenset[str]) -> "_Trial":
        laid = {one.passage.id: one for one in self._numbered(workspace, model, drafts)}
        hidden = self._ids_of(workspace, gone)
        words = WordsLaidOver(self._library.words, workspace, hidden, [one.passage for one in laid.values()])
        return _Trial(laid, _matrices(laid.values()), words)

    def _numbered(self, workspace: str, embedder: Embedder, drafts: list[Written]) -> Iterator[_Laid]:
        """With ids below zero, which no live passage has."""
        number = 0
        for draft in drafts:
            key = (workspace, embedder.model_id, draft.id, draft.latest.number)
            for one in self._drafts.get(key, lambda draft=draft: _laid(workspace, draft, embedder)):
                number -= 1
                yield replace(one, passage=replace(one.passage, id=number))

    def _ids_of(self, workspace: str, documents: Iterable[str]) -> set[int]:
        connection = self._library.store.connection
        return {row["id"] for name in documents for row in connection.execute(_IDS, (workspace, name))}


@dataclass(frozen=True)
class _Trial:
    laid: dict[int, _Laid]
    matrices: dict[Audience, Matrix]
    words: WordsLaidOver


@dataclass(frozen=True)
class _Store:
    live: Passages
    gone: frozenset[str]
    laid: dict[int, _Laid]

    def has(self, workspace: str) -> bool:
        return bool(self.laid) or self.live.has(workspace)

    def passages(self, workspace: str, ids: Iterable[int], audience: Audience) -> dict[int, StoredPassage]:
        wanted = list(ids)
        found = self.live.passages(workspace, [i for i in wanted if i > 0], audience)
        own = {i: self.laid[i].passage for i in wanted if i in self.laid}
        seen = {i: p for i, p in own.items() if audience == "internal" or p.audience == "public"}
        return {i: p for i, p in found.items() if p.document_id not in self.gone} | seen

    def contexts(self, ids: Iterable[int]) -> dict[int, Context]:
        wanted = list(ids)
        own = {i: self.laid[i].context for i in wanted if i in self.laid}
        return self.live.contexts(i for i in wanted if i > 0) | own


@dataclass(frozen=True)
class _Model:
    """The one that the drafts are embedded with, also when the workspace moves to another meanwhile."""

    embedder: Embedder

    def live(self, workspace: str) -> Embedder:  # noqa: ARG002 a trial has one workspace
        return self.embedder


@dataclass(frozen=True)
class _Vectors:
    live: Nearness
    hidden: set[int]
    matrices: dict[Audience, Matrix]

    def of(self, model_id: str) -> "_Vectors":  # noqa: ARG002 and one model
        return self

    def nearest(self, where: Where, vector: Vectors, k: int) -> dict[int, float]:
        found = self.live.nearest(where, vector, k + len(self.hidden))
        for matrix in self._visible(where):
            found |= matrix.nearest(vector, k, where.languages)
        seen = ((i, cosine) for i, cosine in found.items() if i not in self.hidden)
        return dict(sorted(seen, key=lambda item: -item[1])[:k])

    def cosines(self, where: Where, vector: Vectors, ids: Iterable[int]) -> dict[int, float]:
        wanted = list(ids)
        found = self.live.cosines(where, vector, [i for i in wanted if i > 0 and i not in self.hidden])
        for matrix in self._visible(where):
            found |= matrix.cosines(vector, [i for i in wanted if i < 0], where.languages)
        return found

    def _visible(self, where: Where) -> list[Matrix]:
        return [m for audience, m in self.matrices.items() if where.audience == "internal" or audience == "public"]


@dataclass(frozen=True)
class _Pieces:
    live: PiecesOf
    laid: dict[int, _Laid]

    def get(self, passages: Iterable[int]) -> dict[int, Pieces]:
        wanted = list(passages)
        own = {i: self.laid[i].pieces for i in wanted if i in self.laid}
        return self.live.get(i for i in wanted if i > 0) | own


class _Latest(Generic[V]):
    """The latest `most` values that were asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        return self.put(key, self._kept[key] if key in self._kept else make())

    def put(self, key: Hashable, value: V) -> V:
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value


def _laid(workspace: str, draft: Written, embedder: Embedder) -> list[_Laid]:
    content = draft.latest.content
    chunks = chunk(content.title, content.text)
    chunks += wordings(chunks, content.wordings)
    passages = [_passage(workspace, draft, one) for one in chunks]
    texts = [looked_up_text(passage) for passage in passages]
    embedded = [
        (vector, pieces)
        for start in range(0, len(texts), PASSAGES_A_STEP)
        for some in [embedder.embed_passages(texts[start : start + PASSAGES_A_STEP])]
        for vector, pieces in zip(some.vectors, some.pieces or repeat(NO_PIECES), strict=bool(some.pieces))
    ]
    contexts = [Context(one.context.heading_path, content.text[one.context.start : one.context.end]) for one in chunks]
    return [_Laid(p, c, *own) for p, c, own in zip(passages, contexts, embedded, strict=True)]


def _passage(workspace: str, draft: Written, one: Chunk) -> StoredPassage:
    """Its id is given when it is laid over."""
    content = draft.latest.content
    return StoredPassage(
        id=0,
        workspace=workspace,
        document_id=draft.id,
        version=draft.latest.number,
        title=content.title,
        heading_path=one.span.heading_path,
        text=one.text,
        url=content.url,
        audience=content.audience,
        locale=content.locale,
        wording=one.wording,
    )


def _matrices(laid: Iterable[_Laid]) -> dict[Audience, Matrix]:
    matrices: dict[Audience, Matrix] = {"public": Matrix(), "internal": Matrix()}
    for one in laid:
        of = one.passage
        matrices[of.audience].put([of.id], one.vector[None, :], [language_in(of.locale, looked_up_text(of))])
    return matrices
