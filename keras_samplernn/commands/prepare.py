"""The `prepare` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE, SHARD, all_option
from keras_samplernn.progress import say
from keras_samplernn.shard import Shard


@click.command()
@click.argument("spec", type=FILE)
@click.option(
    "--shard",
    type=SHARD,
    show_default="all parts",
    help="Prepare the I-th of N shares of the parts only, as in 2/8, for job arrays; `prepare` without it, or `fit`,"
    " joins them.",
)
@all_option
def prepare(spec: Path, shard: Shard | None) -> None:
    """Decode the sounds of SPEC into the cache, on all cores.

    `check` and `fit` do it too where it is not done, in one process. A corpus is prepared in parts: the same command
    goes on where one was interrupted, and several that run at a time, on one host or on several that share the cache
    folder, share the work.
    """
    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow()  # before anything else imports it
    from keras_samplernn.data.cache import cache_entry
    from keras_samplernn.machine import usable_cores
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.corpora import prepare_corpora, prepare_corpora_shard

    loaded = load_spec(spec, load_types())
    if shard is not None:
        own, every = prepare_corpora_shard(loaded, say, shard, usable_cores())
        print(f"shard {shard}: {own:,} of {every:,} parts are prepared")
        return
    for label, corpus in prepare_corpora(loaded, say, processes=usable_cores()).labelled():
        entry = cache_entry(corpus.folder, corpus.manifest)
        size = f"{len(corpus.sounds):,} sounds, {corpus.samples:,} samples, {entry.size_bytes / 1e6:,.1f} MB"
        print(f"{label}: {size} in {corpus.folder}")
