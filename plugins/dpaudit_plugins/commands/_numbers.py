"""Numbers of audits by address, and what is computed from them, with honest intervals."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

import dpaudit

_KEYS = frozenset(
    ["audit", "release", "decision", "learner", "attack", "mitigation", "at", "quantity", "over",
     "per", "pick", "grouping", "end", "within", "unit", "by"]
)  # fmt: skip
_ORDER = ("exact", "quadrature", "controlled", "simulated", "asymptotic", "bound")


@attrs.frozen(kw_only=True, eq=False)
class Number:
    """One number: its estimate and its unit."""

    estimate: dpaudit.Estimate
    unit: str

    @property
    def value(self) -> float:
        """The value itself."""
        return float(self.estimate.value)


@attrs.frozen(kw_only=True, eq=False)
class Found:
    """What an address leads to: an estimate over labels, or of one number."""

    estimate: dpaudit.Estimate
    unit: str
    labels: tuple[str, ...]


def numbers_of(
    addresses: Mapping[str, Mapping[str, Any] | str], results: Mapping[str, Any]
) -> dict[str, Number]:
    """Return every number of a family by name.

    Parameters
    ----------
    addresses
        Tables that say where a measurement is, or expressions over numbers above.
    results
        What each audit measured, by its name.

    Raises
    ------
    DataError
        If an address leads nowhere, or an expression is not one.
    """
    made: dict[str, Number] = {}
    for name, address in addresses.items():
        try:
            made[name] = (
                computed(address, made) if isinstance(address, str) else one(address, results)
            )
        except dpaudit.DataError as error:
            raise dpaudit.DataError(f"number {name!r}: {error.message}", hint=error.hint) from error
    return made


def one(address: Mapping[str, Any], results: Mapping[str, Any]) -> Number:
    """Return the single number at an address; ``pick`` chooses it among several."""
    found = at(address, results)
    estimate = _picked(found, address.get("pick"))
    if "end" in address:  # of bounds: one of them
        bound = {"low": estimate.low, "high": estimate.high}[address["end"]]
        estimate = dpaudit.Estimate.exact(bound, method=estimate.method)
    return Number(estimate=estimate, unit=address.get("unit", found.unit))


def at(address: Mapping[str, Any], results: Mapping[str, Any]) -> Found:
    """Return what stands at an address."""
    unknown = sorted(set(address) - _KEYS)
    if unknown:
        raise dpaudit.DataError(
            f"unknown key {unknown[0]!r}", hint=f"use {', '.join(sorted(_KEYS))}"
        )
    audit = results.get(address.get("audit", ""))
    if audit is None:
        raise dpaudit.DataError(f"no audit {address.get('audit')!r}", hint="name it in [audits]")
    if "attack" in address:
        return _attacked(address, audit)
    task = _task(address, audit)
    if address["quantity"] == "truth":
        return Found(estimate=dpaudit.Estimate.exact(task.truth), unit=task.unit,
                     labels=audit.data.entities)  # fmt: skip
    if address["quantity"] == "count":
        counts = audit.data.counts
        first = counts if counts.ndim == 1 else counts[:, 0]
        return Found(estimate=dpaudit.Estimate.exact(first), unit="", labels=audit.data.entities)
    wanted = {"over": address.get("over", "total"), "per": address.get("per", "total")}
    found = [
        m
        for m in audit.select(task=task.task.id, quantity=address["quantity"], **wanted)
        if address.get("by", m.audit) == m.audit
    ]
    if len(found) > 1:  # one for each point: the label that is picked tells them apart
        found = [m for m in found if address.get("pick") in m.labels]
    if len(found) != 1:
        there = sorted({(m.quantity, m.over, m.per) for m in audit.select(task=task.task.id)})
        raise dpaudit.DataError(
            f"{len(found)} measurements of {address['quantity']!r} over {wanted} in task "
            f"{task.task.id!r}",
            hint=f"there are {there}",
        )
    kept = Found(estimate=found[0].estimate, unit=found[0].unit, labels=found[0].labels)
    return _within(kept, address["within"], audit) if "within" in address else kept


def _within(found: Found, groups: Mapping[str, str], audit: Any) -> Found:
    """Return the entities that lie in a group."""
    inside = np.ones(len(found.labels), dtype=bool)
    for grouping, group in groups.items():
        members = audit.data.groups.get(grouping, ())
        inside &= np.array([member == group for member in members])
    if not inside.any():
        raise dpaudit.DataError(f"nobody is within {dict(groups)}", hint="name a group of the data")
    at_ = np.flatnonzero(inside)
    return Found(
        estimate=found.estimate[at_], unit=found.unit, labels=tuple(found.labels[i] for i in at_)
    )


def sweep(address: Mapping[str, Any], results: Mapping[str, Any]) -> list[tuple[float, Number]]:
    """Return the numbers of an address along a parameter, or along ``vary``, ascending."""
    parameter, fixed = address["along"], dict(address.get("at", {}))
    plain = {k: v for k, v in address.items() if k in _KEYS}
    if parameter == "vary":
        start = f"{address['audit']} "
        names = [name for name in results if name.startswith(start)]
        return sorted(
            (float(name.removeprefix(start)), one({**plain, "audit": name}, results))
            for name in names
        )
    audit = results[address["audit"]]
    tasks = audit.attacks if "attack" in address else (*audit.tasks, *audit.learners)
    points = {
        float(_point(task)[parameter])
        for task in tasks
        if parameter in _point(task) and _fits({**plain, "at": fixed}, task)
    }
    return [
        (point, one({**plain, "at": {**fixed, parameter: point}}, results))
        for point in sorted(points)
    ]


def _point(task: Any) -> Mapping[str, Any]:
    point: Mapping[str, Any] = task.point if hasattr(task, "point") else task.task.point
    return point


def _fits(address: Mapping[str, Any], task: Any) -> bool:
    about = task if hasattr(task, "attack") else task.task
    release = address.get("learner", address.get("release"))
    return (
        (release is None or about.release == release)
        and ("decision" not in address or about.decision == address["decision"])
        and ("attack" not in address or about.attack == address["attack"])
        and (hasattr(task, "learner") or "attack" in address
             or about.mitigation == address.get("mitigation"))
        and all(_same(_point(task).get(k), v) for k, v in address.get("at", {}).items())
    )  # fmt: skip


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return bool(np.isclose(one, other, rtol=1e-12))
    return bool(one == other)


def _task(address: Mapping[str, Any], audit: Any) -> Any:
    found = [task for task in (*audit.tasks, *audit.learners) if _fits(address, task)]
    if len(found) != 1:
        there = [task.task.id for task in (*audit.tasks, *audit.learners)]
        raise dpaudit.DataError(
            f"{len(found)} tasks fit {dict(address)}", hint=f"there are {there}"
        )
    return found[0]


def _attacked(address: Mapping[str, Any], audit: Any) -> Found:
    found = [result for result in audit.attacks if _fits(address, result)]
    if len(found) != 1:
        there = [(r.attack, r.release, dict(r.point)) for r in audit.attacks]
        raise dpaudit.DataError(
            f"{len(found)} attacks fit {dict(address)}", hint=f"there are {there}"
        )
    result, wanted = found[0], address.get("quantity", found[0].quantity)
    if "grouping" in address:
        groups = next(g for g in result.groups if g.grouping == address["grouping"])
        estimate = groups.excess if wanted == "excess" else groups.estimate
        return Found(estimate=estimate, unit="", labels=groups.labels)
    own = {result.quantity: result.estimate, "excess": result.excess, "null": result.null,
           "exact": result.exact}  # fmt: skip
    if result.ceiling is not None:
        own["ceiling"] = dpaudit.Estimate.exact(result.ceiling, method="bound")
    own |= {f"baseline {base.name}": base.estimate for base in result.baselines}
    own |= {m.quantity: m.estimate for m in result.more if not m.labels}
    if own.get(wanted) is None:
        raise dpaudit.DataError(
            f"attack {result.attack!r} has no {wanted!r}", hint=f"it has {', '.join(own)}"
        )
    return Found(estimate=own[wanted], unit="", labels=())


def _picked(found: Found, pick: str | None) -> dpaudit.Estimate:
    """Return one entry by label, or what a word says of all."""
    e = found.estimate
    if pick is None:
        if e.value.ndim:
            raise dpaudit.DataError(
                f"{len(found.labels)} numbers where one is wanted",
                hint=f"pick one of {', '.join(found.labels[:20])}, or min, max, sum, spread",
            )
        return e
    if pick in found.labels:
        return e[found.labels.index(pick)]
    words: Mapping[str, Callable[[Any], Any]] = {
        "min": np.min, "max": np.max, "sum": np.sum, "mean": np.mean,
    }  # fmt: skip
    if pick == "spread":
        low = max(0.0, float(e.low.max() - e.high.min()))
        return attrs.evolve(e, value=np.ptp(e.value), low=min(low, np.ptp(e.value)),
                            high=e.high.max() - e.low.min())  # fmt: skip
    if pick == "size":  # the sum of the sizes of all entries
        sure = np.where((e.low > 0) | (e.high < 0), np.minimum(abs(e.low), abs(e.high)), 0.0)
        return attrs.evolve(e, value=np.abs(e.value).sum(), low=sure.sum(),
                            high=np.maximum(abs(e.low), abs(e.high)).sum())  # fmt: skip
    if pick not in words:
        raise dpaudit.DataError(f"no entry {pick!r}", hint=f"there are {found.labels[:20]}")
    said = words[pick]
    return attrs.evolve(e, value=said(e.value), low=said(e.low), high=said(e.high))


_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def computed(text: str, numbers: Mapping[str, Number]) -> Number:
    """Return the value of an expression over numbers: + - * / and ``abs``.

    The interval holds every value that the intervals of its parts allow, and its level pays for
    all of them (Bonferroni).
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise dpaudit.DataError(f"{text!r} is no expression", hint="use + - * / and abs") from error
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {"abs"})
    for name in names:
        if name not in numbers:
            raise dpaudit.DataError(
                f"{text!r} names {name!r}, which is not above it",
                hint="define it first",
            )
    value, low, high = _interval(tree, numbers)
    parts = [numbers[name].estimate for name in names]
    missed = sum(1.0 - part.level for part in parts)
    return Number(
        estimate=dpaudit.Estimate(
            value=value,
            low=low,
            high=high,
            level=max(1e-9, 1.0 - missed),
            method=max((part.method for part in parts), key=_ORDER.index, default="exact"),
            draws=min((part.draws for part in parts if part.draws), default=0),
        ),
        unit=numbers[names[0]].unit if names and not isinstance(tree, ast.BinOp) else "",
    )


