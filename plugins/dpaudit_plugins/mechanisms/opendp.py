"""Exact samplers of the OpenDP library."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.privacy import from_rho
from dpaudit.privacy.sensitivity import l1_sensitivity, l2_sensitivity
from dpaudit.privacy.zcdp import gaussian_rho

_LARGEST = 2.0**53


@attrs.frozen(kw_only=True, eq=False)
class OpenDP(dpaudit.Mechanism):
    """Add noise drawn exactly by the OpenDP library, with its own secure random numbers.

    Releases cannot be repeated: the library takes no seed. An audit measures the distribution of
    the noise, which is known, and compares it with what the library releases.

    Parameters
    ----------
    distribution
        ``laplace`` and ``gaussian`` on real numbers; ``geometric`` and ``discrete-gaussian`` on
        whole numbers.
    scale
        Scale of the noise (sigma of the Gaussian ones), persons, positive.

    Raises
    ------
    UnavailableError
        When releasing without the library (extra ``exact``).

    References
    ----------
    OpenDP library, make_laplace and make_gaussian: https://docs.opendp.org.

    Examples
    --------
    >>> OpenDP(distribution="geometric", scale=2.0).privacy().epsilon
    0.5
    """

    name: ClassVar[str] = "opendp"
    repeatable: ClassVar[bool] = False

    distribution: Literal["laplace", "geometric", "gaussian", "discrete-gaussian"]
    scale: float = attrs.field(validator=[attrs.validators.gt(0.0), attrs.validators.lt(math.inf)])

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus noise that the library draws, persons."""
        values = self._measured(counts.reshape(-1))
        return np.asarray(values, dtype=np.float64).reshape(counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy, or rho with its epsilon at delta = 1e-10."""
        if self.distribution in {"laplace", "geometric"}:
            distance = l1_sensitivity(self.neighbours, self.cells_per_person)
            return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=distance / self.scale)
        distance_2 = l2_sensitivity(self.neighbours, self.cells_per_person)
        return from_rho(gaussian_rho(self.scale, distance_2), self.neighbours)

    def noise(self) -> Noise:
        """Return the noise of every count."""
        scale = np.asarray(self.scale)
        if self.distribution == "laplace":
            return Laplace(scale)
        if self.distribution == "geometric":
            with np.errstate(over="ignore"):
                return Geometric(1.0 / scale)
        return Gaussian(scale) if self.distribution == "gaussian" else DiscreteGaussian(scale)

    def _measured(self, counts: FloatArray) -> list[float]:
        library = _library()
        whole = self.distribution in {"geometric", "discrete-gaussian"}
        kind = "i64" if whole else "f64"
        values = _whole(self.name, counts) if whole else [float(count) for count in counts]
        options = {} if whole else {"nan": False}
        domain = library.vector_domain(library.atom_domain(T=kind, **options))
        if self.distribution in {"laplace", "geometric"}:
            make, metric = library.m.make_laplace, library.l1_distance(T=kind)
        else:
            make, metric = library.m.make_gaussian, library.l2_distance(T="f64")
        made: list[float] = make(domain, metric, scale=self.scale)(values)
        return made


def _whole(name: str, counts: FloatArray) -> list[int]:
    if not np.all((counts == np.rint(counts)) & (np.abs(counts) <= _LARGEST)):
        raise dpaudit.DataError(
            f"{name}: whole-number noise is for whole counts up to 2^53",
            hint="choose distribution laplace or gaussian",
        )
    return [int(count) for count in counts]


def _library() -> Any:
    try:
        library = importlib.import_module("opendp.prelude")
    except ImportError as error:
        raise dpaudit.UnavailableError(
            "mechanism 'opendp': the library opendp is not installed",
            hint="pip install 'dpaudit[exact]'",
        ) from error
    library.enable_features("contrib")
    return library


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (OpenDP,)
