"""What every route needs: the key, the workspace, and what they work with."""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from pydantic import StringConstraints

from onethread.contracts.knowledge import LOCALE
from onethread.knowledge.gap_articles import GapArticles
from onethread.knowledge.ingest import Ingestion
from onethread.knowledge.library import Library
from onethread.knowledge.search import Searcher
from onethread.knowledge.settings import Settings
from onethread.knowledge.switching import Switching
from onethread.knowledge.syncing import Syncing
from onethread.knowledge.written import ArticleStore
from onethread.runtime.errors import Problem

_WORKSPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Knowledge:
    """What the routes work with. The lifespan puts it into `app.state.knowledge`."""

    library: Library
    searcher: Searcher
    ingestion: Ingestion
    switching: Switching
    syncing: Syncing
    written: ArticleStore
    gaps: GapArticles
    settings: Settings


def _knowledge(request: Request, authorization: Annotated[str, Header()] = "") -> Knowledge:
    knowledge: Knowledge = request.app.state.knowledge
    expected = f"Bearer {knowledge.settings.api_key.get_secret_value()}"
    if not hmac.compare_digest(authorization.encode(), expected.encode()):
        raise Problem(401, "Not allowed", "Send the API key as a bearer token.")
    return knowledge


def _workspace(x_onethread_workspace: Annotated[str, Header()] = "local") -> str:
    if not _WORKSPACE.fullmatch(x_onethread_workspace):
        raise Problem(422, "No such workspace", "A workspace's name has up to 63 of a-z, 0-9 and inner hyphens.")
    return x_onethread_workspace


def _after(cursor: Annotated[str, Query(max_length=3_000, description="`next` of the page before.")] = "") -> str:
    """What the cursor names. Opaque to callers, so that it may change."""
    try:
        return base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise Problem(422, "Not a cursor", "Use the `next` of the page before, as it is.") from None


def cursor_after(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


UseKnowledge = Annotated[Knowledge, Depends(_knowledge)]
Workspace = Annotated[str, Depends(_workspace)]
After = Annotated[str, Depends(_after)]
Limit = Annotated[int, Query(ge=1, le=200)]
NotBlank = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Locale = Annotated[str, StringConstraints(pattern=LOCALE)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2_000)]
