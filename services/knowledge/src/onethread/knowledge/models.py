"""Which embedding model a workspace uses, and the models that this server has. Each is loaded when it is needed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from onethread.knowledge import minilm, multilingual
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.embedding import Embedder, EmbeddingError
from onethread.knowledge.minilm import MiniLM
from onethread.knowledge.multilingual import Multilingual
from onethread.knowledge.own_model import Chosen, OwnModel

Kind = Literal["built_in", "openai", "ollama", "sentence_transformers"]


@dataclass(frozen=True)
class Offer:
    """A model that may be chosen. `host` is where texts are sent to; None: they stay here."""

    model_id: str
    name: str
    kind: Kind
    languages: str
    load: Callable[[], Embedder]
    gives_pieces: bool = False
    why_not: Callable[[], str | None] = lambda: None
    host: str | None = None


ENGLISH = Offer(minilm.MODEL_ID, "English", "built_in", "English", cache(MiniLM), gives_pieces=True)
MANY = Offer(
    multilingual.MODEL_ID, "Multilingual", "built_in", "About 100", cache(Multilingual), why_not=multilingual.why_not
)


def own(chosen: Chosen) -> Offer:
    return Offer(
        chosen.model_id, chosen.name, chosen.kind, "Those of the model", lambda: OwnModel(chosen),
        why_not=chosen.why_not, host=chosen.host,
    )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """`wanted` is built beside `live`, until it has all that can be found. `error` says what holds it up."""

    live: str
    wanted: str | None = None
    error: str | None = None


class Models:
    """Safe to call from several threads."""

    def __init__(self, store: DocumentStore, offers: Sequence[Offer] = (ENGLISH, MANY), first: str = "") -> None:
        """`first` is the model that new workspaces start with; the first of the offers if it is not said."""
        self.offers = {offer.model_id: offer for offer in offers}
        self.first = first or offers[0].model_id
        self._store = store
        self._choices: dict[str, Choice] = {}
        self._loaded: dict[str, Embedder] = {}
        self._settled: set[str] = set()
        self._loading, self._choosing = threading.Lock(), threading.Lock()

    def get(self, model_id: str) -> Embedder:
        """Raises `EmbeddingError`."""
        if model_id not in self._loaded:
            with self._loading:
                if model_id not in self._loaded:
                    self._loaded[model_id] = self._load(model_id)
        return self._loaded[model_id]

    def gives_pieces(self, model_id: str) -> bool:
        return model_id in self.offers and self.offers[model_id].gives_pieces

    def live(self, workspace: str) -> Embedder:
        """The one that the workspace's searches use. Raises `EmbeddingError`."""
        return self.get(self.choice(workspace).live)

    def choice(self, workspace: str) -> Choice:
        known = self._choices.get(workspace)
        return known or self._read(workspace)

    def settle(self, workspace: str) -> None:
        """The model that a workspace's first article is indexed with is kept, whatever new workspaces begin with."""
        if workspace not in self._settled:
            self._write(
                workspace, "insert into embeddings (workspace, live) values (:workspace, :first) on conflict do nothing"
            )
            self._settled.add(workspace)

    def want(self, workspace: str, model_id: str) -> None:
        """Begins to build the index of another model; the live one: ends that."""
        wanted = None if model_id == self.choice(workspace).live else model_id
        change = (
            "insert into embeddings (workspace, live, wanted) values (:workspace, :first, :value)"
            " on conflict do update set wanted = excluded.wanted, error = null"
        )
        self._write(workspace, change, wanted)

    def wanted(self) -> dict[str, str]:
        """The models to build, by workspace."""
        query = "select workspace, wanted from embeddings where wanted is not null"
        return {row["workspace"]: row["wanted"] for row in self._store.connection.execute(query)}

    def switch(self, workspace: str, model_id: str) -> bool:
        """Searches use it from here on. False: another one is wanted by now."""
        change = (
            "update embeddings set live = wanted, wanted = null, error = null"
            " where workspace = :workspace and wanted = :value"
        )
        return self._write(workspace, change, model_id)

    def held_up(self, workspace: str, error: str | None) -> None:
        """What keeps the wanted model, or else the live one, from being built."""
        if self.choice(workspace).error != error:
            self._write(workspace, "update embeddings set error = :value where workspace = :workspace", error)

    def _read(self, workspace: str) -> Choice:
        query = "select live, wanted, error from embeddings where workspace = ?"
        with self._choosing:
            row = self._store.connection.execute(query, (workspace,)).fetchone()
            self._choices[workspace] = Choice(**row) if row else Choice(self.first)
            return self._choices[workspace]

    def _write(self, workspace: str, change: str, value: str | None = None) -> bool:
        with self._choosing:
            with self._store.transaction() as db:
                named = {"workspace": workspace, "first": self.first, "value": value}
                changed = db.execute(change, named).rowcount > 0
            self._choices.pop(workspace, None)
        return changed

    def _load(self, model_id: str) -> Embedder:
        offer = self.offers.get(model_id)
        if offer is None:
            raise EmbeddingError(
                f"The embedding model {model_id} is not set up on this server any more. "
                "Nothing is lost: set it up again, or choose another one."
            )
        return offer.load()
