"""Faster forms of tiers that give the same numbers: matrices shared between neighbours, weights in int8."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_samplernn.model.tier import Tier


class Released(NamedTuple):
    """A tier without the matrix that its context is multiplied by first.

    Attributes:
        kernel: that matrix, `(dim, width)`.
        prepared: the form under which `step` takes contexts `(B, width)` that were multiplied by it already.
        rows: how many rows were multiplied by the matrix to get that form.
    """

    kernel: Any
    prepared: Any
    rows: int


class Absorbed(NamedTuple):
    """A tier that has taken over the kernel of the tier below.

    Attributes:
        prepared: the form under which outputs come out multiplied by the kernel.
        rows: how many rows were multiplied by it to get that form.
    """

    prepared: Any
    rows: int


class Lowerable:
    """A mixin for tiers that offer faster forms of what `prepare` returns: `class FrameRNN(Lowerable, Tier)`.

    Each method is optional. A method is called only if no subclass of the class that defines it overrides `step`,
    `sequence` or `prepare`: such a subclass is run in its plain form, unless it overrides the method too.
    """

    def release_kernel(self, prepared: Any) -> Released | None:
        """Split off the matrix that the context is multiplied by, if that is the first thing that happens to it.

        What else is added to the context before that product has to be multiplied by the matrix too. At the top there
        is no context, and the tier runs in the form without the matrix.

        Returns:
            What is left; None where the context meets anything else first.
        """
        return None

    def absorb_kernel(self, prepared: Any, kernel: Any) -> Absorbed | None:
        """Take over a kernel `(output_dim, width)` of the tier below: one product where there were two.

        Returns:
            The form whose outputs are multiplied by it; None where outputs are not a Linear of something, so that
            nothing is saved.
        """
        return None

    def narrowed(self, prepared: Any) -> Any:
        """Return the form with its large matrices in int8 (`narrow`), for a `step` that multiplies by `multiply`."""
        return prepared


def lower(tiers: Sequence[Tier], samples: int | None = None) -> tuple[list[Any], list[Any]]:
    """Return each tier's prepared form, kernels folded where that pays, and what contexts are multiplied by.

    A kernel that a tier releases is taken over by the tier above if that makes its output no wider. In generation,
    where it is not, all contexts of a step are multiplied by it in one product, which reads it once.

    Args:
        tiers: built tiers, slow to fast.
        samples: how many the forms are to serve, all rows together; None: so many that any folding pays.

    Returns:
        The prepared forms; for each tier a matrix `(output_dim, width)`, or None where contexts stay as they are.
    """
    first = tiers[0].prepare()
    released = release(tiers[0], first)
    # No context meets the top tier's kernel: the rest takes it over.
    prepared = [first if released is None else released.prepared, *(tier.prepare() for tier in tiers[1:])]
    kernels = [None] * len(tiers)
    for above, below in itertools.pairwise(range(len(tiers))):
        released = release(tiers[below], prepared[below])
        if released is None:
            continue
        absorbed = None
        if released.kernel.shape[1] <= released.kernel.shape[0]:
            absorbed = absorb(tiers[above], prepared[above], released.kernel)
        if samples is None:
            prepared[below] = released.prepared
            if absorbed is None:
                kernels[above] = released.kernel
            else:
                prepared[above] = absorbed.prepared
        elif absorbed is not None and released.rows + absorbed.rows < samples // tiers[below].frame_size:
            prepared[above], prepared[below] = absorbed.prepared, released.prepared
    return prepared, kernels


def release(tier: Tier, prepared: Any) -> Released | None:
    """Return what `release_kernel` does; None where the tier has none that fits it."""
    return tier.release_kernel(prepared) if _fits(tier, "release_kernel") else None


def absorb(tier: Tier, prepared: Any, kernel: Any) -> Absorbed | None:
    """Return what `absorb_kernel` does; None where the tier has none that fits it."""
    return tier.absorb_kernel(prepared, kernel) if _fits(tier, "absorb_kernel") else None


def narrow_form(tier: Tier, prepared: Any) -> Any:
    """Return what `narrowed` does; the form as it is where the tier has none that fits it."""
    return tier.narrowed(prepared) if _fits(tier, "narrowed") else prepared


def _fits(tier: Tier, method: str) -> bool:
    """Return whether a tier's lowering method was written for the `step`, `sequence` and `prepare` that it has."""
    if not isinstance(tier, Lowerable):
        return False
    for ancestor in type(tier).__mro__:
        defined = vars(ancestor).keys()
        if method in defined:
            return True
        if defined & {"step", "sequence", "prepare"}:
            return False
    return False
