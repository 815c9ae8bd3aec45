"""Cosines of any model are brought to one scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.embedding import AskedVectors, Embedded
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library
from onethread.knowledge.models import Offer
from onethread.knowledge.reference import comparable


class Narrow:
    """The English model, if it put everything near everything: `share` of each vector is the same for all texts."""

    gives_pieces = False

    def __init__(self, model, share):
        self.model_id, self._model, self._share = f"narrow-{share}", model, share

    def embed(self, texts):
        own = self._model.embed(texts) * (1 - self._share) ** 0.5
        return np.c_[own, np.full(len(own), self._share**0.5)]

    def embed_passages(self, texts):
        return Embedded(self.embed(texts))

    def embed_query(self, text):
        return AskedVectors(self.embed([text])[0])


TEXTS = ("Parcels arrive after three days.", "Parrots eat nuts.", "Send it back within two weeks.")


def seen_by(model):
    asked = model.embed_query("when does my parcel come").vector
    cosines = dict(enumerate((model.embed(TEXTS) @ asked).tolist()))
    return comparable(cosines, model)


@given(st.floats(0.0, 0.9))
@settings(max_examples=20, deadline=None)
def test_a_model_that_puts_everything_near_everything_says_the_same_in_the_end(embedder, share):
    assert seen_by(Narrow(embedder, share)) == pytest.approx(seen_by(embedder), abs=0.02)


def test_what_has_nothing_to_do_with_the_question_is_near_nothing(embedder):
    near = seen_by(embedder)
    assert near[0] > 0.4
    assert abs(near[1]) < 0.2


def test_it_ranks_articles_as_if_it_did_not(embedder, tmp_path):
    """Scaled to the best, .83 and .87 are nearly one, and the words would outweigh them."""
    articles = [Article(f"a{n}", text.split()[0], text) for n, text in enumerate((*TEXTS, "A zebra parcel. A zebra."))]
    asked = KnowledgeSearch(workspace="acme", query="how may I send the zebra parcel back within weeks", k=10)
    ranked = []
    for share in (0.0, 0.85):
        model = Narrow(embedder, share)
        offer = Offer(model.model_id, "Narrow", "openai", "English", lambda model=model: model)
        with open_library(tmp_path / str(share), [offer]) as library:
            library.store.accept("acme", articles)
            Ingestor(library).work()
            ranked.append([hit.passage.document_id for hit in library.searcher.rank(asked).hits])
    assert ranked[0] == ranked[1]
    assert len(ranked[0]) == len(articles)
