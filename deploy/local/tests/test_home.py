"""The folder, its secrets, and what is said when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from onethread.local.errors import CannotStart
from onethread.local.home import GENERATED, home_folder, kept_secrets, make_home


def test_secrets_are_made_once_and_private(tmp_path):
    first = kept_secrets(tmp_path)
    assert set(first) == set(GENERATED)
    assert all(first.values())
    assert kept_secrets(tmp_path) == first
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_a_newer_version_needs_is_added_and_the_others_stay(tmp_path):
    first = kept_secrets(tmp_path)
    lines = (tmp_path / "secrets.env").read_text().splitlines(keepends=True)
    (tmp_path / "secrets.env").write_text("# mine\n" + "".join(line for line in lines if "REPLY" not in line))
    second = kept_secrets(tmp_path)
    assert second["ONETHREAD_REPLY_SECRET"] != first["ONETHREAD_REPLY_SECRET"]
    assert {k: v for k, v in second.items() if "REPLY" not in k} == {k: v for k, v in first.items() if "REPLY" not in k}


def test_copies_with_different_offsets_do_not_share_the_default_home(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert home_folder({"XDG_DATA_HOME": "/d"}, 0) == Path("/d/onethread")
    assert home_folder({"XDG_DATA_HOME": "/d"}, 100) == Path("/d/onethread-100")
    assert home_folder({"ONETHREAD_HOME": "/mine"}, 100) == Path("/mine")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert home_folder({}, 100) == Path.home() / "Library/Application Support/Onethread-100"


def test_the_default_home_lies_where_the_user_keeps_data(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert home_folder({}, 0) == Path.home() / ".local/share/onethread"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert home_folder({}, 0) == Path("/var/lib/onethread")


def test_a_home_that_cannot_be_written_gets_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotStart, match=r"^Cannot write to .*file/home \(.*\): free it, or point ONETHREAD_HOME"):
        make_home(tmp_path / "file" / "home")


def test_a_full_disk_gets_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 3 * 1024**2, 3 * 1024**2)
    )
    with pytest.raises(CannotStart, match="has 3 MB left, but 500 MB are needed: make room, or point ONETHREAD_HOME"):
        make_home(tmp_path)
