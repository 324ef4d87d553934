"""Reads ``[public]``: what a report that may leave the house is made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dpaudit.config.table import Table, given
from dpaudit.errors import UsageError
from dpaudit.model.public import PublicMode

_FILL = {
    "proxy": 'add [public.proxy] with file = "..." (public data that stand in for the true counts)',
    "release": 'add [public.release] with file = "..." (the counts as they were published)',
    "dp": "add [public.dp] with epsilon = ... (what the report may spend beyond the release)",
}
_OWN = frozenset({"made_by", "at", "bootstrap"})
"""Keys of ``[public.release]`` that are not those of ``[data]``."""


def read_public(root: Table, mode: PublicMode | None) -> dict[str, Any] | None:
    """Return the plain form of the mode that is asked for, and put its data into ``[data]``.

    All modes are checked; without ``mode`` the data of the audit stay as they are.

    Raises
    ------
    UsageError
        If the audit file does not declare the mode.
    """
    table = Table(root.faults, ("public",), root.raw("public", {}))
    made: dict[str, dict[str, Any]] = {}
    replaced: dict[str, Mapping[str, Any]] = {}
    for name in ("proxy", "release"):
        found = table.raw(name)
        if found is not None:
            one = Table(root.faults, ("public", name), found)
            replaced[name] = {k: v for k, v in one.values.items() if k not in _OWN}
            made[name] = _stand_in(one, name)
    found = table.raw("dp")
    if found is not None:
        one = Table(root.faults, ("public", "dp"), found)
        made["dp"] = {"mode": "dp"} | given(
            epsilon=one.take("epsilon", float, required="epsilon = 0.1", check=_budget)
        )
        one.finish()
    table.finish()
    if mode is None:
        return None
    if mode not in made:
        raise UsageError(f"the audit file has no [public.{mode}]", hint=_FILL[mode])
    if mode in replaced and isinstance(root.values.get("data"), Mapping):
        root.values["data"] = {**root.values["data"], **replaced[mode], "status": "public"}
    return made[mode]


def refuse_uncovered(*, training: bool, attacks: bool) -> None:
    """Refuse a public report of what no public mode covers, before any file is opened.

    Raises
    ------
    UsageError
        If the audit file holds learners or attacks.
    """
    if training:
        raise UsageError(
            "the public modes do not cover audits of learners: what they measure of [training] "
            "cannot be printed for the public",
            hint="leave --public out; if [training] status is confidential, keep the report in "
            "the house",
        )
    if attacks:
        raise UsageError(
            "the public modes do not cover attacks: what they find about people cannot be printed "
            "for the public",
            hint="take [[attack]] out of the audit file for a public report, or leave --public out "
            "and keep the report in the house",
        )


def _stand_in(one: Table, name: str) -> dict[str, Any]:
    if "file" not in one.values:
        root = f"[public.{name}]"
        one.faults.add(one.path, "the key 'file' is missing", f'add file = "..." to {root}')
    if "status" in one.values:
        one.fault("status", "what stands here is public", "take status out")
    made: dict[str, Any] = {"mode": name}
    if name == "release":
        made |= given(
            made_by=one.take(
                "made_by", str, required='made_by = "..." (the name of a [[release]])'
            ),
            at=one.take("at", dict[str, float]),
            bootstrap=one.take("bootstrap", int, check=_enough),
        )
    return made


def _budget(value: float) -> str | None:
    return None if 0 < value < math.inf else f"'epsilon' must be positive and finite: {value}"


def _enough(value: int) -> str | None:
    return None if value >= 2 else f"'bootstrap' must be at least 2: {value}"  # noqa: PLR2004
