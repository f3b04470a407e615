"""`plot` draws the bits of runs into one picture."""

import struct

import pytest
from command_line import done, give, listing

from keras_samplernn import UserError, load_run, plot
from keras_samplernn.overview import chart
from keras_samplernn.overview.metrics import read_metrics

METRICS = """epoch,step,training_bits,gradient_norm,validation_bits,seconds
1,0,,,8.0,0
1,50,6.0,1.0,5.5,30
1,100,5.5,1.0,5.0,60
2,200,4.5,1.0,4.25,120
3,250,4.0,1.0,4.0,150
"""


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn."""
    figures, figure_of = [], chart._figure
    monkeypatch.setattr(chart, "_figure", lambda *given: figures.append(figure_of(*given)) or figures[-1])
    return figures


def curves_of(figure):
    (axes,) = figure.axes
    return [list(map(tuple, line.get_xydata())) for line in axes.lines]


def test_a_picture_of_two_runs_has_their_names_and_two_curves_of_each(home, drawn):
    (home / "run/metrics.csv").write_text(METRICS)
    (home / "wide/metrics.csv").write_text("epoch,step,training_bits\n1,100,7.0\n")
    (home / "wide").rename(home / "_$x$")
    assert done("plot run '_$x$'", home) == ["bits.png"]
    (axes,) = drawn[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["run", "_$x$", "training", "validation"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("steps", "bits per sample")
    training, validation, other, none = curves_of(drawn[0])
    assert training == [(50, 6.0), (100, 5.5), (200, 4.5), (250, 4.0)]
    assert validation == [(50, 5.5), (100, 5.0), (200, 4.25), (250, 4.0)]
    assert (other, none) == ([(100, 7.0)], [])
    thin, thick = axes.lines[:2]
    assert thin.get_linewidth() < thick.get_linewidth() and thin.get_color() == thick.get_color()
    content = (home / "bits.png").read_bytes()
    width, height = struct.unpack_from(">II", content, 16)
    assert content.startswith(b"\x89PNG") and (width, height) == (1080, 660)


@pytest.mark.parametrize(
    ("by", "places"),
    [("minutes", [0.5, 1, 2, 2.5]), ("epochs", [0.5, 1, 2, 2.5]), ("steps", [50, 100, 200, 250])],
)
def test_bits_are_drawn_from_the_first_step_on_over_steps_minutes_or_epochs(home, drawn, by, places):
    (home / "run/metrics.csv").write_text(METRICS)
    done(f"plot run --by {by} --out pictures/run.PNG", home)
    assert [place for place, _ in curves_of(drawn[0])[1]] == places
    assert drawn[0].axes[0].get_xlabel() == chart.AXES[by]


def test_a_trained_run_can_be_drawn_and_drawn_again(home):
    assert read_metrics(home / "run")[-1].keys() >= {"epoch", "step", "training_bits", "validation_bits"}
    for _ in range(2):
        assert done("plot run --out a.png", home) == ["a.png"]


REFUSED = {
    "a picture of something else": (
        "plot run --out mine.png",
        "mine.png: exists and is no picture that `plot` drew; give --out another file",
    ),
    "a folder": ("plot run --out a.png", "a.png: exists and is no picture that `plot` drew; give --out another file"),
    "what are no runs": (
        "plot run valid nothing",
        [
            "valid: is not a run directory; give folders that `fit` made",
            "nothing: is not a run directory; give folders that `fit` made",
        ],
    ),
    "a run without figures": (
        "plot free run",
        "free/metrics.csv: has no figures yet; `fit` writes them after the first epoch",
    ),
    "minutes that are not noted": (
        "plot run --by minutes",
        "run/metrics.csv: does not say how long training took; give --by steps or epochs",
    ),
}


@pytest.mark.parametrize(("command", "lines"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_told_and_nothing_is_written(home, command, lines):
    (home / "run/metrics.csv").write_text("epoch,step,training_bits\n1,100,7.0\n")
    (home / "mine.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (home / "a.png").mkdir()
    before = listing(home)
    answer = give(command, home)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines() == ([lines] if isinstance(lines, str) else lines)
    assert listing(home) == before


def test_another_format_is_a_wrong_command_line(home):
    answer = give("plot run --out bits.pdf", home)
    assert answer.status == 2 and "--out bits.pdf: the picture is a PNG; give a name that ends in .png" in answer.err


def test_runs_are_drawn_in_python(home, drawn):
    assert plot(load_run(home / "run"), home / "run", out=home / "bits.png", by="epochs") == home / "bits.png"
    assert (home / "bits.png").read_bytes()[1:4] == b"PNG"
    assert drawn[0].axes[0].get_xlabel() == "epochs" and len(curves_of(drawn[0])) == 2
    with pytest.raises(UserError, match=r'^by = "days" is unknown; give one of steps, minutes, epochs$'):
        plot(home / "run", by="days")
    with pytest.raises(UserError, match=r"^runs: there are none; give runs, or run directories$"):
        plot()
