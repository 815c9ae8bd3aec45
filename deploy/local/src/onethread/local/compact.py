"""The six services in one process, for small machines: half of the memory, and no bulkheads between them.

python -m onethread.local.compact
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from onethread.local.services import SIX
from onethread.runtime.serve import serve_all
from onethread.runtime.settings import Settings


def main() -> None:
    apps = []
    for service in SIX:
        settings = _settings_class(import_module(f"{service.module}.settings")).load()
        apps.append((import_module(f"{service.module}.app").create_app(settings), settings))
    serve_all(apps)


def _settings_class(module: ModuleType) -> type[Settings]:
    """The one that the module defines, whatever its name."""
    classes = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Settings))
    return next(found for found in classes if found.__module__ == module.__name__)


if __name__ == "__main__":
    main()
