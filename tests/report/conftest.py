"""A made-up audit whose numbers follow the real formulas: 420 districts, 45 counties."""

from __future__ import annotations

import itertools
import math

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.plan import Plan, Task
from dpaudit.model.results import PluginSource, Provenance, Results, TaskResult
from dpaudit.model.spec import (
    AuditSpec,
    DataSpec,
    DecisionSpec,
    FailIf,
    PluginUse,
    ReleaseSpec,
    ReportSpec,
    Spec,
)
from dpaudit.report.wording import Context

COUNTIES = [
    "Alameda",
    "Butte",
    "Calaveras",
    "Contra_Costa",
    "El_Dorado",
    "Fresno",
    "Glenn",
    "Humboldt",
    "Imperial",
    "Inyo",
    "Kern",
    "Kings",
    "Lake",
    "Lassen",
    "Los_Angeles",
    "Madera",
    "Marin",
    "Mendocino",
    "Merced",
    "Monterey",
    "Nevada",
    "Orange",
    "Placer",
    "Riverside",
    "Sacramento",
    "San_Benito",
    "San_Bernardino",
    "San_Diego",
    "San_Joaquin",
    "San_Luis_Obispo",
    "San_Mateo",
    "Santa_Barbara",
    "Santa_Clara",
    "Santa_Cruz",
    "Shasta",
    "Siskiyou",
    "Sonoma",
    "Stanislaus",
    "Sutter",
    "Tehama",
    "Trinity",
    "Tulare",
    "Tuolumne",
    "Ventura",
    "Yuba",
]
SIZES = ("under 50 children", "50 to 199", "200 to 999", "1,000 or more")
EPSILONS = (0.01, 0.1, 1.0)
CHAINS = {"clipped": ("non-negative",), "unprocessed": (), "simplex": ("simplex",)}
DRAWS = 2000


def make_dataset(n: int = 420, *, status: str = "public") -> Dataset:
    rng = np.random.default_rng(20240401)
    counts = np.round(np.exp(rng.normal(4.4, 1.7, n)))
    county = tuple(COUNTIES[i].replace("_", " ") for i in rng.integers(0, len(COUNTIES), n))
    size = tuple(SIZES[int(np.searchsorted([50, 200, 1000], c, side="right"))] for c in counts)
    return Dataset(
        source="builtin:california-districts",
        digest="d" * 64,
        entities=tuple(f"{60000 + i}" for i in range(n)),
        names=tuple(f"{c} Unified {i + 1}" for i, c in enumerate(county)),
        counts=counts,
        columns={"expenditure": rng.normal(5300, 600, n)},
        groups={"county": county, "size_class": size},
        status=status,
    )


