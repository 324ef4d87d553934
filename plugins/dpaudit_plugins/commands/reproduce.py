"""``dpaudit reproduce``: what papers state, measured again and compared by written rules."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import dpaudit
from dpaudit_plugins.commands._claims import (
    AuditUse,
    Family,
    read_families,
    read_ledger,
)
from dpaudit_plugins.commands._numbers import numbers_of
from dpaudit_plugins.commands._verdicts import judged
from dpaudit_plugins.commands._writing import Answered, report_of, shown

if TYPE_CHECKING:
    import click

RESULTS = Path("examples/papers")
_ALL = "all"
_FORMATS = ("html", "pdf")

Say = Callable[[str], None]


def reproduce(
    families: Sequence[Family], *, fast: bool, workers: int, cache: Path | None, say: Say
) -> list[Answered]:
    """Measure every audit of the families and judge their claims.

    Parameters
    ----------
    families
        From :func:`read_families`.
    fast
        Whether audits run with the fewer draws that they name for it.
    workers
        Of each audit; no number depends on it.
    cache
        The folder of measured chunks, if any.
    say
        Called with a line of progress.
    """
    answered = []
    for family in families:
        results: dict[str, Any] = {}
        for name, use in family.audits.items():
            begun = time.monotonic()
            for called, spec in _specs(name, use, family.folder, fast=fast):
                results[called] = dpaudit.run(spec, workers=workers, cache=cache)
            say(f"{family.name}/{use.file}: {time.monotonic() - begun:.1f} s")
        answered.append(answer(family, results))
    return answered


def answer(family: Family, results: Mapping[str, Any]) -> Answered:
    """Return a family with its numbers and verdicts.

    Raises
    ------
    DataError
        If a number is not where the family says, with the name of the family.
    """
    try:
        numbers = numbers_of(family.numbers, results)
        verdicts = tuple(judged(claim, numbers) for claim in family.claims)
    except dpaudit.DataError as error:
        raise dpaudit.DataError(f"{family.name}: {error.message}", hint=error.hint) from error
    return Answered(family=family, results=results, numbers=numbers, verdicts=verdicts)


def _specs(name: str, use: AuditUse, folder: Path, *, fast: bool) -> Iterator[tuple[str, Any]]:
    """Yield an audit by its name, or once for each value that it varies."""
    spec = _spec(dpaudit.load(folder / use.file), use, fast=fast)
    if not use.vary:
        yield name, spec
    for column, values in use.vary.items():
        for value in use.fast.get("vary", values) if fast else values:
            where = {**spec.data.where, column: (str(value),)}
            yield f"{name} {value}", attrs.evolve(spec, data=attrs.evolve(spec.data, where=where))


def _spec(spec: Any, use: AuditUse, *, fast: bool) -> Any:
    if not fast:
        return spec
    draws = min(spec.run.draws, use.fast.get("draws", spec.run.draws))
    most = use.fast.get("replicates")
    learners, attacks = spec.learners, spec.attacks
    if most is not None:
        learners = tuple(attrs.evolve(e, replicates=min(e.replicates, most)) for e in learners)
        attacks = tuple(attrs.evolve(e, replicates=min(e.replicates, most)) for e in attacks)
    return attrs.evolve(
        spec, run=attrs.evolve(spec.run, draws=draws), learners=learners, attacks=attacks
    )


def verdicts_json(answered: Sequence[Answered]) -> str:
    """Return every verdict with its numbers, for programs."""
    document = {
        one.family.name: {
            each.claim.id: {
                "what": each.claim.what,
                "source": each.claim.source,
                "paper": each.claim.paper,
                "here": {name: shown(one.numbers[name]) for name in each.claim.ours},
                "verdict": each.verdict,
                "said": each.said,
                "failed": list(each.failed),
            }
            for each in one.verdicts
        }
        for one in answered
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _chosen(families: Sequence[Family], names: Sequence[str]) -> list[Family]:
    known = [family.name for family in families]
    for name in names:
        if name not in {*known, _ALL}:
            raise dpaudit.UsageError(
                f"no results are called {name!r}", hint=f"there are {', '.join(known)}"
            )
    return [f for f in families if not names or _ALL in names or f.name in names]


def _print(answered: Sequence[Answered], echo: Say) -> None:
    for one in answered:
        echo(f"\n{one.family.number}. {one.family.title}")
        for each in one.verdicts:
            here = "; ".join(shown(one.numbers[name]) for name in each.claim.ours)
            echo(f"  {each.claim.what} ({each.claim.source})")
            echo(f"    paper: {each.claim.paper}")
            echo(f"    here:  {here or each.claim.found}")
            echo(f"    {each.said}")


def _command() -> click.Command:
    import click

    @click.command("reproduce")
    @click.argument("names", nargs=-1, metavar="[NAME ...|all]")
    @click.option("--fast", is_flag=True, help="Fewer draws and fewer trained models.")
    @click.option(
        "--results",
        type=click.Path(file_okay=False, path_type=Path),
        default=RESULTS,
        show_default=True,
        metavar="FOLDER",
        help="Where the results are described.",
    )
    @click.option(
        "-o",
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("dpaudit-papers"),
        show_default=True,
        metavar="FOLDER",
        help="Write here.",
    )
    @click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Workers to share the draws; the numbers do not depend on it.",
    )
    @click.option(
        "-f",
        "--format",
        "formats",
        multiple=True,
        type=click.Choice(_FORMATS),
        default=_FORMATS,
        help="Write this format (may be repeated); else both.",
    )
    @click.option("--no-cache", is_flag=True, help="Measure everything again.")
    @click.option("-q", "--quiet", is_flag=True, help="Print no progress and no verdicts.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    def command(  # noqa: PLR0917 - click passes every option by name
        names: tuple[str, ...],
        fast: bool,  # noqa: FBT001
        results: Path,
        out: Path,
        workers: int,
        formats: tuple[str, ...],
        no_cache: bool,  # noqa: FBT001
        quiet: bool,  # noqa: FBT001
        as_json: bool,  # noqa: FBT001
    ) -> None:
        """Measure what papers state, and write papers.html and papers.pdf with the verdicts."""
        chosen = _chosen(read_families(results), names)
        ledger = read_ledger(results)
        cache = None if no_cache else Path(os.environ.get("DPAUDIT_CACHE", ".dpaudit-cache"))
        say: Say = (lambda _: None) if quiet else (lambda text: click.echo(text, err=True))
        answered = reproduce(chosen, fast=fast, workers=workers, cache=cache, say=say)
        written = write(answered, ledger, out, fast=fast, formats=formats)
        if as_json:
            click.echo(verdicts_json(answered), nl=False)
            return
        if not quiet:
            _print(answered, click.echo)
        for name, reason in written.missing.items():
            click.echo(f"no {name}: {reason}", err=True)
        click.echo(
            f"\nWritten to {out}: {', '.join(sorted(f.name for f in written.files.values()))}"
        )

    return command


def write(
    answered: Sequence[Answered], ledger: Any, out: Path, *, fast: bool, formats: Sequence[str]
) -> Any:
    """Write ``papers.html``, ``papers.pdf`` and ``verdicts.json`` into a folder."""
    verdicts = verdicts_json(answered)
    written = dpaudit.write_document(
        report_of(answered, ledger, fast=fast),
        out,
        "papers",
        formats=formats,
        attached={"verdicts.json": verdicts.encode()},
    )
    (out / "verdicts.json").write_text(verdicts, encoding="utf-8")
    return written


@dpaudit.hookimpl
def dpaudit_commands() -> Sequence[click.Command]:
    """Offer the command."""
    return (_command(),)
