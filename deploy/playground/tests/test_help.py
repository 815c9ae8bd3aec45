"""The help centre shows what customers may read, and nothing else."""

from __future__ import annotations

import httpx

from onethread.playground.help import articles
from onethread.playground.settings import SAMPLE_HELP


def test_public_articles_are_listed_and_staff_articles_are_not(playground):
    contents = httpx.get(f"{playground.url}/help").text
    assert "/help/delivery-times" in contents
    assert "staff-" not in contents
    assert httpx.get(f"{playground.url}/help/staff-refund-limits").status_code == 404


def test_an_article_is_shown_without_its_front_matter(playground):
    page = httpx.get(f"{playground.url}/help/delivery-times").text
    assert "<h1>How long does shipping take?</h1>" in page
    assert "audience:" not in page


def test_only_what_is_marked_public_is_public(tmp_path):
    for name, mark in (("a", "audience: public"), ("b", "audience: internal"), ("c", "locale: en")):
        (tmp_path / f"{name}.md").write_text(
            f'---\nid: {name}\ntitle: "A: b"\n{mark}\n---\n\n<script>x</script>\n---\n'
        )
    (tmp_path / "d.md").write_text("No front matter")
    assert [(a.slug, a.title) for a in articles(tmp_path)] == [("a", "A: b")]


def test_the_sample_has_articles_for_customers():
    assert len(articles(SAMPLE_HELP)) >= 40
