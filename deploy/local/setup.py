"""Gets what `just up` and `just test` need: the Python packages with uv, then the browser parts. Skips what is there.

    python3 deploy/local/setup.py up|test|dev

Run by the machine's own Python, before anything is installed: standard library only, and old syntax, so that an old
Python gets a sentence and not a traceback.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOG = ROOT / ".build" / "setup.log"
OLDEST, NEWEST = (3, 11), (3, 14)
SPACE_NEEDED = 2 * 1024**3
MODES = {
    "up": [],
    "test": ["--all-packages", "--group", "test"],
    "dev": ["--all-packages", "--group", "test", "--group", "lint"],
}
"""Each holds all that the ones before it hold."""
TRANSLATIONS = (
    (
        r"No space left|os error 28|quota exceeded",
        "The disk is full: make room (about 2 GB in all) and run this again.",
    ),
    (
        r"No interpreter found|No virtual environment or system Python|no Python executables",
        "uv found no Python 3.11 to 3.14 on this machine: install one and run this again.",
    ),
    (
        r"no wheel|doesn't have a source distribution or wheel|No wheels are available|not compatible with",
        "One of the packages has no build for this machine.",
    ),
    (
        r"Failed to fetch|Failed to download|error sending request|dns error|timed out|Connection|Network|HTTP status",
        "A download failed: check the network and run this again; what has arrived is kept.",
    ),
)

NOT_SHOWN = re.compile(rb"(?:^|[\r\n])(?:\s|\x1b\[[0-9;?]*[A-Za-z])*(?:error|\xc3\x97|[+~] )")
"""What uv ends with: its errors, or the list of what it has installed."""


class SetupFailed(Exception):  # noqa: N818 it reads as what is said to the person
    """One sentence for the person at the terminal."""


def set_up(mode: str) -> None:
    if sys.version_info < OLDEST:
        raise SetupFailed(f"Python 3.11 or newer is needed, but this is {sys.version.split()[0]} ({sys.executable}).")
    wanted = digest()
    if not is_installed(mode, wanted):
        install(mode, wanted)
    build_browser_parts()


def digest() -> str:
    """Of everything that decides what is installed."""
    total = hashlib.sha256()
    for file in [ROOT / "uv.lock", ROOT / "pyproject.toml", *sorted(ROOT.glob("*/*/pyproject.toml"))]:
        total.update(file.read_bytes())
    return total.hexdigest()


def stamp(mode: str) -> Path:
    return VENV / f".installed-for-{mode}"


def is_installed(mode: str, wanted: str) -> bool:
    enough = list(MODES)[list(MODES).index(mode) :]
    stamps = [stamp(one) for one in enough if stamp(one).is_file()]
    return (VENV / "bin" / "python").exists() and any(file.read_text() == wanted for file in stamps)


def install(mode: str, wanted: str) -> None:
    # The lock is what was tested, so nothing is resolved here; and what other recipes have installed stays.
    command = [*find_uv(), "sync", "--frozen", "--inexact", *MODES[mode]]
    if not any(stamp(one).exists() for one in MODES):
        require_space()
        say("Installing the Python packages (once; about 1 GB).")
        # Six processes that compile the same modules would make the first start a slow one.
        command.append("--compile-bytecode")
    if not (VENV / "bin" / "python").exists() and sys.version_info[:2] <= NEWEST:
        command += ["--python", sys.executable]
    code, output = show_and_keep(command)
    if code:
        keep(output)
        raise SetupFailed(sentence_for(output))
    stamp(mode).write_text(wanted)


def find_uv() -> list[str]:
    own = ROOT / ".tools" / "bin" / "uv"
    if own.exists():
        return [str(own)]
    if found := shutil.which("uv"):
        return [found]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    raise SetupFailed("uv is missing: get it with `python3 -m pip install --target .tools uv rust-just`.")


def require_space() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < SPACE_NEEDED:
        raise SetupFailed(f"The disk of {ROOT} has {free / 1024**3:.1f} GB left, but the set-up needs about 2 GB.")


def show_and_keep(command: list[str]) -> tuple[int, str]:
    """Runs uv with its progress on our terminal. Its errors are kept back: one sentence is said for them."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    environment.update(UV_PROJECT_ENVIRONMENT=str(VENV), NO_COLOR="1")
    ours, theirs = terminal() if sys.stderr.isatty() else os.pipe()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stderr=theirs)  # noqa: S603
    os.close(theirs)
    output = b""
    quiet = False
    while chunk := read(ours):
        output += chunk
        quiet = quiet or bool(NOT_SHOWN.search(output[-len(chunk) - 100 :]))
        if not quiet:
            sys.stderr.buffer.write(chunk)
            sys.stderr.flush()
    os.close(ours)
    return process.wait(), output.decode(errors="replace")


def terminal() -> tuple[int, int]:
    """A pseudo-terminal as wide as ours: uv draws its progress only on a terminal."""
    ours, theirs = pty.openpty()
    size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    return ours, theirs


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says EIO when the last one on the other side has left
        return b""


def sentence_for(output: str) -> str:
    trouble = output[max(output.rfind("\nerror"), output.rfind("×"), 0) :]  # before it stand names of packages
    known = (sentence for pattern, sentence in TRANSLATIONS if re.search(pattern, trouble, re.IGNORECASE))
    return f"{next(known, 'Installing the Python packages failed.')} (The whole story: {LOG.relative_to(ROOT)})"


def keep(output: str) -> None:
    try:
        LOG.parent.mkdir(exist_ok=True)
        LOG.write_text(output)
    except OSError as error:  # the disk may be full, and that is what the sentence will say
        say(f"{LOG}: {error.strerror}")


def build_browser_parts() -> None:
    node_setup = shlex.join([*find_uv(), "sync", "--frozen", "--inexact", "--group", "node"])
    build = [str(VENV / "bin" / "python"), str(ROOT / "deploy" / "local" / "build_ui.py"), "--node-setup", node_setup]
    code = subprocess.run(build, cwd=ROOT, check=False).returncode  # noqa: S603
    if code:
        raise SystemExit(code)  # it has said why


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in MODES:  # noqa: PLR2004 the program and the mode
        say(f"usage: {sys.argv[0]} {'|'.join(MODES)}")
        return 2
    try:
        set_up(sys.argv[1])
    except SetupFailed as sentence:
        say(f"Error: {sentence}")
        return 1
    except OSError as error:
        say(f"Error: {error.filename or ROOT}: {error.strerror}.")
        return 1
    except KeyboardInterrupt:
        say("Stopped. Run it again to go on where it was.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
