"""`onethread up` with fake services in place of the real ones. `python runner_with_fakes.py FOLDER NAME=PORT...`"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from onethread.local import supervisor
from onethread.local.errors import CannotStart
from onethread.local.services import Service
from onethread.local.up import up


def main(folder: Path, wanted: list[str]) -> int:
    services = []
    for one in wanted:
        name, port = one.split("=")
        (folder / f"fake_{name}.py").write_text(f"from fake_service import main\nmain({name!r}, {port})\n")
        services.append(Service(name, f"fake_{name}", int(port)))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    job = os.environ.get("JOB", "print('job done')")
    if os.environ.get("FAST_PROBES"):
        supervisor.PROBE_EVERY = 0.2
    parent = os.getppid() if os.environ.get("WITH_PARENT") else None
    try:
        return up(services, None, {"job": (sys.executable, "-c", job)}, parent)
    except CannotStart as sentence:
        sys.stderr.write(f"onethread: {sentence}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
