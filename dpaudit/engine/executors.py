"""Where units are measured: threads, worker processes, a Dask or Ray cluster, or any executor.

An executor of the caller's own (:class:`concurrent.futures.Executor`) is used as it is, and left
open. Nothing here is imported before somebody asks for it by name.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Literal

import attrs

from dpaudit.errors import UnavailableError, UsageError

NAMES = "threads, processes, dask, dask:ADDRESS, ray or ray:ADDRESS"
"""What the command line takes."""

AHEAD = 4
"""Units in the hands of threads for each that they measure at once."""

_FAR_AHEAD = 16

Where = Literal["here", "apart", "elsewhere"]


@attrs.frozen(kw_only=True)
class Place:
    """An executor, and what may be asked of it.

    Parameters
    ----------
    executor
        Takes the units.
    slots
        Units that it measures at once, as far as it is known.
    where
        ``here``: in threads of this process. ``apart``: threads here that wait for worker
        processes. ``elsewhere``: in processes that know nothing of this one.
    """

    executor: Executor
    slots: int
    where: Where

    @property
    def ahead(self) -> int:
        """Units to have in its hands: more of them where the way there and back is long."""
        return self.slots * (_FAR_AHEAD if self.where == "elsewhere" else AHEAD)


def check_executor(executor: str | Executor) -> None:
    """Refuse a name that is none, before anything is measured.

    Raises
    ------
    UsageError
        If there is no executor of that name.
    """
    if isinstance(executor, Executor):
        return
    name, colon, address = executor.partition(":")
    if name not in _OPENERS or (colon and (not address or name not in {"dask", "ray"})):
        raise UsageError(f"no executor is called {executor!r}", hint=f"known: {NAMES}")


@contextmanager
def opened(executor: str | Executor, workers: int) -> Iterator[Place]:
    """Offer the executor that ``executor`` names, or is; close it if it was opened here.

    Parameters
    ----------
    executor
        ``threads``, ``processes``, ``dask`` or ``ray`` (on this machine), ``dask:tcp://HOST:PORT``
        or ``ray:HOST:PORT`` (a cluster that runs already), or an executor.
    workers
        Units to measure at once, where the executor does not know it better.

    Raises
    ------
    UsageError
        If there is no executor of that name, or nobody answers at the address.
    UnavailableError
        If its library is not installed.
    """
    if isinstance(executor, Executor):
        where: Where = "here" if isinstance(executor, ThreadPoolExecutor) else "elsewhere"
        slots = max(workers, getattr(executor, "_max_workers", workers))
        yield Place(executor=executor, slots=slots, where=where)
        return
    check_executor(executor)
    name, _, address = executor.partition(":")
    with _OPENERS[name](address, workers) as place:
        yield place


@contextmanager
def _threads(_: str, workers: int) -> Iterator[Place]:
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="dpaudit") as pool:
        yield Place(executor=pool, slots=workers, where="here")


@contextmanager
def _processes(_: str, workers: int) -> Iterator[Place]:
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="dpaudit") as pool:
        yield Place(executor=pool, slots=workers, where="apart")


@contextmanager
def _dask(address: str, workers: int) -> Iterator[Place]:
    distributed = _imported("distributed", "dask", "pip install 'dpaudit[cluster]'")
    if address:
        try:
            client = distributed.Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"executor 'dask:{address}': no scheduler answers there "
                f"({' '.join(str(error).split())})",
                hint="start one with 'dask scheduler', and name the address that it prints",
            ) from error
        with client:
            slots = sum(client.nthreads().values())
            if not slots:
                raise UsageError(
                    f"executor 'dask:{address}': the scheduler has no worker",
                    hint=f"start one on each machine with 'dask worker {address}'",
                )
            yield Place(executor=client.get_executor(pure=False), slots=slots, where="elsewhere")
        return
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.CRITICAL,  # what goes wrong comes back as an exception
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield Place(executor=client.get_executor(pure=False), slots=workers, where="elsewhere")


class RayExecutor(Executor):
    """Runs calls as tasks of Ray, each on one processor.

    Parameters
    ----------
    ray
        The module ``ray``, connected to a cluster.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._remote = ray.remote(num_cpus=1)(_call)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send one call to the cluster."""
        future: Future[Any] = self._remote.remote(fn, args, kwargs).future()
        return future

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)


@contextmanager
def _ray(address: str, workers: int) -> Iterator[Place]:
    ray = _imported("ray", "ray", "pip install ray")
    try:
        if address:
            ray.init(address=address, log_to_driver=False)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            f"executor 'ray:{address}': no cluster answers there ({' '.join(str(error).split())})",
            hint="start one with 'ray start --head', and name the address that it prints",
        ) from error
    with closing(RayExecutor(ray)) as executor:
        slots = int(ray.cluster_resources().get("CPU", workers))
        yield Place(executor=executor, slots=slots, where="elsewhere")


def _imported(library: str, executor: str, hint: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UnavailableError(f"executor {executor!r}: {error}", hint=hint) from error


_OPENERS = {"threads": _threads, "processes": _processes, "dask": _dask, "ray": _ray}
