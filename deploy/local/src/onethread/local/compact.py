"""The six services in one process, for small machines: a fifth of the memory, and no bulkheads between them.

python -m onethread.local.compact
"""

from __future__ import annotations

from importlib import import_module

from onethread.local.services import SIX
from onethread.runtime.serve import serve_all


def main() -> None:
    apps = []
    for service in SIX:
        settings = import_module(f"{service.module}.settings").Settings.load()
        apps.append((import_module(f"{service.module}.app").create_app(settings), settings))
    serve_all(apps)


if __name__ == "__main__":
    main()
