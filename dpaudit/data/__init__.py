"""Reads the data of an audit: entities, true counts, columns and groups.

Identifiers stay text exactly as the file has them (FIPS ``01``); every fault names the file,
the row and the column.
"""

from dpaudit.data.groups import NOT_STATED, group_order
from dpaudit.data.reading import distinct, header, read
from dpaudit.data.training import read_training

__all__ = ["NOT_STATED", "distinct", "group_order", "header", "read", "read_training"]
