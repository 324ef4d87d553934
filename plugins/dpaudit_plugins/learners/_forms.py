"""The forms of models that built-in learners fit, and their exact minimisers."""

from __future__ import annotations

import functools
from typing import Literal

import attrs

import dpaudit
from dpaudit import FloatArray
from dpaudit.training import erm
from dpaudit.training.linear_models import LogisticLoss, SoftmaxLoss, SquaredLoss
from dpaudit.training.models import Model
from dpaudit.training.one_hidden_layer import Activation, OneHiddenLayer
from dpaudit.training.records import Records

LinearForm = Literal["logistic", "softmax", "squared", "half-squared"]
POSITIVE = attrs.validators.gt(0.0)
_TWO = 2


def linear(form: LinearForm, data: dpaudit.TrainingData) -> Model:
    """Return a model that is linear in its parameters, for the columns and classes of ``data``.

    Raises
    ------
    DataError
        If the label does not fit it.
    """
    if form in {"squared", "half-squared"}:
        if data.classes:
            raise dpaudit.DataError(
                f"the label has the classes {', '.join(data.classes)}, and {form} loss needs a "
                "number",
                hint='say labels = "number" in [training], or take a loss of classes',
            )
        factor = 1.0 if form == "squared" else 0.5
        return SquaredLoss(features=data.features, factor=factor)
    check_classes(form, data, two=form == "logistic")
    if form == "logistic":
        return LogisticLoss(features=data.features)
    return SoftmaxLoss(features=data.features, classes=len(data.classes))


def check_classes(what: str, data: dpaudit.TrainingData, *, two: bool) -> None:
    """Refuse a label that has no classes, or not two of them.

    Raises
    ------
    DataError
        If it does not fit.
    """
    if not data.classes:
        raise dpaudit.DataError(
            f"the label is a number, and {what} needs classes",
            hint="take a loss of numbers, such as ridge",
        )
    if two and len(data.classes) != _TWO:
        listed = ", ".join(data.classes)
        raise dpaudit.DataError(
            f"the label has {len(data.classes)} classes ({listed}), and {what} needs two",
            hint="take softmax",
        )


def one_hidden_layer(
    data: dpaudit.TrainingData, hidden: int, activation: Activation
) -> OneHiddenLayer:
    """Return a net with one hidden layer, for the columns and classes of ``data``.

    Raises
    ------
    DataError
        If the label has no classes.
    """
    check_classes("mlp", data, two=False)
    return OneHiddenLayer(
        features=data.features, hidden=hidden, classes=len(data.classes), activation=activation
    )


@functools.lru_cache(maxsize=64)
def minimiser(model: Model, records: Records, penalty: float) -> FloatArray:
    """Return argmin of mean loss + (penalty/2) ||theta||^2, shape (P,); the same array each time.

    Of one and the same ``records`` (by identity) it is found once.
    """
    theta = erm.fit(model, records, penalty)
    theta.flags.writeable = False
    return theta
