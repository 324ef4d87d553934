"""PATE: a student learns from the noisy votes of teachers on disjoint parts of the people."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.draws import generator
from dpaudit.training.erm import fit
from dpaudit.training.models import Model
from dpaudit.training.pate import VoteLaw, VoteNoise
from dpaudit.training.records import IntArray, Records
from dpaudit.training.runs import Arm, ModelFit, ModelRuns
from dpaudit.training.teachers import Votes, votes_of
from dpaudit_plugins.learners._forms import POSITIVE, check_classes, linear, minimiser

_STREAM = 70
_TWO = 2
_TOLERANCE = 1e-10


@attrs.frozen(kw_only=True)
class Pate(dpaudit.Learner):
    """Label public inputs by noisy votes of teachers, and fit a student to these labels.

    A share of the people lends inputs only: they are taken to be public, and the student sees
    them with the labels that teachers voted for. All others are split among the teachers, so that
    one person changes one vote. The bound does not depend on the votes: one that does would
    itself be private.

    Parameters
    ----------
    teachers
        k. More of them make larger margins and weaker teachers.
    scale
        sigma of Gaussian votes, b of Laplace ones, in votes.
    votes_law
        ``gaussian`` (GNMax) or ``laplace`` (LNMax).
    delta
        Of the stated guarantee.
    public
        The share of the people whose inputs the student learns from.
    penalty
        lambda of teachers and student.
    student_labels
        ``hard``, the class that won; ``soft``, the noisy shares of votes, cut to [0, 1]: every
        noisy count is then released, at the same price for Gaussian votes. Not for Laplace votes.

    References
    ----------
    Papernot, Song, Mironov, Raghunathan, Talwar and Erlingsson (2018), Scalable private learning
    with PATE, ICLR.
    """

    name: ClassVar[str] = "pate"

    teachers: int = attrs.field(default=50, validator=attrs.validators.ge(2))
    scale: float = attrs.field(default=20.0, validator=POSITIVE)
    votes_law: VoteLaw = "gaussian"
    delta: float = attrs.field(default=1e-5, validator=[POSITIVE, attrs.validators.lt(1.0)])
    public: float = attrs.field(default=0.1, validator=[POSITIVE, attrs.validators.lt(1.0)])
    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)
    student_labels: Literal["hard", "soft"] = "hard"

    def __attrs_post_init__(self) -> None:
        if self.student_labels == "soft" and self.votes_law == "laplace":
            raise ValueError(
                "student_labels 'soft' with votes_law 'laplace': the price of Laplace votes is "
                "that of the winner alone; take votes_law = 'gaussian'"
            )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Noisy votes, the noise with the other sign, votes without noise, and no votes at all."""
        return ("made", "twin", "noiseless", "plain")

    @property
    def vote_noise(self) -> VoteNoise:
        """The noise on every count of votes."""
        return VoteNoise(law=self.votes_law, scale=self.scale)

    @property
    def names_winner(self) -> bool:
        """Whether the student is given the class that wins, and not the votes themselves."""
        return self.student_labels == "hard"

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return one student."""
        return ModelFit(model=self.model(data), theta=self._student(data, self._noise(data, rng)))

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return a student for each replicate; all scales share their unit noise."""
        self.has(arm)
        model = self.model(data)
        if arm in {"plain", "noiseless"}:
            still = self.optimum(data) if arm == "plain" else self._student(data, None)
            return ModelRuns(
                data=data, model=model, parameters=np.tile(still, (len(replicates), 1))
            )
        sign = 1.0 if arm == "made" else -1.0
        students = [
            self._student(data, sign * self._noise(data, generator(seed, r, _STREAM)))
            for r in replicates
        ]
        return ModelRuns(data=data, model=model, parameters=np.stack(students))

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse labels without classes and more teachers than people."""
        check_classes(self.name, data, two=False)
        asked, taught = self._split(data)
        if not len(asked) or len(taught) < self.teachers:
            raise dpaudit.DataError(
                f"{len(data.train)} people are too few for {self.teachers} teachers and a student "
                f"with {len(asked)} inputs",
                hint="take fewer teachers or another public share",
            )

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the student's form: one logit for two classes, else softmax."""
        check_classes(self.name, data, two=False)
        return linear("logistic" if len(data.classes) == _TWO else "softmax", data)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray:
        """Return what the same regression finds on all people with their own labels."""
        return minimiser(self.model(data), data.train, self.penalty)

    def votes(self, data: dpaudit.TrainingData, teachers: int | None = None) -> Votes:
        """Return the votes for the student's inputs, before noise."""
        return _votes(self if teachers is None else attrs.evolve(self, teachers=teachers), data)

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return what the answers promise to those that the teachers learnt from."""
        return self.vote_noise.guarantee(len(self._split(data)[0]), self.delta)

    def counted(self, data: dpaudit.TrainingData) -> tuple[str, ...]:
        """Return the answers."""
        asked = len(self._split(data)[0])
        said = (
            f"{asked} answers of {self.teachers} teachers with {self.votes_law} noise of scale "
            f"{self.scale:g} on each count of votes, whatever the votes are (neighbours replace)"
        )
        return (said,)

    def caveats(self) -> tuple[str, ...]:
        """Say whom the guarantee leaves out."""
        said = (
            f"the inputs of {100 * self.public:g} % of the people are taken to be public: the "
            "guarantee is that of the others"
        )
        return (said,)

    def _split(self, data: dpaudit.TrainingData) -> tuple[IntArray, IntArray]:
        """Return who lends inputs, evenly spread over the file, and who is taught from."""
        steps = np.floor(self.public * np.arange(len(data.train) + 1))
        lends = np.diff(steps) > 0
        return np.flatnonzero(lends), np.flatnonzero(~lends)

    def _noise(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> FloatArray:
        return self.vote_noise.draw(np.zeros_like(self.votes(data).counts), rng)

    def _student(self, data: dpaudit.TrainingData, noise: FloatArray | None) -> FloatArray:
        votes, model = self.votes(data), self.model(data)
        noisy = votes.counts if noise is None else votes.counts + noise
        asked = votes.records
        if self.student_labels == "hard":
            labelled = attrs.evolve(asked, labels=noisy.argmax(axis=1))
            return fit(model, labelled, self.penalty, tolerance=_TOLERANCE)
        shares = np.clip(noisy / votes.teachers, 0.0, 1.0)
        shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
        # Cross-entropy with shares is that with class 0 plus a part that is linear in theta.
        if len(data.classes) == _TWO:
            tilt = -(shares[:, 1] @ asked.inputs) / len(asked)
        else:
            first = np.zeros_like(shares)
            first[:, 0] = 1.0
            tilt = ((first - shares).T @ asked.inputs).ravel() / len(asked)
        unlabelled = attrs.evolve(asked, labels=np.zeros(len(asked)))
        return fit(model, unlabelled, self.penalty, tilt=tilt, tolerance=_TOLERANCE)


@functools.lru_cache(maxsize=32)
def _votes(learner: Pate, data: dpaudit.TrainingData) -> Votes:
    asked, taught = learner._split(data)  # noqa: SLF001 (the learner's own cache)
    people = data.train
    groups, names = people.groups[asked], people.names
    inside = sorted(set(groups.tolist()))
    counts = votes_of(
        people.inputs[taught], people.labels[taught], people.inputs[asked],
        classes=len(data.classes), teachers=learner.teachers, penalty=learner.penalty,
    )  # fmt: skip
    records = Records(
        inputs=people.inputs[asked],
        labels=people.labels[asked],
        groups=np.searchsorted(inside, groups),
        names=tuple(names[a] for a in inside),
    )
    return Votes(counts=counts, records=records)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Pate,)
