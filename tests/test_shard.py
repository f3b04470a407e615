"""Parts of a list for job arrays: together the whole, alike in size, the same for every job."""

import click
import numpy as np
import pytest
from click.testing import CliRunner

from keras_samplernn.commands.options import SHARD
from keras_samplernn.shard import Shard


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_shards_are_together_the_list_and_alike_in_size(count):
    sizes = np.random.default_rng(count).integers(0, 1000, 40).tolist()
    parts = [Shard(number, count).of(range(40), sizes) for number in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == [*range(40)]
    assert all(part == sorted(part) for part in parts), "the order of the list is kept"
    loads = [sum(sizes[item] for item in part) for part in parts]
    assert max(loads) - min(loads) <= max(sizes)


def test_items_without_size_are_spread_too():
    assert [Shard(number, 3).of("abcdef", [0] * 6) for number in (1, 2, 3)] == [["a", "d"], ["b", "e"], ["c", "f"]]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("5/4", "5/4 does not exist; the parts of 4 are 1/4 to 4/4."),
        ("0/4", "0/4 does not exist; the parts of 4 are 1/4 to 4/4."),
        ("1/0", "'1/0' is not a part of the work; give I/N, such as 1/4."),
        ("2/1", "2/1 does not exist; the only part of 1 is 1/1."),
        ("3", "'3' is not a part of the work; give I/N, such as 1/4."),
        ("-1/4", "'-1/4' is not a part of the work; give I/N, such as 1/4."),
        ("1/4/", "'1/4/' is not a part of the work; give I/N, such as 1/4."),
    ],
)
def test_the_option_refuses_what_is_no_part(given, rule):
    command = click.Command("work", params=[click.Option(["--shard"], type=SHARD)], callback=lambda shard: None)
    result = CliRunner().invoke(command, ["--shard", given])
    assert result.exit_code == 2
    assert f"Invalid value for '--shard': {rule}" in result.output


def test_the_option_gives_a_shard():
    command = click.Command("work", params=[click.Option(["--shard"], type=SHARD)], callback=lambda shard: print(shard))
    assert CliRunner().invoke(command, ["--shard", "2/4"]).output == "2/4\n"
