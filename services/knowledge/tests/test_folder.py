import pytest

from onethread.knowledge import folder
from onethread.knowledge.articles import Article
from onethread.knowledge.reading.isolation import Reader
from onethread.knowledge.sources import SourceStore, folder_source
from onethread.knowledge.sync_pass import Pass, SyncFailedError


def page(title, text="Some text.", **fields):
    head = "".join(f"{name}: {value}\n" for name, value in {"title": title, **fields}.items())
    return f"---\n{head}---\n\n{text}\n"


@pytest.fixture
def follow(tmp_path, library):
    """Passes over the folder once; gives its pages by name."""
    place = tmp_path / "articles"
    place.mkdir()
    sources = SourceStore(library.store)

    def follow():
        source = folder_source("acme", str(place))
        sources.add(source)
        with Reader() as reader:
            folder.walk(Pass(sources, source, reader))
        return {page.key: page for page in sources.pages(source)}

    follow.place = place
    return follow


def test_the_folder_is_followed(follow, library):
    (follow.place / "a.md").write_text(page("A"))
    (follow.place / "b.md").write_text(page("B", id="own-id"))
    (follow.place / "deep").mkdir()
    (follow.place / "deep" / "c.md").write_text("# No front matter\n\nText.")
    (follow.place / "notes.bin").write_bytes(b"\0\1")
    assert follow().keys() == {"a.md", "b.md", "deep/c.md"}
    assert library.store.ids_from("acme", "folder") == {"a", "own-id", "deep/c"}
    (follow.place / "b.md").unlink()
    follow()
    assert library.store.ids_from("acme", "folder") == {"a", "deep/c"}


def test_a_file_that_breaks_is_named_and_its_article_stays(follow, library):
    (follow.place / "a.md").write_text(page("A"))
    (follow.place / "b.md").write_text(page("B"))
    follow()
    (follow.place / "a.md").write_text(page("A", audience="pubic"))
    (follow.place / "b.md").write_text(page("B", "Newer."))
    pages = follow()
    assert (pages["a.md"].state, pages["a.md"].reason) == ("failed", "its audience is neither public nor internal")
    assert library.store.ids_from("acme", "folder") == {"a", "b"}
    assert {v.article.text for v in library.store.pending(9)} == {"Some text.", "Newer."}


def test_what_the_api_has_sent_is_left_alone(follow, library):
    library.store.accept("acme", [Article("sent", "Sent", "By the API")])
    (follow.place / "a.md").write_text(page("A"))
    follow()
    assert library.store.ids_from("acme", "api") == {"sent"}


def test_articles_of_the_time_before_pages_are_taken_over(follow, library):
    """A store of the first release knows its folder's articles, and no pages."""
    library.store.accept("acme", [Article("a", "A", "Some text."), Article("gone", "Gone", "Text.")], source="folder")
    (follow.place / "a.md").write_text(page("A"))
    (follow.place / "broken.md").write_text(page("x", audience="pubic"))
    assert follow()["a.md"].documents == ("a",)
    assert library.store.ids_from("acme", "folder") == {"a", "gone"}, "a broken file may be the missing article"
    (follow.place / "broken.md").unlink()
    follow()
    assert library.store.ids_from("acme", "folder") == {"a"}
    assert [v.number for v in library.store.pending(9)] == [1], "nothing was indexed again"


def test_two_files_with_one_id_are_told_apart(follow):
    (follow.place / "a.md").write_text(page("A", id="same"))
    (follow.place / "b.md").write_text(page("B", id="same"))
    pages = follow()
    assert (pages["a.md"].state, pages["b.md"].state) == ("pending", "failed")
    assert "already has an article with the id same" in pages["b.md"].reason


def test_a_missing_folder_removes_nothing(follow, library):
    (follow.place / "a.md").write_text(page("A"))
    follow()
    (follow.place / "a.md").unlink()
    follow.place.rmdir()
    with pytest.raises(SyncFailedError, match="The folder is not there"):
        follow()
    assert library.store.ids_from("acme", "folder") == {"a"}


def test_an_empty_folder_is_empty(follow, library):
    (follow.place / "a.md").write_text(page("A"))
    follow()
    (follow.place / "a.md").unlink()
    follow()
    assert library.store.ids_from("acme", "folder") == set()
