"""What training costs in privacy, with every statistic that is queried counted.

References
----------
Balle, Barthe and Gaboardi (2018), Privacy amplification by subsampling, NeurIPS; Gopi, Lee and
Wutschitz (2021), Numerical composition of differential privacy, NeurIPS (PRV); Dong, Roth and Su
(2022), Gaussian differential privacy, JRSS B (a central limit, and no upper bound);
METHODS-learning 4.6.
"""

from __future__ import annotations

import math
from typing import Any

import attrs

from dpaudit.errors import UnavailableError, UsageError
from dpaudit.model.guarantee import Guarantee, rounded_up
from dpaudit.model.spec import Neighbours

ACCOUNTANTS = ("pld", "prv")
_PRV_ERROR = 0.01


@attrs.frozen(kw_only=True)
class Query:
    """One Gaussian query.

    Parameters
    ----------
    name
        What is asked, as a noun phrase: it is printed.
    noise_multiplier
        sigma, the noise over the query's L2 sensitivity to adding or removing a person.
    """

    name: str
    noise_multiplier: float = attrs.field(validator=attrs.validators.gt(0.0))


@attrs.frozen(kw_only=True)
class Account:
    """All queries of a training.

    Parameters
    ----------
    sample_rate
        q, the Poisson rate of a batch, in (0, 1].
    steps
        T.
    each_step
        Queries of **one and the same** batch, every step: gradients and any statistic.
    once
        Queries of all data, asked once.
    sampling
        How batches were drawn; only ``poisson`` can be accounted for.
    neighbours
        ``add-remove`` or ``replace``; a replaced person is one removed and one added.

    Notes
    -----
    Queries of one batch compose first, 1/sigma^2 = sum 1/sigma_j^2 (exact for Gaussians), and are
    then amplified once. Amplifying each on its own understates epsilon: 4.18 for 4.94 at
    sigma 1 and 2, q = 0.02, T = 1000, delta = 1e-5.

    Examples
    --------
    >>> made = Account(sample_rate=0.02, steps=1000, each_step=(
    ...     Query(name="gradients", noise_multiplier=1.0),
    ...     Query(name="loss of each group", noise_multiplier=2.0)))
    >>> round(made.noise_multiplier, 6)
    0.894427
    """

    sample_rate: float
    steps: int = attrs.field(validator=attrs.validators.ge(1))
    each_step: tuple[Query, ...]
    once: tuple[Query, ...] = ()
    sampling: str = "poisson"
    neighbours: Neighbours = "add-remove"

    def __attrs_post_init__(self) -> None:
        if not 0 < self.sample_rate <= 1:
            raise UsageError(
                f"sample_rate {self.sample_rate!r} is not in (0, 1]",
                hint="give the expected batch over the number of records",
            )
        if not self.each_step:
            raise UsageError("each_step () names no query", hint="name at least the gradients")
        if self.sampling != "poisson":
            raise UsageError(
                f"sampling {self.sampling!r} cannot be accounted for as Poisson sampling",
                hint="draw batches by Poisson sampling; a shuffled loader has no such guarantee",
            )

    @property
    def noise_multiplier(self) -> float:
        """The multiplier of the one query that all queries of a batch amount to."""
        return sum(query.noise_multiplier**-2 for query in self.each_step) ** -0.5

    def epsilon(self, delta: float, accountant: str = "pld") -> float:
        """Return an upper bound of epsilon at ``delta``.

        Parameters
        ----------
        accountant
            ``pld`` (dp-accounting, the reference) or ``prv`` (Opacus; ``add-remove`` and no
            query of all data; 0.01 above).

        Raises
        ------
        UsageError
            If the accountant is not one of these, or cannot account for this.
        UnavailableError
            If its library is not installed.
        """
        if accountant not in ACCOUNTANTS:
            why = {
                "gdp": "a central limit and no upper bound of epsilon",
                "rdp": "looser than both of these",
            }.get(accountant, "not known")
            raise UsageError(
                f"accountant {accountant!r} is {why}",
                hint=f"choose one of {', '.join(ACCOUNTANTS)}",
            )
        if not 0 < delta < 1:
            raise UsageError(f"delta {delta!r} is not in (0, 1)", hint="well below 1/n")
        return self._by_pld(delta) if accountant == "pld" else self._by_prv(delta)

    def guarantee(self, delta: float, accountant: str = "pld") -> Guarantee:
        """Return what the training promises."""
        return Guarantee(
            neighbours=self.neighbours, epsilon=self.epsilon(delta, accountant), delta=delta
        )

    def statement(self, delta: float, accountant: str = "pld") -> str:
        """Return one sentence with the bound, its neighbours and every query that was counted."""
        counted = [*(f"{query.name} of each batch" for query in self.each_step)]
        counted += [f"{query.name} of all data" for query in self.once]
        spent = rounded_up(self.epsilon(delta, accountant), 4)
        return (
            f"epsilon {spent} at delta {delta:g}, neighbours "
            f"{self.neighbours}, {accountant.upper()} accountant, {self.steps} steps at rate "
            f"{self.sample_rate:g}; counted: {', '.join(counted)}"
        )

    def _by_pld(self, delta: float) -> float:
        try:
            import dp_accounting
            from dp_accounting import pld
        except ImportError as error:
            raise UnavailableError(
                "accountant 'pld' needs dp-accounting, which is not installed",
                hint="pip install 'dpaudit[accounting]', or choose accountant 'prv'",
            ) from error
        relation = dp_accounting.NeighboringRelation
        replaced = self.neighbours == "replace"
        ledger: Any = pld.PLDAccountant(
            relation.REPLACE_ONE if replaced else relation.ADD_OR_REMOVE_ONE
        )
        batch = dp_accounting.GaussianDpEvent(self.noise_multiplier)
        sampled = dp_accounting.PoissonSampledDpEvent(self.sample_rate, batch)
        ledger.compose(dp_accounting.SelfComposedDpEvent(sampled, self.steps))
        for query in self.once:
            whole = dp_accounting.GaussianDpEvent(query.noise_multiplier)
            ledger.compose(dp_accounting.PoissonSampledDpEvent(1.0, whole))
        return float(ledger.get_epsilon(delta))

    def _by_prv(self, delta: float) -> float:
        if self.neighbours != "add-remove" or self.once:
            raise UsageError(
                f"accountant 'prv' has neighbours {self.neighbours!r} and {len(self.once)} "
                "queries of all data",
                hint="choose accountant 'pld'",
            )
        try:
            from opacus.accountants import PRVAccountant
        except ImportError as error:
            raise UnavailableError(
                "accountant 'prv' needs Opacus, which is not installed",
                hint="pip install 'dpaudit[learn]', or choose accountant 'pld'",
            ) from error
        ledger = PRVAccountant()
        ledger.history = [(self.noise_multiplier, self.sample_rate, self.steps)]
        found = float(ledger.get_epsilon(delta, eps_error=_PRV_ERROR))
        if not math.isfinite(found):
            raise UsageError(
                f"accountant 'prv' has no bound at delta {delta!r}", hint="choose 'pld'"
            )
        return found
