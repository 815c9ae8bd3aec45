import threading
import time
from dataclasses import replace

import pytest
from plugins.local_site import serving

from onethread.knowledge.sources import Source
from onethread.knowledge.syncing import Syncing
from onethread.runtime.fetching import Guard

from .test_api import SHIPPING, indexed, running, until
from .test_reading import FILES


@pytest.fixture
def site():
    with serving() as site:
        site.article("/", "Home", '<a href="/parrots">parrots</a>')
        site.article("/parrots", "Parrots", "Parrots eat nuts and live for sixty years in a warm room.")
        yield site


@pytest.fixture
def start(tmp_path, site):
    """Starts the service, which may ask the local site."""
    return lambda: running(
        tmp_path,
        knowledge_allowed_networks="127.0.0.0/8",
        knowledge_allowed_ports=f"80,443,{site.port}",
    )


async def upload(client, *files, **fields):
    return await client.post("/v1/uploads", files=[("files", file) for file in files], data=fields)


async def found(client, question, **more):
    answer = await client.post("/v1/search", json={"query": question, "k": 3, **more})
    return [passage["title"] for passage in answer.json()["passages"]]


async def source_when(client, source_id, state="idle"):
    async def there():
        return (await client.get(f"/v1/sources/{source_id}")).json()["state"] == state

    await until(there)
    await indexed(client)
    return (await client.get(f"/v1/sources/{source_id}")).json()


async def pages(client, source_id, **query):
    answer = (await client.get(f"/v1/sources/{source_id}/pages", params=query)).json()
    return {page["page"]: page for page in answer["items"]}


