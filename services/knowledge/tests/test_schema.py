import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest

from onethread.knowledge import schema
from onethread.knowledge.articles import Article
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.schema import NewerFileError

STEP_1 = (files(schema) / "1-articles.sql").read_text()


@pytest.fixture
def old_file(tmp_path):
    """A document store as the first release left it: no `user_version`, one live article."""
    path = tmp_path / "documents.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(STEP_1)
        content_hash = Article("a", "Title", "Text").content_hash
        db.execute("insert into documents values ('acme', 'a', 1, 1, 'indexed', null, 'api')")
        db.execute(
            "insert into versions values ('acme', 'a', 1, 'Title', 'Text', null, 'public', 'en', ?)", (content_hash,)
        )
        db.execute("insert into passages values (7, 'acme', 'a', 1, '[]', 'Text', 0, 4, '[]', 0, 4)")
        db.commit()
    return path


def test_a_file_of_the_first_release_opens_with_its_articles(old_file):
    with closing(DocumentStore(old_file)) as store:
        (passage,) = store.live_passages("acme")
        assert (passage.id, passage.text, passage.locale) == (7, "Text", "en")
        assert store.status("acme").documents == 1
        assert store.pending(10) == []


def test_opening_twice_changes_nothing_more(old_file):
    for _ in range(2):
        with closing(DocumentStore(old_file)) as store:
            assert store.status("acme").passages == 1


def test_a_step_that_fails_leaves_the_file_as_it_was(old_file):
    with closing(sqlite3.connect(old_file)) as db:
        db.execute("pragma user_version = 1")
        db.execute("drop view live_passages")  # step 2 cannot drop it again
        with pytest.raises(sqlite3.Error):
            schema.migrate(db)
        assert db.execute("pragma user_version").fetchone() == (1,)
        assert "wordings" not in {row[1] for row in db.execute("pragma table_info(versions)")}


def test_a_file_of_a_later_release_is_refused_in_one_sentence(old_file):
    with closing(sqlite3.connect(old_file)) as db:
        db.execute("pragma user_version = 9999")
    with pytest.raises(NewerFileError, match="a later one"):
        DocumentStore(old_file)
