from __future__ import annotations

from onethread.gateway_email.app import create_app
from onethread.gateway_email.settings import Settings
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
