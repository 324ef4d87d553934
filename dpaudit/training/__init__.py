"""Private training and its cost to groups: closed forms, accounting and many runs at once.

The mathematics is numpy. Only :mod:`dpaudit.training.ensemble`, :mod:`dpaudit.training.dp_sgd`,
:mod:`dpaudit.training.group_rules`, :mod:`dpaudit.training.threads`,
:mod:`dpaudit.training.nets`, the methods of an image net and what calls an accountant need the
extra ``learn``; no audit of decisions imports any of it.
"""
