"""What is said and when, without starting anything."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from onethread.local.console import Console, short
from onethread.local.errors import CannotStart
from onethread.local.ports import port_offset, require_free, taken
from onethread.local.postgres import (
    Installation,
    _choose,
    _put,
    _readable,
    _settings,
    end_leftover,
    open_to_all,
)
from onethread.local.servers import _configuration
from onethread.local.services import PLAYGROUND, SIX, ports_of
from onethread.local.supervisor import Backoff, died

setup_file = Path(__file__).parents[1] / "setup.py"


def load_setup():
    spec = importlib.util.spec_from_file_location("local_setup", setup_file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_back_off_doubles_to_thirty_seconds_and_starts_anew_after_a_minute_alive():
    backoff = Backoff()
    assert [backoff.after(lived=1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(lived=61) == 0.5
    assert backoff.after(lived=1) == 1


def test_how_a_program_ended_is_said_in_words():
    assert died(3) == "ended with exit code 3"
    assert died(-signal.SIGKILL) == "was ended by SIGKILL"
    assert died(-63) == "was ended by signal 63"


def test_a_json_log_line_is_shortened():
    line = {"event": "reply sent", "level": "info", "timestamp": "now", "service": "agent", "message_id": "m1", "n": 2}
    assert short(json.dumps(line)) == "info reply sent message_id=m1 n=2"
    assert short(json.dumps(line | {"exception": "Traceback"})) == "info reply sent message_id=m1 n=2\nTraceback"
    assert short('{"broken": ') == '{"broken": '
    assert short("plain words") == "plain words"


def test_lines_are_passed_on_raw_where_nobody_watches():
    out = io.StringIO()
    console = Console(out)
    console.names(["agent", "knowledge"])
    console.line("agent", '{"event": "x"}')
    console.say("Ready.")
    assert out.getvalue() == 'agent     | {"event": "x"}\nonethread | Ready.\n'


def test_a_reader_that_has_gone_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    console = Console(os.fdopen(writing, "w"))
    console.say("one")
    console.say("two")


def test_each_port_has_one_listener():
    everything = (*SIX, PLAYGROUND)
    assert len(ports_of(everything)) == sum(1 + len(service.other_ports) for service in everything)


def test_a_taken_port_is_named_with_a_cure_that_works():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert taken("127.0.0.1", port)
        with pytest.raises(CannotStart) as error:
            require_free("127.0.0.1", {port: "agent"}, 0)
    sentence = str(error.value)
    assert sentence.startswith(f"Port {port} (agent) is taken by ")
    cure = int(sentence.rpartition("=")[2].rstrip("."))
    assert not taken("127.0.0.1", port + cure)
    require_free("127.0.0.1", {port: "agent"}, 0)


@pytest.mark.parametrize(
    ("text", "said"), [("ten", "whole number"), ("-1", "between 0 and 57535"), ("60000", "between")]
)
def test_an_offset_that_cannot_be_gets_one_sentence(text, said):
    with pytest.raises(CannotStart, match=said):
        port_offset(text, 8000)


def test_data_of_a_postgresql_that_is_not_here_are_never_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "onethread.local.postgres._installations",
        lambda: [Installation(Path("/18"), "18.4"), Installation(Path("/15"), "15.2")],
    )
    assert _choose(tmp_path).major == 18
    (tmp_path / "15").mkdir()
    assert _choose(tmp_path).major == 15
    (tmp_path / "19").mkdir()
    with pytest.raises(CannotStart, match=r"were written by PostgreSQL 19, but this machine has only PostgreSQL 18"):
        _choose(tmp_path)


def test_the_lock_of_a_database_that_is_gone_is_removed_even_if_its_process_id_lives_on(tmp_path):
    lock = tmp_path / "postmaster.pid"
    for text in (f"{os.getpid()}\n{tmp_path}\n", "2147483646\n", ""):
        lock.write_text(text)
        end_leftover(tmp_path)
        assert not lock.exists()


def test_two_that_start_at_the_same_moment_share_one_copy_of_the_database_s_programs(tmp_path):
    place = tmp_path / "postgresql-18.4"
    for name in ("first", "second"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "postgres").write_text(name)
        _put(tmp_path / name, place)
    assert (place / "bin" / "postgres").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_a_copy_of_the_database_s_programs_that_cannot_be_put_there_is_told(tmp_path):
    (tmp_path / "fresh").mkdir()
    with pytest.raises(OSError, match="No such file"):
        _put(tmp_path / "fresh", tmp_path / "not there" / "postgresql-18.4")


def test_only_what_may_be_lost_is_not_written_through_to_the_disk(tmp_path):
    assert "fsync=on" in _settings(tmp_path, 5433, durable=True)
    assert "fsync=off" in _settings(tmp_path, 5433, durable=False)
    assert "sync_interval" not in _configuration(tmp_path, 4222, durable=False)


def test_acknowledged_messages_survive_a_power_cut_unless_told_otherwise(tmp_path, monkeypatch):
    assert "sync_interval: always" in _configuration(tmp_path, 4222)
    monkeypatch.setenv("ONETHREAD_NATS_SYNC", "default")
    assert "sync_interval" not in _configuration(tmp_path, 4222)
    monkeypatch.setenv("ONETHREAD_NATS_SYNC", "never")
    with pytest.raises(CannotStart, match="can only be always or default"):
        _configuration(tmp_path, 4222)


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("  × Failed to fetch: `https://…`\n  cause: tcp connect error", "A download failed: check the network"),
        (
            "Downloading networkx\n  × Failed to download `x`\n cause: No space left on device (os error 28)",
            "disk is full",
        ),
        ("\nerror: No interpreter found for Python 3.14 in managed installations or search path", "no Python 3.11"),
        ("Downloading networkx\n\nerror: something new", "Installing the Python packages failed."),
    ],
)
def test_what_stopped_the_set_up_is_said_in_one_sentence(story, said):
    assert said in load_setup().sentence_for(story)


def test_an_old_python_gets_a_sentence(monkeypatch):
    setup = load_setup()
    monkeypatch.setattr(setup, "OLDEST", (9, 0))
    with pytest.raises(setup.SetupFailed, match=r"^Python 3.11 or newer is needed, but this is "):
        setup.set_up("up")


def test_up_is_content_with_what_was_installed_for_the_tests(tmp_path, monkeypatch):
    setup = load_setup()
    monkeypatch.setattr(setup, "VENV", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    setup.stamp("test").write_text("wanted")
    assert setup.is_installed("up", "wanted")
    assert setup.is_installed("test", "wanted")
    assert not setup.is_installed("dev", "wanted")
    assert not setup.is_installed("up", "other")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the programs to another user")
def test_programs_in_a_closed_folder_are_copied_once_to_where_others_can_read_them(tmp_path, open_folder, monkeypatch):
    tmp_path.chmod(0o700)
    root = tmp_path / "wheel" / "pginstall18"
    (root / "bin").mkdir(parents=True)
    (tmp_path / "wheel.libs").mkdir()
    monkeypatch.setattr("onethread.local.postgres.CACHE", open_folder / "cache")
    copy = _readable(Installation(root, "18.4"))
    assert copy.root == open_folder / "cache/postgresql-18.4/wheel/pginstall18"
    assert open_to_all(copy.root / "bin")
    assert (copy.root.parents[1] / "wheel.libs").is_dir()
    assert _readable(Installation(root, "18.4")) == copy
    assert len(list((open_folder / "cache").iterdir())) == 1
