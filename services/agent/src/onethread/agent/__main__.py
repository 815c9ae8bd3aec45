"""Runs the agent."""

from onethread.agent.app import create_app
from onethread.agent.settings import Settings
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
