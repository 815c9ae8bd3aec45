"""onethread-email: what operators do by hand."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["reprocess"]:
        from onethread.gateway_email import reprocess

        reprocess.main(sys.argv[2:])
    else:
        from onethread.gateway_email import inspect

        inspect.main()
