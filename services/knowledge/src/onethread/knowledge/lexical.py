"""The word index: BM25 with English stems, in memory, rebuilt from the document store."""

import logging
import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from onethread.knowledge.articles import Audience, StoredPassage
from onethread.knowledge.chunking import embedding_text
from onethread.knowledge.documents import DocumentStore

K1, B = 1.2, 0.75
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class WordMatch:
    """BM25 scores by passage id, best first, and the share of the question's stems that the index has."""

    scores: dict[int, float]
    known: float


class _View:
    """BM25 over the passages that one audience may see: nothing else is in it, not even in its word counts."""

    def __init__(self, passages: dict[int, list[int]], vocabulary: dict[str, int]) -> None:
        self._rows = {passage: row for row, passage in enumerate(passages)}
        self._ids = np.fromiter(passages, np.int64, len(passages))
        self._vocabulary = vocabulary
        if any(passages.values()):
            from bm25s import BM25

            logging.getLogger("bm25s").setLevel(logging.WARNING)  # on import it sets itself to debug
            self._bm25: BM25 | None = BM25(k1=K1, b=B)
            # bm25s adds a word of its own to the dictionary that it is given.
            self._bm25.index((list(passages.values()), dict(vocabulary)), show_progress=False)
            self._known = np.diff(self._bm25.scores["indptr"]) > 0
        else:
            self._bm25 = None

    def match(self, stems: list[str], k: int, also: Iterable[int]) -> WordMatch:
        if self._bm25 is None or not stems:
            return WordMatch({}, 0.0)
        numbers = [self._vocabulary[s] for s in stems if s in self._vocabulary]
        known = [n for n in numbers if n < len(self._known) and self._known[n]]
        if not known:
            return WordMatch({}, 0.0)
        scores = self._bm25.get_scores_from_ids(known)
        best = np.argsort(-scores, kind="stable")[:k]
        rows = [*(int(row) for row in best if scores[row] > 0), *(self._rows[i] for i in also if i in self._rows)]
        return WordMatch({int(self._ids[row]): float(scores[row]) for row in rows}, len(known) / len(stems))


class _Workspace:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.vocabulary: dict[str, int] = {}
        # The stems of a passage never change, so that a rebuild counts only what is new.
        self.stems: dict[int, list[int]] = {}
        self.views: dict[Audience, _View] | None = None


class WordIndex:
    """Safe to call from several threads. A workspace is read from the store at its first search."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._workspaces: dict[str, _Workspace] = {}
        self._stemming = threading.local()

    def match(self, workspace: str, audience: Audience, query: str, k: int, also: Iterable[int] = ()) -> WordMatch:
        """The k best passages, and the scores of those in `also`."""
        state = self._workspaces.setdefault(workspace, _Workspace())
        if state.views is None:
            self.refresh(workspace)
        assert state.views is not None  # noqa: S101 refresh fills it
        return state.views[audience].match(self.stems(query), k, also)

    def refresh(self, workspace: str) -> None:
        """Brings the workspace's words up to what is live in the store."""
        state = self._workspaces.setdefault(workspace, _Workspace())
        with state.lock:
            live = self._store.live_ids(workspace)
            new = live.keys() - state.stems.keys()
            counted = (
                {p.id: self._numbers(state, p) for p in self._store.live_passages(workspace) if p.id in new}
                if new
                else {}
            )
            state.stems = {
                i: counted[i] if i in counted else state.stems[i] for i in live if i in counted or i in state.stems
            }
            public = {i: numbers for i, numbers in state.stems.items() if live[i] == "public"}
            open_to_all = _View(public, state.vocabulary)
            all_of_it = open_to_all if len(public) == len(state.stems) else _View(state.stems, state.vocabulary)
            state.views = {"public": open_to_all, "internal": all_of_it}

    def stems(self, text: str) -> list[str]:
        from bm25s.stopwords import STOPWORDS_EN
        from Stemmer import Stemmer

        stemmer = getattr(self._stemming, "stemmer", None)
        if stemmer is None:  # a stemmer is not safe to share between threads
            stemmer = self._stemming.stemmer = Stemmer("english")
        words = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
        return stemmer.stemWords([word for word in words if word not in STOPWORDS_EN])

    def _numbers(self, state: _Workspace, passage: StoredPassage) -> list[int]:
        text = embedding_text(passage.title, passage.heading_path, passage.text)
        return [state.vocabulary.setdefault(stem, len(state.vocabulary)) for stem in self.stems(text)]
