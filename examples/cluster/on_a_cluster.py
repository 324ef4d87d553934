"""Measures 13,184 districts in threads and on a Dask cluster: the numbers are the same.

    python examples/cluster/on_a_cluster.py [DRAWS] [ADDRESS]

Without an address the cluster is two worker processes on this machine.
"""

import hashlib
import sys
import time
from pathlib import Path

import attrs
from distributed import Client, LocalCluster

import dpaudit

AUDIT = Path(__file__).with_name("audit.toml")


def digest(results):
    """Return a SHA-256 of every bit of the measurements."""
    found = hashlib.sha256()
    for each in results.measurements:
        found.update(repr((each.task, each.quantity, each.over, each.per)).encode())
        for array in (each.estimate.value, each.estimate.low, each.estimate.high):
            found.update(array.tobytes())
    return found.hexdigest()


def measured(name, spec, executor, workers):
    """Measure, and print how long it took and what came out."""
    begun = time.perf_counter()
    found = digest(dpaudit.run(spec, executor=executor, workers=workers))
    print(f"{name:8} {time.perf_counter() - begun:6.1f} s   SHA-256 {found}", flush=True)
    return found


def main(draws=2000, address=None):
    """Return 0 if threads and cluster give the same numbers, else 1."""
    spec = dpaudit.load(AUDIT)
    spec = attrs.evolve(spec, run=attrs.evolve(spec.run, draws=draws))
    here = measured("threads", spec, "threads", 2)
    cluster = address or LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with Client(cluster) as client:
        workers = sum(client.nthreads().values())
        there = measured("cluster", spec, client.get_executor(pure=False), workers)
    if address is None:
        cluster.close()
    print("the same numbers" if here == there else "NOT the same numbers")
    return int(here != there)


# Worker processes import this file: without the next line each would start a cluster of its own.
if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2]), *sys.argv[2:3]))
