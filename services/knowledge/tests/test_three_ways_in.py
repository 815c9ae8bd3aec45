"""The same help centre, taken in as Markdown files, as a website and as a PDF, answers the same questions.

It is the test of the readers: what one loses or adds shows as questions that its articles no longer answer.
"""

import ipaddress
import json
import re
from pathlib import Path

import pytest
from plugins.local_site import serving

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge import folder, uploads
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library
from onethread.knowledge.reading.isolation import Reader
from onethread.knowledge.sources import Page, Source, SourceStore, folder_source
from onethread.knowledge.sync_pass import Pass
from onethread.knowledge.website import Walk
from onethread.runtime.fetching import Fetcher, Guard

BANK = Path(__file__).parents[4] / "shared" / "fixtures" / "knowledge" / "bank"
QUESTIONS = 130
POINTS = 0.02


def rows(name):
    return [json.loads(line) for line in (BANK / name).read_text().splitlines()]


class Ways:
    """Takes the help centre in, each way into a workspace of its own, without the articles that are withheld.

    Each way gives the article that a document is of, by document id.
    """

    def __init__(self, library, place, reader):
        self.library, self.sources, self.place, self.reader = library, SourceStore(library.store), place, reader
        self.articles = {row["id"]: row for row in rows("articles.jsonl") if row["group"] == "indexed"}

    def jsonl(self):
        articles = [Article(row["id"], row["title"], row["text"]) for row in self.articles.values()]
        self.library.store.accept("jsonl", articles)
        return {article.id: article.id for article in articles}

    def markdown(self):
        for path in (BANK / "md").glob("*.md"):
            if re.search(r'^id: "(.+)"$', path.read_text(), re.MULTILINE)[1] in self.articles:
                (self.place / path.name).write_bytes(path.read_bytes())
        folder.walk(self._on(folder_source("markdown", str(self.place))))
        return {id_: id_ for id_ in self.articles}

    def website(self):
        files = json.loads((BANK / "site-pages.json").read_text())
        with serving() as site:
            site.article("/", "Help", "Welcome to the help pages.", head='<meta name="robots" content="noindex">')
            for id_ in self.articles:
                page = (BANK / "site" / files[id_]).read_text()
                site.put(f"/{files[id_]}", page.replace("https://help.harbour.example", site.url))
            site.put("/robots.txt", (BANK / "site" / "robots.txt").read_text().partition("Sitemap")[0])
            site.sitemap(*(f"/{files[id_]}" for id_ in self.articles))
            guard = Guard((ipaddress.ip_network("127.0.0.0/8"),), frozenset({site.port}))
            with Fetcher(guard) as fetcher:
                Walk(self._on(Source("website", "web", "website", "Help", site.url)), fetcher, pause=0).run()
            return {f"web/{site.url}/{files[id_]}": id_ for id_ in self.articles}

    def pdf(self):
        source = Source("pdf", "uploads", "upload", "Uploads")
        on = self._on(source)
        page = Page("manual.pdf", "https://x.example/manual.pdf")
        self.sources.upload(source, page, None, (BANK / "manual.pdf").read_bytes())
        uploads.walk(on)
        of_page = {page: id_ for id_, page in json.loads((BANK / "manual-pages.json").read_text()).items()}
        documents: dict[str, str] = {}
        for version in self.library.store.pending(1_000):
            id_ = of_page[int(str(version.article.url).rpartition("#page=")[2])]
            if id_ in self.articles:
                documents[version.article.id] = id_
            else:
                self.library.store.remove("pdf", version.article.id)
        return documents

    def _on(self, source):
        self.sources.add(source)
        return Pass(self.sources, source, self.reader)


@pytest.mark.slow
@pytest.mark.skipif(not BANK.is_dir(), reason="the shared development sets are not beside this repository")
def test_the_three_ways_in_answer_alike(tmp_path):
    asked = [q for q in rows("queries.jsonl") if q["kind"] == "answerable" and q["split"] == "test"]
    asked = asked[:: len(asked) // QUESTIONS]
    place = tmp_path / "articles"
    place.mkdir()
    recall: dict[str, float] = {}
    with open_library(tmp_path / "library") as library, Reader() as reader:
        ways = Ways(library, place, reader)
        for way in ("jsonl", "markdown", "website", "pdf"):
            documents = getattr(ways, way)()
            Ingestor(library).work()
            assert len(documents) == len(ways.articles) == library.store.status(way).documents
            hits = 0
            for question in asked:
                found = library.searcher.search(KnowledgeSearch(workspace=way, query=question["text"]))
                hits += bool({*question["gold"]} & {documents[p.document_id] for p in found.passages})
            recall[way] = hits / len(asked)
    assert max(recall.values()) - min(recall.values()) <= POINTS, recall
    assert recall["jsonl"] > 0.8, recall
