import math

import attrs
import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.model.guarantee import Guarantee
from dpaudit.privacy.composition import from_rho, parallel, rho_of_guarantee, sequential
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.privacy.zcdp import delta_of, epsilon_of


def pure(epsilon, **kw):
    return Guarantee(**{"neighbours": "add-remove", "epsilon": epsilon, **kw})


def test_pure_budgets_add():
    made = sequential([pure(0.25), pure(0.5, uncovered=("the total",)), pure(1.0)])
    assert made == pure(1.75, uncovered=("the total",))
    assert sequential([pure(1.0, rho=0.1), pure(1.0, rho=0.2)]).rho == pytest.approx(0.3)


def test_approximate_budgets_add():
    made = sequential([pure(0.5, delta=1e-6), pure(1.0, delta=1e-5)])
    assert (made.epsilon, made.delta, made.rho) == (1.5, pytest.approx(1.1e-5), None)
    assert sequential([pure(1.0, delta=0.7)] * 3).delta == 1.0


def test_rhos_add_with_one_conversion():
    made = sequential([from_rho(0.5, "replace"), from_rho(0.25, "replace")])
    assert made == from_rho(0.75, "replace")
    assert made.epsilon == epsilon_of(1e-10, 0.75)


def test_a_pure_part_joins_those_in_rho():
    made = sequential([pure(1.0), from_rho(0.5, "add-remove")])
    assert made.rho == 1.0
    bare = sequential([pure(1.0), Guarantee(neighbours="add-remove", rho=0.5)])
    assert bare == made


def test_a_part_without_rho_keeps_the_sum_in_epsilon():
    stated = from_rho(0.5, "add-remove")
    made = sequential([stated, pure(1.0, delta=1e-6)])
    assert made.rho is None
    assert made.epsilon == pytest.approx(stated.epsilon + 1.0)
    assert made.delta == pytest.approx(1e-6 + 1e-10)


def test_parts_that_give_delta_at_every_epsilon():
    every = pure(math.inf, delta=0.01, every_epsilon=True)
    both = sequential([every, every])
    assert both.every_epsilon
    assert both.delta == pytest.approx(0.02)
    mixed = sequential([every, pure(1.0)])
    assert (mixed.epsilon, mixed.delta, mixed.every_epsilon) == (1.0, 0.01, False)
    assert rho_of_guarantee(every) is None


@pytest.mark.parametrize("sigmas", [(1.0,), (2.0, 3.0), (5.0, 1.0, 4.0)])
def test_composition_of_gaussians_is_gaussian(sigmas):
    """GDP: N(0, 1) against N(mu, 1) with mu^2 = sum 1 / sigma^2, exactly; rho is mu^2 / 2."""
    made = sequential([from_rho(0.5 / s**2, "add-remove") for s in sigmas])
    mu = math.sqrt(sum(1.0 / s**2 for s in sigmas))
    assert made.rho == pytest.approx(mu**2 / 2, rel=1e-14)
    exact = gaussian_delta(made.epsilon, 1.0 / mu)
    assert exact < 1e-10
    assert exact > 1e-13


def test_disjoint_parts_under_add_remove():
    made = parallel([pure(0.2), pure(1.0), pure(0.5, uncovered=("a",))], "add-remove")
    assert made == pure(1.0, uncovered=("a",))
    rhos = parallel([from_rho(0.2, "add-remove"), from_rho(0.7, "add-remove")], "add-remove")
    assert rhos == from_rho(0.7, "add-remove")


def test_a_replaced_person_touches_two_parts():
    parts = [pure(0.2), pure(1.0), pure(0.5)]
    assert parallel(parts, "replace", counts_only=True) == pure(1.5, neighbours="replace")
    assert parallel(parts, "replace") == pure(2.0, neighbours="replace")


def test_counts_of_cells_with_a_budget_each():
    """Laplace counts of three cells: the largest log-ratio over all moves of one person."""
    epsilons = np.array([0.2, 1.0, 0.5])
    moves = [epsilons[i] + epsilons[j] for i in range(3) for j in range(3) if i != j]
    made = parallel([pure(e) for e in epsilons], "replace", counts_only=True)
    assert made.epsilon == max(moves)
    single = parallel([pure(0.5)], "replace", counts_only=True)
    assert single.epsilon == 0.0


