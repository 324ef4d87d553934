"""Audit the fairness and privacy of differentially private releases and decisions.

This module is the front door: plug-ins, notebooks and scripts need nothing else. Every name
is imported when it is first used, so that ``import dpaudit`` alone costs next to nothing.

Examples
--------
>>> import dpaudit
>>> spec = dpaudit.load("audit.toml")  # doctest: +SKIP
>>> results = dpaudit.run(spec)  # doctest: +SKIP
>>> dpaudit.write_report(results, "out")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpaudit.config import load
    from dpaudit.engine.run import run
    from dpaudit.errors import (
        DataError,
        DpauditError,
        PluginError,
        SpecError,
        UnavailableError,
        UsageError,
    )
    from dpaudit.hookspecs import hookimpl
    from dpaudit.inputs import (
        Column,
        GivenCounts,
        GivenDomain,
        GivenFolder,
        GivenHierarchy,
        GivenNoise,
        Rules,
        Total,
    )
    from dpaudit.interfaces import (
        Attack,
        Audit,
        ClosedForm,
        Decision,
        Learner,
        Mechanism,
        Mitigation,
        Plugin,
        PostProcessor,
    )
    from dpaudit.interfaces.attack import Public, Rates, Target
    from dpaudit.interfaces.model_attack import ModelAttack, ModelTarget
    from dpaudit.markers import (
        attack,
        audit,
        decision,
        learner,
        mechanism,
        mitigation,
        postprocessor,
    )
    from dpaudit.model.arrays import BoolArray, ColumnArray, FloatArray, frozen_floats
    from dpaudit.model.attack import Outcome
    from dpaudit.model.curvature import Curvature
    from dpaudit.model.data_source import EmbeddedData, WheelData
    from dpaudit.model.dataset import Dataset
    from dpaudit.model.domain import Domain
    from dpaudit.model.estimate import Estimate
    from dpaudit.model.files import is_file
    from dpaudit.model.finding import Finding
    from dpaudit.model.guarantee import Guarantee
    from dpaudit.model.hierarchy import Hierarchy
    from dpaudit.model.measurement import Measurement
    from dpaudit.model.spec import Game, Neighbours
    from dpaudit.model.structure import (
        Bounds,
        Control,
        Feasible,
        Linear,
        Local,
        Proportional,
        Share,
        Structure,
    )
    from dpaudit.model.text import visible
    from dpaudit.noise.base import Noise
    from dpaudit.plugin_file import import_file
    from dpaudit.registry import Registry
    from dpaudit.report.catalogues import sentences
    from dpaudit.report.document import write_document
    from dpaudit.report.write import write_report
    from dpaudit.subjects import LearnerSubject, Pipeline, Subject
    from dpaudit.training.data import TrainingData

    __version__: str

__all__ = [
    "Attack",
    "Audit",
    "BoolArray",
    "Bounds",
    "ClosedForm",
    "Column",
    "ColumnArray",
    "Control",
    "Curvature",
    "DataError",
    "Dataset",
    "Decision",
    "Domain",
    "DpauditError",
    "EmbeddedData",
    "Estimate",
    "Feasible",
    "Finding",
    "FloatArray",
    "Game",
    "GivenCounts",
    "GivenDomain",
    "GivenFolder",
    "GivenHierarchy",
    "GivenNoise",
    "Guarantee",
    "Hierarchy",
    "Learner",
    "LearnerSubject",
    "Linear",
    "Local",
    "Measurement",
    "Mechanism",
    "Mitigation",
    "ModelAttack",
    "ModelTarget",
    "Neighbours",
    "Noise",
    "Outcome",
    "Pipeline",
    "Plugin",
    "PluginError",
    "PostProcessor",
    "Proportional",
    "Public",
    "Rates",
    "Registry",
    "Rules",
    "Share",
    "SpecError",
    "Structure",
    "Subject",
    "Target",
    "Total",
    "TrainingData",
    "UnavailableError",
    "UsageError",
    "WheelData",
    "__version__",
    "attack",
    "audit",
    "decision",
    "frozen_floats",
    "hookimpl",
    "import_file",
    "is_file",
    "learner",
    "load",
    "mechanism",
    "mitigation",
    "postprocessor",
    "run",
    "sentences",
    "visible",
    "write_document",
    "write_report",
]

_HOMES = {
    "dpaudit.interfaces.attack": "Public Rates Target",
    "dpaudit.interfaces.model_attack": "ModelAttack ModelTarget",
    "dpaudit.config": "load",
    "dpaudit.engine.run": "run",
    "dpaudit.errors": "DataError DpauditError PluginError SpecError UnavailableError UsageError",
    "dpaudit.hookspecs": "hookimpl",
    "dpaudit.inputs": (
        "Column GivenCounts GivenDomain GivenFolder GivenHierarchy GivenNoise Rules Total"
    ),
    "dpaudit.interfaces": (
        "Attack Audit ClosedForm Decision Learner Mechanism Mitigation Plugin PostProcessor"
    ),
    "dpaudit.markers": "attack audit decision learner mechanism mitigation postprocessor",
    "dpaudit.model.arrays": "BoolArray ColumnArray FloatArray frozen_floats",
    "dpaudit.model.attack": "Outcome",
    "dpaudit.model.curvature": "Curvature",
    "dpaudit.model.data_source": "EmbeddedData WheelData",
    "dpaudit.model.dataset": "Dataset",
    "dpaudit.model.domain": "Domain",
    "dpaudit.model.estimate": "Estimate",
    "dpaudit.model.files": "is_file",
    "dpaudit.model.finding": "Finding",
    "dpaudit.model.guarantee": "Guarantee",
    "dpaudit.model.hierarchy": "Hierarchy",
    "dpaudit.model.measurement": "Measurement",
    "dpaudit.model.spec": "Game Neighbours",
    "dpaudit.model.structure": "Bounds Control Feasible Linear Local Proportional Share Structure",
    "dpaudit.model.text": "visible",
    "dpaudit.noise.base": "Noise",
    "dpaudit.plugin_file": "import_file",
    "dpaudit.registry": "Registry",
    "dpaudit.report.catalogues": "sentences",
    "dpaudit.report.document": "write_document",
    "dpaudit.report.write": "write_report",
    "dpaudit.subjects": "LearnerSubject Pipeline Subject",
    "dpaudit.training.data": "TrainingData",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'dpaudit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("dpaudit")
    except PackageNotFoundError:
        return "0+unknown"
