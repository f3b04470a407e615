"""Faster forms of tiers that give the same numbers: matrices shared between neighbours, weights in int8."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_samplernn.model.tier import Tier


class Released(NamedTuple):
    """A tier without the matrix that its context is multiplied by first.

    Attributes:
        kernel: that matrix, `(dim, width)`.
        prepared: the prepared form with which `step` takes contexts `(B, width)` that are already multiplied by it.
        rows: how many rows were multiplied by the matrix to get this form.
    """

    kernel: Any
    prepared: Any
    rows: int


class Absorbed(NamedTuple):
    """A tier that has taken over the kernel of the tier below.

    Attributes:
        prepared: the prepared form with which `step` returns outputs that are already multiplied by the kernel.
        rows: how many rows were multiplied by the kernel to get this form.
    """

    prepared: Any
    rows: int


class Lowerable:
    """A mixin for tiers that offer faster forms of what `prepare` returns: `class FrameRNN(Lowerable, Tier)`.

    Each method is optional. A method is called only if no subclass of the class that defines it overrides `step`,
    `sequence` or `prepare`; otherwise the subclass runs in its plain form until it overrides the method too.
    """

    @property
    def keeps_kernel_in_windows(self) -> bool:
        """Whether windows need the form with the matrix, since what runs them multiplies by it: cuDNN, on a GPU."""
        return False

    def release_kernel(self, prepared: Any) -> Released | None:
        """Split off the matrix that the context is multiplied by first, if nothing else but additions comes before.

        What is added to the context before that product must be multiplied by the matrix too. The top tier has no
        context, and runs in the form without the matrix.

        Returns:
            The matrix and the form without it; None if the context meets anything else first.
        """
        return None

    def absorb_kernel(self, prepared: Any, kernel: Any) -> Absorbed | None:
        """Take over a kernel `(output_dim, width)` of the tier below: one product where there were two.

        Returns:
            The form whose outputs are multiplied by it; None if the outputs are not those of a Linear, so that nothing
            would be saved.
        """
        return None

    def narrowed(self, prepared: Any) -> Any:
        """Return the form with its large matrices in int8 (`narrow`), for `step` to use with `multiply` or `affine`."""
        return prepared


def lower(tiers: Sequence[Tier], samples: int | None = None) -> tuple[list[Any], list[Any]]:
    """Return the prepared form of each tier, with kernels folded if that saves time, and matrices for the contexts.

    The tier above takes over a kernel if its output becomes no wider. Otherwise, in generation, all contexts of a step
    are multiplied by the kernel in one product, which reads it once.

    Args:
        tiers: built tiers, slow to fast.
        samples: number of samples that the forms are used for, in all rows together; None: generation, in which any
            folding saves time.

    Returns:
        The prepared forms; and for each tier the matrix `(output_dim, width)` that its contexts are multiplied by, or
        None if they stay as they are.
    """

    def released_by(tier: Tier, form: Any) -> Released | None:
        if samples is not None and isinstance(tier, Lowerable) and tier.keeps_kernel_in_windows:
            return None
        return release(tier, form)

    first = tiers[0].prepare()
    released = released_by(tiers[0], first)
    # No context meets the kernel of the top tier, so its other inputs are multiplied by it beforehand.
    prepared = [first if released is None else released.prepared, *(tier.prepare() for tier in tiers[1:])]
    kernels = [None] * len(tiers)
    for above, below in itertools.pairwise(range(len(tiers))):
        released = released_by(tiers[below], prepared[below])
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
    """Return the result of `release_kernel`; None if the tier has no method that fits it."""
    return tier.release_kernel(prepared) if _fits(tier, "release_kernel") else None


def absorb(tier: Tier, prepared: Any, kernel: Any) -> Absorbed | None:
    """Return the result of `absorb_kernel`; None if the tier has no method that fits it."""
    return tier.absorb_kernel(prepared, kernel) if _fits(tier, "absorb_kernel") else None


def narrow_form(tier: Tier, prepared: Any) -> Any:
    """Return the result of `narrowed`; the form as it is if the tier has no method that fits it."""
    return tier.narrowed(prepared) if _fits(tier, "narrowed") else prepared


def _fits(tier: Tier, method: str) -> bool:
    """Return whether a tier's lowering method was written for its `step`, `sequence` and `prepare`."""
    if not isinstance(tier, Lowerable):
        return False
    for ancestor in type(tier).__mro__:
        defined = vars(ancestor).keys()
        if method in defined:
            return True
        if defined & {"step", "sequence", "prepare"}:
            return False
    return False
