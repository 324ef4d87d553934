"""The audit file: read, checked in one pass, and turned into a frozen spec.

``load`` is the way in. ``check`` returns the faults instead of raising them, each with its
line and column. ``points``, ``swept`` and ``make`` turn a plug-in's table into plug-ins.
"""

from dpaudit.config.audit_file import check, load
from dpaudit.config.plain import from_json, to_json
from dpaudit.config.sweep import make, points, swept

__all__ = ["check", "from_json", "load", "make", "points", "swept", "to_json"]
