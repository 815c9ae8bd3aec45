"""A website as a source, read from a local one that changes, breaks and comes back."""

import gzip
import ipaddress

import pytest
from plugins.local_site import serving

from onethread.knowledge.reading.isolation import Reader
from onethread.knowledge.sources import Source, SourceStore
from onethread.knowledge.sync_pass import Pass, SyncFailedError
from onethread.knowledge.website import Scope, Walk
from onethread.runtime.fetching import Fetcher, Guard


@pytest.fixture(scope="module")
def reader():
    with Reader() as reader:
        yield reader


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.fixture
def follow(site, store, reader):
    """One pass over the site from `start`; gives its pages by path."""
    sources = SourceStore(store)

    marks = [None]

    def follow(start="/", **options):
        source = Source("acme", "web", "website", "Help", site.url + start, options, mark=marks[-1])
        sources.add(source)
        guard = Guard((ipaddress.ip_network("127.0.0.0/8"),), frozenset({site.port}))
        site.asked.clear()
        with Fetcher(guard) as fetcher:
            marks.append(Walk(Pass(sources, source, reader), fetcher, pause=0).run())
        return pages()

    def pages():
        found = sources.pages(Source("acme", "web", "website", "Help"))
        return {page.key.removeprefix(site.url): page for page in found}

    follow.pages = pages
    return follow


def titles(store):
    return sorted(version.article.title for version in store.pending(1_000))


def link(*paths):
    return " ".join(f'<a href="{path}">more</a>' for path in paths)


class TestFindingPages:
    def test_a_sitemap_lists_the_pages(self, site, follow, store):
        site.article("/", "Home")
        site.article("/a", "A")
        site.article("/b", "B", link("/unlisted"))
        site.article("/unlisted", "Unlisted")
        site.sitemap("/a", "/b")
        assert follow().keys() == {"/a", "/b"}
        assert titles(store) == ["A", "B"]

    def test_an_index_of_packed_sitemaps_does_too(self, site, follow, store):
        site.article("/", "Home")
        site.article("/a", "A")
        inner = f"<urlset><url><loc>{site.url}/a</loc></url></urlset>"
        site.put("/deep.xml.gz", gzip.compress(inner.encode()), content_type="application/gzip")
        index = f"<sitemapindex><sitemap><loc>{site.url}/deep.xml.gz</loc></sitemap></sitemapindex>"
        site.put("/index.xml", index, content_type="text/xml")
        site.put("/robots.txt", f"Sitemap: {site.url}/index.xml", content_type="text/plain")
        follow()
        assert titles(store) == ["A"]

    def test_without_one_links_are_followed_within_host_and_path(self, site, follow, store):
        site.article("/help/", "Home", link("/help/a", "b#part", "/shop", "https://elsewhere.example/", "/help/x.png"))
        site.article("/help/a", "A", link("/help/a/deep", "/help/?utm_source=x"))
        site.article("/help/a/deep", "Deep", link("/help/a"))
        site.article("/help/b", "B")
        site.article("/shop", "Shop")
        follow("/help/")
        assert titles(store) == ["A", "B", "Deep", "Home"]
        assert site.paths().count("/help/a") == 1

    def test_depth_and_number_of_pages_are_limited(self, site, follow, store):
        for n in range(9):
            site.article(f"/help/{n}", f"Page {n}", link(f"/help/{n + 1}"))
        site.article("/help/", "Home", link("/help/0"))
        assert follow("/help/", max_depth=3).keys() == {"/help/", "/help/0", "/help/1", "/help/2"}
        assert len(follow("/help/", max_pages=2)) == 4, "what is known beyond a limit stays"

    def test_a_pass_after_a_limited_one_finds_what_unchanged_pages_lead_to(self, site, follow, store):
        for n in range(5):
            site.article(f"/help/{n}", f"Page {n}", link(f"/help/{n + 1}"), etag='"1"')
        site.article("/help/", "Home", link("/help/0"), etag='"1"')
        follow("/help/", max_pages=2)
        assert len(follow("/help/")) == 6

    def test_the_scope_is_the_folder_of_the_start(self):
        assert Scope.of("https://x.example/help/index.html").holds("https://x.example/help/a")
        assert Scope.of("https://x.example/help").holds("https://x.example/help/a")
        assert not Scope.of("https://x.example/help").holds("https://x.example/helpless")
        assert not Scope.of("https://x.example/help/").holds("https://y.example/help/a")

    def test_robots_txt_is_respected(self, site, follow, store):
        site.put("/robots.txt", "User-agent: *\nDisallow: /private\n", content_type="text/plain")
        site.article("/", "Home", link("/private/a", "/b"))
        site.article("/private/a", "Private")
        site.article("/b", "B")
        pages = follow()
        assert titles(store) == ["B", "Home"]
        assert (pages["/private/a"].state, pages["/private/a"].reason) == ("skipped", "robots.txt asks not to read it")
        assert "/private/a" not in site.paths()


