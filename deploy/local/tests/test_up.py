"""The real runner and the real servers, with services that only answer their probes."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from onethread.local.leash import Leash
from onethread.local.postgres import open_to_all
from onethread.local.servers import embedded_servers
from onethread.local.supervisor import DRAIN_SECONDS

pytestmark = pytest.mark.connected


def test_one_ctrl_c_stops_services_then_bus_then_database(make_runner):
    runner = make_runner(ONETHREAD_LOG_LEVEL="debug").start()
    assert runner.stop(signal.SIGINT) == 0
    runner.until(runner.is_gone, 10)
    assert sorted(runner.order.read_text().splitlines()) == ["a drained with bus: True", "b drained with bus: True"]
    text = runner.text()
    assert text.index("Stopping") < text.index("Server Exiting") < text.index("received fast shutdown request")
    assert "not properly shut down" not in text


def test_data_and_secrets_are_kept_over_a_restart(runner):
    runner.start()
    first = runner.password()
    with psycopg.connect(runner.database_url()) as connection:
        connection.execute("create table kept as select 42 as answer")
    assert runner.stop(signal.SIGTERM) == 0
    runner.start()
    with psycopg.connect(runner.database_url()) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)
    assert runner.password() == first
    assert "Making a new database" not in runner.text()


def test_killing_the_runner_leaves_no_process_and_the_next_start_works(runner):
    runner.start()
    assert len(runner.processes()) >= 5
    runner.process.kill()
    runner.process.wait()
    runner.start()  # at once: the database may still be on its way down
    runner.process.kill()
    runner.process.wait()
    runner.until(runner.is_gone)


def test_killing_the_process_that_called_the_runner_stops_it(make_runner):
    runner = make_runner(WITH_PARENT="1")
    runner.options = {"start_new_session": True}
    shell = Path(shutil.which("sh") or "/bin/sh")
    runner.python = str(runner.folder / "python.sh")
    Path(runner.python).write_text(f'#!{shell}\n"{sys.executable}" "$@"\nexit $?\n')
    Path(runner.python).chmod(0o755)
    runner.start()
    runner.process.kill()
    runner.until(runner.is_gone)
    assert "Stopped. The data are kept." in runner.text()


@pytest.mark.parametrize(("words", "name"), [("fake_a", "a"), ("nats-server", "nats"), ("bin/postgres", "postgres")])
def test_a_killed_child_is_started_again_with_its_data(runner, words: str, name: str):
    runner.start()
    with psycopg.connect(runner.database_url()) as connection:
        connection.execute("create table kept as select 42 as answer")
    runner.child(words).kill()
    runner.until(lambda: f"{name} is back." in runner.text())
    assert f"{name} was ended by SIGKILL; starting it again in 0.5 s." in runner.text()
    with psycopg.connect(runner.database_url()) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)
    assert runner.stop() == 0
    runner.until(runner.is_gone, 10)


def test_a_second_ctrl_c_kills_at_once(runner):
    runner.start()
    os.kill(runner.child("fake_a").pid, signal.SIGSTOP)  # it cannot drain
    runner.process.send_signal(signal.SIGINT)
    runner.until(lambda: "Stopping" in runner.text())
    began = time.monotonic()
    assert runner.stop(signal.SIGINT) == 130
    assert time.monotonic() - began < DRAIN_SECONDS
    runner.until(runner.is_gone, 10)


def test_a_job_that_fails_stops_everything_and_shows_its_last_lines(make_runner):
    runner = make_runner(JOB="print('the disk has a hole'); raise SystemExit(3)").start(wait=False)
    assert runner.process.wait(60) == 1
    last = runner.text().strip().splitlines()[-2:]
    assert last == ["onethread: job ended with exit code 3. Its last lines:", "  the disk has a hole"]
    runner.until(runner.is_gone, 10)


def test_a_taken_port_is_named_with_its_owner_and_the_cure(runner):
    with socket.create_server(("127.0.0.1", runner.port(1001))):
        runner.start(wait=False)
        assert runner.process.wait(60) == 1
    lines = runner.text().strip().splitlines()
    assert len(lines) == 1
    assert f"Port {runner.port(1001)} (a) is taken by " in lines[0]
    assert f"process {os.getpid()}: stop that, or move every port with ONETHREAD_PORT_OFFSET=" in lines[0]
    runner.until(runner.is_gone, 10)


def test_a_second_runner_in_the_same_home_is_refused(make_runner):
    first = make_runner().start()
    second = make_runner("two")
    second.environment["ONETHREAD_HOME"] = str(first.home)
    second.start(wait=False)
    assert second.process.wait(60) == 1
    assert second.text().startswith(
        f"onethread: Onethread already runs from {first.home} (process {first.process.pid})"
    )
    assert second.text().count("\n") == 1


def test_two_copies_run_side_by_side(make_runner):
    one, two = make_runner("one").start(), make_runner("two").start()
    assert one.stop() == two.stop() == 0
    assert one.password() != two.password()


def test_given_servers_are_used_and_not_started(make_runner):
    with embedded_servers() as (nats_url, database_url):
        runner = make_runner(NATS_URL=nats_url, DATABASE_URL=database_url).start()
        environment = json.loads(runner.get(1001, "/environment"))
        assert (environment["NATS_URL"], environment["DATABASE_URL"]) == (nats_url, database_url)
        assert len(runner.processes()) == 3, "the runner and two services"
        assert not (runner.home / "postgres").exists()
        assert runner.stop() == 0


def test_services_get_secrets_addresses_and_the_persons_own_choices(make_runner):
    runner = make_runner(ONETHREAD_API_KEY="mine", ONETHREAD_PORT="1", ONETHREAD_ADMIN_PASSWORD="").start()
    environment = json.loads(runner.get(1001, "/environment"))
    assert environment["ONETHREAD_API_KEY"] == "mine"
    assert environment["ONETHREAD_ADMIN_PASSWORD"] == runner.password()
    assert environment["ONETHREAD_TRUSTED_AUTHSERV_ID"] == "onethread.localhost"
    assert environment["DATABASE_URL"] == runner.database_url()
    assert environment["NATS_URL"] == runner.nats_url()
    assert "ONETHREAD_PORT" not in environment
    assert (runner.home / "secrets.env").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_can_run_it(runner):
    python = sys.executable if open_to_all(Path(sys.executable).resolve().parent) else "/usr/bin/python3"
    asked = [python, "-c", "import sys; print(sys.version_info[:2])"]
    if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() != str(sys.version_info[:2]):
        pytest.skip(f"others may not run {sys.executable}, and {python} is another version")
    nobody = pwd.getpwnam("nobody")
    runner.python = python
    runner.environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    runner.environment["PATH"] = f"{Path(sys.executable).parent}:{runner.environment['PATH']}"
    runner.options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    os.chown(runner.folder, nobody.pw_uid, nobody.pw_gid)
    runner.start()
    assert {process.username() for process in runner.processes()} == {"nobody"}
    assert runner.stop() == 0
    runner.until(runner.is_gone, 10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the database")
def test_root_can_use_a_home_that_others_cannot_enter(runner, tmp_path: Path):
    runner.home = tmp_path / "closed"
    runner.home.mkdir(mode=0o700)
    runner.environment["ONETHREAD_HOME"] = str(runner.home)
    runner.start()
    try:
        assert runner.child("bin/postgres").username() in {"postgres", "nobody"}
        assert runner.stop() == 0
    finally:
        shutil.rmtree((runner.home / "postgres").resolve(), ignore_errors=True)


def test_a_service_that_hangs_is_restarted(make_runner):
    runner = make_runner(FAST_PROBES="1").start()
    runner.get(1001, "/hang")
    runner.until(lambda: "a is back." in runner.text())
    assert "a missed 3 health checks in a row; ending it." in runner.text()


def test_the_watcher_ends_what_it_holds_when_the_runner_is_gone():
    """What other systems than Linux use in place of the kernel's signal."""
    script = (
        "import os, signal, subprocess; from onethread.local.leash import Leash; leash = Leash(kernel=False)\n"
        "held = subprocess.Popen(['sleep', '120'], stdout=-3, stderr=-3, start_new_session=True)\n"
        "freed = subprocess.Popen(['sleep', '121'], stdout=-3, stderr=-3, start_new_session=True)\n"
        "leash.hold(held.pid, signal.SIGTERM); leash.hold(freed.pid, signal.SIGTERM); leash.release(freed.pid)\n"
        "print(held.pid, freed.pid, leash._watcher.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout
    held, freed, watcher = map(int, out.split())
    end = time.monotonic() + 60
    while running(held) or running(watcher):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert running(freed)
    os.kill(freed, signal.SIGKILL)


def running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_embedded_servers_leave_nothing_behind():
    with embedded_servers() as (_, database_url), psycopg.connect(database_url) as connection:
        row = connection.execute("show data_directory").fetchone()
        assert row
        data = Path(row[0])
        assert data.parts[-1] == str(connection.info.server_version // 10000)
    assert not data.exists()


def test_the_kernel_ties_a_child_only_to_a_parent_that_lives():
    assert (Leash().before_exec(signal.SIGKILL) is None) == (sys.platform != "linux")
