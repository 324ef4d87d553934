"""Amounts that are stated in exactly one of several ways."""

from __future__ import annotations

from typing import Any

import numpy as np

Ways = tuple[tuple[str, ...], ...]


def check_ways(instance: Any, what: str, ways: Ways) -> tuple[str, ...]:
    """Return the parameters that are given, after requiring that they are one of the ways.

    Parameters
    ----------
    instance
        A mechanism whose parameters are ``None`` where they are not given.
    what
        What they state, as the message names it (``budget``).
    ways
        The parameters that belong together; an empty way allows that nothing is given.

    Raises
    ------
    ValueError
        If something else is given: the message lists the ways and what is given, with values.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check_ways(SimpleNamespace(rho=None, sigma=2.0), "budget", (("rho",), ("sigma",)))
    ('sigma',)
    """
    names = dict.fromkeys(name for way in ways for name in way)
    given = tuple(name for name in names if getattr(instance, name) is not None)
    if given not in ways:
        listed = ", or ".join(" and ".join(way) or "nothing" for way in ways)
        found = " and ".join(_shown(name, getattr(instance, name)) for name in given) or "nothing"
        raise ValueError(f"the {what} is stated in one way: give {listed}; given: {found}")
    return given


def _shown(name: str, value: Any) -> str:
    """Return a parameter with its value; of a column that is filled in the name alone."""
    return f"{name} = {value!r}" if np.ndim(value) == 0 else name
