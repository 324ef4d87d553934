"""One thread of torch while numbers are made: more of them change the last bits of a product."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def on_one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Hold torch to one thread while ``function`` runs, and give back what was set.

    How sums are cut among threads decides their order, and so the last bits; threads of several
    runs at once also only wait for one another.
    """

    @functools.wraps(function)
    def held(*args: P.args, **kwargs: P.kwargs) -> T:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_num_threads(before)

    return held
