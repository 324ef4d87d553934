"""Reads the arrays of tables: releases, audits, mitigations, learners."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Literal, cast

from dpaudit.config.cells import readable
from dpaudit.config.table import Table, given
from dpaudit.model.spec import Neighbours
from dpaudit.values import suggest

if TYPE_CHECKING:
    from dpaudit.config.table import Faults
    from dpaudit.config.uses import Uses
    from dpaudit.interfaces import Audit, Kind
    from dpaudit.values import Steps

DEFAULT_AUDITS = (
    "bias",
    "variance",
    "mean-squared-error",
    "alpha-fairness",
    "cost-of-privacy",
    "expected-shortfall",
)
LEARNER_AUDITS = ("excessive-risk", "group-metrics", "causes")
_NEIGHBOURS = (
    'neighbours = "add-remove" (one person more or less) or '
    'neighbours = "replace" (one person\'s record changed)'
)


def read_releases(root: Table, uses: Uses) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[release]]``."""
    names = Names(root.faults, "releases")
    made = []
    tables = [Table(root.faults, path, values) for path, values in root.tables("release")]
    names.reserve(table.values.get("name") for table in tables)
    for table in tables:
        neighbours = table.take("neighbours", Neighbours, required=_NEIGHBOURS)
        name = table.take("name", str, check=readable)
        mechanism = _mechanism(table, uses, neighbours)
        steps = read_steps(table, uses, "postprocess")
        earlier = _earlier(table)
        table.finish()
        if mechanism is None:
            continue
        made.append(
            {
                "name": names.explicit(table.path, name) or names.free(mechanism["use"]),
                "mechanism": mechanism,
                "neighbours": neighbours,
                "postprocess": steps,
                "earlier": earlier,
            }
        )
    return made


def read_audits(
    root: Table, uses: Uses, *, of: Literal["decisions", "learners"] = "decisions"
) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[audit]]``; without any, the default ones.

    An audit of learners that names attacks alone has none.
    """
    names = Names(root.faults, "audits")
    installed = uses.registry.names("audit")
    wanted = DEFAULT_AUDITS if of == "decisions" else LEARNER_AUDITS
    attacks_alone = of == "learners" and "attack" in root.values
    default = [((), {"use": n}) for n in wanted if n in installed and not attacks_alone]
    made = []
    for path, values in root.tables("audit") or default:
        table = Table(root.faults, path, values)
        name = table.take("name", str, check=readable)
        threshold = _fail_if(table)
        use = uses.read("audit", path, table.rest()) if table.is_table else None
        if use is not None:
            found = cast("type[Audit]", uses.registry.get("audit", use["use"])).of
            if found != of:
                root.faults.add(
                    (*path, "use"),
                    f"the audit {use['use']!r} is of {found}, and this file has {of}",
                    f"dpaudit plugins list audit shows the others, such as {wanted[0]!r}",
                )
            called = names.claim(path, name, use["use"])
            made.append({"name": called, "audit": use, "fail_if": threshold})
    return made


def read_mitigations(
    root: Table, uses: Uses, releases: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[mitigation]]``; ``releases`` are those it may name."""
    names = Names(root.faults, "mitigations")
    known = [each["name"] for each in releases]
    made = []
    for path, values in root.tables("mitigation"):
        table = Table(root.faults, path, values)
        name = table.take("name", str, check=readable)
        wanted: tuple[str, ...] = table.take("releases", tuple[str, ...]) or ()
        for i, one in enumerate(wanted):
            if one not in known:
                hint = suggest(one, known, noun="releases")
                root.faults.add((*path, "releases", i), f"no release is named {one!r}", hint)
        use = uses.read("mitigation", path, table.rest()) if table.is_table else None
        if use is not None:
            called = names.claim(path, name, use["use"])
            made.append({"name": called, "plugin": use, "releases": wanted})
    return made


def _mechanism(table: Table, uses: Uses, neighbours: str | None) -> dict[str, Any] | None:
    wanted: Kind = "mechanism"
    values = table.raw(wanted)
    if values is None:
        if table.is_table:
            table.faults.add(
                table.path,
                "the key 'mechanism' is missing",
                'add mechanism = { use = "..." } (dpaudit plugins list mechanism shows them)',
            )
        return None
    fixed = {"neighbours": neighbours} if neighbours else {}
    return uses.read(wanted, (*table.path, wanted), values, fixed=fixed)


def read_steps(table: Table, uses: Uses, key: str) -> list[dict[str, Any]]:
    """Return the plain form of a list of post-processors."""
    found = [uses.read("postprocessor", path, values) for path, values in table.tables(key)]
    return [step for step in found if step is not None]


def _earlier(table: Table) -> list[dict[str, Any]]:
    """Return the releases that were made before about the same people, with their budgets."""
    made = []
    for path, values in table.tables("earlier"):
        inner = Table(table.faults, path, values)
        one = given(
            what=inner.take("what", str, required='what = "..." (its name)', check=readable),
            epsilon=inner.take("epsilon", float, check=_spent),
            delta=inner.take("delta", float, check=_probability),
            rho=inner.take("rho", float, check=_spent),
        )
        if inner.is_table and ("epsilon" in one) == ("rho" in one):
            inner.faults.add(
                path,
                f"the earlier release {one.get('what', '')!r} needs one budget",
                "add epsilon = ... (with delta = ...) or rho = ..., and not both",
            )
        inner.finish()
        made.append(one)
    return made


def _spent(budget: float) -> str | None:
    return None if 0 < budget < math.inf else f"{budget!r} is not a positive budget"


def _probability(delta: float) -> str | None:
    return None if 0 <= delta < 1 else f"{delta!r} is not in [0, 1)"


def _fail_if(table: Table) -> dict[str, Any] | None:
    values = table.raw("fail_if")
    if values is None:
        return None
    inner = Table(table.faults, (*table.path, "fail_if"), values)
    over = inner.take("over", float, required="over = ... (a number)")
    wanted = inner.take("for", Literal["any entity", "any group", "total"])
    inner.finish()
    return {"over": over, **({"for_": wanted} if wanted else {})}


class Names:
    """The names that are taken within one kind of table."""

    def __init__(self, faults: Faults, noun: str) -> None:
        self.faults = faults
        self.noun = noun
        self.taken: set[str] = set()
        self.reserved: set[str] = set()

    def reserve(self, names: Any) -> None:
        """Keep default names away from names that are given further down."""
        self.reserved |= {name for name in names if isinstance(name, str)}

    def explicit(self, path: Steps, name: str | None) -> str | None:
        """Take a name that was given."""
        if name is not None and name in self.taken:
            self.faults.add(
                (*path, "name"), f"two {self.noun} are named {name!r}", "rename one of them"
            )
        if name is not None:
            self.taken.add(name)
        return name

    def free(self, base: str) -> str:
        """Take ``base``, or ``base-2`` and so on if it is taken."""
        names = itertools.chain([base], (f"{base}-{i}" for i in itertools.count(2)))
        name = next(n for n in names if n not in self.taken and n not in self.reserved)
        self.taken.add(name)
        return name

    def claim(self, path: Steps, name: str | None, default: str) -> str:
        """Take the given name, or the plug-in's own."""
        if name is None and default in self.taken:
            self.faults.add(
                (*path, "use"),
                f"two {self.noun} are named {default!r}",
                'tell them apart: add name = "..."',
            )
        elif name is None:
            self.taken.add(default)
        return self.explicit(path, name) or default
