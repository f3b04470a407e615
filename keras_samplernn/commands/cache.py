"""The `cache` command."""

import click

from keras_samplernn.progress import say


@click.command()
@click.option("--clear", is_flag=True, help="Delete them all; each is prepared again when it is needed.")
def cache(clear: bool) -> None:
    """List the prepared corpora, or delete them.

    A corpus is decoded once and kept in the cache: the folder $KERAS_SAMPLERNN_CACHE, or keras_samplernn in the user's
    cache folder.
    """
    from keras_samplernn.data.cache import cache_folder, clear_cache, list_cache, loose_parts

    if clear:
        print(f"{cache_folder()}: freed {clear_cache(say) / 1e6:,.1f} MB")
        return
    entries = list_cache()
    for entry in entries:
        sounds, samples = len(entry.manifest["sounds"]), entry.manifest["samples"]
        print(f"{entry.folder}\t{sounds:,} sounds\t{samples:,} samples\t{entry.size_bytes / 1e6:,.1f} MB")
    count, size = loose_parts(entries)
    if count:
        print(f"{cache_folder()}\t{count:,} parts of corpora that are not whole, or have changed\t{size / 1e6:,.1f} MB")
