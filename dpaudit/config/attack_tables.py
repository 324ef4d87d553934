"""Reads ``[[attack]]``: the plug-in, the game that it plays, and its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from dpaudit.config.cells import readable
from dpaudit.config.table import Table
from dpaudit.config.tables import Names
from dpaudit.model.spec import Game
from dpaudit.values import suggest

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses
    from dpaudit.interfaces import Attack

FEWEST_REPLICATES = 10
"""Fewer releases give no interval."""

_GAME = (
    'game = "known-rest" (everything is known but whether one person is in), "pool" (each '
    'candidate is in or not by a coin) or "elsewhere" (others come from somewhere else)'
)


def read_attacks(root: Table, uses: Uses, releases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[attack]]``; ``releases`` are those it may name."""
    names = Names(root.faults, "attacks")
    known = [each["name"] for each in releases]
    made: list[dict[str, Any]] = []
    for path, values in root.tables("attack"):
        table = Table(root.faults, path, values)
        name = table.take("name", str, check=readable)
        game = table.take("game", Game, required=_GAME)
        candidates = table.take("candidates", str)
        replicates = table.take("replicates", int, check=_enough)
        wanted: tuple[str, ...] = table.take("releases", tuple[str, ...]) or ()
        for i, one in enumerate(wanted):
            if one not in known:
                hint = suggest(one, known, noun="releases")
                root.faults.add((*path, "releases", i), f"no release is named {one!r}", hint)
        _check_candidates(table, game, candidates)
        use = uses.read("attack", path, table.rest()) if table.is_table else None
        if use is None or game is None:
            continue
        check_game(table, uses, use["use"], game, of="tables")
        named = {
            "name": names.claim(path, name, use["use"]),
            "plugin": use,
            "game": game,
            "candidates": candidates,
            "releases": wanted,
        }
        made.append(named if replicates is None else {**named, "replicates": replicates})
    return made


def _enough(replicates: int) -> str | None:
    if replicates >= FEWEST_REPLICATES:
        return None
    return f"{replicates!r} releases give no interval: the release is what is repeated, at least 10"


def _check_candidates(table: Table, game: str | None, candidates: str | None) -> None:
    """Require candidates from elsewhere, and none where everybody but one is known."""
    if game == "elsewhere" and candidates is None:
        table.faults.add(
            table.path,
            "this attack does not say where its candidates come from",
            'add candidates = "FILE", "uniform" (over the cells) or "marginals"',
        )
    if game == "known-rest" and candidates is not None:
        table.fault(
            "candidates",
            "in the game known-rest there are no candidates: everybody but one is known",
            "leave candidates out",
        )


def check_game(
    table: Table, uses: Uses, use: str, game: str, *, of: Literal["tables", "models"]
) -> None:
    """Keep a fault if an attack is on something else, or does not play the game."""
    attack = cast("type[Attack]", uses.registry.get("attack", use))
    if attack.of != of:
        here = "releases" if of == "tables" else "learners"
        told = "models" if attack.of == "models" else "releases of counts"
        table.fault(
            "use",
            f"the attack {use!r} is on {told}, and this file has {here}",
            "dpaudit plugins list attack shows the others",
        )
        return
    games = sorted(attack.games)
    if game not in games:
        listed = ", ".join(map(repr, games))
        table.fault("game", f"the attack {use!r} does not play {game!r}", f"it plays {listed}")
