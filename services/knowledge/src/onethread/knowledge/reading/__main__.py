"""The process that reads: one request a line and its bytes on standard input, one answer a line on standard output.

JSON both ways: nothing that comes out of here may be able to run code on the other side.
"""

import json
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import BinaryIO

from onethread.knowledge.reading import File, UnreadableError, read

MEMORY_BYTES = 1024**3


def main() -> None:
    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not be taken for an answer
    while line := sys.stdin.buffer.readline():
        answers.write(_answer(json.loads(line), sys.stdin.buffer) + b"\n")
        answers.flush()


def _answer(request: dict[str, str | int | None], content: BinaryIO) -> bytes:
    size = int(request.pop("size") or 0)
    file = File(content=content.read(size), **request)  # type: ignore[arg-type]
    try:
        answer: dict[str, object] = {"reading": asdict(read(file))}
    except UnreadableError as error:
        answer = {"unreadable": str(error)}
    except MemoryError:
        answer = {"unreadable": "it takes more than 1 GB of memory to read"}
    except RecursionError:
        answer = {"unreadable": "it is nested too deep"}
    except Exception as error:
        # The format's library gave up in a way of its own; which one is for the log, not for people.
        answer = {"unreadable": "it is damaged", "error": type(error).__name__}
    return json.dumps(answer).encode("utf-8", "replace")


if __name__ == "__main__":
    main()
