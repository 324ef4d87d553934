"""Amounts of memory as people write them."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)


class Amount(click.ParamType[float]):
    """An option such as ``4GB``, in bytes."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the bytes that a text says."""
        if isinstance(value, float):
            return value
        match = _AMOUNT.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no amount of memory: write 500MB or 4GB", param, ctx)
        return float(match[1]) * _UNITS[match[2].lower()]
