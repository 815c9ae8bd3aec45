from __future__ import annotations

import sys

from onethread.gateway_email import tool
from onethread.gateway_email.app import create_app
from onethread.gateway_email.settings import Settings
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    tool.main() if sys.argv[1:] else main()
