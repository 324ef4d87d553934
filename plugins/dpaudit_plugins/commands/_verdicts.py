"""From numbers to verdicts: figures that agree, comparisons that hold, and why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Literal

import attrs

import dpaudit
from dpaudit_plugins.commands._claims import Claim, Equal
from dpaudit_plugins.commands._numbers import Number, computed

Verdict = Literal["reproduced", "pattern reproduced", "not reproduced"]
_NUMERAL = re.compile(r"^([+-]?\d*\.?\d*)(?:[eE]([+-]?\d+))?$")


@attrs.frozen(kw_only=True)
class Judged:
    """A claim with its verdict, and the tests that did not hold."""

    claim: Claim
    verdict: Verdict
    failed: tuple[str, ...]

    @property
    def said(self) -> str:
        """The verdict as it is printed."""
        if self.verdict != "not reproduced":
            return self.verdict
        return f"not reproduced, because {self.claim.because or '; '.join(self.failed)}"


def judged(claim: Claim, numbers: Mapping[str, Number]) -> Judged:
    """Return the verdict on a claim.

    Figures that all agree, with every comparison holding, are *reproduced*; comparisons that hold
    where figures differ, or where the claim is a pattern, are *pattern reproduced*. A comparison
    holds where the intervals say so, not where they leave it open.
    """
    wrong = tuple(text for each in claim.equals if (text := unequal(each, numbers)))
    open_ = tuple(text for rule in claim.holds if (text := broken(rule, numbers)))
    if not claim.equals and not claim.holds:
        raise dpaudit.DataError(f"claim {claim.id!r} tests nothing", hint="give equals or holds")
    verdict: Verdict = "not reproduced"
    if not open_ and not wrong:
        verdict = "pattern reproduced" if claim.kind == "pattern" else "reproduced"
    elif not open_ and claim.holds and claim.kind == "number":
        verdict = "pattern reproduced"
    return Judged(claim=claim, verdict=verdict, failed=(*wrong, *open_))


def unequal(equal: Equal, numbers: Mapping[str, Number]) -> str:
    """Return why a number is not the paper's, or nothing."""
    e = numbers[equal.number].estimate
    paper = float(equal.value)
    off = last_digit(equal.value) if equal.within is None else abs(paper) * equal.within / 100.0
    slack = 1e-9 * abs(paper)
    if float(e.low) <= paper + off + slack and float(e.high) >= paper - off - slack:
        return ""
    return f"{equal.number} is {float(e.value):.4g} and not {equal.value}"


def last_digit(printed: str) -> float:
    """Return half a unit of the last digit of a numeral: 0.0005 of ``0.091``."""
    match = _NUMERAL.match(printed.strip())
    if match is None or not match[1]:
        raise dpaudit.DataError(f"{printed!r} is no number", hint="write it as printed: 3.00e-7")
    _, _, places = match[1].partition(".")
    return 0.5 * 10.0 ** (int(match[2] or 0) - len(places))


def broken(rule: str, numbers: Mapping[str, Number]) -> str:
    """Return why a comparison does not hold, or nothing.

    ``a > b`` and ``a < b`` hold where the intervals do not touch; ``a ~ b`` where neither is for
    certain above the other; chains (``a < b < c``) where every link does.
    """
    for left, sign, right in links(rule):
        gap = computed(f"({left}) - ({right})", numbers).estimate
        low, high = float(gap.low), float(gap.high)
        held = {">": low > 0, "<": high < 0, "~": low <= 0 <= high}[sign]
        if not held:
            one, other = (computed(side, numbers).value for side in (left, right))
            reverse = {">": high < 0, "<": low > 0, "~": True}[sign]
            how = "is not so" if reverse else "cannot be told"
            return f"{left} {sign} {right} {how} ({one:.4g} and {other:.4g})"
    return ""


def links(rule: str) -> Iterator[tuple[str, str, str]]:
    """Yield the comparisons of a chain: ``a < b < c`` is two."""
    parts = re.split(r"\s*([<>~])\s*", rule)
    if len(parts) < 3 or len(parts) % 2 == 0:  # noqa: PLR2004 - a side, a sign, a side
        raise dpaudit.DataError(f"{rule!r} compares nothing", hint="write a > b, a < b or a ~ b")
    for i in range(0, len(parts) - 2, 2):
        for side in (parts[i], parts[i + 2]):
            try:
                ast.parse(side, mode="eval")
            except SyntaxError as error:
                raise dpaudit.DataError(
                    f"{rule!r}: {side!r} is no expression",
                    hint="write numbers and names with + - * / and parentheses",
                ) from error
        yield parts[i], parts[i + 1], parts[i + 2]
