"""What a user may have meant by a field that a spec does not have."""

from collections.abc import Collection, Mapping

from keras_samplernn.errors import nearest

# What other programs call fields of this one, where the names are too far apart for `nearest`.
ALIASES = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    **dict.fromkeys(("epoch", "num_epochs", "n_epochs", "max_epochs"), "epochs"),
    **dict.fromkeys(("hidden", "hidden_size", "hidden_dim", "units", "size", "width", "d_model"), "dim"),
    **dict.fromkeys(("embedding_dim", "embedding_size", "embed_dim", "embedding"), "emb_size"),
    **dict.fromkeys(("layers", "num_layers", "n_layers"), "n_rnn"),
    **dict.fromkeys(("sequence_length", "seq_length", "tbptt"), "seq_len"),
    **dict.fromkeys(("clip", "grad_clip", "clipvalue"), "clip_value"),
    **dict.fromkeys(("sr", "fs", "samplerate"), "sample_rate"),
    **dict.fromkeys(("val", "validation", "dev"), "valid"),
    "wd": "weight_decay",
    "early_stopping": "patience",
    "ema": "ema_decay",
    "dtype": "precision",
}
_SURELY = 0.8


def suggestion(key: str, names: Collection[str], homes: Mapping[str, str] | None = None) -> str:
    """Return `'; did you mean "x"?'` for a key that is no field; empty if no field is like it.

    Args:
        key: what was written.
        names: the fields of the object that it was written in.
        homes: the full place of each field of other objects; None: they are not looked at.
    """
    homes = homes or {}
    meant = ALIASES.get(key.lower(), key)
    if meant in names:
        return f'; did you mean "{meant}"?'
    if home := homes.get(key) or homes.get(meant):
        return f'; did you mean "{home}"?'
    return nearest(key, names) or nearest(key, homes, homes.get)


def is_sure(key: str, known: Collection[str]) -> bool:
    """Return whether a key means one of the known names, whatever fields there are beside them."""
    import difflib  # here, since `--help` answers without it

    return ALIASES.get(key.lower(), key) in known or bool(difflib.get_close_matches(key, known, 1, _SURELY))
