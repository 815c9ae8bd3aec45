"""django-helpdesk beside ours: its importer takes the same mails out of a folder into tickets.

It has a virtual environment of its own, from PyPI, and is gone afterwards. Its start is not counted, it sends no mail,
and it has SQLite, with which it was quickest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

VERSION = "2.6.1"
NEEDS = (f"django-helpdesk=={VERSION}", "django>=5.2,<5.3", "packaging", "django-bootstrap4-form")
APPS = ("admin", "auth", "contenttypes", "sessions", "sites", "messages", "staticfiles", "humanize")
SETTINGS = f"""
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "of the bench"
INSTALLED_APPS = [*{[f"django.contrib.{app}" for app in APPS]}, "bootstrap4form", "rest_framework", "helpdesk"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}}}
MEDIA_ROOT = BASE_DIR / "media"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SITE_ID, USE_TZ, ROOT_URLCONF = 1, True, "urls"
HELPDESK_TEAMS_MODE_ENABLED = False
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {{}}}}]
LOGGING = {{"version": 1, "disable_existing_loggers": True}}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("helpdesk/", include("helpdesk.urls"))]
"""
TAKE_IN = """
import json, sys, time
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from helpdesk.email import process_email
from helpdesk.models import Queue, Ticket
Queue.objects.get_or_create(slug="support", defaults=dict(
    title="Support", email_address="support@onethread.localhost", allow_email_submission=True,
    email_box_type="local", email_box_local_dir=sys.argv[1], email_box_interval=0,
))
before, began, cpu = Ticket.objects.count(), time.perf_counter(), time.process_time()
process_email(quiet=True)
seconds, cpu, tickets = time.perf_counter() - began, time.process_time() - cpu, Ticket.objects.count() - before
print(json.dumps({"a_second": tickets / seconds, "cpu_ms": cpu / tickets * 1e3}))
"""


@dataclass(frozen=True, slots=True)
class Taken:
    a_second: float
    """Tickets."""
    cpu_ms: float
    """For each."""


class Helpdesk:
    """Installs itself into `folder`. Raises CalledProcessError when PyPI is away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mails = folder / "mails"
        self._mails.mkdir()
        for name, text in (("settings.py", SETTINGS), ("urls.py", URLS), ("take_in.py", TAKE_IN)):
            (folder / name).write_text(text)
        venv.create(folder / "venv", with_pip=not _uv())
        self._python = str(folder / "venv/bin/python")
        install = (
            [_uv(), "pip", "install", "--python", self._python] if _uv() else [self._python, "-m", "pip", "install"]
        )
        subprocess.run([*install, "-q", *NEEDS], check=True)

    def take_in(self, mails: Iterable[bytes]) -> Taken:
        for number, raw in enumerate(mails):
            (self._mails / f"{number:05}.eml").write_bytes(raw)
        done = subprocess.run(
            [self._python, "take_in.py", str(self._mails)],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "settings"},
            check=True,
            capture_output=True,
            text=True,
        )
        if left := len([*self._mails.iterdir()]):
            raise SystemExit(f"django-helpdesk left {left} mails: {done.stderr[-2000:]}")
        return Taken(**json.loads(done.stdout.splitlines()[-1]))


def _uv() -> str | None:
    beside = Path(__file__).parents[3] / ".tools/bin/uv"
    return str(beside) if beside.exists() else shutil.which("uv")
