"""A decision written as a formula in the audit file.

.. code-block:: toml

    [[decision]]
    use = "formula"
    formula = "B * a * x / sum(a * x)"
    where = { a = "expenditure_per_student", B = 1_000_000 }
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, SpecError
from dpaudit.noise.base import Noise
from dpaudit_plugins.decisions import _smooth
from dpaudit_plugins.decisions._expression import FUNCTIONS, Expression, parse

COUNTS = "x"


@attrs.frozen(kw_only=True)
class Formula(dpaudit.Decision):
    """Decide by a formula of the released counts ``x``.

    The formula has numbers, names, ``+ - * / **``, comparisons, ``and or not`` and the functions
    abs, clip, exp, floor, log, max, maximum, mean, min, minimum, rank, round, sqrt, sum and
    where. ``sum``, ``mean``, ``min``, ``max`` and ``rank`` (1 for the largest) look at all
    entities, everything else works entity by entity. A comparison counts as 1 or 0.

    Parameters
    ----------
    formula
        For example ``a * x / sum(a * x)``; its value is the outcome of every entity.
    where
        What each name other than ``x`` stands for: a column of the data, or a number.

    Raises
    ------
    SpecError
        If the formula holds anything else, a name is not given or not used, a column is not a
        column of numbers, or the formula has no finite value for some entity.

    Examples
    --------
    >>> import numpy as np
    >>> Formula(formula="x / sum(x)").decide(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    """

    name: ClassVar[str] = "formula"
    unit: ClassVar[str] = "share"
    vectorised: ClassVar[bool] = False

    formula: str
    where: Mapping[str, dpaudit.Column | float] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        names = self._expression().names
        for name in self.where:
            _check_name(name)
        missing = [name for name in names if name != COUNTS and name not in self.where]
        if missing:
            raise SpecError(
                f"the formula {self.formula!r} uses {missing[0]!r}, which is not given",
                hint=f'write where = {{ {missing[0]} = "COLUMN" }}, or a number in its place',
            )
        unused = [name for name in self.where if name not in names]
        if unused:
            raise SpecError(
                f"where gives {unused[0]!r}, which the formula {self.formula!r} does not use",
                hint=f"take {unused[0]!r} out of where, or use it",
            )
        if COUNTS not in names:
            raise SpecError(
                f"the formula {self.formula!r} does not use the counts",
                hint=f"{COUNTS} stands for the released counts",
            )

    @property
    def differentiable(self) -> bool:
        """Whether the formula has arithmetic and smooth functions alone."""
        return _smooth.is_smooth(self._expression().tree)

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the value of the formula for every entity, shape (n,).

        A formula that is :attr:`differentiable` also takes and returns a torch tensor.
        """
        if self.differentiable and not isinstance(counts, np.ndarray):
            return self._on_tensor(counts)
        values: dict[str, Any] = {COUNTS: np.asarray(counts, dtype=np.float64)}
        for name, value in self.where.items():
            values[name] = _numbers(name, value)
        outcome = np.asarray(self._expression().evaluate(values), dtype=np.float64)
        if outcome.shape != counts.shape:
            raise self._one_number()
        if not np.isfinite(outcome).all():
            entity = int(np.flatnonzero(~np.isfinite(outcome))[0])
            raise SpecError(
                f"the formula {self.formula!r} has no finite value for entity {entity + 1} of "
                f"{len(outcome)}, where x is {counts[entity]:g}",
                hint="guard it, as in maximum(x, 0) or maximum(sum(x), 1)",
            )
        return outcome

    def _on_tensor(self, counts: Any) -> Any:
        """Return the value of the formula for a torch tensor (n,)."""
        import torch

        values = {name: torch.tensor(_numbers(name, v)) for name, v in self.where.items()}
        outcome = _smooth.evaluate(self._expression().tree, {COUNTS: counts, **values})
        if outcome.shape != counts.shape:
            raise self._one_number()
        return outcome

    def existence(self, noise: Noise | None, *, clipped: bool) -> str | None:
        """Return why a ratio of unbounded noisy counts has no expectation, or ``None``."""
        if noise is None or clipped or not self._expression().divides_by(COUNTS):
            return None
        return f"the formula {self.formula!r} divides by noisy counts, which may be zero"

    def _one_number(self) -> SpecError:
        return SpecError(
            f"the formula {self.formula!r} gives one number, not one for every entity",
            hint="divide it among the entities, for example by x / sum(x)",
        )

    def _expression(self) -> Expression:
        return parse(self.formula)


def _check_name(name: str) -> None:
    if name == COUNTS:
        raise SpecError(
            f"where gives {name!r}, which always stands for the released counts",
            hint="choose another name",
        )
    if name in FUNCTIONS:
        raise SpecError(f"where gives {name!r}, which is a function", hint="choose another name")
    if not name.isidentifier():
        raise SpecError(f"where gives {name!r}, which is not a name", hint="use letters and _")


def _numbers(name: str, value: Any) -> FloatArray:
    """Return a bound column or number as float64."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise SpecError(
            f"{name!r} in where is text ({str(array.ravel()[0])!r}), and a formula takes numbers",
            hint="name a column of numbers",
        )
    return array.astype(np.float64)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the formula."""
    return [Formula]
