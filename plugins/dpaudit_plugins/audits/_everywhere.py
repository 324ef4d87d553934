"""One quantity over entities, over every grouping and in total, as measurements."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import dpaudit


def everywhere(
    subject: dpaudit.Subject, *, audit: str, quantity: str, unit: str, means: bool = False
) -> list[dpaudit.Measurement]:
    """Return ``quantity`` per entity, of the sum over each group, and in total.

    With ``means`` each group also has the mean per entity and the value per person counted;
    a group without a person has no value per person.
    """
    made = [
        dpaudit.Measurement(
            task=subject.task,
            audit=audit,
            quantity=quantity,
            unit=unit,
            over="entity",
            labels=subject.data.entities,
            estimate=subject.entity(quantity),
        ),
        dpaudit.Measurement(
            task=subject.task,
            audit=audit,
            quantity=quantity,
            unit=unit,
            estimate=subject.total(quantity),
        ),
    ]
    for grouping in subject.data.groups:
        labels = subject.group_labels(grouping)
        whole = subject.grouped(quantity, grouping)
        ways = [("total", labels, whole)]
        if means:
            ways += _means(subject, grouping, labels, whole)
        made += [
            dpaudit.Measurement(
                task=subject.task,
                audit=audit,
                quantity=quantity,
                unit=unit,
                over=grouping,
                per=per,
                labels=kept,
                estimate=estimate,
            )
            for per, kept, estimate in ways
        ]
    return made


def measured(
    subject: dpaudit.Subject,
    audit: str,
    quantity: str,
    estimate: dpaudit.Estimate,
    *,
    over: str = "total",
    labels: tuple[str, ...] = (),
) -> dpaudit.Measurement:
    """Return one number of a subject as a measurement, in the unit of its outcomes."""
    return dpaudit.Measurement(
        task=subject.task,
        audit=audit,
        quantity=quantity,
        unit=subject.unit,
        over=over,
        labels=labels,
        estimate=estimate,
    )


def _means(
    subject: dpaudit.Subject, grouping: str, labels: tuple[str, ...], whole: dpaudit.Estimate
) -> Iterator[tuple[str, tuple[str, ...], dpaudit.Estimate]]:
    members = np.array(subject.data.groups[grouping])
    entities = np.array([np.sum(members == label) for label in labels], dtype=np.float64)
    persons = np.array([subject.data.counts[members == label].sum() for label in labels])
    yield "entity", labels, whole.scaled(1.0 / entities)
    peopled = np.flatnonzero(persons > 0)
    if peopled.size:
        kept = tuple(labels[i] for i in peopled)
        yield "person", kept, whole[peopled].scaled(1.0 / persons[peopled])
