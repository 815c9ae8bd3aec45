from dataclasses import replace

import pytest

from onethread.knowledge.articles import Article
from onethread.knowledge.chunking import Chunk, Span
from onethread.knowledge.documents import DocumentStore

ARTICLE = Article("a", "Title", "Text")


def publish(store: DocumentStore, workspace: str = "acme") -> list[int]:
    """Does what ingestion does, without vectors."""
    pending = store.pending(100)
    ids = store.add_passages([(version, whole(version.article.text)) for version in pending])
    store.switch(pending)
    store.settle()
    return [i for of_version in ids for i in of_version]


def whole(text: str) -> list[Chunk]:
    span = Span((), 0, len(text))
    return [Chunk(span, text, span)]


@pytest.fixture
def store(tmp_path):
    store = DocumentStore(tmp_path / "documents.sqlite3")
    yield store
    store.close()


def test_unchanged_content_is_not_indexed_again(store):
    assert store.accept("acme", [ARTICLE]) == 1
    assert store.accept("acme", [ARTICLE]) == 0
    publish(store)
    assert store.accept("acme", [ARTICLE]) == 0
    assert store.pending(10) == []


def test_the_old_version_is_served_until_the_new_one_is_live(store):
    store.accept("acme", [ARTICLE])
    (old,) = publish(store)
    store.accept("acme", [replace(ARTICLE, text="Newer")])
    assert store.passages("acme", [old], "public")[old].text == "Text"
    (new,) = publish(store)
    assert store.passages("acme", [old, new], "public").keys() == {new}
    assert store.passages("acme", [new], "public")[new].version == 2
    assert [item.passage_id for item in store.litter()] == [old]


def test_a_version_that_never_became_live_leaves_nothing_behind(store):
    store.accept("acme", [ARTICLE])
    superseded = store.pending(10)
    ((passage,),) = store.add_passages([(superseded[0], whole("Text"))])
    store.accept("acme", [replace(ARTICLE, text="Newer")])
    store.switch(superseded)
    assert store.add_passages([(superseded[0], whole("Text"))]) == [[]]
    assert [item.passage_id for item in store.litter()] == [passage]
    publish(store)
    assert [p.text for p in store.live_passages("acme")] == ["Newer"]


def test_an_article_that_turns_internal_is_hidden_before_it_is_indexed(store):
    store.accept("acme", [ARTICLE])
    (passage,) = publish(store)
    store.accept("acme", [replace(ARTICLE, audience="internal")])
    assert store.passages("acme", [passage], "public") == {}
    assert store.passages("acme", [passage], "internal").keys() == {passage}


def test_a_removed_article_is_out_of_search_at_once(store):
    store.accept("acme", [ARTICLE])
    (passage,) = publish(store)
    assert store.remove("acme", "a")
    assert store.passages("acme", [passage], "public") == {}
    assert not store.remove("acme", "a")


def test_passage_ids_are_never_used_again(store):
    store.accept("acme", [ARTICLE])
    (old,) = publish(store)
    store.remove("acme", "a")
    store.accept("acme", [ARTICLE])
    (new,) = publish(store)
    assert new > old


def test_a_workspace_sees_its_own_articles_only(store):
    store.accept("acme", [ARTICLE])
    store.accept("other", [ARTICLE])
    ids = publish(store)
    assert {p.workspace for p in store.passages("acme", ids, "internal").values()} == {"acme"}
    store.remove("other", "a")
    assert store.status("acme").documents == 1


def test_a_failed_version_keeps_the_live_one_and_may_be_sent_again(store):
    store.accept("acme", [ARTICLE])
    publish(store)
    broken = replace(ARTICLE, text="Broken")
    store.accept("acme", [broken])
    store.fail(store.pending(1)[0], "could not be cut")
    assert (store.status("acme").failed, store.status("acme").pending) == (1, 0)
    assert [p.text for p in store.live_passages("acme")] == ["Text"]
    assert store.accept("acme", [broken]) == 1


def test_changes_wait_in_order_until_they_are_published(store):
    store.accept("acme", [ARTICLE])
    publish(store)
    store.remove("acme", "a")
    indexed, removed = store.changes()
    assert (indexed.kind, indexed.version, indexed.passages) == ("indexed", 1, 1)
    assert (removed.kind, removed.document_id) == ("removed", "a")
    store.published(indexed)
    assert store.changes() == [removed]


def test_wordings_and_locale_are_kept_and_count_as_content(store):
    asked = replace(ARTICLE, wordings=("Where is my parcel?",), locale="en")
    store.accept("acme", [asked])
    assert store.pending(1)[0].article == asked
    (passage,) = publish(store)
    assert store.passages("acme", [passage], "public")[passage].locale == "en"
    assert store.accept("acme", [replace(asked, wordings=("Is it here yet?",))]) == 1
