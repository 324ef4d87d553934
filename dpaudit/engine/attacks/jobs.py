"""From ``[[attack]]`` to jobs: every attack on every release and parameter point."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
import numpy as np
import scipy

from dpaudit import binding, config, data
from dpaudit.engine.attacks.scored import TRAINING, Scored
from dpaudit.engine.digests import digest_of, engine_digest, plugin_digest
from dpaudit.engine.failures import Failures, strangers
from dpaudit.engine.job import Grouping
from dpaudit.errors import PluginError, SpecError
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.law import law_of, printed
from dpaudit.interfaces import Kind
from dpaudit.interfaces.attack import Attack, Law, Public
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.domain import Domain
from dpaudit.model.plan import Task
from dpaudit.model.spec import AttackSpec, ReleaseSpec, Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False, slots=False)
class AttackJob(Scored):
    """One attack on one release at one parameter point, ready to be played.

    Parameters
    ----------
    chain
        The release of the true counts.
    others
        Candidates from elsewhere in each cell, where they are listed; else they are drawn.
    """

    chain: Chain
    others: FloatArray | None

    @property
    def unit(self) -> str:
        """A release is what is repeated."""
        return "release"

    @property
    def counts(self) -> FloatArray:
        """The true counts, shape (n,)."""
        return self.chain.counts

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is drawn: the same people, and a release that is always the same."""
        chance = self.chain.mechanism.variance(self.chain.measured)
        value = getattr(chance, "value", chance)
        still = value is not None and not np.asarray(value, dtype=np.float64).any()
        steps = not any(step.randomised for step in self.chain.steps)
        return self.spec.game == "elsewhere" and still and steps

    @property
    def is_independent(self) -> bool:
        """Whether what is printed of one cell depends on that cell alone."""
        return self.chain.is_independent

    @functools.cached_property
    def public(self) -> Public:
        """What everybody knows before anything is released."""
        noise, rest = self.chain.reduced()
        plain = self.chain.is_flat and all(step.clips for step in rest)
        return self._public(
            partial(printed, self.chain),
            law_of(self.chain),
            noise=noise if plain else None,
            clips=bool(rest),
        )

    @functools.cached_property
    def unprotected(self) -> Public:
        """The same of the table as it is."""
        return self._public(lambda counts, _rng: counts, _exact_law)

    @functools.cached_property
    def trained(self) -> Attack:
        """The attack made ready for this release."""
        return self.attack.trained(self.public, self.stream(0, TRAINING))

    @functools.cached_property
    def trained_unprotected(self) -> Attack:
        """The attack made ready for the table as it is."""
        return self.attack.trained(self.unprotected, self.stream(0, TRAINING))

    def _public(
        self,
        simulate: Callable[[FloatArray, np.random.Generator], FloatArray],
        law: Law | None,
        **known: Any,
    ) -> Public:
        rest = np.maximum(self.counts - 1.0, 0.0) if self.spec.game == "known-rest" else None
        return Public(
            game=self.spec.game,
            sizes=self.sizes,
            known=rest,
            entities=self.data.entities,
            domain=self.data.domain,
            groups=self.data.groups,
            simulate=simulate,
            law=law,
            **known,
        )


def _exact_law(counts: FloatArray, shown: FloatArray, _cells: np.ndarray) -> FloatArray:
    return np.where(counts == shown, 0.0, -np.inf)


@attrs.frozen(kw_only=True)
class _Candidates:
    sizes: FloatArray
    others: FloatArray | None
    digest: str
    told: str


