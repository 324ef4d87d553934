"""Reads ``[[decision]]``: which plug-in, from which count, made of which other decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import readable
from dpaudit.config.table import Table, given
from dpaudit.config.tables import Names, read_steps
from dpaudit.errors import DpauditError
from dpaudit.parameters import parameters
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpaudit.config.uses import Uses
    from dpaudit.parameters import Parameter

DEFAULT_DECISION = "counts"


def read_decisions(root: Table, uses: Uses, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[decision]]``; without any, the counts themselves.

    ``data`` is the plain form of ``[data]``, whose counts a decision may name.
    """
    names = Names(root.faults, "decisions")
    counts = [data["count"], *data.get("also_counted", ())] if "count" in data else []
    made: list[dict[str, Any]] = []
    for path, values in root.tables("decision") or [((), {"use": DEFAULT_DECISION})]:
        table = Table(root.faults, path, values)
        known = _parameters(uses, table.values.get("use"))
        name = table.take("name", str, check=readable)
        output = read_steps(table, uses, "output")
        own = {} if "count" in known else given(count=table.take("count", str))
        use = uses.read("decision", path, table.rest()) if table.is_table else None
        if own and counts and own["count"] not in counts:
            hint = suggest(own["count"], counts, noun="counts")
            table.fault("count", f"{own['count']!r} is no count of the data", hint)
        if use is None:
            continue
        for key, parameter in known.items():
            if parameter.takes_rules:
                _check_rules(table, key, use["parameters"].get(key, ()), made)
        called = names.claim(path, name, use["use"])
        made.append({"name": called, "decision": use, "output": output, **own})
    return made


def _parameters(uses: Uses, use: Any) -> Mapping[str, Parameter]:
    """Return the parameters of a decision; what is wrong with it is told where it is read."""
    if not isinstance(use, str):
        return {}
    try:
        return parameters(uses.registry.get("decision", use))
    except DpauditError:
        return {}


def _check_rules(
    table: Table, key: str, rules: tuple[str, ...], before: list[dict[str, Any]]
) -> None:
    """Keep a fault for each rule that is no decision further up, or that has output steps."""
    known = {each["name"]: each for each in before}
    for i, rule in enumerate(rules):
        path = (*table.path, key, i)
        if rule not in known:
            hint = suggest(rule, known, "add the decisions that it is made of above it", "above it")
            table.faults.add(path, f"no decision above this one is named {rule!r}", hint)
        elif known[rule]["output"]:
            table.faults.add(
                path, f"the decision {rule!r} has output steps", "name one without output"
            )
