"""A real IMAP server (Dovecot), and beside it what gives out and checks tokens."""

from __future__ import annotations

import datetime as dt
import grp
import imaplib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from plugins.certificates import a_certificate
from plugins.ports import free_port

USER, PASSWORD = "help@provider.example", "correct horse"
PROGRAM = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
CONFIG = """
protocols = imap
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 0
disable_plaintext_auth = no
auth_mechanisms = plain xoauth2
mail_location = maildir:{root}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
auth_failure_delay = 0
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {root}/oauth
}}
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {root}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
"""
OAUTH = """
tokeninfo_url = http://127.0.0.1:{port}/tokeninfo?access_token=
username_attribute = email
"""


@dataclass
class SignIn:
    """Google, say: exchanges refresh tokens, and tells whose an access token is."""

    refresh_tokens: set[str] = field(default_factory=lambda: {"refresh-1"})
    access_tokens: dict[str, str] = field(default_factory=dict[str, str])
    rotates: bool = False
    error: str = "invalid_grant"
    asked: list[str] = field(default_factory=list[str])
    given: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def exchange(self, refresh_token: str) -> dict[str, object] | None:
        if refresh_token not in self.refresh_tokens:
            return None
        self.given += 1
        token = f"access-{self.given}"
        self.access_tokens[token] = USER
        said: dict[str, object] = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        if self.rotates:
            newest = f"refresh-{self.given + 1}"
            self.refresh_tokens = {newest}
            said["refresh_token"] = newest
        return said


@contextmanager
def sign_in() -> Iterator[SignIn]:
    told = SignIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert said["grant_type"] == ["refresh_token"]
            assert (said["client_id"], said["client_secret"]) == (["an-app"], ["its secret"])
            told.asked.append(said["refresh_token"][0])
            self._answer(told.exchange(said["refresh_token"][0]))

        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("access_token", [""])[0]
            email = told.access_tokens.get(token)
            self._answer({"email": email, "expires_in": 3600} if email else None)

        def _answer(self, said: dict[str, object] | None) -> None:
            body = json.dumps(said or {"error": told.error}).encode()
            self.send_response(200 if said else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


class Dovecot:
    def __init__(self, root: Path, sign_in: SignIn) -> None:
        self.root, self.sign_in = root, sign_in
        # It refuses to be root, and some of it that nobody else may read.
        self._as = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")
        self.port, self.tls_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._configure()

    def _configure(self) -> None:
        root = self.root
        (root / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (root / "oauth").write_text(OAUTH.format(port=self.sign_in.port))
        a_certificate(root)
        said = {
            "root": root, "port": self.port, "tls_port": self.tls_port, "uid": self._as.pw_uid, "gid": self._as.pw_gid,
            "user": self._as.pw_name, "group": grp.getgrgid(self._as.pw_gid).gr_name,
        }  # fmt: skip
        (root / "dovecot.conf").write_text(CONFIG.format(**said))
        for path in (root, *root.iterdir()):
            os.chown(path, self._as.pw_uid, self._as.pw_gid)

    def start(self) -> None:
        assert PROGRAM
        who = {"user": self._as.pw_uid, "group": self._as.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        self._process = subprocess.Popen([PROGRAM, "-F", "-c", str(self.root / "dovecot.conf")], cwd="/", **who)
        for _ in range(600):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.root / "log").read_text())

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def drop(self) -> None:
        """Cuts every connection off in the middle."""
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() == "imap":
                os.kill(int(child), signal.SIGKILL)

    def begin_anew(self) -> None:
        """As when an administrator restores a mailbox: the mails are there, and their numbers are others."""
        for name in (
            "dovecot-uidlist",
            "dovecot.index",
            "dovecot.index.log",
            "dovecot.index.cache",
            "dovecot-uidvalidity",
        ):
            (self.root / "mail" / USER / name).unlink(missing_ok=True)

    @contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(USER, PASSWORD)
        yield client
        client.logout()

    def put(self, *mails: bytes, flags: str = "", at: dt.datetime | None = None) -> None:
        with self.opened() as client:
            for mail in mails:
                when = imaplib.Time2Internaldate(at or dt.datetime.now(dt.UTC))
                assert client.append("INBOX", flags, when, mail)[0] == "OK"

    def flags(self) -> list[str]:
        with self.opened() as client:
            client.select("INBOX", readonly=True)
            found = client.fetch("1:*", "(FLAGS)")[1] if client.search(None, "ALL")[1] != [b""] else []
            return [one.decode() for one in found if one]
