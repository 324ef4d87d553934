"""Reads ``[[attack]]`` of an audit of learners: the plug-in, the learners, and how many models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpaudit.config.attack_tables import check_game
from dpaudit.config.cells import readable
from dpaudit.config.table import Table
from dpaudit.config.tables import Names
from dpaudit.model.spec import DEFAULT_MODELS, FEWEST_MODELS, MOST_MODELS, Game
from dpaudit.values import suggest

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses

_GAME = 'game = "pool" (each person is learnt from or not by a coin)'


def read_model_attacks(
    root: Table, uses: Uses, learners: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[attack]]``; ``learners`` are those it may name."""
    names = Names(root.faults, "attacks")
    known = [each["name"] for each in learners]
    made: list[dict[str, Any]] = []
    for path, values in root.tables("attack"):
        table = Table(root.faults, path, values)
        name = table.take("name", str, check=readable)
        game = table.take("game", Game, required=_GAME)
        replicates = table.take("replicates", int, check=_in_pairs)
        wanted: tuple[str, ...] = table.take("learners", tuple[str, ...]) or ()
        for i, one in enumerate(wanted):
            if one not in known:
                hint = suggest(one, known, noun="learners")
                root.faults.add((*path, "learners", i), f"no learner is named {one!r}", hint)
        for key in ("releases", "candidates"):
            if table.raw(key) is not None:
                table.fault(
                    key,
                    f"an attack on models has no {key}",
                    "the candidates are the people of [training]; name learners = [...]",
                )
        use = uses.read("attack", path, table.rest()) if table.is_table else None
        if use is None or game is None:
            continue
        check_game(table, uses, use["use"], game, of="models")
        made.append(
            {
                "name": names.claim(path, name, use["use"]),
                "plugin": use,
                "game": game,
                "learners": wanted,
                "replicates": DEFAULT_MODELS if replicates is None else replicates,
            }
        )
    return made


def _in_pairs(models: int) -> str | None:
    if models % 2:
        return f"{models} models do not come in pairs, each of which shares all people out"
    if not FEWEST_MODELS <= models <= MOST_MODELS:
        return f"'replicates' must be from {FEWEST_MODELS} to {MOST_MODELS:,} models: {models}"
    return None
