import os
import subprocess
import sys

import pytest

from onethread.knowledge import embedding
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import FolderInUseError, open_library


def run(home, *arguments):
    env = {**os.environ, "ONETHREAD_HOME": str(home), "ONETHREAD_API_KEY": "key", "ONETHREAD_PORT": "0"}
    command = [sys.executable, "-m", "onethread.knowledge", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_process_is_refused_in_one_sentence(tmp_path, embedder):
    with open_library(tmp_path / "knowledge", embedder):
        with pytest.raises(FolderInUseError), open_library(tmp_path / "knowledge", embedder):
            pass
        refused = run(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "Another knowledge process already uses" in refused.stderr


def test_one_command_rebuilds_the_index(tmp_path, embedder):
    with open_library(tmp_path / "knowledge", embedder) as library:
        library.store.accept("acme", [Article("a", "Title", "Text"), Article("b", "Other", "Text")])
        Ingestor(library).work()
        library.vectors.drop("acme")
    rebuilt = run(tmp_path, "rebuild")
    assert rebuilt.stdout == "acme: 2 passages of 2 articles indexed again.\n"
    with open_library(tmp_path / "knowledge", embedder) as library:
        assert len(library.vectors.ids("acme", "public")) == 2


def test_without_an_api_key_it_does_not_start(tmp_path, monkeypatch):
    from onethread.knowledge.settings import Settings

    monkeypatch.delenv("ONETHREAD_API_KEY", raising=False)
    with pytest.raises(SystemExit, match="ONETHREAD_API_KEY"):
        Settings.load()


def test_an_altered_model_file_is_refused(tmp_path, monkeypatch):
    altered = tmp_path / "tokenizer.json"
    altered.write_text("{}")
    monkeypatch.setattr(embedding, "_TOKENIZER", altered)
    with pytest.raises(embedding.ModelAlteredError, match=r"tokenizer.json .* was altered"):
        embedding.Embedder()
