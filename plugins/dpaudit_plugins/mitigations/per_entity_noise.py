"""Noise of each entity's own size, so that curvature moves every outcome alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit_plugins.mitigations._changed import found, positive_column, proportional

BUDGETS = ("epsilon", "delta", "rho")
"""Ways to state a budget that a scale for each entity takes the place of."""


@attrs.frozen(kw_only=True, eq=False)
class PerEntityNoise(dpaudit.Mitigation):
    """Give each count noise of variance proportional to x_i / a_i, x from a public proxy.

    The second-order bias of a share, (P_i S_2 - a_i^2 v_i) / Z^2, is 0 for every entity where
    a_i^2 v_i is S_2 P_i. The mean variance stays as it is. It helps as far as the proxy is
    proportional to the true counts. It does harm to the people of small places: their counts get
    the least noise, and the guarantee of the release is that of the count with the least, the
    largest epsilon_i. Clipping small counts is a larger bias than curvature nearly everywhere;
    of that it takes away what less noise takes away.

    Parameters
    ----------
    proxy
        Public counts, positive, such as those of an earlier release: a column that is not the
        true one.

    Raises
    ------
    DataError
        If a count of the proxy is not above 0: nothing would be promised where it is 0.

    References
    ----------
    METHODS-decisions 7.5 (derived for this project).
    """

    name: ClassVar[str] = "per-entity-noise"

    proxy: dpaudit.Column

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether an amount is shared by counts whose noise can be scaled one by one."""
        return proportional(subject) is not None and _noise(subject) is not None

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with a noise scale for each entity."""
        structure = found(self, subject, proportional(subject))
        noise = found(self, subject, _noise(subject))
        proxy = positive_column(self.name, "proxy", self.proxy, subject.n)
        relative = proxy / structure.weights
        variance = float(np.mean(noise.variance)) * relative / relative.mean()
        mechanism = subject.mechanism
        changed: dict[str, Any] = {n: None for n in BUDGETS if n in _parameters(mechanism)}
        changed[_named(noise)] = _scale(noise, variance)
        return attrs.evolve(subject, mechanism=attrs.evolve(mechanism, **changed))

    def cost(self) -> str:
        """Return that the guarantee differs between people."""
        return "a guarantee that is weaker for the people of small places"


def _parameters(mechanism: dpaudit.Mechanism) -> set[str]:
    return {field.alias for field in attrs.fields(type(mechanism))}


def _noise(subject: dpaudit.Pipeline) -> Noise | None:
    """Return the noise of a mechanism that takes a scale for each entity, or ``None``."""
    mechanism = subject.mechanism
    noise = mechanism.noise() if mechanism.measures == "entities" else None
    is_known = isinstance(noise, Laplace | Geometric | Gaussian | DiscreteGaussian)
    if noise is None or not is_known or not np.all(noise.variance > 0):
        return None
    return noise if _named(noise) in _parameters(mechanism) else None


def _named(noise: Noise) -> str:
    """Return the parameter of mechanisms that is the scale of this noise."""
    return "scale" if isinstance(noise, Laplace | Geometric) else "sigma"


def _scale(noise: Noise, variance: FloatArray) -> FloatArray:
    """Return the scales (n,) that give this noise these variances, persons.

    Laplace: sqrt(v / 2). Geometric with p = exp(-1 / scale): v = 1 / (2 sinh(1 / (2 scale))^2).
    Gaussian: sqrt v, also where it is discrete, whose variance is the same but for 1e-12 from 4 on
    (METHODS-decisions 1.4).
    """
    if isinstance(noise, Laplace):
        return np.sqrt(variance / 2.0)
    if isinstance(noise, Geometric):
        return np.asarray(0.5 / np.arcsinh(1.0 / np.sqrt(2.0 * variance)))
    return np.sqrt(variance)


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (PerEntityNoise,)
