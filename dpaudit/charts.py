"""Charts as numbers, for plug-ins that write documents of their own: the report draws them."""

from __future__ import annotations

from dpaudit.model.charts import (
    Box,
    Chart,
    Cloud,
    Cluster,
    Diagram,
    Dots,
    Place,
    Places,
    Rate,
    Rates,
    Row,
    Sweep,
    Swept,
)

__all__ = [
    "Box",
    "Chart",
    "Cloud",
    "Cluster",
    "Diagram",
    "Dots",
    "Place",
    "Places",
    "Rate",
    "Rates",
    "Row",
    "Sweep",
    "Swept",
]
