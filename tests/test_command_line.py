"""The surface of the command line: help, usage errors, exit statuses, streams, and the ways to start the program."""

import contextlib
import errno
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from command_line import give, write_corpora, write_spec

import keras_samplernn
from keras_samplernn.commands import cli, main
from keras_samplernn.training.interrupt import Interrupted

CLI = Path(__file__).parent.parent / "cli.py"
NOT_TEXT = "\udcff"  # the byte 0xff in a file's name
USAGE = [
    ("fit", "keras-samplernn fit: Missing argument 'SPEC'"),
    ("fti spec.json", "keras-samplernn: No such command 'fti'. Did you mean 'fit'?"),
    ("fit spec.json --epoch", "keras-samplernn fit: No such option '--epoch'. Did you mean '--epochs'?"),
    ("fit spec.json --epochs 0", "keras-samplernn fit: Invalid value for '--epochs': 0 is not in the range x>=1"),
    (
        "fit spec.json --max-steps 2.5",
        "keras-samplernn fit: Invalid value for '--max-steps': '2.5' is not a valid integer",
    ),
    ("fit spec.json other.json", "keras-samplernn fit: Got unexpected extra argument (other.json)"),
    ("generate", "keras-samplernn generate: Missing option '--out'"),
    (
        "generate --out out --prime ''",
        "keras-samplernn generate: Invalid value for '--prime': '' is not a path of a file",
    ),
    (
        "generate --out out --prime .",
        "keras-samplernn generate: Invalid value for '--prime': '.' is not a path of a file",
    ),
    ("generate --out ''", "keras-samplernn generate: Invalid value for '--out': '' is not a path of a folder"),
    (
        "generate --out out --count 2000000000",
        "keras-samplernn generate: Invalid value for '--count': 2000000000 is not in the range 1<=x<=100000",
    ),
    (
        "generate --out out --temperature -1",
        "keras-samplernn generate: Invalid value for '--temperature': -1.0 is not in the range 0<=x<=100",
    ),
    (
        "generate --out out --temperature nan",
        "keras-samplernn generate: Invalid value for '--temperature': nan is not a finite number",
    ),
    (
        "generate --out out --temperature warm",
        "keras-samplernn generate: Invalid value for '--temperature': 'warm' is not a valid number",
    ),
    (
        "generate --out out --seconds -1",
        "keras-samplernn generate: Invalid value for '--seconds': -1.0 is not in the range x>=0",
    ),
    (
        "generate --out out --seconds inf",
        "keras-samplernn generate: Invalid value for '--seconds': inf is not a finite number",
    ),
    (
        "generate --out out --count 0",
        "keras-samplernn generate: Invalid value for '--count': 0 is not in the range 1<=x<=100000",
    ),
    ("generate --out out --seed x", "keras-samplernn generate: Invalid value for '--seed': 'x' is not a valid integer"),
    (
        "generate --out out --batch-size 0",
        "keras-samplernn generate: Invalid value for '--batch-size': 0 is not in the range 1<=x<=4096",
    ),
    (
        "generate --out out --precision half",
        "keras-samplernn generate: Invalid value for '--precision': 'half' is not one of 'float32', 'int8'",
    ),
    (
        "generate --out out --checkpoint last",
        "keras-samplernn generate: Invalid value for '--checkpoint': 'last' is not one of 'best', 'heard', 'newest'",
    ),
    ("evaluate run --json yes", "keras-samplernn evaluate: Got unexpected extra argument (yes)"),
    ("schema --yaml", "keras-samplernn schema: No such option '--yaml'"),
]


def start(*arguments, **options) -> subprocess.CompletedProcess:
    """Run Python in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Let the cache be a folder of this name, whose path `cache --clear` prints."""

    def choose(name: str) -> None:
        monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / name))

    return choose


# Help and usage