class TestPagesThatAreNoArticles:
    def test_each_says_why(self, site, follow, store):
        site.article("/", "Home", link("/n", "/h", "/i", "/away", "/c", "/empty", "/broken"))
        site.article("/n", "No", head="<meta name=robots content=noindex>")
        site.article("/h", "No either", x_robots_tag="noindex")
        site.put("/i", b"GIF89a", content_type="image/gif")
        site.put("/away", "", 302, location="/elsewhere")
        site.article("/elsewhere", "Elsewhere")
        site.article("/c", "Copy", head='<link rel=canonical href="/original">')
        site.article("/original", "Original")
        site.put("/empty", "<html><body><script>go()</script></body></html>")
        site.put("/broken", "oops", 500)
        pages = follow()
        assert titles(store) == ["Elsewhere", "Home", "Original"]
        assert {path: (page.state, page.reason) for path, page in pages.items() if page.state != "pending"} == {
            "/n": ("skipped", "it asks not to be indexed (noindex)"),
            "/h": ("skipped", "it asks not to be indexed (noindex)"),
            "/i": ("skipped", "it is image/gif, not text"),
            "/away": ("skipped", f"it leads to {site.url}/elsewhere"),
            "/c": ("skipped", f"its own address is {site.url}/original"),
            "/empty": ("failed", "there is no text in it; perhaps scripts fill the page"),
            "/broken": ("failed", "the site answers with error 500"),
        }

    def test_two_pages_that_name_each_other_are_not_both_lost(self, site, follow, store):
        site.article("/", "Home", link("/a", "/b"))
        site.article("/a", "A", head='<link rel=canonical href="/b">')
        site.article("/b", "B", head='<link rel=canonical href="/a">')
        follow()
        assert titles(store) == ["B", "Home"]

    def test_a_pdf_among_the_pages_is_read_too(self, site, follow, store):
        from .test_reading import FILES

        site.article("/", "Home", link("/headings.pdf"))
        site.put("/headings.pdf", (FILES / "headings.pdf").read_bytes(), content_type="application/pdf")
        follow()
        urls = {version.article.url.removeprefix(site.url) for version in store.pending(9)}
        assert urls == {"/", "/headings.pdf#page=1", "/headings.pdf#page=2"}


