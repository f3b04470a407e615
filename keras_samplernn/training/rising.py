"""A validation that rises again: the model goes on learning, and no longer what all sounds have in common."""

from keras_samplernn.training.state import TrainingState, is_in_passing

# Validations of a model that has learned what it can differ by less.
LEAST_RISE_BITS = 0.01
# Two worse ones in a row may be chance.
LEAST_EPOCHS = 3


def describe_rise(state: TrainingState, ends: bool = False) -> str:
    """Return a line on a validation that has risen since the best one; empty where it has not.

    Args:
        state: after an epoch, with its row.
        ends: whether the run ends here; then a rise is told that has lasted for fewer than `LEAST_EPOCHS`.
    """
    rows = {row["step"]: row for row in state.rows if not is_in_passing(row)}
    last, best = state.rows[-1] if state.rows else {}, rows.get(state.best_step, {})
    now = last.get("validation_bits")
    if now is None or is_in_passing(last) or state.best_bits is None or now - state.best_bits < LEAST_RISE_BITS:
        return ""
    if not ends and state.epochs_since_best < LEAST_EPOCHS:
        return ""
    line = (
        f"validation has risen since step {state.best_step} ({state.best_bits:.4f} -> {now:.4f} bits): the best"
        f" checkpoint is of step {state.best_step}, is kept, and is what generate and evaluate use"
    )
    if last["training_bits"] - best.get("training_bits", last["training_bits"]) > LEAST_RISE_BITS:
        return f"{line}; training has risen too: lower training.learning_rate in a new run"
    return (
        f"{line}; the model learns the training sounds by heart: more sounds help most, then training.input_noise or a"
        " smaller dim; training.patience ends a run by itself"
    )