def _interval(node: ast.expr, numbers: Mapping[str, Number]) -> tuple[float, float, float]:
    if isinstance(node, ast.Name):
        e = numbers[node.id].estimate
        return float(e.value), float(e.low), float(e.high)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return (float(node.value),) * 3
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value, low, high = _interval(node.operand, numbers)
        return -value, -high, -low
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "abs" and len(node.args) == 1:
        value, low, high = _interval(node.args[0], numbers)
        least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
        return abs(value), least, max(abs(low), abs(high))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _joined(
            _BINARY[type(node.op)], *(_interval(n, numbers) for n in (node.left, node.right))
        )
    raise dpaudit.DataError(f"{ast.unparse(node)!r} cannot be computed", hint="use + - * / and abs")


def _joined(
    operation: Callable[[float, float], float],
    left: tuple[float, float, float],
    right: tuple[float, float, float],
) -> tuple[float, float, float]:
    if operation is operator.truediv and right[1] <= 0 <= right[2]:
        raise dpaudit.DataError(
            "a number is divided by one whose interval holds 0",
            hint="compare differences, or measure more draws",
        )
    ends = [operation(a, b) for a in left[1:] for b in right[1:]]
    value = operation(left[0], right[0])
    return value, min(value, *ends), max(value, *ends)
