"""The sections of a report by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from dpaudit.errors import SpecError


def refuse_unknown(wanted: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names of sections that are wanted, if there are such sections.

    Raises
    ------
    SpecError
        If one is not known.
    """
    names = tuple(wanted)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
            raise SpecError(f"[report] sections: there is no section {name!r}", hint=hint)
    return names
