import os
import subprocess
import sys

import pytest

from onethread.knowledge import minilm
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import FolderInUseError, open_library
from onethread.knowledge.minilm import MODEL_ID


def run(home, *arguments):
    env = {**os.environ, "ONETHREAD_HOME": str(home), "ONETHREAD_API_KEY": "key", "ONETHREAD_PORT": "0"}
    command = [sys.executable, "-m", "onethread.knowledge", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_process_is_refused_in_one_sentence(tmp_path):
    with open_library(tmp_path / "knowledge"):
        with pytest.raises(FolderInUseError), open_library(tmp_path / "knowledge"):
            pass
        refused = run(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "Another knowledge process already uses" in refused.stderr


def test_one_command_rebuilds_the_index(tmp_path):
    with open_library(tmp_path / "knowledge") as library:
        library.store.accept("acme", [Article("a", "Title", "Text"), Article("b", "Other", "Text")])
        Ingestor(library).work()
        library.vectors.of(MODEL_ID).drop("acme")
    rebuilt = run(tmp_path, "rebuild")
    assert rebuilt.stdout == "acme: 2 passages of 2 articles indexed again.\n"
    with open_library(tmp_path / "knowledge") as library:
        assert len(library.vectors.of(MODEL_ID).ids("acme", "public")) == 2


def test_without_an_api_key_it_does_not_start(tmp_path, monkeypatch):
    from onethread.knowledge.settings import Settings

    monkeypatch.delenv("ONETHREAD_API_KEY", raising=False)
    with pytest.raises(SystemExit, match="ONETHREAD_API_KEY"):
        Settings.load()


def test_an_altered_model_file_is_refused(tmp_path, monkeypatch):
    altered = tmp_path / "tokenizer.json"
    altered.write_text("{}")
    monkeypatch.setattr(minilm, "_TOKENIZER", altered)
    with pytest.raises(minilm.ModelAlteredError, match=r"tokenizer.json .* was altered"):
        minilm.MiniLM()
