"""just bench: the stack under real traffic. `just bench --help` lists what can be chosen.

`just bench conversation`, `just bench knowledge` and `just bench agent` are about that service alone, `just bench
languages` about other languages than English, `just bench email` about how mails are read, `just bench email-in` about
how many are taken in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import uvloop
from tests.bench import floor, load, mail, measure, report, stack
from tests.bench.load import Crowd, Timeline

QUESTIONS = stack.ROOT / "deploy/playground/help-centre/questions.jsonl"
ALONE = {
    "conversation": "tests.bench.conversation.command",
    "knowledge": "tests.bench.knowledge.command",
    "agent": "tests.bench.agent",
    "languages": "tests.bench.languages.command",
    "email": "tests.bench.email.command",
    "email-in": "tests.bench.email_in.command",
}
IDLE_SECONDS = 10
CONNECTIONS = 8


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        import_module(ALONE[sys.argv[1]]).main(sys.argv[2:])
        return
    chosen = _arguments()
    _say(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {chosen.rounds} rounds, medians.")
    results: dict[str, Any] = {"load_average": os.getloadavg(), "rounds": chosen.rounds}
    with stack.throw_away_home() as home:
        with stack.running(home, chosen.offset) as cold:
            results["cold_start_s"] = round(cold.started, 1)
        with stack.running(home, chosen.offset) as warm:
            results["warm_start_s"] = round(warm.started, 1)
            _say(f"Cold start {results['cold_start_s']} s, warm start {results['warm_start_s']} s.")
            time.sleep(IDLE_SECONDS)
            results["idle_mb"] = measure.memory(warm.process.pid)
            report.show_memory("Idle", results["idle_mb"])
            results["loads"] = uvloop.run(_loads(warm, chosen))
            results["busy_mb"] = measure.memory(warm.process.pid)
    report.show_memory("After the loads", results["busy_mb"])
    report.show_loads(results["loads"])
    if chosen.floor:
        results["floor"] = floor.run(chosen.floor, chosen.rounds)
        report.show_ratios(results["loads"], results["floor"])
    _say(f"Written to {report.write(results)}")
    bad = [name for name, one in results["loads"].items() if one["lost"]]
    if bad:
        raise SystemExit(f"Messages were lost: {', '.join(bad)}")
    _say("Nothing was lost.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each load in each round")
    parser.add_argument("--offset", type=int, default=24_000, help="added to every port of the stack")
    parser.add_argument("--floor", type=Path, help="folder of the floor, to run beside ours")
    parser.add_argument("--only", default="", help="run only loads whose name has this in it")
    return parser.parse_args()


async def _loads(running: stack.Stack, chosen: argparse.Namespace) -> dict[str, Any]:
    """Every load, `rounds` times over, each with customers of its own."""
    questions = await _answerable(running)
    _say(f"{len(questions)} questions that the help centre answers.")
    timeline = Timeline()
    reading = asyncio.create_task(timeline.read(running.port(8000), running.api_key))
    await timeline.ready.wait()
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(chosen.rounds + 1):
        seconds = chosen.seconds if number else 1  # the first round warms up and is not counted
        for name, one in _plan(running, timeline, questions, seconds).items():
            if chosen.only not in name or reading.done():
                continue
            measured = await _measured(running.process.pid, one)
            if number:
                found.setdefault(name, []).append(measured)
                _say(f"  round {number}, {name}: {measured['msgs_s']}/s, lost {measured['lost']}")
        if not number:
            running.analyze()
    if reading.done():
        reading.result()
    reading.cancel()
    return {name: report.middle(rounds) for name, rounds in found.items()}


Load = Callable[[], Awaitable[dict[str, Any]]]


def _plan(running: stack.Stack, timeline: Timeline, questions: Sequence[str], seconds: float) -> dict[str, Load]:
    def customers(size: int, act: Callable[[Crowd], Awaitable[None]]) -> Load:
        async def one() -> dict[str, Any]:
            people = await load.crowd(size, running.port(8010), timeline, questions)
            return await load.run(people, lambda: act(people))

        return one

    return {
        "1 customer, one message at a time": customers(1, lambda p: load.closed_loop(p, "answer", seconds)),
        "200 customers, 200 msgs/s steady": customers(200, lambda p: load.steady(p, 200, seconds)),
        "200 customers, 500 msgs/s steady": customers(200, lambda p: load.steady(p, 500, seconds)),
        "200 customers, as fast as they can": customers(200, lambda p: load.closed_loop(p, "answer", seconds)),
        "200 customers who do not wait for answers": customers(200, lambda p: load.closed_loop(p, "timeline", seconds)),
        "mail, 1 connection": lambda: mail.run(
            running.port(2525), timeline, mail.asking(questions, int(seconds * 12)), connections=1
        ),
        f"mail, {CONNECTIONS} connections": lambda: mail.run(
            running.port(2525), timeline, mail.asking(questions, int(seconds * 60)), connections=CONNECTIONS
        ),
    }


async def _measured(pid: int, one: Load) -> dict[str, Any]:
    before = measure.cpu_seconds(pid)
    result = await one()
    used: Counter[str] = measure.cpu_seconds(pid)
    used.subtract(before)
    done = max(1, result["sent"] - result["lost"])
    result["cpu_ms"] = round(sum(used.values()) * 1e3 / done, 2)
    result["cpu_ms_by"] = {role: round(seconds * 1e3 / done, 2) for role, seconds in used.items()}
    result["load_average"] = round(os.getloadavg()[0], 1)
    return result


async def _answerable(running: stack.Stack) -> list[str]:
    """The questions that the agent answers by itself: whoever is handed off waits for a person from then on."""
    asked = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    kept: list[str] = []
    async with httpx.AsyncClient(timeout=20, headers={"Authorization": f"Bearer {running.api_key}"}) as http:
        for question in (one["question"] for one in asked if one["article"]):
            said = await http.post(f"http://127.0.0.1:{running.port(8040)}/v1/ask", json={"question": question})
            if said.raise_for_status().json()["decision"] == "answer":
                kept.append(question)
    return kept


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
