"""What a report that may leave the house is made from: ``[public]`` of an audit file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

PublicMode = Literal["proxy", "release", "dp"]


@attrs.frozen(kw_only=True)
class PublicSpec:
    """What a report that may leave the house is made from: one mode of ``[public]``.

    ``proxy``: public stand-in data take the place of the true counts. ``release``: a release
    that was published does, ``made_by`` the release of that name in the audit file at the point
    ``at``; ``bootstrap`` releases are drawn anew for its intervals. ``dp``: numbers of the true
    counts are released themselves, with ``epsilon`` for all of them together.
    """

    mode: PublicMode
    made_by: str | None = None
    at: Mapping[str, float] = attrs.field(factory=dict)
    bootstrap: int = 20
    epsilon: float | None = None
