"""Writes the REST API's OpenAPI document, or with --check fails when the committed one differs.

python -m onethread.conversation.openapi [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from onethread.conversation.app import create_app
from onethread.conversation.settings import ConversationSettings

FILE = Path(__file__).parents[5] / "docs" / "openapi" / "conversation.json"


def main() -> None:
    settings = ConversationSettings(api_key=SecretStr("unused"), admin_password=SecretStr("unused"))
    text = json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        raise SystemExit(f"{FILE.name} is out of date. Run `just docs`.")


if __name__ == "__main__":
    main()
