"""Whether the chunks of a training window are whole."""

from collections.abc import Iterator

from keras_samplernn.spec.wording import any_of


def check_chunks(samples: int, seq_len: int, top_frame_size: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the fields that contradict each other, the one to change first, and a message, if chunks are not whole.

    Args:
        samples: targets of a chunk.
        seq_len: targets of a window, whole top frames.
        top_frame_size: samples per step of the slowest tier.
    """
    whole = [chunk for chunk in range(top_frame_size, seq_len, top_frame_size) if seq_len % chunk == 0]
    if samples in whole:
        return
    near = [*[chunk for chunk in whole if chunk < samples][-1:], *[chunk for chunk in whole if chunk > samples][:1]]
    remedy = f"try {any_of(map(str, near))}" if near else "remove it"
    yield (
        ("training.remat_samples", "training.seq_len"),
        f"training.remat_samples = {samples} must be a multiple of tiers[0].frame_size = {top_frame_size} that divides "
        f"training.seq_len = {seq_len} into at least two chunks; {remedy}",
    )