@attrs.frozen(kw_only=True, eq=False)
class AttackPlanner:
    """Makes the jobs of every attack, in the order of the audit file.

    Parameters
    ----------
    spec, registry, data, groupings
        The audit.
    chain
        Makes a release of the first count at a parameter point.
    label
        What a release at a point is called.
    failures
        Where an attack is set aside whose plug-ins fail; those in it are left out.
    """

    spec: Spec
    registry: Registry
    data: Dataset
    groupings: Mapping[str, Grouping]
    chain: Callable[[ReleaseSpec, dict[str, Any]], Chain]
    label: Callable[[str, Mapping[str, Any]], str]
    failures: Failures = attrs.field(factory=lambda: Failures(raises=True))

    def jobs(self) -> tuple[AttackJob, ...]:
        """Return the jobs.

        Raises
        ------
        SpecError, DataError, PluginError
            If an attack or its candidates cannot be made.
        """
        made = []
        for wanted in self.spec.attacks:
            found = _candidates(wanted, self.spec, self.registry, self.data)
            for release, point, values in _points(self.spec, self.registry, wanted):
                task = f"{self.label(release.name, values)} / {wanted.name}"
                if task in self.failures.tasks:
                    continue
                culprits, limit = self._strangers(wanted, release), self.spec.run.time_limit
                with self.failures.aside(task, culprits, limit):
                    made.append(self._job(wanted, found, release, point, values, name=task))
        return tuple(made)

    def _strangers(self, wanted: AttackSpec, release: ReleaseSpec) -> str:
        """Return the plug-ins from outside that take part, as messages name them."""
        named: list[tuple[Kind, str]] = [
            ("attack", wanted.plugin.use),
            ("mechanism", release.mechanism.use),
            *(("postprocessor", use.use) for use in release.postprocess),
        ]
        return strangers(self.registry, (self.registry.get(*each) for each in named))

    def _job(
        self,
        wanted: AttackSpec,
        found: _Candidates,
        release: ReleaseSpec,
        point: dict[str, Any],
        values: dict[str, Any],
        *,
        name: str,
    ) -> AttackJob:
        attack = _attack(wanted, self.spec, self.registry, self.data)
        chain = self.chain(release, point)
        plugins = (attack, chain.mechanism, *chain.steps)
        promised = chain.mechanism.privacy()
        revealed = promised.revealed or chain.reveals(promised.neighbours)
        content = {
            "engine": engine_digest(),
            "plugins": [plugin_digest(self.registry, plugin) for plugin in plugins],
            "libraries": [np.__version__, scipy.__version__],
            "mechanism": [release.mechanism.use, dict(point), release.neighbours],
            "postprocess": [attrs.asdict(use) for use in release.postprocess],
            "attack": attrs.asdict(wanted.plugin),
            "game": [wanted.game, found.told, found.digest],
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        task = Task(
            id=name,
            key=digest_of(content),
            release=release.name,
            decision=wanted.name,
            point=values,
            foreign=any(p.foreign or self.registry.is_foreign(type(p)) for p in plugins),
        )
        return AttackJob(
            task=task,
            spec=wanted,
            attack=attack,
            chain=chain,
            sizes=found.sizes,
            others=found.others,
            candidates=found.told,
            data=self.data,
            groupings=self.groupings,
            guarantee=attrs.evolve(promised, revealed=revealed),
            seed=self.spec.run.seed,
        )


def _points(
    spec: Spec, registry: Registry, wanted: AttackSpec
) -> Iterator[tuple[ReleaseSpec, dict[str, Any], dict[str, Any]]]:
    for release in spec.releases:
        if wanted.releases and release.name not in wanted.releases:
            continue
        cls = registry.get("mechanism", release.mechanism.use)
        if getattr(cls, "gives", "counts") != "counts":
            if wanted.releases:
                raise SpecError(
                    f"[[attack]] {wanted.name!r}: the release {release.name!r} is a selection, "
                    "and not a table",
                    hint="attack releases of counts",
                )
            continue
        swept = config.swept(release.mechanism, cls)
        for point in config.points(release.mechanism, cls):
            yield release, point, {name: point[name] for name in swept}


def _attack(wanted: AttackSpec, spec: Spec, registry: Registry, dataset: Dataset) -> Attack:
    made = registry.create("attack", wanted.plugin.use, **wanted.plugin.parameters)
    bound = binding.bind(made, dataset, folder=spec.path.parent)
    if not isinstance(bound, Attack):
        raise PluginError(
            f"attack {made.name!r} is a {type(made).__name__}, not an Attack",
            hint="inherit from dpaudit.Attack, or decorate a function with @dpaudit.attack",
        )
    return bound


def _candidates(
    wanted: AttackSpec, spec: Spec, registry: Registry, dataset: Dataset
) -> _Candidates:
    """Return how many candidates each cell has, or what is expected of it."""
    counts, where = dataset.counts, wanted.candidates
    if where is None:
        return _Candidates(sizes=counts, others=None, digest="", told="the people in the data")
    if where in {"uniform", "marginals"}:
        if wanted.game == "pool":
            raise SpecError(
                f"[[attack]] {wanted.name!r}: a pool is a list of people, not {where!r}",
                hint="name a file of candidates, or leave candidates out",
            )
        share = _uniform(counts) if where == "uniform" else _marginals(counts, dataset.domain)
        told = {
            "uniform": "people drawn evenly over all cells",
            "marginals": "people whose attributes are drawn one by one, each as common as it is",
        }[where]
        return _Candidates(sizes=dataset.total * share, others=None, digest="", told=told)
    listed = data.read(attrs.evolve(spec.data, file=where), spec.path.parent, registry)
    if listed.entities != dataset.entities:
        raise SpecError(
            f"[[attack]] {wanted.name!r}: {where!r} has other entities than the data",
            hint="list the same entities in the same order, or use a table over a domain",
        )
    others = listed.counts if wanted.game == "elsewhere" else None
    return _Candidates(sizes=listed.counts, others=others, digest=listed.digest, told=where)


def _uniform(counts: FloatArray) -> FloatArray:
    return np.full(counts.shape, 1.0 / counts.size)


def _marginals(counts: FloatArray, domain: Domain | None) -> FloatArray:
    """Return the product of the shares of every attribute, shape (n,)."""
    if domain is None or not counts.sum() > 0:
        return _uniform(counts)
    table = domain.table(counts / counts.sum())
    product = np.ones(())
    for axis in range(table.ndim):
        own = table.sum(axis=tuple(i for i in range(table.ndim) if i != axis))
        product = np.multiply.outer(product, own)
    return np.asarray(product.reshape(-1))
