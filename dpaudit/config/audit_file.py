"""Reads a whole audit file: every fault in one pass, then a frozen spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpaudit.config.attack_tables import read_attacks
from dpaudit.config.data_columns import check_columns
from dpaudit.config.data_table import read_data
from dpaudit.config.decision_tables import read_decisions
from dpaudit.config.model_attack_tables import read_model_attacks
from dpaudit.config.plain import structure
from dpaudit.config.public_table import read_public, refuse_uncovered
from dpaudit.config.settings import read_report, read_run
from dpaudit.config.table import Faults, Table
from dpaudit.config.tables import read_audits, read_mitigations, read_releases
from dpaudit.config.training_table import data_of, read_learners, read_training
from dpaudit.config.uses import Uses
from dpaudit.errors import PluginError, SpecError
from dpaudit.model.files import is_file
from dpaudit.registry import Registry
from dpaudit.toml import Source

if TYPE_CHECKING:
    from dpaudit.model.public import PublicMode
    from dpaudit.model.spec import Spec
    from dpaudit.toml import Problem


def load(
    path: str | Path, *, registry: Registry | None = None, public: PublicMode | None = None
) -> Spec:
    """Read an audit file.

    Parameters
    ----------
    path
        The audit file; files that it names are looked up beside it.
    registry
        Where plug-ins are looked up, by default every installed one. The plug-in files that
        the audit file names are loaded into it.
    public
        ``proxy``, ``release`` or ``dp``: read the audit for a report that may leave the house.
        In the first two the public data that ``[public]`` names take the place of ``[data]``,
        whose file is not opened.

    Returns
    -------
    Spec
        The audit as its author wrote it, with defaults filled in.

    Raises
    ------
    SpecError
        If anything in the file is wrong. The message lists every fault with its line and
        column, in the order of the file.
    PluginError
        If the file is right, but a plug-in that it names does not load.
    UsageError
        If the audit file does not declare the public mode that is asked for, or holds learners
        or attacks, which no public mode covers.
    """
    known = Registry.discover() if registry is None else registry
    tree, problems = _read(Path(path), known, public)
    if problems:
        only_plugins = all(problem.plugin for problem in problems)
        error = PluginError if only_plugins else SpecError
        raise error("\n\n".join(str(problem) for problem in problems))
    return structure(tree)


def check(path: str | Path, registry: Registry | None = None) -> list[Problem]:
    """Return everything that is wrong with an audit file, in the order of the file."""
    return _read(Path(path), Registry.discover() if registry is None else registry)[1]


def _read(
    path: Path, registry: Registry, public: PublicMode | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    source = Source.read(path)
    if source.problems:
        return {}, list(source.problems)
    faults = Faults(source)
    uses = Uses(registry, faults)
    root = Table(faults, (), source.values)
    tree: dict[str, Any] = {"path": path, "text": source.text}
    tree["title"] = root.take("title", str) or path.stem
    tree["plugins"] = _load_plugins(root, uses, path.parent)
    learning = "training" in source.values
    if public is not None:
        refuse_uncovered(training=learning, attacks="attack" in source.values)
    tree["public"] = None if learning else read_public(root, public)
    if learning:
        _refuse_decisions(root)
        tree["learners"] = read_learners(root, uses)
        tree["training"] = read_training(root, uses, path.parent, tree["learners"])
        tree["data"] = data_of(tree["training"])
    else:
        tree["data"] = read_data(root, uses)
        if tree["data"] and public == "release":
            tree["data"]["noisy"] = True
    tree["run"] = read_run(root)
    tree["report"] = read_report(root, registry, path.parent)
    tree["releases"] = read_releases(root, uses)
    tree["decisions"] = [] if learning else read_decisions(root, uses, tree["data"])
    tree["audits"] = read_audits(root, uses, of="learners" if learning else "decisions")
    tree["mitigations"] = read_mitigations(root, uses, tree["releases"])
    if learning:
        tree["attacks"] = read_model_attacks(root, uses, tree["learners"])
    else:
        tree["attacks"] = read_attacks(root, uses, tree["releases"])
    _refuse_nothing(tree, root, source, learning=learning)
    root.finish()
    if not learning:
        check_columns(tree["data"], uses, path.parent)
    return tree, faults.sorted()


def _refuse_nothing(tree: dict[str, Any], root: Table, source: Source, *, learning: bool) -> None:
    """Keep a fault for a file that names nothing to audit."""
    if learning and not tree["learners"] and "learner" not in source.values:
        root.faults.add(
            (), "the file has [training] and no [[learner]]", 'add [[learner]] with use = "..."'
        )
    elif not learning and root.raw("learner") is not None:
        root.faults.add(
            ("learner",),
            "[[learner]] needs [training]: there is nothing to learn from",
            "add [training] with file, status, features, label and group",
        )
    elif not learning and not tree["releases"] and "release" not in source.values:
        root.faults.add(
            (),
            "the file has no [[release]]: nothing to audit",
            "add [[release]] with a mechanism and neighbours",
        )


def _refuse_decisions(root: Table) -> None:
    """Keep a fault for each table that [training] replaces."""
    apart = "audit decisions and learners in files of their own"
    hints = {
        "mitigation": "a mitigation of training is a [[learner]] with against = NAME",
        "public": "no public mode covers an audit of learners: take [public] out",
    }
    for key in ("data", "release", "decision", "mitigation", "public"):
        if root.raw(key) is not None:
            hint = hints.get(key, apart)
            root.fault(key, f"[{key}] and [training] do not go together", hint)


def _load_plugins(root: Table, uses: Uses, base: Path) -> tuple[str, ...]:
    files: tuple[str, ...] = root.take("plugins", tuple[str, ...]) or ()
    for i, file in enumerate(files):
        try:
            uses.registry.load_file(base / file)
        except PluginError as error:
            uses.incomplete = True
            is_there = is_file(base / file)
            root.faults.add(("plugins", i), error.message, error.hint, plugin=is_there)
    return files
