"""The replicas of a model that compute a step together: who owns which lanes, and what is added up."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class Replicas:
    """Copies of a model that take every step together, each with lanes of its own; one copy by default.

    A replica owns whole lanes, so that the sounds of a lane stay contiguous and its states never move. The replicas are
    on devices of one host (`MirroredStrategy`), or on hosts with one each (`MultiWorkerMirroredStrategy`): these are
    the workers. Each worker has variables of its own, and they stay the same because the same is done to them.

    Args:
        strategy: of `tf.distribute`; None: one replica, without a strategy.
        workers: number of processes, each of which runs this program.
        worker: the number of this one, from 0; 0 is the chief.

    Attributes:
        count: number of replicas of all workers.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, workers: int = 1, worker: int = 0):
        self.strategy = strategy or tf.distribute.get_strategy()
        self.workers, self.worker = workers, worker
        self.count = self.strategy.num_replicas_in_sync
        self._here = self.count // workers
        self._total = tf.function(self._total_in_graph, autograph=False)

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the run: the only one, or the first of several."""
        return self.worker == 0

    def scope(self) -> AbstractContextManager:
        """Return the context in which variables are made, so that every replica of this worker has them."""
        return self.strategy.scope() if self._here > 1 else contextlib.nullcontext()

    def lanes_each(self, lanes: int) -> int:
        """Return how many lanes a replica owns if there are so many in all, rounded up."""
        return -(-lanes // self.count)

    def lanes_here(self, lanes: int) -> slice:
        """Return which lanes of a batch this worker reads; the number of lanes is a multiple of `count`."""
        here = lanes // self.workers
        return slice(self.worker * here, (self.worker + 1) * here)

    def run(self, function: Callable, batch: Any, *arguments: Any) -> Any:
        """Call a function of tensors in every replica of this worker, with its own rows of the worker's batch.

        Call it inside a traced function.

        Args:
            function: of a replica's batch and arguments; within it, `total` may be called.
            batch: any structure of tensors, rows first.
            arguments: tensors that are the same in all replicas, or what an earlier `run` returned.

        Returns:
            What the function returned; with several replicas here a `PerReplica` value, see `parts`.
        """
        if self.count == 1:
            return function(batch, *arguments)

        def of_replica(batch: Any, *arguments: Any) -> Any:
            first = self._number_here()

            def rows_of(tensor: Any) -> Any:
                if tensor is None:
                    return None
                each = tensor.shape[0] // self._here
                return tensor[first * each : (first + 1) * each]

            return function(keras.tree.map_structure(rows_of, batch) if self._here > 1 else batch, *arguments)

        return self.strategy.run(of_replica, (batch, *arguments))

    def parts(self, value: Any) -> list[Any]:
        """Return what the replicas of this worker have of a value or variable, in the order of their lanes."""
        value = value.value if isinstance(value, keras.Variable) else value
        return list(self.strategy.experimental_local_results(value))

    def number(self) -> int:
        """Return the number of the replica that calls this, from 0 to `count - 1`."""
        return self.worker * self._here + self._number_here()

    def total(self, tensors: Any) -> Any:
        """Return the sums of tensors over all replicas, each of which calls this within `run`."""
        if self.count == 1:
            return tensors
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    def total_of_workers(self, array: np.ndarray) -> np.ndarray:
        """Return the sum of an array over all workers, each of which calls this outside of `run`; int64 or float64."""
        if self.workers == 1:
            return array
        return self.parts(self._total(tf.constant(array)))[0].numpy()

    def joined(self, pieces: Sequence[np.ndarray], rows: int) -> np.ndarray:
        """Return all rows of an array of which each worker has those of its lanes; every worker calls this.

        Args:
            pieces: of each replica of this worker `(rows / count, ...)`, of 4-byte numbers.
            rows: in all.
        """
        mine = np.concatenate(pieces)
        if self.workers == 1:
            return mine
        whole = np.zeros((rows, *mine.shape[1:]), np.int64)
        whole[self.lanes_here(rows)] = mine.view(np.int32)
        return self.total_of_workers(whole).astype(np.int32).view(mine.dtype)

    def _total_in_graph(self, array: Any) -> Any:
        # On the replica's device: a tensor from outside is on none.
        return self.strategy.run(lambda: self.total(tf.identity(array)))

    def _number_here(self) -> int:
        if self._here == 1:
            return 0
        return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


def assign_here(variables: Any, tensors: Any) -> None:
    """Assign tensors to what the replica that calls this has of variables, structure by structure.

    A variable of `tf.distribute` has its own rules for assignments of replicas; here all do the same, or have values of
    their own.
    """
    pairs = zip(keras.tree.flatten(variables), keras.tree.flatten(tensors), strict=True)
    for variable, tensor in pairs:
        tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=tensor)
