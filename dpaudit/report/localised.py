"""Names that are ours and not the data's, in the language of a report: those of classes by size."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from dpaudit.data.groups import NOT_STATED
from dpaudit.model.dataset import CROSS
from dpaudit.model.measurement import Measurement
from dpaudit.model.results import Results
from dpaudit.report.prose import Prose

_NUMBER = r"(-?[\d,]*\.?\d+%?)"
_UNDER = re.compile(rf"under {_NUMBER}")
_BETWEEN = re.compile(rf"{_NUMBER} to (under )?{_NUMBER}")
_SHARE = re.compile(r"(.+) of its (.+)")
_OVER = re.compile(rf"{_NUMBER} and over")


def localised(results: Results) -> Results:
    """Return results whose classes are called in the language of the report.

    The files of measurements keep the names that the audit gave them.
    """
    prose = Prose(results.spec.report.language)
    if prose.language.startswith("en"):
        return results
    classes = set(results.spec.data.classes)
    named = {
        grouping: [part in classes for part in grouping.split(CROSS)]
        for grouping in results.data.groups
    }
    named = {grouping: ours for grouping, ours in named.items() if any(ours)}
    if not named:
        return results

    def renamed(grouping: str) -> Callable[[str], str]:
        return lambda label: _label(prose, label, named[grouping])

    groups = {
        grouping: tuple(map(renamed(grouping), members)) if grouping in named else members
        for grouping, members in results.data.groups.items()
    }
    measurements = tuple(
        _measured(m, renamed(m.over)) if m.over in named else m for m in results.measurements
    )
    attacks = tuple(
        attrs.evolve(
            attack,
            groups=tuple(
                attrs.evolve(g, labels=tuple(map(renamed(g.grouping), g.labels)))
                if g.grouping in named
                else g
                for g in attack.groups
            ),
        )
        for attack in results.attacks
    )
    data = attrs.evolve(results.data, groups=groups)
    return attrs.evolve(results, data=data, measurements=measurements, attacks=attacks)


def _measured(measured: Measurement, renamed: Callable[[str], str]) -> Measurement:
    return attrs.evolve(measured, labels=tuple(map(renamed, measured.labels)))


def _label(_: Prose, label: str, ours: list[bool]) -> str:
    parts = label.split(CROSS)
    if len(parts) != len(ours):
        return label
    return CROSS.join(
        _class(_, part) if own else part for part, own in zip(parts, ours, strict=True)
    )


def _class(_: Prose, label: str) -> str:
    """Return the name of one class; what is no such name stays as it is."""
    if match := _SHARE.fullmatch(label):
        return _("{part} of its {parent}", part=_class(_, match[1]), parent=match[2])
    if match := _UNDER.fullmatch(label):
        return _("under {n}", n=_number(_, match[1]))
    if match := _BETWEEN.fullmatch(label):
        low, high = _number(_, match[1]), _number(_, match[3])
        return (
            _("{low} to under {high}", low=low, high=high)
            if match[2]
            else _("{low} to {high}", low=low, high=high)
        )
    if match := _OVER.fullmatch(label):
        return _("{n} and over", n=_number(_, match[1]))
    return _("(not stated)") if label == NOT_STATED else label


def _number(_: Prose, text: str) -> str:
    bare = text.removesuffix("%").replace(",", "")
    number = _.decimal(float(bare), places=len(bare.partition(".")[2]))
    return number if not text.endswith("%") else _("{number}%", number=number)
