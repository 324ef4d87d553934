from __future__ import annotations

import pytest

from dpaudit import data
from dpaudit.model.spec import DataSpec
from dpaudit.registry import Registry


@pytest.fixture
def reads(tmp_path):
    def read(content, file="d.csv", **changes):
        if content is not None:
            raw = content.encode() if isinstance(content, str) else content
            (tmp_path / file).write_bytes(raw)
        wanted = {"file": file, "status": "public", "entity": "id", "count": "children"}
        return data.read(DataSpec(**wanted | changes), tmp_path, Registry())

    return read
