import pytest

from onethread.knowledge.articles import Article
from onethread.knowledge.folder import UnreadableError, parse, sync


def page(title, text="Some text.", **fields):
    head = "".join(f"{name}: {value}\n" for name, value in {"title": title, **fields}.items())
    return f"---\n{head}---\n\n{text}\n"


def test_front_matter_becomes_the_article():
    source = page("Times", id="t", url="https://x.example/t", audience="internal", locale="en")
    assert parse(source, "file") == Article("t", "Times", "Some text.", "https://x.example/t", "internal", "en")
    assert parse(page("Times"), "file").id == "file"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("# No front matter", "no front matter"),
        ("---\ntitle: [\n---\ntext", "not YAML"),
        ("---\nid: x\n---\ntext", "lacks a title"),
        ("---\ntitle: x\n---\n  \n", "lacks a title or a text"),
        (page("x", audience="pubic"), "neither public nor internal"),
    ],
)
def test_a_file_that_is_no_article_says_why(source, reason):
    with pytest.raises(UnreadableError, match=reason):
        parse(source, "file")


def test_the_folder_is_followed(tmp_path, library):
    (tmp_path / "a.md").write_text(page("A"))
    (tmp_path / "b.md").write_text(page("B"))
    (tmp_path / "broken.md").write_text("nothing")
    sync(library.store, "acme", tmp_path)
    assert library.store.ids_from("acme", "folder") == {"a", "b"}
    (tmp_path / "b.md").unlink()
    sync(library.store, "acme", tmp_path)
    assert library.store.ids_from("acme", "folder") == {"a", "b"}, "a broken file may be the missing article"
    (tmp_path / "broken.md").unlink()
    library.store.accept("acme", [Article("sent", "Sent", "By the API")])
    sync(library.store, "acme", tmp_path)
    assert library.store.ids_from("acme", "folder") == {"a"}
    assert library.store.ids_from("acme", "api") == {"sent"}


def test_a_missing_folder_removes_nothing(tmp_path, library):
    (tmp_path / "a.md").write_text(page("A"))
    sync(library.store, "acme", tmp_path)
    sync(library.store, "acme", tmp_path / "gone")
    assert library.store.ids_from("acme", "folder") == {"a"}
