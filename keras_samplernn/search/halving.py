"""Successive halving: many runs get few steps, and the best of them more.

Kevin Jamieson and Ameet Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS
2016, https://arxiv.org/abs/1502.07943.
"""

import dataclasses
from collections.abc import Mapping

from keras_samplernn.errors import UserError


@dataclasses.dataclass(frozen=True)
class Rung:
    """One round of the search.

    Attributes:
        runs: how many runs take part, at least 1; fewer do if others have failed.
        steps: training steps that each has behind it at the end, counted from its beginning.
    """

    runs: int
    steps: int


def plan_rungs(combinations: int, budget: int, eta: int) -> tuple[Rung, ...]:
    """Plan the rungs, down to one run, with the most steps for which their sum stays within a budget.

    In the first rung all combinations get r steps. Of n runs of a rung, the best floor(n / eta), one at least, go on
    to eta times as many steps. They go on where they stopped, so that a run of rung k costs r (eta^k - eta^(k-1))
    steps more.

    Args:
        combinations: number of runs of the first rung, at least 1.
        budget: steps of all runs in all rungs together, at most.
        eta: at least 2.

    Raises:
        UserError: the budget gives less than a step to each combination.
    """
    counts = [combinations]
    while counts[-1] > 1:
        counts.append(max(counts[-1] // eta, 1))
    growth = [1, *(eta**number - eta ** (number - 1) for number in range(1, len(counts)))]
    least = sum(count * steps for count, steps in zip(counts, growth, strict=True))
    if budget < least:
        raise UserError(
            f"--steps = {budget}: is too few for {combinations} combinations, which take {least} at one step each in"
            " the first rung; give thousands of times as many"
        )
    first = budget // least
    return tuple(Rung(count, first * eta**number) for number, count in enumerate(counts))


def steps_in_all(rungs: tuple[Rung, ...]) -> int:
    """Return the steps of all runs together."""
    before = [0, *(rung.steps for rung in rungs)]
    return sum(rung.runs * (rung.steps - steps) for rung, steps in zip(rungs, before, strict=False))


def best_of(scores: Mapping[int, float | None], count: int) -> list[int]:
    """Return which runs go on.

    Args:
        scores: validation bits of each run of a rung, by its number; None: it has failed, and never goes on.
        count: how many go on, unless fewer are left.

    Returns:
        Their numbers, ascending. Of runs with the same bits, those of lower number go on.
    """
    left = [number for number, bits in scores.items() if bits is not None]
    return sorted(sorted(left, key=lambda number: (scores[number], number))[:count])
