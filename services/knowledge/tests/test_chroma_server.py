"""The index in a Chroma server of its own: the Rust one, as it is installed with Chroma."""

import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from plugins.ports import free_port

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.index import IndexAwayError
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library


@pytest.fixture
def server(tmp_path):
    """Its address."""
    port = free_port()
    program = shutil.which("chroma", path=str(Path(sys.executable).parent))
    assert program, "chromadb brings it along"
    command = [program, "run", "--path", str(tmp_path / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait(f"http://127.0.0.1:{port}/api/v2/heartbeat")
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def _wait(url):
    for _ in range(1_200):
        try:
            urllib.request.urlopen(url, timeout=1)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")


def test_what_is_indexed_is_in_the_server_and_found_after_a_restart(tmp_path, server):
    home = tmp_path / "knowledge"
    with open_library(home, server=server) as library:
        library.store.accept("acme", [Article("a", "Parrots", "They eat nuts."), Article("b", "Camels", "They drink.")])
        Ingestor(library).work()
    assert not (home / "index").exists()
    with open_library(home, server=server) as library:
        assert library.vectors.of(library.models.first).count("acme") == 2
        found = library.searcher.search(KnowledgeSearch(workspace="acme", query="what do parrots eat"))
        library.store.remove("acme", "a")
        Ingestor(library).work()
        assert library.vectors.of(library.models.first).count("acme") == 1
    assert found.passages[0].document_id == "a"


def test_a_server_that_is_away_is_named_at_start(tmp_path):
    with (
        pytest.raises(IndexAwayError, match=r"127\.0\.0\.1:9 can't be reached"),
        open_library(tmp_path, server="http://127.0.0.1:9"),
    ):
        pass