def moments(
    chain: str, counts: np.ndarray, weight: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean released count and its variance, roughly as the formulas have it."""
    v = 2 * scale**2
    if chain == "unprocessed":
        return counts, np.full_like(counts, v)
    clipped = counts + scale / 2 * np.exp(-counts / scale)
    if chain == "simplex":
        clipped = np.maximum(clipped - (clipped.sum() - counts.sum()) / len(counts), 0)
    return clipped, v * (1 - 0.5 * np.exp(-counts / scale))


def measure(task: Task, data: Dataset, chain: str, total: float, *, exact: bool = False):
    """Return the measurements of one task, as the audits would give them."""
    a, x = data.columns["expenditure"], data.counts
    scale = 1 / task.point["epsilon"]
    mean, var = moments(chain, x, a, scale)
    weight, true = a * mean, a * x
    share = true / true.sum()
    v = a**2 * var / true.sum() ** 2
    curved = (share * v.sum() - v) * 1.0
    bias = total * (weight / weight.sum() - share + curved)
    bias -= bias.mean()
    variance = total**2 * v
    noise = 0.0 if exact else 0.03

    def estimate(value, spread):
        spread = np.abs(spread)
        if exact:
            return Estimate.exact(value)
        return Estimate(
            value=value,
            low=value - spread,
            high=value + spread,
            level=0.95,
            method="controlled",
            draws=DRAWS,
        )

    made = []

    def add(quantity, unit, over, per, labels, value, spread, audit):  # noqa: PLR0917
        made.append(
            Measurement(
                task=task.id,
                audit=audit,
                quantity=quantity,
                unit=unit,
                over=over,
                per=per,
                labels=tuple(labels),
                estimate=estimate(value, spread),
            )
        )

    base = noise * np.sqrt(variance) * 0.4
    add("bias", "dollars", "entity", "total", data.entities, bias, base, "bias")
    add(
        "variance",
        "dollars^2",
        "entity",
        "total",
        data.entities,
        variance,
        0.03 * variance,
        "variance",
    )
    mse = bias**2 + variance
    add("mean-squared-error", "dollars^2", "entity", "total", data.entities, mse, 0.03 * mse, "mse")
    shortfall = 0.4 * np.sqrt(variance) + np.maximum(-bias, 0) / 2
    add("expected-shortfall", "dollars", "entity", "total", data.entities, shortfall,
        0.03 * shortfall, "expected-shortfall")  # fmt: skip
    for grouping, member in data.groups.items():
        labels = list(dict.fromkeys(member))
        index = np.array([labels.index(m) for m in member])

        def summed(values, index=index, labels=labels):
            return np.bincount(index, values, minlength=len(labels))

        sums, error = summed(bias), np.sqrt(summed(base**2))
        size, people = summed(np.ones(len(x))), summed(x)
        add("bias", "dollars", grouping, "total", labels, sums, error, "bias")
        add("bias", "dollars", grouping, "entity", labels, sums / size, error / size, "bias")
        add("bias", "dollars", grouping, "person", labels, sums / people, error / people, "bias")
        add("expected-shortfall", "dollars", grouping, "total", labels, summed(shortfall),
            0.03 * summed(shortfall), "expected-shortfall")  # fmt: skip
        made.append(gap("alpha-fairness", grouping, sums, error, task, exact=exact))
    made.append(gap("alpha-fairness", "entity", bias, base, task, exact=exact))
    cost, band = float(np.maximum(-bias, 0).sum()), float(base.sum())
    made.append(
        scalar("cost-of-privacy", cost, max(0.0, cost - band / 2), cost + band, task, exact)
    )
    made.append(scalar("expected-shortfall", shortfall.sum(), 0.98 * shortfall.sum(),
                       1.02 * shortfall.sum(), task, exact))  # fmt: skip
    return made


def scalar(quantity, value, low, high, task, exact, *, over="total"):  # noqa: PLR0917
    estimate = (
        Estimate.exact(value)
        if exact
        else Estimate(value=value, low=low, high=high, level=0.95, method="controlled", draws=DRAWS)
    )
    return Measurement(
        task=task.id, audit=quantity, quantity=quantity, unit="dollars", over=over,
        estimate=estimate,
    )  # fmt: skip


def gap(quantity, over, values, band, task, *, exact):
    value = float(values.max() - values.min())
    low = max(0.0, float((values - band).max() - (values + band).min()))
    high = float((values + band).max() - (values - band).min())
    return scalar(quantity, value, min(low, value), high, task, exact, over=over)


def make_results(
    *,
    data: Dataset | None = None,
    chains: dict[str, tuple[str, ...]] | None = None,
    mechanisms: tuple[str, ...] = ("laplace", "geometric"),
    total: float = 500_000_000.0,
    exact: bool = False,
    title: str = "School money shared by noisy counts",
    fail_if: FailIf | None = None,
    report: ReportSpec | None = None,
) -> Results:
    data = make_dataset() if data is None else data
    chains = CHAINS if chains is None else chains
    results, measured, notes = [], [], []
    releases = []
    for mechanism, (chain, steps) in itertools.product(mechanisms, chains.items()):
        name = chain if mechanism == "laplace" else f"{chain}-{mechanism}"
        releases.append(
            ReleaseSpec(
                name=name,
                mechanism=PluginUse(use=mechanism, parameters={"epsilon": EPSILONS}),
                neighbours="add-remove",
                postprocess=tuple(PluginUse(use=s) for s in steps),
            )
        )
        for epsilon in EPSILONS:
            task = Task(
                id=f"{name} epsilon={epsilon:g} / allotment",
                key=f"{name}{epsilon}".encode().hex(),
                release=name, decision="allotment", point={"epsilon": epsilon},
            )  # fmt: skip
            a = data.columns["expenditure"] * data.counts
            results.append(
                TaskResult(
                    task=task, mechanism=mechanism, parameters={"epsilon": epsilon},
                    postprocess=steps, output=(),
                    guarantee=Guarantee(neighbours="add-remove", epsilon=epsilon),
                    unit="dollars", truth=total * a / a.sum(),
                )
            )  # fmt: skip
            measured += measure(task, data, chain, total, exact=exact)
            if chain == "unprocessed":
                notes.append(
                    Note(
                        task=task.id, kind="definition",
                        message="The expectation of the raw ratio does not exist under this "
                        "noise, so the regularised bias was measured.",
                    )
                )  # fmt: skip
            else:
                notes.append(
                    Note(
                        task=task.id, kind="check",
                        message="Closed form compared with simulation over all entities.",
                        values=(("max_z", 3.21), ("limit", 6.1), ("draws", float(DRAWS))),
                    )
                )  # fmt: skip
    plugins = [
        PluginSource(
            kind="mechanism", name=name, distribution="dpaudit", version="0.1.0",
            module=f"dpaudit_plugins.mechanisms.{name}", digest=f"{i}a" * 32,
            summary=f"Adds {name} noise to every count.\n\nMore of the docstring.",
        )
        for i, name in enumerate(mechanisms)
    ] + [
        PluginSource(
            kind="decision", name="allotment", distribution="dpaudit", version="0.1.0",
            module="dpaudit_plugins.decisions.allotment", digest="b7" * 32,
            summary="Shares an appropriation by weighted counts.",
        ),
        PluginSource(
            kind="postprocessor", name="non-negative", distribution="dpaudit", version="0.1.0",
            module="dpaudit_plugins.postprocessors.non_negative", digest="c9" * 32,
            summary="Replaces negative counts by zero.",
        ),
    ]  # fmt: skip
    spec = Spec(
        title=title,
        data=DataSpec(
            file="builtin:california-districts", status=data.status, entity="district_id",
            count="eligible_children", label="district", groups=(("county",), ("size_class",)),
        ),
        releases=tuple(releases),
        decisions=(
            DecisionSpec(
                name="allotment",
                decision=PluginUse(use="allotment", parameters={"appropriation": total}),
            ),
        ),
        audits=(
            AuditSpec(name="bias", audit=PluginUse(use="bias"), fail_if=fail_if),
            AuditSpec(name="cost-of-privacy", audit=PluginUse(use="cost-of-privacy")),
        ),
        report=report or ReportSpec(organisation="Office of Example Statistics"),
        text='title = "School money shared by noisy counts"\n',
    )  # fmt: skip
    return Results(
        spec=spec, data=data,
        plan=Plan(tasks=tuple(r.task for r in results), draws=DRAWS, blocks=math.ceil(DRAWS / 64)),
        tasks=tuple(results), measurements=tuple(measured), notes=tuple(notes),
        provenance=Provenance(
            versions={"dpaudit": "0.1.0", "numpy": "2.4.6", "scipy": "1.17.1"},
            audit_digest="e" * 64, data_digest=data.digest, seed=0, draws=DRAWS,
            confidence=0.95, plugins=tuple(plugins),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="session")
def confidential() -> Results:
    return make_results(data=make_dataset(60, status="confidential"), mechanisms=("laplace",))


@pytest.fixture(scope="session")
def linear() -> Results:
    """A decision without bias: everything is exactly zero."""
    made = make_results(data=make_dataset(30), chains={"raw": ()}, mechanisms=("laplace",))
    zero = tuple(
        attrs.evolve(m, estimate=Estimate.exact(np.zeros_like(m.estimate.value)))
        for m in made.measurements
    )
    return attrs.evolve(made, measurements=zero, notes=())


@pytest.fixture(scope="session")
def make():
    """The builders, for tests that need a special audit."""
    return make_results, make_dataset


@pytest.fixture(scope="session")
def audited(tmp_path_factory):
    """Run an audit file over a few counts of towns in two states, A and B in turn."""

    def run(audit, counts):
        folder = tmp_path_factory.mktemp("audit")
        rows = "".join(f"{i},{'AB'[i % 2]},{count}\n" for i, count in enumerate(counts))
        (folder / "data.csv").write_text(f"id,state,persons\n{rows}")
        (folder / "audit.toml").write_text(audit)
        return dpaudit.run(dpaudit.load(folder / "audit.toml"))

    return run


@pytest.fixture(scope="module")
def context(results):
    """The context of the module's ``results``."""
    return Context.of(results)
