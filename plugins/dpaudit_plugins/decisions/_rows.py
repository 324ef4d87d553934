"""Which counts of a row a rule reads."""

from __future__ import annotations

from collections.abc import Sequence

import dpaudit


def positions(rule: str, counts: Sequence[str], **names: str) -> tuple[int, ...]:
    """Return where the named counts are in a row.

    Parameters
    ----------
    rule
        The name of the decision, for messages.
    counts
        The names of the k counts of each entity.
    names
        By parameter of the decision, the name of the count that it reads.

    Raises
    ------
    DataError
        If the data have no count of that name.
    """
    for parameter, name in names.items():
        if name not in counts:
            known = f"the counts are {', '.join(counts)}" if counts else "no counts are filled in"
            raise dpaudit.DataError(
                f"decision {rule!r}, parameter {parameter!r}: the data have no count {name!r}",
                hint=f"{known}: name one of them, or add the column to also_counted in [data]",
            )
    return tuple(counts.index(name) for name in names.values())


def check_distinct(**names: str) -> None:
    """Require that no two parameters name the same count.

    Raises
    ------
    ValueError
        If two do.
    """
    seen: dict[str, str] = {}
    for parameter, name in names.items():
        if name in seen:
            raise ValueError(
                f"{seen[name]} and {parameter} are both {name!r}: name two different counts"
            )
        seen[name] = parameter
