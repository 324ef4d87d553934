"""The table that agrees best with noisy counts and with totals that are published exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np
from scipy import sparse

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit.noise.geometric import GeometricTails
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.linear_reconstruction import least_absolute
from dpaudit_plugins.attacks._attributes import known_codes


@attrs.frozen(kw_only=True)
class LinearReconstruction(dpaudit.Attack):
    """Find non-negative counts nearest to the printed ones that have the published totals.

    Nearest in the sum of absolute differences (a linear program, likeliest under Laplace and
    geometric noise) or of squares (likeliest under normal noise).

    Parameters
    ----------
    totals
        The attributes of each table of totals that is taken for published exactly.
    method
        ``likelihood`` chooses by the noise of the release.

    References
    ----------
    Dinur and Nissim (2003), Revealing information while preserving privacy, PODS.
    """

    name: ClassVar[str] = "linear-reconstruction"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "table"

    published: tuple[tuple[str, ...], ...] = attrs.field(default=(), alias="totals")
    method: Literal["likelihood", "least-absolute", "least-squares"] = "likelihood"

    def totals(self) -> tuple[tuple[str, ...], ...]:
        """Return the totals that are taken for published."""
        return self.published

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the counts that fit best, shape (n,), none below 0."""
        shown = np.nan_to_num(target.printed, nan=0.0)
        if not self.published:
            return np.maximum(shown, 0.0)
        sums, totals = self._totals(target)
        if self._is_absolute(target.public):
            n = shown.size
            held = np.concatenate([np.zeros(n), np.ones(totals.size)])
            rows = sparse.csr_matrix(sparse.vstack([sparse.identity(n), sums]))
            found = least_absolute(rows, np.concatenate([shown, totals]), np.inf, held)
            return np.maximum(found, 0.0)
        from scipy.sparse.linalg import lsqr

        # The nearest table with these totals: what is missing of each is shared out evenly.
        moved = lsqr(sums, totals - sums @ shown, atol=1e-12, btol=1e-12)[0]
        return np.maximum(shown + moved, 0.0)

    def _is_absolute(self, public: dpaudit.Public) -> bool:
        if self.method != "likelihood":
            return self.method == "least-absolute"
        return isinstance(public.noise, Laplace | GeometricTails)

    def _totals(self, target: dpaudit.Target) -> tuple[sparse.csr_matrix, FloatArray]:
        n = target.printed.size
        rows: list[sparse.csr_matrix] = []
        found: list[FloatArray] = []
        for names in self.published:
            code = known_codes(target.public, names, self.name)
            total = target.totals[names].ravel()
            shape = (total.size, n)
            rows.append(sparse.csr_matrix((np.ones(n), (code, np.arange(n))), shape=shape))
            found.append(total)
        return sparse.csr_matrix(sparse.vstack(rows)), np.concatenate(found)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (LinearReconstruction,)
