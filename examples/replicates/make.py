"""Makes published.csv and the folder replicates/, as an agency would that keeps the true counts.

The published counts are noisy and fitted from the top down; each replicate does to the published
counts what was done to the true ones. Run it again and it writes the same bytes:

    python examples/replicates/make.py
"""

from __future__ import annotations

import csv
from pathlib import Path

import attrs
import numpy as np

import dpaudit

REPLICATES = 25
SEED = 20200401
HERE = Path(__file__).parent


def main(folder: Path = HERE) -> None:
    """Write the published counts and their replicates into ``folder``."""
    registry = dpaudit.Registry.discover()
    with registry.datasets()["california-districts"].path.open(
        newline="", encoding="utf-8"
    ) as file:
        districts = list(csv.DictReader(file))
    ids = [row["district_id"] for row in districts]
    tree = dpaudit.Hierarchy.of(
        ("county", "district_id"), ([row["county"] for row in districts], ids)
    )
    mechanism = attrs.evolve(
        registry.create(
            "mechanism",
            "discrete-gaussian",
            rho=0.05,
            neighbours="replace",
            levels={"county": 0.4, "district_id": 0.6},
            invariants=["total"],
        ),
        hierarchy=tree,
    )
    fitted = attrs.evolve(
        registry.create("postprocessor", "top-down"), hierarchy=tree, noise=mechanism.noise()
    )
    rng = np.random.default_rng(SEED)

    def released(counts: np.ndarray) -> np.ndarray:
        return fitted.process(mechanism.release(tree.totals(counts), rng))[tree.entities]

    published = released(np.array([float(row["eligible_children"]) for row in districts]))
    head = ("district_id", "district", "county", "eligible_children")
    names = [(row["district_id"], row["district"], row["county"]) for row in districts]
    _write(
        folder / "published.csv",
        head,
        [(*name, int(count)) for name, count in zip(names, published, strict=True)],
    )
    (folder / "replicates").mkdir(exist_ok=True)
    for number in range(1, REPLICATES + 1):
        counts = released(published)
        _write(
            folder / "replicates" / f"{number:02d}.csv",
            ("district_id", "eligible_children"),
            [(one, int(count)) for one, count in zip(ids, counts, strict=True)],
        )


def _write(path: Path, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