class TestUploads:
    async def test_files_of_several_formats_become_articles(self, start):
        async with start() as client:
            answer = await upload(
                client,
                ("fees.docx", (FILES / "fees.docx").read_bytes()),
                ("manual.pdf", (FILES / "headings.pdf").read_bytes()),
                ("faq.csv", b"question,answer\nMay dogs come in?,On a lead.\nAnd cats?,No.\n"),
                ("scan.pdf", (FILES / "scan.pdf").read_bytes()),
                ("setup.exe", b"MZ"),
                ("../../etc/hours.md", b"# Hours\n\nNine to five."),
            )
            assert answer.status_code == 202
            assert answer.json()["accepted"] == ["fees.docx", "manual.pdf", "faq.csv", "scan.pdf", "etc/hours.md"]
            assert answer.json()["refused"][0]["file"] == "setup.exe"
            source = await source_when(client, "uploads")
            assert source["progress"] == {"found": 5, "read": 4, "failed": 1, "total": 5}
            listed = await pages(client, "uploads")
            assert {name: page["state"] for name, page in listed.items()} == {
                "etc/hours.md": "indexed",
                "faq.csv": "indexed",
                "fees.docx": "indexed",
                "manual.pdf": "indexed",
                "scan.pdf": "failed",
            }
            assert "scan" in listed["scan.pdf"]["reason"]
            assert [len(listed[name]["documents"]) for name in ("faq.csv", "manual.pdf")] == [2, 2]
            assert list(await pages(client, "uploads", state="failed")) == ["scan.pdf"]
            assert (await found(client, "may my dog come in"))[0] == "May dogs come in?"

    async def test_a_file_of_a_known_name_replaces_it_and_rows_that_are_gone_go(self, start):
        async with start() as client:
            await upload(client, ("faq.csv", b"question,answer\nDogs?,On a lead.\nCats?,No.\n"))
            await source_when(client, "uploads")
            await upload(client, ("faq.csv", b"question,answer\nDogs?,Not at all.\n"))
            await source_when(client, "uploads")
            listed = (await client.get("/v1/documents")).json()["items"]
            assert [(row["title"], row["version"], row["page"]) for row in listed] == [("Dogs?", 2, "faq.csv")]

    async def test_a_broken_replacement_keeps_what_was_there(self, start):
        async with start() as client:
            await upload(client, ("faq.csv", b"question,answer\nDogs?,On a lead.\n"))
            await source_when(client, "uploads")
            await upload(client, ("faq.csv", b"name,age\nAna,3\n"))
            await source_when(client, "uploads")
            page = (await pages(client, "uploads"))["faq.csv"]
            assert (page["state"], len(page["documents"])) == ("failed", 1)
            assert await found(client, "dogs") == ["Dogs?"]

    async def test_a_file_that_was_accepted_is_read_also_after_a_stop(self, start):
        async with start() as client:
            await upload(client, ("hours.md", b"# Hours\n\nNine to five."))
        async with start() as client:
            await source_when(client, "uploads")
            assert await found(client, "when are you open, hours") == ["Hours"]

    async def test_a_file_is_taken_out_with_its_articles(self, start):
        async with start() as client:
            await upload(client, ("a/hours.md", b"# Hours\n\nNine to five."))
            await source_when(client, "uploads")
            assert (await client.delete("/v1/sources/uploads/pages/a/hours.md")).status_code == 204
            assert await found(client, "hours") == []
            assert (await client.delete("/v1/sources/uploads/pages/a/hours.md")).status_code == 404

    async def test_an_address_leads_to_the_page_of_the_file(self, start):
        async with start() as client:
            file = ("m.pdf", (FILES / "headings.pdf").read_bytes())
            await upload(client, file, url="https://x.example/m.pdf")
            await source_when(client, "uploads")
            urls = {row["url"] for row in (await client.get("/v1/documents")).json()["items"]}
            assert urls == {"https://x.example/m.pdf#page=1", "https://x.example/m.pdf#page=2"}

    async def test_a_source_of_its_own_keeps_files_internal(self, start):
        async with start() as client:
            made = await client.post("/v1/sources", json={"kind": "upload", "name": "Staff", "audience": "internal"})
            await upload(client, ("limits.md", b"# Limits\n\nFifty euro."), source=made.json()["id"])
            await source_when(client, made.json()["id"])
            assert await found(client, "limits") == []
            assert await found(client, "limits", audience="internal") == ["Limits"]

    async def test_what_cannot_be_kept_is_refused_with_the_reason(self, start):
        async with start() as client:
            cases = (
                ([("a.exe", b"MZ")], {}, 422),
                ([("a.md", b"")], {}, 422),
                ([("a.md", b"x" * (20 * 1024**2 + 1))], {}, 422),
                ([], {"source": "uploads"}, 422),
                ([("a.md", b"x")], {"source": "nowhere"}, 404),
                ([("a.md", b"x")], {"locale": "English!"}, 422),
                ([("a.md", b"x"), ("b.md", b"x")], {"url": "https://x.example/"}, 422),
            )
            for files, fields, status in cases:
                answer = await upload(client, *files, **fields)
                assert answer.status_code == status, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
            assert (
                await client.post("/v1/uploads", content=b"x", headers={"content-type": "text/plain"})
            ).status_code == 422
            assert (await client.get("/v1/status")).json()["documents"] == 0

    async def test_public_uploads_take_nothing_that_is_meant_to_be_internal(self, start):
        async with start() as client:
            await upload(client, ("a.md", b"# A\n\nText."))
            assert (await upload(client, ("b.md", b"# B\n\nText."), audience="internal")).status_code == 409


