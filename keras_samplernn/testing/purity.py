"""Laws of tiers and heads alike: a spec can name them, and their methods are functions of their arguments alone."""

import contextlib
import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from unittest import mock

import keras

from keras_samplernn.spec import check_constructor
from keras_samplernn.spec.types import resolve
from keras_samplernn.testing.comparing import require, same

Methods = dict[str, Callable[[], Any]]


class Bound(Protocol):
    """A tier or a head in its place.

    Attributes:
        checked: the tier or head, bound and built.
    """

    checked: keras.layers.Layer

    def build(self, dtype: str) -> keras.layers.Layer:
        """Return it, bound and built, with new weights."""

    def methods(self, layer: keras.layers.Layer) -> Methods:
        """Return functions without arguments, each of which calls a method of a tier or head, by the method's name."""


def a_spec_can_name_it(layer_class: type, config: dict[str, Any]) -> None:
    """The hints of the constructor are a schema that takes the config, and Keras' own arguments go through."""
    try:
        check_constructor(layer_class)
    except TypeError as error:
        raise AssertionError(str(error)) from None
    name = layer_class.__name__
    remedy = "define the class at the top of a module that can be imported"
    require("<locals>" not in layer_class.__qualname__, f"no entry point can name a local class; {remedy}")
    _, problems = resolve((name,), {"type": name, **config}, {name: layer_class}, {})
    require(not problems, "; ".join(problems.values()))
    kinds = {parameter.kind for parameter in inspect.signature(layer_class).parameters.values()}
    remedy = "the model gives it name and dtype; let it take **kwargs, and call super().__init__(**kwargs)"
    require(inspect.Parameter.VAR_KEYWORD in kinds, f"the constructor takes no **kwargs: {remedy}")
    layer = layer_class(**config, name="named", dtype="mixed_bfloat16")
    kept = layer.name == "named" and layer.dtype_policy.name == "mixed_bfloat16"
    require(kept, f"the constructor does not pass its **kwargs on: {remedy}")


def weights_are_made_in_build(case: Bound) -> None:
    """After `build`, nothing makes a layer or a weight: a checkpoint would not have it, and no step would train it."""
    layer = case.build("float32")
    for method, run in case.methods(layer).items():
        made: list[Any] = []
        # What a method raises is for the laws about its results.
        with _noted(made), contextlib.suppress(Exception):
            run()
        layers = [type(each).__name__ for each in made if isinstance(each, keras.layers.Layer)]
        # Keras makes one for the whole program where chance is used: a fault, but another.
        paths = [each.path or each.name for each in made if isinstance(each, keras.Variable)]
        weights = [path for path in paths if not path.endswith("seed_generator_state")]
        require(
            not layers,
            f"{method} made a {', a '.join(layers)}: its weights are never trained and never saved; "
            "make it in the constructor",
        )
        require(
            not weights,
            f"{method} made the weights {', '.join(weights)} after build: they are in no checkpoint; "
            "make weights in build, and end it with super().build() if sublayers are to build themselves",
        )


def nothing_is_kept_between_calls(case: Bound) -> None:
    """No method changes an attribute or a weight: rows, windows and sounds would share what is kept."""
    layer = case.checked
    for method, run in case.methods(layer).items():
        run()  # what is computed on first use stays
        before = _kept(layer)
        run()
        changed = [name for name, value in _kept(layer).items() if not _unchanged(before.get(name, ...), value)]
        require(
            not changed,
            f"{method} changed {', '.join(changed)}; what is to be remembered from step to step belongs in the state: "
            "declare it in state_shapes, take it from state, return what it is after the step",
        )


def equal_arguments_give_equal_results(case: Bound) -> None:
    """A second call gives what the first one gave: chance acts in training alone."""
    layer = case.checked
    for method, run in case.methods(layer).items():
        first, second = (keras.tree.flatten(run()) for _ in range(2))
        for one, other in zip(first, second, strict=True):
            if keras.ops.is_tensor(one):
                one, other = (keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")) for x in (one, other))
                note = ", for the same arguments; use Dropout or the like, which acts in training alone"
                same(other, one, f"results of {method}", note=note)


@contextlib.contextmanager
def _noted(made: list[Any]) -> Iterator[None]:
    """Add every layer and every weight that the block makes to a list, the outermost layer first."""
    with contextlib.ExitStack() as patches:
        for kind in (keras.layers.Layer, keras.Variable):
            patches.enter_context(mock.patch.object(kind, "__init__", _noting(kind.__init__, made)))
        yield


def _noting(constructor: Callable, made: list[Any]) -> Callable:
    @functools.wraps(constructor)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        constructor(self, *args, **kwargs)
        made.append(self)

    return construct


def _kept(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return what a layer keeps, by what its author calls it: attributes, the values in containers, and weights."""
    kept = {f"self.{name}": _contents(value) for name, value in vars(layer).items()}
    weights = {f"the weight {each.path}": keras.ops.convert_to_numpy(each) for each in layer.weights}
    return kept | {name: value.tobytes() for name, value in weights.items()}


def _contents(value: Any) -> Any:
    """Return a copy of a list, a set or the like, which may change and be the same; else the value itself."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return [*value] if isinstance(value, (list, set, deque)) else value


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    plain = isinstance(after, (int, float, str, bytes))
    return before is after or (plain and type(before) is type(after) and before == after)


PURITY = (weights_are_made_in_build, nothing_is_kept_between_calls, equal_arguments_give_equal_results)