class TestReadingAgain:
    @pytest.fixture
    def known(self, site, follow, store):
        site.article("/", "Home", link("/a", "/b"), etag='"1"')
        site.article("/a", "A", etag='"1"')
        site.article("/b", "B")
        follow()

    def test_what_has_not_changed_costs_nothing(self, known, site, follow, store):
        before = {version.key for version in store.pending(9)}
        pages = follow()
        assert {version.key for version in store.pending(9)} == before
        assert {path: headers.get("if-none-match") for path, headers in site.asked}["/a"] == '"1"'
        assert {page.state for page in pages.values()} == {"pending"}

    def test_what_has_changed_is_a_new_version_and_what_is_new_is_added(self, known, site, follow, store):
        site.article("/a", "A", "It says something new to everyone who reads it." + link("/new"), etag='"2"')
        site.article("/new", "New")
        follow()
        changed = {version.article.title: version.number for version in store.pending(9)}
        assert changed == {"A": 2, "B": 1, "Home": 1, "New": 1}

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_page_that_is_gone_is_removed(self, known, site, follow, store, status):
        site.put("/a", "gone", status)
        assert "/a" not in follow()
        assert titles(store) == ["B", "Home"]

    @pytest.mark.parametrize("status", [500, 503, 403, 429])
    def test_a_page_that_fails_is_kept_and_named(self, known, site, follow, store, status):
        site.put("/a", "oops", status)
        page = follow()["/a"]
        assert (page.state, page.reason) == ("failed", f"the site answers with error {status}")
        assert titles(store) == ["A", "B", "Home"]
        site.article("/a", "A", etag='"1"')
        assert follow()["/a"].state == "pending"

    def test_a_page_that_is_busy_is_asked_again_when_it_says(self, known, site, follow, store):
        def busy_once(request):
            site.article("/a", "Better now")
            request.send_response(503)
            request.send_header("retry-after", "0")
            request.send_header("content-length", "0")
            request.end_headers()

        site.pages["/a"] = busy_once
        follow()
        assert "Better now" in titles(store)

    def test_a_page_that_its_sitemap_no_longer_lists_is_removed(self, site, follow, store):
        site.article("/", "Home")
        site.article("/a", "A")
        site.article("/b", "B")
        site.sitemap("/a", "/b")
        follow()
        site.sitemap("/b")
        follow()
        assert titles(store) == ["B"]


class TestASiteThatIsBroken:
    @pytest.fixture(autouse=True)
    def known(self, site, follow):
        site.article("/", "Home", link("/a"))
        site.article("/a", "A")
        site.sitemap("/", "/a")
        follow()

    def broken(self, follow, store, why):
        with pytest.raises(SyncFailedError, match=why):
            follow()
        assert titles(store) == ["A", "Home"]
        assert follow.pages().keys() == {"/", "/a"}

    def test_a_host_that_is_away_removes_nothing(self, site, follow, store):
        def hang_up(request):
            request.close_connection = True

        site.pages = {"/": hang_up}
        self.broken(follow, store, "cannot be read: the connection to it broke")

    def test_a_site_that_fails_removes_nothing(self, site, follow, store):
        site.put("/", "oops", 502)
        self.broken(follow, store, "answers with error 502")

    def test_robots_that_cannot_be_read_remove_nothing(self, site, follow, store):
        site.put("/robots.txt", "oops", 500)
        self.broken(follow, store, "robots.txt answers with error 500")

    def test_an_empty_sitemap_removes_nothing(self, site, follow, store):
        site.sitemap()
        self.broken(follow, store, "sitemap is empty")

    def test_a_sitemap_of_another_part_removes_nothing(self, site, follow, store):
        site.put("/sitemap.xml", "<urlset><url><loc>https://other.example/a</loc></url></urlset>")
        self.broken(follow, store, "lists no page of this part")

    def test_a_named_sitemap_that_is_no_longer_one_removes_nothing(self, site, follow, store):
        site.put("/robots.txt", f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
        site.put("/sitemap.xml", "<html>Sign in</html>")
        self.broken(follow, store, "not one that can be read")

    def test_a_site_on_which_everything_is_missing_removes_nothing(self, site, follow, store):
        site.put("/", "gone", 404)
        site.put("/a", "gone", 404)
        self.broken(follow, store, "no page of it is there any more")

    def test_a_site_that_has_moved_elsewhere_removes_nothing(self, site, follow, store):
        site.put("/", "", 302, location=f"http://localhost:{site.port}/parked")
        site.article("/parked", "Buy this domain")
        self.broken(follow, store, "leads to another site than before")

    def test_a_sitemap_that_bites_removes_nothing(self, site, follow, store):
        bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><urlset><url><loc>&b;</loc></url></urlset>"
        site.put("/robots.txt", f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
        site.put("/sitemap.xml", bomb)
        self.broken(follow, store, "not one that can be read")

    def test_ten_failures_in_a_row_end_the_pass(self, site, follow, store):
        site.sitemap("/", "/a", *(f"/{n}" for n in range(30)))
        for n in range(30):
            site.put(f"/{n}", "oops", 500)
        with pytest.raises(SyncFailedError, match="10 pages in a row"):
            follow()
        assert titles(store) == ["A", "Home"]
