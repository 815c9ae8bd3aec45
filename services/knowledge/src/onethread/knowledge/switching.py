"""A workspace's search moves to another embedding model without a gap.

The index of the other model is built beside the live one, in a thread of its own; searches and changes of articles go
on meanwhile. Whether all is there is looked at in the thread that indexes, where nothing can come between, and there
searches are switched over. The old index is dropped a minute later, when no search can be using it any more.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from onethread.knowledge.embedding import EmbeddingError
from onethread.knowledge.ingest import REST_SECONDS, Ingestion, StoppedError
from onethread.knowledge.library import Library, in_thread, return_memory

log = structlog.get_logger()
IN_USE_SECONDS = 60.0


class Switching:
    def __init__(self, library: Library, ingestion: Ingestion) -> None:
        self._library, self._ingestor, self._in_turn = library, ingestion.ingestor, ingestion.in_turn
        self._thread = ThreadPoolExecutor(1, "switching")
        self._wake = asyncio.Event()
        self._left: dict[str, float] = {}
        """When each workspace left a model whose index is still there."""

    def wake(self) -> None:
        """Another model is wanted."""
        self._wake.set()

    def close(self) -> None:
        """The ingestor has been stopped before."""
        self._thread.shutdown()

    async def run(self) -> None:
        """Until cancelled."""
        self._left = dict.fromkeys(await self._library.run(self._library.store.workspaces), 0.0)
        while True:
            self._wake.clear()
            wanted = await self._library.run(self._library.models.wanted)
            for workspace, model_id in wanted.items():
                await self._switch(workspace, model_id)
            await self._clean_up()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), REST_SECONDS if wanted or self._left else None)

    async def _switch(self, workspace: str, model_id: str) -> None:
        """A model that can't be used is tried again later, and the live one serves on."""
        try:
            while await in_thread(self._thread, self._ingestor.build, workspace, model_id):
                if await self._in_turn(self._ingestor.switch, workspace, model_id):
                    self._left[workspace] = time.monotonic()
                    break
        except EmbeddingError as error:
            log.warning("knowledge.model_away", workspace=workspace, reason=str(error))
            await self._library.run(self._library.models.held_up, workspace, str(error))
        except StoppedError:
            raise
        except Exception:
            log.exception("knowledge.switching_failed", workspace=workspace, again_in_seconds=REST_SECONDS)
            await self._library.run(self._library.models.held_up, workspace, "Something broke on our side.")
        else:
            self._wake.set()

    async def _clean_up(self) -> None:
        for workspace in [one for one, left in self._left.items() if time.monotonic() - left > IN_USE_SECONDS]:
            await in_thread(self._thread, self._drop_others, workspace)
            del self._left[workspace]
        return_memory()

    def _drop_others(self, workspace: str) -> None:
        library = self._library
        choice = library.models.choice(workspace)
        kept = [model for model in (choice.live, choice.wanted) if model]
        library.vectors.keep(workspace, kept)
        if not any(library.models.gives_pieces(model) for model in kept):
            library.pieces.delete(library.store.live_ids(workspace))
