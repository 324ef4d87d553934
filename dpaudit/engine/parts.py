"""The plug-ins that take part in a job, those inside others among them."""

from __future__ import annotations

import attrs

from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.job import Job
from dpaudit.engine.rule import Rule
from dpaudit.interfaces import Decision, Plugin


def plugins_of(job: Job | AttackJob) -> tuple[Plugin, ...]:
    """Return every plug-in that takes part in a job."""
    if isinstance(job, AttackJob):
        return (job.attack, job.chain.mechanism, *job.chain.steps)
    return (job.chain.mechanism, *job.chain.steps, *parts(job.decision), *job.output)


def parts(decision: Decision) -> tuple[Decision, ...]:
    """Return a decision and those that it is made of."""
    inner = decision.decision if isinstance(decision, Rule) else decision
    values = (getattr(inner, field.name) for field in attrs.fields(type(inner)))
    lists = (value for value in values if isinstance(value, tuple))
    rules = (each for value in lists for each in value if isinstance(each, Rule))
    return (inner, *(part for rule in rules for part in parts(rule)))
