"""What ``run`` and ``report`` share: read, measure, remember how, and say how it ended."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from dpaudit.cli.output import echo
from dpaudit.cli.progress import progress_for
from dpaudit.cli.settings import Settings
from dpaudit.errors import PRECEDENCE, ExitCode, UsageError

if TYPE_CHECKING:
    from dpaudit.model.finding import Finding
    from dpaudit.model.public import PublicMode
    from dpaudit.model.results import Results
    from dpaudit.model.spec import Spec
    from dpaudit.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])
CONFIDENTIAL = "Confidential: made from confidential data, not for release"
DEFAULT_FOLDER = Path("dpaudit-report")


@attrs.frozen(kw_only=True)
class Options:
    """How to measure: what the command line may say beside the audit file."""

    audit: Path
    out: Path
    draws: int | None
    seed: int | None
    executor: str
    workers: int
    use_cache: bool
    public: PublicMode | None = None
    formats: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """What was measured, with which plug-ins, and how it went."""

    results: Results
    registry: Registry
    record: dict[str, object]
    broken: int

    def faults(self) -> list[dict[str, str]]:
        """Return what plug-ins got wrong: in tasks, and in hooks since the run began."""
        found = [
            {"task": each.task, "message": each.message, "help": each.hint}
            for each in self.results.failures
        ]
        hooks = self.registry.broken[self.broken :]
        return found + [
            {"task": "", "message": f"a hook of {each.module} failed: {each.reason}",
             "help": "mend the plug-in, or leave it out"}
            for each in hooks
        ]  # fmt: skip


def measuring(function: F) -> F:
    """Add the argument and the options that say what to measure."""
    for decorate in (
        click.option("--no-cache", is_flag=True, help="Measure everything again."),
        click.option(
            "--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
            help="Workers to share the draws; the numbers do not depend on it.",
        ),
        click.option(
            "--executor", default="threads", show_default=True, metavar="WHERE",
            help="Where they work: threads, processes, dask, dask:ADDRESS, ray or ray:ADDRESS.",
        ),
        click.option(
            "--seed", type=click.IntRange(min=0), metavar="N", help="Use another seed.",
        ),
        click.option(
            "--draws", type=click.IntRange(min=2), metavar="N",
            help="Draw the noise so many times; train each learner at most so often.",
        ),
        click.option(
            "-o", "--out", type=click.Path(file_okay=False, path_type=Path),
            default=DEFAULT_FOLDER, show_default=True, metavar="FOLDER", help="Write here.",
        ),
        click.argument("audit", type=click.Path(dir_okay=False, path_type=Path)),
    ):  # fmt: skip
        function = decorate(function)
    return function


def specified(options: Options, settings: Settings) -> tuple[Spec, Registry]:
    """Read the audit file, with what the command line says beside it."""
    from dpaudit.config import load

    writable(options.out)
    if options.public is not None:
        _apart(options.out)
    registry = settings.registry()
    spec = load(options.audit, registry=registry, public=options.public)
    if options.formats:
        from dpaudit.report.write import check_formats

        check_formats(options.formats, registry)
    chosen = spec.run
    if options.draws is not None:
        chosen = attrs.evolve(chosen, draws=options.draws)
        spec = trained_at_most(spec, options.draws)
    if options.seed is not None:
        chosen = attrs.evolve(chosen, seed=options.seed)
    return attrs.evolve(spec, run=chosen), registry


def measure(options: Options, settings: Settings) -> Measured:
    """Read the audit file, measure, and return the results with a record of the run."""
    from dpaudit.engine.run import run

    started, clock = dt.datetime.now(dt.UTC), time.monotonic()
    spec, registry = specified(options, settings)
    broken = len(registry.broken)
    results = run(
        spec,
        registry=registry,
        executor=options.executor,
        workers=options.workers,
        cache=cache_folder() if options.use_cache else None,
        progress=progress_for(quiet=settings.quiet),
        files=tuple(str(file.resolve()) for file in settings.plugin_files),
    )
    record: dict[str, object] = {
        **({"notice": CONFIDENTIAL} if spec.data.status == "confidential" else {}),
        "command": shlex.join(["dpaudit", *sys.argv[1:]]),
        "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round(time.monotonic() - clock, 3),
        "executor": options.executor,
        "workers": options.workers,
        "draws": spec.run.draws,
        "seed": spec.run.seed,
        "platform": platform.platform(),
        "python": platform.python_version(),
    }
    return Measured(results=results, registry=registry, record=record, broken=broken)


def trained_at_most(spec: Spec, runs: int) -> Spec:
    """Return a spec whose learners are trained so often at most, for attacks in pairs."""
    from dpaudit.model.spec import FEWEST_MODELS

    most = max(FEWEST_MODELS, runs // 2 * 2)
    models = () if spec.training is None else spec.attacks
    return attrs.evolve(
        spec,
        learners=tuple(
            attrs.evolve(learner, replicates=min(learner.replicates, runs))
            for learner in spec.learners
        ),
        attacks=tuple(
            attrs.evolve(attack, replicates=min(attack.replicates, most)) for attack in models
        )
        or spec.attacks,
    )


def cache_folder() -> Path:
    """Return where an interrupted run goes on from: here, because it tells about the data."""
    return Path(os.environ.get("DPAUDIT_CACHE", ".dpaudit-cache"))


def writable(folder: Path) -> None:
    """Make the folder before anything is measured, so that a wrong name costs no time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write to the folder {str(folder)!r}: {error.strerror}",
            hint="choose another one with --out",
        ) from error


def _apart(folder: Path) -> None:
    """Keep a public report out of a folder in which a confidential one lies."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(record, dict) and record.get("notice") == CONFIDENTIAL:
        raise UsageError(
            f"the folder {str(folder)!r} holds a confidential report",
            hint="write the public one elsewhere with --out",
        )


def write_record(folder: Path, record: dict[str, object]) -> Path:
    """Write ``run.json``: what differs between two runs of one audit."""
    from dpaudit.engine.cache import write_atomically

    path = folder / "run.json"
    write_atomically(path, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def tell(faults: Iterable[dict[str, str]]) -> None:
    """Name every plug-in that failed, on standard error."""
    for fault in faults:
        where = (
            f"{fault['task']}: " if fault["task"] and fault["task"] not in fault["message"] else ""
        )
        hint = f"\n  help: {fault['help']}" if fault["help"] else ""
        echo(f"error: {where}{fault['message']}{hint}", err=True)


def ending(
    findings: Iterable[Finding],
    thresholds: Iterable[Finding],
    *,
    strict: bool,
    failed: bool = False,
) -> ExitCode:
    """Return the exit code of an audit that came to its end, though plug-ins may have failed."""
    codes = {ExitCode.FAILED if failed else ExitCode.DONE}
    kept = tuple(thresholds)
    if any(finding.verdict == "not met" for finding in kept):
        codes.add(ExitCode.THRESHOLD)
    if strict and any(finding.verdict == "cannot tell" for finding in (*kept, *findings)):
        codes.add(ExitCode.CANNOT_TELL)
    return next(code for code in PRECEDENCE if code in codes)
