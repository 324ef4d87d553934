"""Lets an audit measure a task, and holds it to what an audit returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from dpaudit.errors import DpauditError, PluginError
from dpaudit.interfaces import Audit
from dpaudit.model.measurement import Measurement


def asked(audit: Audit, subject: Any, rng: np.random.Generator) -> tuple[Measurement, ...]:
    """Return what an audit measures of a task.

    Raises
    ------
    PluginError
        If it fails, or returns something else than measurements.
    """
    try:
        found = tuple(audit.measure(subject, rng))
    except DpauditError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"audit {audit.name!r} failed in task {subject.task!r}: "
            f"{type(error).__name__}: {error}",
            hint="see what the audit does with the estimates and runs of this task",
        ) from error
    for measurement in found:
        if not isinstance(measurement, Measurement):
            raise PluginError(
                f"audit {audit.name!r} returned {type(measurement).__name__}",
                hint="return a list of dpaudit.Measurement",
            )
    return found
