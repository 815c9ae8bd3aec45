"""Runs the service: python -m onethread.gateway_widget"""

from onethread.gateway_widget.app import create_app
from onethread.gateway_widget.settings import Settings
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
