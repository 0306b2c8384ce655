"""One peer in a process of its own: `python -m bench.peer SYSTEM FOLDER OUT [QUESTION …]`.

Loads the files of a made world, asks each question so many times, and writes times and answers as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

THREADS = 2
REPEATS = 5
SLOW_S = 3.0  # what takes longer is asked twice
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))


def _made(system: str, scratch: Path) -> Any:
    if system == "duckdb":
        from bench.peers.duckdb import DuckDB

        return DuckDB(scratch, THREADS)
    if system == "chdb":
        from bench.peers.chdb import ChDB

        return ChDB(scratch, THREADS)
    from bench.peers.polars import Polars

    return Polars(scratch, THREADS)


def timed(ask: Callable[[], Any], repeats: int = REPEATS) -> tuple[list[float], Any]:
    """(seconds of each time, the answer), after a first time that isn't counted."""
    began = time.perf_counter()
    answer = ask()
    slow = time.perf_counter() - began > SLOW_S
    times = []
    for _ in range(2 if slow else repeats):
        began = time.perf_counter()
        answer = ask()
        times.append(time.perf_counter() - began)
    return times, answer


def memory_mb() -> dict[str, float]:
    """(anonymous, mapped) memory of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("Rss", "VmHWM"))}
    return {"rss_anon_mb": round(found["RssAnon"], 1), "mapped_mb": round(found["RssFile"], 1)}


def disk_mb(folder: Path) -> float:
    """What lies in a folder."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def main(arguments: Sequence[str]) -> None:
    """Load, ask, write."""
    from bench.asked import COMPARED, for_peers, trials

    system, folder, out, *names = arguments
    scratch = Path(tempfile.mkdtemp(prefix="yutang-peer-"))
    try:
        began = time.perf_counter()
        peer = _made(system, scratch)
        peer.load(Path(folder) / "events.parquet")
        peer.load_states(Path(folder) / "states.parquet")
        loaded = time.perf_counter() - began
        said = [one.text for one in for_peers() if one.peers is not None and peer.says(one.peers)]
        asked = trials(peer)
        found = {name: timed(asked[name]) for name in names or COMPARED}
        facts = {
            "load_s": loaded, "disk_mb": disk_mb(scratch), "version": peer.version, "said": said,
            "found": {name: {"times": times, "answer": answer} for name, (times, answer) in found.items()},
        }  # fmt: skip
        Path(out).write_text(json.dumps(facts | memory_mb()))
        peer.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