def test_disjoint_parts_in_rho_under_replace():
    parts = [from_rho(r, "add-remove") for r in (0.1, 0.4, 0.2)]
    assert parallel(parts, "replace", counts_only=True).rho == pytest.approx(0.6)
    group = parallel(parts, "replace")
    assert group.rho == pytest.approx(1.6)
    assert delta_of(group.epsilon, group.rho) == pytest.approx(1e-10, rel=1e-6)


def test_disjoint_approximate_parts():
    parts = [pure(1.0, delta=1e-6), pure(0.5, delta=1e-5)]
    moved = parallel(parts, "replace", counts_only=True)
    assert (moved.epsilon, moved.delta) == (1.5, pytest.approx(1.1e-5))
    group = parallel(parts, "replace")
    assert (group.epsilon, group.delta) == (2.0, pytest.approx(1e-5 * (1 + math.e)))


def test_disjoint_parts_that_give_delta_at_every_epsilon():
    every = pure(math.inf, delta=0.01, every_epsilon=True)
    assert parallel([every, every], "replace", counts_only=True).delta == pytest.approx(0.02)
    mixed = parallel([every, pure(1.0)], "replace", counts_only=True)
    assert (mixed.epsilon, mixed.delta, mixed.every_epsilon) == (1.0, 0.01, False)


def test_nothing_promised_stays_nothing_promised():
    nothing = pure(math.inf)
    assert not sequential([nothing, pure(1.0)]).promises
    assert not sequential([nothing, from_rho(1.0, "add-remove")]).promises
    assert not parallel([nothing, pure(1.0)], "replace").promises
    assert from_rho(0.0, "replace").promises


def test_what_one_part_reveals_is_revealed_by_all():
    shown, hidden = pure(1.0, revealed=True), pure(2.0)
    in_rho = Guarantee(neighbours="add-remove", rho=0.5)
    for parts in ([hidden, shown], [shown, in_rho], [in_rho, attrs.evolve(in_rho, revealed=True)]):
        assert sequential(parts).revealed
        assert parallel(parts, "add-remove").revealed
        assert parallel(parts, "replace").revealed
        assert parallel(parts, "replace", counts_only=True).revealed
    assert not sequential([hidden, in_rho]).revealed
    assert not parallel([hidden, in_rho], "replace").revealed
    assert not parallel([shown], "replace", counts_only=True).revealed


def test_disjoint_parts_in_rho_beside_others():
    stated = from_rho(0.5, "add-remove")
    parts = [Guarantee(neighbours="add-remove", rho=0.5), pure(1.0)]
    made = parallel(parts, "add-remove")
    assert (made.epsilon, made.delta, made.rho) == (stated.epsilon, 1e-10, None)
    assert made == parallel([stated, pure(1.0)], "add-remove")


def test_delta_of_a_group_of_two_never_falls_short():
    group = parallel([pure(800.0, delta=1e-310)], "replace")
    assert group.delta == 1.0
    assert not group.promises


def test_wrong_parts():
    with pytest.raises(UsageError, match="nothing to compose"):
        sequential([])
    other = attrs.evolve(pure(1.0), neighbours="replace")
    with pytest.raises(UsageError, match="differ in neighbours: 'add-remove', 'replace'"):
        sequential([pure(1.0), other])
    with pytest.raises(UsageError, match="differ in unit"):
        sequential([pure(1.0), pure(1.0, unit="one household")])
    with pytest.raises(UsageError, match="who moves between them"):
        parallel([other], "replace")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"epsilon": -1.0}, "epsilon -1"), ({"delta": 1.5}, "delta 1.5"), ({"rho": -1.0}, "rho -1"),
     ({"epsilon": math.nan}, "epsilon nan"), ({"delta": math.nan}, "delta nan")],
)  # fmt: skip
def test_wrong_guarantees(wrong, message):
    with pytest.raises(ValueError, match=message):
        Guarantee(neighbours="replace", **wrong)


def test_composition_never_says_more_than_plain_addition_does():
    """One part is itself; a pure part of epsilon 8 beside a Gaussian one is cheaper added up."""
    gaussian = Guarantee(neighbours="add-remove", epsilon=0.5, delta=1e-6, rho=0.005)
    pure = Guarantee(neighbours="add-remove", epsilon=8.0)
    assert sequential([gaussian]) == gaussian
    both = sequential([gaussian, pure])
    assert (both.epsilon, both.delta) == (8.5, 1e-6)
    assert both.rho == pytest.approx(32.005)
