"""Small whole audits with one mitigation, and the data that METHODS-decisions 7 speaks of."""

from importlib import import_module

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.model.results import Results

NAMES = (
    "projected_outcomes",
    "output_debiasing",
    "linearised",
    "redundant_total",
    "per_entity_noise",
    "no_penalty",
    "hold_harmless",
    "multi_year_average",
    "shrunken_counts",
    "budget_split",
    "linear_proxy",
)


@attrs.frozen(kw_only=True)
class AtLeast(dpaudit.Decision):
    """Decide 1 from a number on."""

    name = "at-least"
    bounded = True

    at: float
    grows_with = (0,)

    def decide(self, counts):
        return (counts >= self.at).astype(float)

    def probability(self, counts, noise, *, clipped):
        return 1.0 - noise.cdf(self.at - counts)


@attrs.frozen(kw_only=True)
class MoreThan(dpaudit.Decision):
    """Decide 1 where the second count is more than a share of the first."""

    name = "more-than"
    rows = True
    vectorised = True
    bounded = True

    share: float
    grows_with = (1,)

    def decide(self, counts):
        return (counts[..., 1] > self.share * counts[..., 0]).astype(float)


@attrs.frozen(kw_only=True)
class Squared(dpaudit.Decision):
    """Square the count: curved, and neither shares nor a rule."""

    name = "squared"
    unit = "square persons"

    def decide(self, counts):
        return np.square(counts)

    def curvature(self, counts, variance):
        return np.broadcast_to(variance, counts.shape).copy()


@pytest.fixture(scope="session")
def registry():
    made = dpaudit.Registry.discover()
    made.add(*(import_module(f"dpaudit_plugins.mitigations.{name}") for name in NAMES))
    made.add(AtLeast, MoreThan, Squared)
    return made


@attrs.frozen(kw_only=True, eq=False)
class Audited:
    """An audit of one release and decision, before and after one mitigation."""

    results: Results

    @property
    def before(self):
        return self.results.tasks[0]

    @property
    def after(self):
        return self.results.tasks[-1]

    def get(self, which, quantity, over="entity", per="total"):
        task = getattr(self, which).task.id
        found = self.results.select(task=task, quantity=quantity, over=over, per=per)
        return found[0].estimate

    def bias(self, which):
        return self.get(which, "bias")

    def alpha(self, which):
        (found,) = self.results.select(
            task=getattr(self, which).task.id, quantity="alpha-fairness", over="entity"
        )
        return found.estimate

    def caveats(self):
        return [note.message for note in self.results.notes if note.kind == "caveat"]


@pytest.fixture
def audit(tmp_path, registry):
    """Return a function that runs an audit of columns with a mitigation."""

    def run(
        columns, *, release, decision, mitigation, draws=6400, data="", neighbours="add-remove"
    ):
        n = len(next(iter(columns.values())))
        table = {"id": [f"e{i:05d}" for i in range(n)], **columns}
        lines = [",".join(table)]
        lines += [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
        (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
        (tmp_path / "audit.toml").write_text(
            f"""
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "x"
{data}
[run]
draws = {draws}
[[release]]
name = "r"
neighbours = "{neighbours}"
{release}
[[decision]]
name = "d"
{decision}
[[mitigation]]
{mitigation}
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "mean-squared-error"
[[audit]]
use = "expected-shortfall"
"""
        )
        spec = dpaudit.load(tmp_path / "audit.toml", registry=registry)
        return Audited(results=dpaudit.run(spec, registry=registry))

    return run


@pytest.fixture(scope="session")
def sixty():
    """The 60 entities of METHODS-decisions 7: counts x and weights a."""
    rng = np.random.default_rng(0)
    x = np.round(np.exp(rng.normal(5.2, 1.1, 60))) + 20
    return {"x": x.astype(int), "a": np.round(rng.uniform(0.8, 1.2, 60), 2)}