def test_help_answers_at_once_without_keras():
    script = (
        "import sys, time\n"
        "from keras_samplernn.commands import cli, main\n"
        "for command in ([], *([name] for name in cli.commands)):\n"
        "    sys.argv = ['keras-samplernn', *command, '--help']\n"
        "    main()\n"
        "print(sorted({'keras', 'tensorflow', 'pandas', 'numpy'} & {*sys.modules}), time.process_time())"
    )
    done = start("-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    *text, heavy = done.stdout.splitlines()
    assert [line.split("[")[0] for line in text if line.startswith("Usage: ")] == [
        f"Usage: keras-samplernn {command}" for command in ("", *(f"{name} " for name in cli.commands))
    ]
    modules, seconds = heavy.rsplit(" ", 1)
    assert modules == "[]"
    assert float(seconds) < 0.5


def test_help_lists_the_commands_in_the_order_of_their_use(tmp_path):
    lines = give("--help", tmp_path).out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == [
        *("demo", "init", "check", "prepare", "fit", "search", "runs", "plot", "generate", "audition", "live"),
        *("evaluate", "import-theano", "features", "export", "bundle", "unbundle", "tiers", "heads", "schema", "cache"),
        "doctor",
    ]
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize("command, message", USAGE, ids=[command for command, _ in USAGE])
def test_wrong_usage_is_one_line_and_status_2(tmp_path, command, message):
    answer = give(command, tmp_path)
    assert answer.err == f"{message}; see {message.partition(':')[0]} --help\n"
    assert (answer.status, answer.out, [*tmp_path.iterdir()]) == (2, "", [])


def test_evaluate_without_a_run_looks_for_the_newest(tmp_path):
    answer = give("evaluate", tmp_path)
    line = f"{tmp_path / 'runs'}: holds no run; train with `fit` first, or give a run directory"
    assert (answer.status, answer.out, answer.err) == (1, "", f"{line}\n")


def test_no_command_at_all_shows_the_help(tmp_path):
    answer = give("", tmp_path)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("Usage: keras-samplernn [OPTIONS] COMMAND")


# The ways to start the program


@pytest.mark.parametrize(
    "file, program",
    [
        ("cli.py", "python cli.py"),
        ("my sounds/cli.py", "python 'my sounds/cli.py'"),
        ("/usr/bin/keras-samplernn", "keras-samplernn"),
        (str(Path(keras_samplernn.__file__).with_name("__main__.py")), "python -m keras_samplernn"),
    ],
)
def test_the_program_names_itself_as_it_was_started(monkeypatch, capsys, file, program):
    def stop(*_, **options):
        raise Interrupted(15, 7)

    monkeypatch.setattr(cli.commands["fit"], "callback", stop)
    monkeypatch.setattr(sys, "argv", [file, "fit", "my spec.json", "--restart", "--epochs", "3"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 143
    assert capsys.readouterr().err.splitlines() == [
        "stopped after step 7; a checkpoint is written. To go on:",
        f"{program} fit 'my spec.json' --epochs 3",
    ]
    monkeypatch.setattr(sys, "argv", [file, "fit"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == f"{program} fit: Missing argument 'SPEC'; see {program} fit --help\n"


def test_python_m_runs_the_program(tmp_path):
    done = start("-m", "keras_samplernn", "fit", cwd=tmp_path)
    program = "python -m keras_samplernn fit"
    assert done.stderr == f"{program}: Missing argument 'SPEC'; see {program} --help\n"
    assert (done.returncode, done.stdout) == (2, "")


def test_a_process_of_its_own_ends_without_a_traceback(tmp_path):
    write_corpora(tmp_path)
    write_spec(tmp_path)
    (tmp_path / "valid/b.csv").write_text("0\n")
    (tmp_path / "train/a.flac").write_bytes(b"fLaC")
    done = start(CLI, "check", "spec.json", cwd=tmp_path)
    assert done.stderr.replace(str(tmp_path), "HOME").splitlines() == [
        "HOME/train/a.wav: is beside a.flac, which has the same stem; keep one of the two",
        "HOME/valid/b.csv: 1 conditions for a sound of 437 samples, 436 too few; give one line for each sample of the"
        " audio file",
    ]
    assert (done.returncode, done.stdout) == (1, "")


# Streams


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_costs_what_goes_to_it(tmp_path, cache, closed):
    cache("cache")
    command = shlex.join([sys.executable, str(CLI), "cache", "--clear"])
    usage = shlex.join([sys.executable, str(CLI), "cache", "--cleer"])
    done = subprocess.run(f"{command} {closed} && ! {usage} {closed}", shell=True, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout == ("" if ">&-" in closed.split() else f"{tmp_path / 'cache'}: freed 0.0 MB\n")
    assert done.stderr.count("\n") == ("2>&-" not in closed)


def test_tensorflow_starts_with_all_streams_closed(tmp_path):
    command = shlex.join([sys.executable, str(CLI), "schema"])
    assert subprocess.run(f"{command} <&- >&- 2>&-", shell=True, cwd=tmp_path).returncode == 0


def test_no_file_takes_the_number_of_a_stream_that_is_closed(tmp_path):
    script = (
        "import os\n"
        "from keras_samplernn.commands.streams import prepare_streams\n"
        "prepare_streams()\n"
        "os.open('first', os.O_CREAT | os.O_WRONLY)\n"
        "os.write(1, b'x')\n"
        "os.write(2, b'x')\n"
    )
    command = shlex.join([sys.executable, "-c", script])
    assert subprocess.run(f"{command} <&- >&- 2>&-", shell=True, cwd=tmp_path).returncode == 0
    assert (tmp_path / "first").read_bytes() == b""


def test_a_reader_that_has_seen_enough_ends_the_program_quietly(tmp_path):
    with subprocess.Popen(
        [sys.executable, CLI, "tiers"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""  # no traceback, and no complaint of Python's about the pipe
    assert process.returncode == 1


def test_streams_without_an_encoding_are_written_to(tmp_path, cache, monkeypatch):
    cache("cache")
    monkeypatch.setattr(sys, "argv", ["keras-samplernn", "cache", "--clear"])
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        main()
    assert out.getvalue() == f"{tmp_path / 'cache'}: freed 0.0 MB\n"


@pytest.mark.parametrize(
    "encoding, printed",
    [
        ("utf-8", "ж é".encode() + b" \xff"),
        ("latin-1", b"\\u0436 \xe9 \xff"),
        ("ascii", b"\\u0436 \\xe9 \xff"),
    ],
)
def test_a_name_that_a_stream_cannot_encode_is_escaped(cache, monkeypatch, encoding, printed):
    cache(f"ж é {NOT_TEXT}")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    for arguments in (["cache", "--clear"], ["tiers", f"ж é {NOT_TEXT}"]):
        monkeypatch.setattr(sys, "argv", ["keras-samplernn", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
            main()
    assert out.buffer.getvalue().endswith(b"/" + printed + b": freed 0.0 MB\n")
    # A terminal may obey a byte that is not text, so that messages escape it.
    assert err.buffer.getvalue().endswith(
        b"(" + printed.replace(b"\xff", b"\\udcff") + b"); see keras-samplernn tiers --help\n"
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "utf-8"},
    ],
    ids=" ".join,
)
def test_a_locale_without_an_encoding_prints_names_as_they_are(tmp_path, cache, variables):
    cache("ж é")
    done = subprocess.run(
        [sys.executable, CLI, "cache", "--clear"], env=os.environ | variables, capture_output=True, check=True
    )
    assert done.stdout == f"{tmp_path}/ж é: freed 0.0 MB\n".encode()
    assert done.stderr == b""


def test_a_disk_that_is_full_is_one_line(tmp_path, monkeypatch):
    def fill(*_, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.csv")

    with mock.patch.object(cli.commands["cache"], "callback", fill):
        answer = give("cache", tmp_path)
    assert (answer.status, answer.err) == (1, "metrics.csv: No space left on device; free space on its disk\n")