class TestWebsites:
    async def test_a_site_is_read_followed_and_removed(self, start, site):
        async with start() as client:
            made = await client.post("/v1/sources", json={"kind": "website", "url": site.url, "name": "Zoo"})
            assert (made.status_code, made.json()["state"]) == (201, "waiting")
            source = await source_when(client, made.json()["id"])
            assert (source["documents"], source["progress"]["read"], source["every"]) == (2, 2, 1440)
            assert source["next_sync"] > source["last_synced"]
            assert (await found(client, "what do parrots eat"))[0] == "Parrots"
            site.article("/parrots", "Parrots", "Parrots are no longer kept here since the room is too cold.")
            await client.post(f"/v1/sources/{source['id']}/sync")
            await source_when(client, source["id"])
            answer = await client.post("/v1/search", json={"query": "what do parrots eat", "k": 5})
            assert any("no longer kept" in passage["text"] for passage in answer.json()["passages"])
            assert (await client.delete(f"/v1/sources/{source['id']}")).status_code == 204
            assert await found(client, "what do parrots eat") == []
            assert (await client.get(f"/v1/sources/{source['id']}")).status_code == 404

    async def test_a_site_that_is_away_says_so_and_keeps_what_was_known(self, start, site):
        async with start() as client:
            made = (await client.post("/v1/sources", json={"kind": "website", "url": site.url})).json()
            await source_when(client, made["id"])
            site.put("/", "oops", 500)
            await client.post(f"/v1/sources/{made['id']}/sync")
            failed = await source_when(client, made["id"], "failed")
            assert failed["reason"] == "The site answers with error 500. What was known is kept."
            assert (await found(client, "what do parrots eat"))[0] == "Parrots"

    async def test_a_stop_in_the_middle_of_a_pass_loses_nothing(self, start, site):
        asked, released = threading.Event(), threading.Event()

        def hang(request):
            asked.set()
            released.wait(30)
            request.close_connection = True

        site.pages["/parrots"] = hang
        async with start() as client:
            made = (await client.post("/v1/sources", json={"kind": "website", "url": site.url})).json()

            async def there():
                return asked.is_set()

            await until(there)
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 25
        released.set()
        site.article("/parrots", "Parrots", "Parrots eat nuts and live for sixty years in a warm room.")
        async with start() as client:
            source = await source_when(client, made["id"])
            assert (source["documents"], source["reason"]) == (2, None)

    async def test_turning_a_source_internal_hides_it_at_once(self, start, site):
        async with start() as client:
            made = (await client.post("/v1/sources", json={"kind": "website", "url": site.url})).json()
            await source_when(client, made["id"])
            changed = await client.patch(f"/v1/sources/{made['id']}", json={"audience": "internal", "every": None})
            assert (changed.status_code, changed.json()["every"]) == (200, None)
            assert await found(client, "what do parrots eat") == []
            source = await source_when(client, made["id"])
            assert (await found(client, "what do parrots eat", audience="internal"))[0] == "Parrots"
            assert source["next_sync"] is None
            await client.patch(f"/v1/sources/{made['id']}", json={"audience": "public"})
            await source_when(client, made["id"])
            assert (await found(client, "what do parrots eat"))[0] == "Parrots"

    async def test_what_cannot_be_a_source_is_refused(self, start, site):
        async with start() as client:
            await client.post("/v1/sources", json={"kind": "website", "url": site.url})
            for new, status in (
                ({"kind": "website", "url": "http://10.0.0.1/"}, 422),
                ({"kind": "website", "url": "http://169.254.169.254/latest"}, 422),
                ({"kind": "website", "url": "http://127.0.0.1:1/"}, 422),
                ({"kind": "website", "url": "http://ana:x@x.example/"}, 422),
                ({"kind": "website", "url": "file:///etc/passwd"}, 422),
                ({"kind": "website", "url": site.url}, 409),
                ({"kind": "website", "url": site.url, "every": 1}, 422),
                ({"kind": "git", "url": "http://x.example/a.git"}, 422),
                ({"kind": "git", "url": "https://127.0.0.1:22/a"}, 422),
                ({"kind": "git", "url": "https://x.example/a", "branch": "--upload-pack=date"}, 422),
                ({"kind": "folder", "url": "/etc"}, 422),
                ({"kind": "upload"}, 422),
            ):
                answer = await client.post("/v1/sources", json=new)
                assert answer.status_code == status, (new, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"

    async def test_sources_of_one_workspace_are_unknown_in_another(self, start, site):
        async with start() as client:
            made = (await client.post("/v1/sources", json={"kind": "website", "url": site.url})).json()
            other = {"X-Onethread-Workspace": "other"}
            assert (await client.get("/v1/sources", headers=other)).json()["items"] == []
            for method, path in (("get", ""), ("delete", ""), ("post", "/sync"), ("get", "/pages")):
                answer = await client.request(method, f"/v1/sources/{made['id']}{path}", headers=other)
                assert answer.status_code == 404, path


class TestOtherSources:
    async def test_what_is_sent_is_a_source_too(self, start):
        async with start() as client:
            await client.post("/v1/documents", json=[SHIPPING])
            (source,) = (await client.get("/v1/sources")).json()["items"]
            assert (source["id"], source["kind"], source["documents"]) == ("api", "api", 1)
            for method, path in (("delete", ""), ("post", "/sync")):
                assert (await client.request(method, f"/v1/sources/api{path}")).status_code == 409
            assert (await client.patch("/v1/sources/api", json={"name": "x"})).status_code == 409

    async def test_the_folder_on_the_server_is_one_and_read_again_when_asked(self, tmp_path):
        place = tmp_path / "articles"
        place.mkdir()
        (place / "a.md").write_text("---\ntitle: Times\n---\nThree days.\n")
        async with running(tmp_path / "home", knowledge_dir=place) as client:
            source = await source_when(client, "folder")
            assert (source["kind"], source["documents"], source["url"]) == ("folder", 1, None)
            (place / "b.md").write_text("# Costs\n\nIt costs four euro.")
            await client.post("/v1/sources/folder/sync")
            await source_when(client, "folder")
            assert (await found(client, "what does it cost"))[0] == "Costs"
            assert (await client.delete("/v1/sources/folder")).status_code == 409


class TestSchedule:
    @pytest.fixture
    def syncing(self, store, tmp_path):
        syncing = Syncing(store, Guard(), lambda: None, tmp_path)
        yield syncing
        syncing.close()

    def site_away(self, syncing, every):
        """A website that cannot be reached: its port is not allowed."""
        source = Source("acme", "web", "website", "Help", "http://127.0.0.1:1/", every=every, next_sync=time.time())
        syncing.sources.add(source)
        syncing.sources.begin(source)
        syncing.pass_over(source)
        return syncing.sources.get("acme", "web")

    def test_failures_are_tried_again_later_and_later(self, syncing):
        waits = []
        for _ in range(12):
            source = self.site_away(syncing, every=60)
            waits.append(source.next_sync - time.time())
        assert 250 < waits[0] < 350
        assert 500 < waits[1] < 700
        assert 0.8 * 86_400 < waits[-1] < 1.2 * 86_400
        assert (source.failures, source.syncing) == (12, False)

    def test_by_hand_only_means_no_second_try(self, syncing):
        assert self.site_away(syncing, every=None).next_sync is None

    def test_what_was_interrupted_is_due_after_a_start_and_others_wait(self, store, syncing):
        sources = syncing.sources
        now = time.time()
        for name, next_sync in (("a", now), ("b", now + 999), ("c", None)):
            sources.add(Source("acme", name, "website", name, f"https://{name}.example/", next_sync=next_sync))
        sources.begin(sources.get("acme", "a"))
        assert sources.due(now, ["website"], 9) == []
        syncing.open(None, "local")
        assert [source.id for source in sources.due(time.time(), ["website"], 9)] == ["a"]
        assert [source.id for source in sources.due(now + 1_000, ["website"], 9)] == ["a", "b"]

    def test_a_pass_that_was_asked_for_while_one_runs_follows_it(self, syncing):
        sources, now = syncing.sources, time.time()
        source = Source("acme", "a", "website", "a", "https://a.example/", every=60, next_sync=now)
        sources.add(source)
        sources.begin(source)
        sources.ask(source, now)
        sources.end(source, mark=None, next_sync=now + 3_600, now=now)
        assert [one.id for one in sources.due(now, ["website"], 9)] == ["a"]

    def test_a_change_of_schedule_during_a_pass_counts(self, syncing):
        sources, now = syncing.sources, time.time()
        source = Source("acme", "a", "upload", "a", every=60, next_sync=now)
        sources.add(source)
        sources.begin(source)
        sources.change(replace(source, every=None, next_sync=None), reread=False)
        syncing.pass_over(source)
        assert sources.get("acme", "a").next_sync is None
