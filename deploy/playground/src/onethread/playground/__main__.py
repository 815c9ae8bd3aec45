"""`python -m onethread.playground`."""

from __future__ import annotations

from onethread.playground.app import create_app
from onethread.playground.settings import Settings
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
