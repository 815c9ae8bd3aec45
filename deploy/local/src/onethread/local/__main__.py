"""The command `onethread`."""

from __future__ import annotations

import argparse
import os
import sys

from onethread.local.errors import CannotStart
from onethread.local.up import up


def main() -> int:
    parser = argparse.ArgumentParser(prog="onethread", description="Runs Onethread on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start everything and keep it running until Ctrl-C")
    starting.add_argument("--with-parent", action="store_true", help="also stop when the process that called is gone")
    arguments = parser.parse_args()
    try:
        return up(parent=os.getppid() if arguments.with_parent else None)
    except CannotStart as sentence:
        sys.stderr.write(f"onethread: {sentence}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
