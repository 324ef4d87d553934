"""Mitigations of degenerate pipelines: finite outcomes or a typed error, never a warning or NaN."""

import itertools

import numpy as np
import pytest

import dpaudit

STRENGTHS = (1e-17, 1e-3, 1.0, 709.0, 1e300)
"""The engine refuses louder noise before it asks any mitigation."""
COUNTS = {
    "zero": (0.0,),
    "negative": (-7.0,),
    "equal": (5.0,),
    "sums to nothing": (9.0, -9.0),
    "huge": (1e100, -1e100, 0.0, 5.0),
    "2^53": (2.0**53, 0.0, 1.0, 3.0),
}
PARAMETERS = {
    "projected-outcomes": [lambda _: {}],
    "output-debiasing": [lambda _: {}],
    "linearised": [lambda n: {"proxy": np.full(n, 5.0)}, lambda n: {"proxy": np.full(n, 1e300)}],
    "redundant-total": [lambda _: {"share": 1e-300}, lambda _: {"share": 1.0 - 2.0**-53}],
    "per-entity-noise": [
        lambda n: {"proxy": np.full(n, 5.0)},
        lambda n: {"proxy": 10.0 ** -np.arange(n)},
    ],
    "no-penalty": [lambda _: {"delta": 1e-300}, lambda _: {"delta": 1.0 - 2.0**-53}],
    "hold-harmless": [
        lambda n: {"last_year": np.zeros(n)},
        lambda n: {"last_year": np.full(n, 1e300), "share": np.full(n, 1.0)},
    ],
    "multi-year-average": [lambda _: {"years": 2}],
    "shrunken-counts": [lambda _: {}, lambda n: {"method": "empirical-bayes", "by": np.arange(n)}],
}
BUDGETS = {
    "laplace": lambda s: {"epsilon": s},
    "geometric": lambda s: {"epsilon": s},
    "gaussian": lambda s: {"rho": s},
    "discrete-gaussian": lambda s: {"rho": max(s, 1e-3)},
}


def pipelines(registry, n):
    steps = ((), (registry.create("postprocessor", "non-negative"),))
    for name, strength in itertools.product(BUDGETS, STRENGTHS):
        try:
            mechanism = registry.create("mechanism", name, **BUDGETS[name](strength))
            mechanism.noise()
        except dpaudit.DpauditError:
            continue
        for chain, weights in itertools.product(steps, (1.0, 3.7)):
            yield dpaudit.Pipeline(
                mechanism=mechanism,
                steps=chain,
                decision=registry.create("decision", "allotment", weights=np.full(n, weights)),
                output=(),
                n=n,
                create=registry.create,
            )


def outcome_of(after, counts):
    mechanism = after.mechanism
    measured = mechanism.queries(counts) if mechanism.measures == "queries" else counts
    released = mechanism.release(measured, np.random.default_rng(1))
    assert mechanism.privacy().epsilon >= 0
    for step in after.steps:
        if step.name != "shrinkage":  # its own tests have all these; only the engine tells it noise
            released = step.process(released)
    outcome = after.decision.decide(released)
    for step in after.output:
        outcome = step.process(outcome)
    return outcome


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("name", PARAMETERS)
def test_degenerate_pipelines(name, n, registry):
    tried = 0
    for ways, pipeline in itertools.product(PARAMETERS[name], pipelines(registry, n)):
        made = registry.create("mitigation", name, **ways(n))
        if not made.applies(pipeline):
            continue
        try:
            after = made.apply(pipeline)
        except dpaudit.DpauditError:
            continue
        for counts in COUNTS.values():
            try:
                outcome = outcome_of(after, np.resize(counts, n))
            except dpaudit.DpauditError:
                continue
            tried += 1
            assert outcome.shape == (n,)
            assert np.isfinite(outcome).all()
            assert not after.decision.caveats() or "nan" not in after.decision.caveats()[0]
    assert tried > 20
