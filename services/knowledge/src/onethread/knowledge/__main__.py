"""Runs the service, or repairs its index.

python -m onethread.knowledge
python -m onethread.knowledge rebuild
"""

import sys

from onethread.knowledge.app import create_app
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import FolderInUseError, exclusive, open_library
from onethread.knowledge.settings import Settings
from onethread.runtime import logs
from onethread.runtime.serve import serve


def main() -> None:
    settings = Settings.load()
    try:
        if sys.argv[1:] == ["rebuild"]:
            rebuild(settings)
            return
        with exclusive(settings.folder):  # asked here too, since a server that fails to start prints a stack trace
            pass
    except FolderInUseError as error:
        raise SystemExit(str(error)) from None
    serve(create_app(settings), settings)


def rebuild(settings: Settings) -> None:
    """Makes the vector index anew from the document store. The service must not be running."""
    logs.configure(settings)
    with open_library(settings.folder, settings.offers, settings.first_model, settings.chroma_url) as library:
        for workspace in library.store.workspaces():
            library.vectors.of(library.models.choice(workspace).live).drop(workspace)
            Ingestor(library).reconcile(workspace)
            status = library.store.status(workspace)
            sys.stdout.write(f"{workspace}: {status.passages} passages of {status.documents} articles indexed again.\n")


if __name__ == "__main__":
    main()
