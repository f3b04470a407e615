"""The matrix products of a program, alone: found in what JAX traced, and run in the same loops without all else."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax import lax
from jax import numpy as jnp

# More than 1, so that what goes round in a loop does not die away; it is clipped at 1, so that it does not grow.
GAIN = 1.5


class Product(NamedTuple):
    """A matrix product.

    Attributes:
        left, right: shapes and dtypes of what is multiplied.
        options: how, as `jax.lax.dot_general` takes it.
    """

    left: jax.ShapeDtypeStruct
    right: jax.ShapeDtypeStruct
    options: dict[str, Any]

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        (_, right), (_, batch) = self.options["dimension_numbers"]
        columns = [size for axis, size in enumerate(self.right.shape) if axis not in (*right, *batch)]
        return 2 * math.prod(self.left.shape) * math.prod(columns)


class Loop(NamedTuple):
    """Products that are done again and again, each turn after the one before.

    Attributes:
        turns: how often.
        parts: products, and loops in the loop.
    """

    turns: int
    parts: "list[Product | Loop]"

    @property
    def operations(self) -> int:
        """Multiplications and additions of all turns."""
        return self.turns * operations_of(self.parts)


Parts = list[Product | Loop]


def operations_of(parts: Parts) -> int:
    """Return the multiplications and additions of all products."""
    return sum(part.operations for part in parts)


def products_of(function: Callable, *arguments: Any) -> Parts:
    """Return the matrix products of a function in their order, without computing anything.

    Raises:
        ValueError: a `while` loop does not count from 0 to a number that is known.
    """
    return _parts_of(jax.make_jaxpr(function)(*arguments).jaxpr)


def products_runner(parts: Parts) -> Callable[[], Any]:
    """Return a compiled function that does the products, of random matrices, and starts a device on them.

    Each product has a right matrix of its own. In a loop the left one is made of the product before, by its largest
    numbers where shapes differ, so that none can be left out, shared or done before the loop. Outside loops, products
    have left matrices of their own too, and their results are returned.
    """

    @jax.jit
    def draw() -> tuple[list, list]:
        seeds = itertools.count()
        return _matrices_of(parts, seeds), [_drawn(_first(part).left, next(seeds), 1.0) for part in parts]

    matrices, lefts = draw()

    def run(matrices: list, lefts: list) -> list:
        return [_run(part, matrix, left) for part, matrix, left in zip(parts, matrices, lefts, strict=True)]

    compiled = jax.jit(run).lower(matrices, lefts).compile()
    return lambda: compiled(matrices, lefts)


def _parts_of(jaxpr: Any) -> Parts:
    parts: Parts = []
    for equation in jaxpr.eqns:
        name, options = equation.primitive.name, equation.params
        if name == "dot_general":
            left, right = (jax.ShapeDtypeStruct(each.aval.shape, each.aval.dtype) for each in equation.invars)
            kept = "dimension_numbers", "precision", "preferred_element_type"
            parts.append(Product(left, right, {key: options[key] for key in kept}))
        elif name in ("scan", "while"):
            inside = _parts_of(options["jaxpr" if name == "scan" else "body_jaxpr"].jaxpr)
            if inside:
                turns = options["length"] if name == "scan" else _turns_of(options["cond_jaxpr"].jaxpr)
                parts.append(Loop(turns, inside))
        else:
            for inner in jax.tree.leaves(list(options.values()), is_leaf=_is_program):
                if _is_program(inner):
                    parts += _parts_of(getattr(inner, "jaxpr", inner))
    return parts


def _is_program(value: Any) -> bool:
    return hasattr(getattr(value, "jaxpr", value), "eqns")


def _turns_of(condition: Any) -> int:
    """Return the number that a `while` loop counts to."""
    if [equation.primitive.name for equation in condition.eqns] == ["lt"]:
        bound = getattr(condition.eqns[0].invars[1], "val", None)
        if bound is not None:
            return int(bound)
    raise ValueError(f"a loop runs while {condition}, which does not say how often")


def _first(part: Product | Loop) -> Product:
    return part if isinstance(part, Product) else _first(part.parts[0])


def _matrices_of(parts: Parts, seeds: Iterator[int]) -> list[Any]:
    """Return the right matrix of each product, nested as the parts are."""
    matrices: list[Any] = []
    for part in parts:
        if isinstance(part, Loop):
            matrices.append(_matrices_of(part.parts, seeds))
        else:
            (_, summed), _ = part.options["dimension_numbers"]
            size = GAIN / math.sqrt(math.prod(part.right.shape[axis] for axis in summed))
            matrices.append(_drawn(part.right, next(seeds), size))
    return matrices


def _drawn(like: jax.ShapeDtypeStruct, seed: int, size: float) -> Any:
    """Return numbers with a root mean square of `size`, hashes of their positions: that compiles in little time."""
    bits = (lax.iota(jnp.uint32, math.prod(like.shape)) + jnp.uint32(seed << 20)) * jnp.uint32(2654435761)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(2246822519)
    uniform = (bits >> 8).astype(jnp.float32) / 2**23 - 1
    return (size * math.sqrt(3) * uniform).reshape(like.shape).astype(like.dtype)


def _run(part: Product | Loop, matrix: Any, x: Any) -> Any:
    """Do a product, or the turns of a loop, on what came before."""
    if isinstance(part, Product):
        return lax.dot_general(_fitted(x, part.left), matrix, **part.options)
    first = _first(part).left

    def turn(_: Any, x: Any) -> Any:
        for inner, own in zip(part.parts, matrix, strict=True):
            x = _run(inner, own, x)
        return jnp.clip(_fitted(x, first), -1, 1)

    return lax.fori_loop(0, part.turns, turn, _fitted(x, first))


def _fitted(x: Any, like: jax.ShapeDtypeStruct) -> Any:
    """Return an array of another shape: of too many numbers the largest of each few, too few again and again."""
    size = math.prod(like.shape)
    x = x.reshape(-1)
    if x.size < size:
        x = jnp.tile(x, -(-size // x.size))[:size]
    elif x.size > size:
        times = -(-x.size // size)
        x = jnp.pad(x, (0, times * size - x.size)).reshape(times, size).max(axis=0)
    return x.reshape(like.shape).astype(like.dtype)
