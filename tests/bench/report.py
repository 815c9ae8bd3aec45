"""The figures, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parents[2] / "results"
STAGES = ("ack_ms", "timeline_ms", "answer_ms")


def middle(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The median of each figure over the rounds; of what must not happen, the worst."""
    return {name: _middle(name, [one.get(name) for one in rounds]) for name in rounds[0]}


def _middle(name: str, values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    if not present:
        return None
    if isinstance(present[0], Mapping):
        names = dict.fromkeys(key for one in present for key in one)
        return {key: _middle(key, [one.get(key) for one in present]) for key in names}
    if name in {"lost", "refused", "unanswered", "handed_off"}:
        return max(present)
    return round(median(present), 2)


def show_loads(loads: Mapping[str, Mapping[str, Any]]) -> None:
    _line("load", "msg/s", *(f"{stage[:-3]} p50/p99 ms" for stage in STAGES), "CPU ms/msg", "sent", "lost", "load avg")
    for name, one in loads.items():
        times = [_pair(one.get(stage)) for stage in STAGES]
        _line(name, one["msgs_s"], *times, one["cpu_ms"], one["sent"], one["lost"], one["load_average"])
    for name, one in loads.items():
        cpu = "  ".join(f"{role} {ms:g}" for role, ms in sorted(one["cpu_ms_by"].items(), key=lambda item: -item[1]))
        print(f"CPU ms/msg, {name}: {cpu}")
    for name, one in loads.items():
        if "accepted_s" in one:
            print(f"Mails taken durably, {name}: {one['accepted_s']:g}/s")
        if "answered" in one:
            print(
                f"Answers, {name}: {one['answered']:g} messages got their own, {one['covered']:g} were covered by a"
                f" later one, {one['unanswered']:g} got none; {one['handed_off']:g} threads handed off,"
                f" {one['refused']:g} refused."
            )


def show_memory(title: str, memory: Mapping[str, Mapping[str, float]]) -> None:
    sizes = sorted(memory.items(), key=lambda item: -item[1]["pss"])
    print(
        f"{title}, PSS (RSS) in MB: " + "  ".join(f"{role} {one['pss']:.0f} ({one['rss']:.0f})" for role, one in sizes)
    )


def show_ratios(ours: Mapping[str, Mapping[str, Any]], floor: Mapping[str, Mapping[str, Any]]) -> None:
    """Ours against the floor's variant `group`, load by load. A floor message is one there and back again."""
    group, bare = floor.get("group", {}), floor.get("bare", {})
    _line("against the floor's `group`", "msg/s", "timeline p50", "timeline p99", "answer p50", " group", " bare")
    for name, one in ours.items():
        if (other := group.get(name)) is None:
            continue
        _line(
            name, _ratio(one["msgs_s"], other["msgs_s"]),
            _ratio(one["timeline_ms"]["p50"], other["p50_ms"]), _ratio(one["timeline_ms"]["p99"], other["p99_ms"]),
            _ratio(one["answer_ms"]["p50"], other["p50_ms"]), _floor(other), _floor(bare.get(name)),
        )  # fmt: skip
    print("Aims: msg/s at least 1x; timeline at most 2x (p50) and 3x (p99); answer at most 4x.")


def _floor(one: Mapping[str, Any] | None) -> str:
    return f"{one['msgs_s']:.0f}/s {one['p50_ms']:g}/{one['p99_ms']:g} ms" if one else "-"


def _ratio(ours: float | None, other: float) -> str:
    return "-" if ours is None else f"{ours / other:.2f}x"


def _pair(times: Mapping[str, Any] | None) -> str:
    return f"{times['p50']:g} / {times['p99']:g}" if times and times["p50"] is not None else "-"


def _line(first: object, *rest: object) -> None:
    print(f"{first!s:44}" + "".join(f"{cell!s:>24}" for cell in rest))


def write(results: Mapping[str, Any], name: str = "bench") -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path
