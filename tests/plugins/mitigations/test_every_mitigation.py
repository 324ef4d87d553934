"""What holds for each mitigation: it is offered, says what it costs, and never sees the truth."""

from importlib import import_module

import numpy as np
import pytest

import dpaudit
from dpaudit import data as reading
from dpaudit.engine.planner import make_jobs

HEAD = """
[data]
file = "{file}"
status = "public"
entity = "id"
count = "x"
{more}
[[release]]
name = "r"
neighbours = "add-remove"
{release}
[[decision]]
{decision}
[[mitigation]]
{mitigation}
"""
LAPLACE = 'mechanism = { use = "laplace", epsilon = 0.5 }'
CLIPPED = LAPLACE + '\npostprocess = [{ use = "non-negative" }]'
TREE = (
    'mechanism = { use = "laplace", epsilon = 0.5, levels = { total = 0.4, state = 0.4, id = 0.2 }}'
    '\npostprocess = [{ use = "hierarchical-least-squares" }]'
)
SHARES = 'use = "allotment"\nweights = "a"'
AUDITS = {
    "projected-outcomes": (CLIPPED, SHARES, ""),
    "output-debiasing": (LAPLACE, SHARES, ""),
    "linearised": (LAPLACE, SHARES, 'proxy = "p"'),
    "redundant-total": (LAPLACE, SHARES, "share = 0.2"),
    "per-entity-noise": (LAPLACE, SHARES, 'proxy = "p"'),
    "no-penalty": (LAPLACE, SHARES, ""),
    "hold-harmless": (LAPLACE, SHARES, 'last_year = "p"'),
    "multi-year-average": (LAPLACE, SHARES, ""),
    "shrunken-counts": (CLIPPED, SHARES, ""),
    "budget-split": (TREE, SHARES, "levels = { total = 0.1, state = 0.1, id = 0.8 }"),
    "linear-proxy": (LAPLACE, 'use = "at-least"\nat = 200', 'proxy = ["p"]'),
}
PUBLIC = {"a": [1.0, 1.2, 0.8, 1.0], "p": [40, 130, 290, 900], "state": list("AABB")}


def job_of(folder, registry, counts, name, *, extra="", **public):
    """Return the task that a mitigation makes of an audit of ``counts``."""
    release, decision, parameters = AUDITS[name]
    table = {"id": list("wxyz"), "x": counts, **PUBLIC, **public}
    rows = [
        ",".join(table),
        *(",".join(map(str, row)) for row in zip(*table.values(), strict=True)),
    ]
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    text = HEAD.format(
        file="data.csv",
        more='levels = ["state"]' if name == "budget-split" else "",
        release=release,
        decision=decision,
        mitigation=f'use = "{name}"\n{extra or parameters}',
    )
    (folder / "audit.toml").write_text(text)
    spec = dpaudit.load(folder / "audit.toml", registry=registry)
    return make_jobs(spec, registry, reading.read(spec.data, folder, registry))[0][-1]


def test_each_module_offers_one_mitigation(registry):
    for name in AUDITS:
        module = import_module(f"dpaudit_plugins.mitigations.{name.replace('-', '_')}")
        (made,) = module.dpaudit_mitigations()
        assert made.name == name
        assert registry.get("mitigation", name) is made
    assert set(registry.names("mitigation")) == {*AUDITS, "unprocessed-counts"}


def test_what_it_costs_is_a_noun_phrase(tmp_path, registry):
    for name in AUDITS:
        job_of(tmp_path, registry, [40, 120, 300, 1000], name)
        spec = dpaudit.load(tmp_path / "audit.toml", registry=registry)
        use = spec.mitigations[0].plugin
        cost = registry.create("mitigation", use.use, **use.parameters).cost()
        assert cost
        assert not cost.endswith(".")
        assert cost[0].islower() or cost[0].isdigit()


def published(job):
    """What a mitigated task does that does not go through the noise."""
    noisy = 10.0 ** np.random.default_rng(3).uniform(1.0, 4.0, (5, job.chain.measured.size))
    noisy[:, -2:] = 9000.0  # far above half of the true total, below which ratios are guarded
    noise = job.chain.mechanism.noise()
    variance = job.chain.mechanism.variance(np.zeros(job.chain.measured.size))
    return (
        job.outcome(job.chain.process(noisy)),
        np.asarray(variance if noise is None else noise.variance),
        np.array([job.chain.mechanism.privacy().epsilon]),
    )


@pytest.mark.parametrize("name", sorted(AUDITS))
def test_what_it_makes_is_the_same_whatever_the_true_counts_are(name, tmp_path, registry):
    first = published(job_of(tmp_path, registry, [40, 120, 300, 1000], name))
    second = published(job_of(tmp_path, registry, [900, 3, 0, 57], name))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["linearised", "per-entity-noise", "linear-proxy"])
def test_what_is_public_is_what_it_goes_by(name, tmp_path, registry):
    """The negative control of the test above: another proxy is another release or decision."""
    counts = [40, 120, 300, 1000]
    first = published(job_of(tmp_path, registry, counts, name))
    second = published(job_of(tmp_path, registry, counts, name, p=[300, 20, 35, 500]))
    assert any(not np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linearised", 'proxy = "x"'),
        ("per-entity-noise", 'proxy = "x"'),
        ("hold-harmless", 'last_year = "x"'),
        ("linear-proxy", 'proxy = ["x"]'),
        ("shrunken-counts", 'by = "x"'),
    ],
)
def test_a_column_of_true_counts_is_refused(name, parameters, tmp_path, registry):
    with pytest.raises(dpaudit.SpecError, match="is the column of true counts 'x'"):
        job_of(tmp_path, registry, [40, 120, 300, 1000], name, extra=parameters)


@pytest.mark.parametrize(
    ("name", "parameter"), [("linearised", "proxy"), ("per-entity-noise", "proxy")]
)
def test_a_proxy_must_be_positive(name, parameter, registry):
    made = registry.create("mitigation", name, **{parameter: np.array([3.0, 0.0])})
    pipeline = dpaudit.Pipeline(
        mechanism=registry.create("mechanism", "laplace", epsilon=1.0),
        steps=(),
        decision=registry.create("decision", "allotment"),
        output=(),
        n=2,
        create=registry.create,
    )
    with pytest.raises(dpaudit.DataError, match=r"the value 0\.0, which is not a number above 0"):
        made.apply(pipeline)


@pytest.mark.parametrize("name", sorted(AUDITS))
def test_where_it_does_not_apply_it_says_so(name, registry):
    """A selection is no count, and no mitigation here is made for it."""
    parameters = {
        "linearised": {"proxy": np.ones(2)},
        "redundant-total": {"share": 0.5},
        "per-entity-noise": {"proxy": np.ones(2)},
        "hold-harmless": {"last_year": np.ones(2)},
        "budget-split": {"levels": {"id": 1.0}},
        "linear-proxy": {"proxy": (np.ones(2),)},
    }.get(name, {})
    made = registry.create("mitigation", name, **parameters)
    pipeline = dpaudit.Pipeline(
        mechanism=registry.create("mechanism", "exponential", epsilon=1.0),
        steps=(),
        decision=registry.create("decision", "selection"),
        output=(),
        n=2,
        create=registry.create,
    )
    assert not made.applies(pipeline)
    with pytest.raises(dpaudit.UsageError, match="does not apply to the decision 'selection'"):
        made.apply(pipeline)
