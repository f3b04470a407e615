"""A mistake in XLA_FLAGS or TF_XLA_FLAGS is one line, before TensorFlow ends the process for it."""

import os
import re
import subprocess
import sys

import pytest

from keras_samplernn import xla_flags
from keras_samplernn.errors import UserError
from keras_samplernn.xla_flags import checked_flags

pytestmark = pytest.mark.law


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for variable in xla_flags.VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_command_with_an_unknown_flag_ends_with_one_line(tmp_path):
    environment = os.environ | {"XLA_FLAGS": "--xla_no_such_flag --xla_dump_to=x --xla_nor_this=2"}
    command = [sys.executable, "-m", "keras_samplernn", "schema"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == (
        "XLA_FLAGS: this version of TensorFlow does not know --xla_no_such_flag, --xla_nor_this=2;"
        " correct XLA_FLAGS or unset it\n"
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_an_unknown_flag_of_tensorflows_own_is_told(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--no_such_flag")
    line = "TF_XLA_FLAGS: this version of TensorFlow does not know --no_such_flag; correct TF_XLA_FLAGS or unset it"
    with pytest.raises(UserError, match=re.escape(line)), checked_flags():
        pass


@pytest.mark.parametrize(
    "value, message, line",
    [
        (
            "no_dashes",
            'Could not open file "no_dashes" to read flags for environment variable "XLA_FLAGS". (We assumed',
            'XLA_FLAGS = "no_dashes" is neither flags, which begin with --, nor a readable file of flags;'
            " correct XLA_FLAGS or unset it",
        ),
        (
            "--xla_dump_to=x  --xla_dump_hlo_as_text=maybe",
            "Check failed: tsl::Flags::Parse(&env_argv->argc, env_argv->argv.data(), flag_list) Flag parsing failed.\n"
            "usage: --xla_dump_to=x --xla_dump_hlo_as_text=maybe\nFlags:\n\t--xla_cpu_enable_fast_math=false",
            "XLA_FLAGS: TensorFlow cannot read the value of a flag in --xla_dump_to=x --xla_dump_hlo_as_text=maybe;"
            " correct XLA_FLAGS or unset it",
        ),
        ("--xla_dump_to=x", "Illegal instruction", None),
    ],
)
def test_what_tensorflow_writes_before_it_ends_is_told_in_a_line(monkeypatch, value, message, line):
    monkeypatch.setenv("XLA_FLAGS", value)
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_max_cluster_size=9")
    for begin in (
        "2026-01-01 00:00:00.000000: F external/xla/parse_flags_from_env.cc:167] ",
        "F0000 00:00:17 x.cc:171] ",
    ):
        assert xla_flags.problem_in(begin + message + "\n") == line


def test_flags_that_tensorflow_knows_pass(monkeypatch, tmp_path):
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={tmp_path}")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_max_cluster_size=9")
    with checked_flags():
        pass
    assert [*tmp_path.iterdir()]  # the flags were read: something was compiled


def test_without_the_variables_no_process_is_started(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    with checked_flags():
        pass
