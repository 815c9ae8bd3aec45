"""The word index: BM25 over stems, in memory, rebuilt from the document store.

A passage is stemmed by its own language, a question by each that the passages are in, so that it need not be guessed.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from onethread.knowledge.articles import Audience, Languages, StoredPassage, Where, language_of
from onethread.knowledge.chunking import looked_up_text
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.stemming import ENGLISH, language_in, spoken, stems, stems_of_question

K1, B = 1.2, 0.75
COMMON = 0.1
"""The rarity of a word that every text has."""
UNKNOWN = 5
"""A word that no passage has is as rare as one that so many have: more, and it would outweigh all that can match."""


@dataclass(frozen=True)
class Counted:
    """The words of a passage, by number. They never change, so that a recount counts only what is new.

    `language` is what a search may ask for; `stemmed` the language of its stems.
    """

    stems: list[int]
    language: str | None
    stemmed: str


class _View:
    """BM25 over the passages that one audience may see: nothing else is in it, not even in its word counts."""

    def __init__(self, counted: dict[int, Counted], vocabulary: dict[str, int]) -> None:
        passages = {passage: own.stems for passage, own in counted.items()}
        self._rows = {passage: row for row, passage in enumerate(passages)}
        self._ids = np.fromiter(passages, np.int64, len(passages))
        self._vocabulary = vocabulary
        self._languages = np.array([own.language or "" for own in counted.values()])
        self.languages = {own.language for own in counted.values() if own.language}
        self.stemmed = {own.stemmed for own in counted.values()}
        held = [number for stems in passages.values() for number in set(stems)]
        self._held = np.bincount(np.array(held, np.int64), minlength=len(vocabulary))
        if any(passages.values()):
            from bm25s import BM25

            logging.getLogger("bm25s").setLevel(logging.WARNING)  # on import it sets itself to debug
            self._bm25: BM25 | None = BM25(k1=K1, b=B)
            # bm25s adds a word of its own to the dictionary that it is given.
            self._bm25.index((list(passages.values()), dict(vocabulary)), show_progress=False)
            self._known = np.diff(self._bm25.scores["indptr"]) > 0
        else:
            self._bm25 = None

    def rarity(self, stem: str) -> float:
        """The inverse document frequency of BM25; 0 or more."""
        held = self.held(stem) or min(UNKNOWN, len(self._ids))
        return math.log1p((len(self._ids) - held + 0.5) / (held + 0.5))

    def held(self, stem: str) -> int:
        """By how many passages."""
        number = self._vocabulary.get(stem, len(self._held))
        return int(self._held[number]) if number < len(self._held) else 0

    def match(self, stems: list[str], k: int, also: Iterable[int], languages: Languages) -> dict[int, float]:
        if self._bm25 is None or not stems:
            return {}
        numbers = [self._vocabulary[s] for s in stems if s in self._vocabulary]
        known = [n for n in numbers if n < len(self._known) and self._known[n]]
        if not known:
            return {}
        scores = self._bm25.get_scores_from_ids(known)
        if languages is not None:
            scores = np.where(np.isin(self._languages, [language or "" for language in languages]), scores, 0)
        best = np.argsort(-scores, kind="stable")[:k]
        rows = [*(int(row) for row in best if scores[row] > 0), *(self._rows[i] for i in also if i in self._rows)]
        return {int(self._ids[row]): float(scores[row]) for row in rows}


_Views = dict[Audience, _View]


def _views(counted: dict[int, Counted], audiences: Mapping[int, Audience], vocabulary: dict[str, int]) -> _Views:
    public = {i: own for i, own in counted.items() if audiences[i] == "public"}
    open_to_all = _View(public, vocabulary)
    all_of_it = open_to_all if len(public) == len(counted) else _View(counted, vocabulary)
    return {"public": open_to_all, "internal": all_of_it}


class _Workspace:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.vocabulary: dict[str, int] = {}
        self.counted: dict[int, Counted] = {}
        self.audiences: dict[int, Audience] = {}
        self.views: _Views | None = None


class WordIndex:
    """Safe to call from several threads. A workspace is read from the store at its first search."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._workspaces: dict[str, _Workspace] = {}

    def match(self, where: Where, query: str, k: int, also: Iterable[int] = ()) -> dict[int, float]:
        """The BM25 scores of the k best passages, best first, and of those in `also`."""
        view = self._view(where.workspace, where.audience)
        return view.match(stems_of_question(query, view.stemmed), k, also, where.languages)

    def languages(self, workspace: str, audience: Audience) -> set[str]:
        """Those that articles name, or are plainly written in."""
        return self._view(workspace, audience).languages

    def rarity(self, workspace: str, audience: Audience) -> Callable[[str], float]:
        """How rare a word is among the passages that the audience may see; 0 for words that say nothing."""
        view = self._view(workspace, audience)

        def rarity(word: str) -> float:
            return max(map(view.rarity, stems_of_question(word, view.stemmed)), default=COMMON)

        return rarity

    def knows(self, workspace: str, audience: Audience) -> Callable[[str], bool]:
        """Whether a passage that the audience may see has a word; True for words that say nothing."""
        view = self._view(workspace, audience)

        def knows(word: str) -> bool:
            own = stems_of_question(word, view.stemmed)
            return not own or any(map(view.held, own))

        return knows

    def refresh(self, workspace: str) -> None:
        """Brings the workspace's words up to what is live in the store."""
        state = self._workspaces.setdefault(workspace, _Workspace())
        with state.lock:
            live = self._store.live_ids(workspace)
            new = live.keys() - state.counted.keys()
            passages = self._store.live_passages(workspace) if new else ()
            state.counted |= {p.id: self._count(state.vocabulary, p) for p in passages if p.id in new}
            state.counted = {i: state.counted[i] for i in live if i in state.counted}
            state.audiences = live
            state.views = _views(state.counted, live, state.vocabulary)

    def _view(self, workspace: str, audience: Audience) -> _View:
        return self._all_views(workspace)[audience]

    def _all_views(self, workspace: str) -> _Views:
        state = self._workspaces.setdefault(workspace, _Workspace())
        if state.views is None:
            self.refresh(workspace)
        assert state.views is not None  # noqa: S101 refresh fills it
        return state.views

    def _count(self, vocabulary: dict[str, int], passage: StoredPassage) -> Counted:
        text = looked_up_text(passage)
        stemmed = spoken(text) or language_of(passage.locale) or ENGLISH
        numbers = [vocabulary.setdefault(stem, len(vocabulary)) for stem in stems(text, stemmed)]
        return Counted(numbers, language_in(passage.locale, text), stemmed)


class WordsLaidOver(WordIndex):
    """The words of one workspace as they would be without the passages `hidden` and with `more`. The live index is
    read and left as it is.
    """

    def __init__(
        self, live: WordIndex, workspace: str, hidden: AbstractSet[int], more: Iterable[StoredPassage]
    ) -> None:
        super().__init__(live._store)  # noqa: SLF001 its own kind
        self._live, self._workspace = live, workspace
        self._made_from = live._all_views(workspace)  # noqa: SLF001
        state = live._workspaces[workspace]  # noqa: SLF001
        with state.lock:
            vocabulary = dict(state.vocabulary)
            counted = {i: own for i, own in state.counted.items() if i not in hidden}
            audiences = dict(state.audiences)
        for passage in more:
            counted[passage.id] = self._count(vocabulary, passage)
            audiences[passage.id] = passage.audience
        self._laid_over = _views(counted, audiences, vocabulary)

    @property
    def is_old(self) -> bool:
        """True once the live index has changed."""
        return self._live._all_views(self._workspace) is not self._made_from  # noqa: SLF001

    def _all_views(self, workspace: str) -> _Views:
        """Raises `KeyError` for another workspace than its own."""
        return {self._workspace: self._laid_over}[workspace]
