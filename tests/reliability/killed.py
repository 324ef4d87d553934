"""Kills a small audit with SIGKILL at random moments and starts it again, many times.

A program of its own, with everything imported before it forks: a kill costs what the audit had
measured until then, and nothing else.

    python killed.py AUDIT FOLDER KILLS SEED COMMAND...

``COMMAND`` is what dpaudit is asked to do; it writes to FOLDER/out and keeps its cache in
FOLDER/cache. Both are emptied whenever the command comes to its end, until KILLS were made while
it ran and it has come to its end after the last. Prints one JSON document.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np

IGNORED = {"run.json"}
"""What differs between two runs of one audit."""


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a reader would see."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("[!.]*"))
        if path.name not in IGNORED
    }


def start(words: list[str]) -> int:
    """Fork a process that runs dpaudit, and return its id."""
    child = os.fork()
    if child:
        return child
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    from dpaudit.cli.main import run

    code = 99
    try:
        code = run(words)
    finally:
        os._exit(code)


def has_ended(child: int) -> bool:
    """Return whether a child has come to its end, which :func:`end` may then ask for."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, child, flags) is not None


def end(child: int) -> int:
    """Wait for a child; return its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Kill, start again, and compare."""
    audit, folder, kills, seed, *command = sys.argv[1:]
    os.chdir(folder)
    out, cache = Path("out"), Path("cache")
    os.environ["DPAUDIT_CACHE"] = str(cache)
    words = [*command, audit, "--out", str(out), "--quiet"]
    assert end(start(words)) == 0  # and again, with every import done by what was imported here
    clock = time.monotonic()
    clean(out, cache)
    assert end(start(words)) == 0
    whole, seconds = contents(out), time.monotonic() - clock
    rng = np.random.default_rng(int(seed))
    killed = finished = damaged = begun = 0
    different: list[str] = []
    clean(out, cache)
    while killed < int(kills) or not finished:
        child = start(words)
        limit = rng.uniform(0.02, 0.75) * seconds if killed < int(kills) else 1e9
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and not has_ended(child):
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        if end(child) == -signal.SIGKILL:
            killed += 1
            found = contents(out)
            different += [name for name in found if whole.get(name) != found[name]]
            entries = list(cache.rglob("*.npz"))
            begun += bool(entries)
            damaged += sum(map(is_damaged, entries))
            continue
        finished += 1
        found = contents(out)
        different += [name for name in {*whole, *found} if whole.get(name) != found.get(name)]
        clean(out, cache)
    sys.stdout.write(json.dumps({
        "killed": killed, "finished": finished, "different": different, "damaged": damaged,
        "begun": begun,
        "files": sorted(whole), "seconds": round(seconds, 3),
    }))  # fmt: skip


def clean(*folders: Path) -> None:
    """Empty the folders."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def is_damaged(entry: Path) -> bool:
    """Return whether an entry of the cache is not what was written."""
    content = entry.read_bytes()
    return hashlib.sha256(content[32:]).digest() != content[:32]


if __name__ == "__main__":
    import dpaudit
    from dpaudit.cli import report, run  # noqa: F401
    from dpaudit.engine import run as _engine  # noqa: F401
    from dpaudit.report import write as _write  # noqa: F401

    dpaudit.Registry.discover()
    main()
