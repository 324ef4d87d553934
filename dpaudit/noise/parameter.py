"""Checks that every noise distribution makes of its parameters."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import ComplexArray, FloatArray

LARGEST = 1e305
"""Beyond this, forty times the parameter (the largest unit-scale variate) would overflow."""

_SQUARABLE = 1e150


def check_scale(instance: Any, attribute: attrs.Attribute[Any], value: FloatArray) -> None:
    """Require a noise scale in [0, 1e305]; an attrs validator.

    Raises
    ------
    UsageError
        If an entry is negative, too large or not a number.
    """
    wrong = ~((value >= 0) & (value <= LARGEST))
    if wrong.any():
        raise UsageError(
            f"{type(instance).__name__}: {attribute.name} {float(value[wrong].flat[0])!r} "
            f"is not in [0, {LARGEST:g}]",
            hint="choose a larger epsilon",
        )


def check_rate(instance: Any, attribute: attrs.Attribute[Any], value: FloatArray) -> None:
    """Require a privacy loss per unit in [1e-305, inf]; an attrs validator.

    Raises
    ------
    UsageError
        If an entry is zero, negative, too small or not a number.
    """
    wrong = ~(value >= 1 / LARGEST)
    if wrong.any():
        raise UsageError(
            f"{type(instance).__name__}: {attribute.name} {float(value[wrong].flat[0])!r} "
            f"is not at least {1 / LARGEST:g}",
            hint="choose a larger epsilon",
        )


def squarable(angle: FloatArray | ComplexArray) -> ComplexArray:
    """Return an argument of characteristic functions with its real part within 1e150.

    Its square is a number then; whatever decays in it is nil long before.
    """
    whole = np.asarray(angle, dtype=np.complex128)
    return np.clip(whole.real, -_SQUARABLE, _SQUARABLE) + 1j * whole.imag


def positive(scale: FloatArray, x: FloatArray | float) -> FloatArray:
    """Return ``scale`` raised to a value so small that nothing can tell it from zero.

    Ratios ``x / scale`` stay finite: at most 1e200 for ``x`` of 1 and more.
    """
    return np.maximum(scale, np.maximum(1e-200 * np.abs(x), 1e-300))
