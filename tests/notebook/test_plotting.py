"""The style is legible where the book is read, and each plot draws the numbers that it
was given.
"""

import itertools

import matplotlib.pyplot as plt
import numpy as onp
import pytest
from matplotlib.colors import to_rgb

from d2l_attention.notebook import plotting
from d2l_attention.training import History
from tests.notebook.colors import contrast, lab, linear

from mxnet import np

# The dark theme's page; a figure's width in CSS pixels at 390 pixels
DARK_PAGE, PHONE_FIGURE = ("#121212", 350)
# Simulation of complete colour blindness for red and for green on linear RGB (Machado,
# Oliveira, Fernandes 2009).
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_importing_sets_the_style_and_use_style_restores_it():
    plt.rcdefaults()
    assert plt.rcParams["font.size"] != plotting.STYLE["font.size"]
    plotting.use_style()
    assert plt.rcParams["font.size"] == plotting.STYLE["font.size"]


def test_figures_bring_their_own_page():
    figure, ax = plt.subplots()
    assert to_rgb(figure.get_facecolor()) == to_rgb(ax.get_facecolor()) == (1, 1, 1)
    assert figure.get_facecolor()[3] == 1
    for key in (
        "text.color",
        "axes.labelcolor",
        "xtick.color",
        "ytick.color",
        "axes.edgecolor",
    ):
        assert contrast(plt.rcParams[key], "white") >= 7


def test_no_grey_could_carry_text_on_both_pages():
    greys = [str(level / 255) for level in range(256)]
    assert not any(
        contrast(grey, "white") >= 4.5 and contrast(grey, DARK_PAGE) >= 4.5 for grey in greys
    )


def test_text_is_eleven_pixels_high_on_a_phone():
    width, _ = plt.rcParams["figure.figsize"]
    for size in (plt.rcParams["font.size"], plt.rcParams["legend.fontsize"]):
        assert size / 72 / width * PHONE_FIGURE >= 10
    assert plt.rcParams["font.size"] / 72 / width * PHONE_FIGURE >= 11


def test_lines_stand_out_from_the_card():
    assert all(contrast(color, "white") >= 3 for color in plotting.COLORS.values())


@pytest.mark.parametrize(
    "simulation", [onp.eye(3), PROTANOPIA, DEUTERANOPIA], ids=["normal", "red", "green"]
)
def test_colour_blind_readers_tell_the_lines_apart(simulation):
    seen = [lab(onp.array(simulation) @ linear(color)) for color in plotting.COLORS.values()]
    assert min(onp.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def test_grey_print_tells_the_lines_apart():
    """Five lines, all black, drawn one by one: no two pictures are alike."""
    drawn = set()
    for style in plotting.LINE_STYLES:
        figure, ax = plt.subplots(figsize=(2, 1))
        ax.plot([0, 1], [0, 1], color="black", linestyle=style)
        figure.canvas.draw()
        drawn.add(bytes(figure.canvas.buffer_rgba()))
    assert len(drawn) == len(plotting.LINE_STYLES) == len(plotting.COLORS)
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    assert cycle["linestyle"] == list(plotting.LINE_STYLES)


def test_the_colour_map_survives_grey():
    lightness = onp.array(
        [
            lab(linear(color))[0]
            for color in plt.get_cmap(plotting.COLOR_MAP)(onp.linspace(0, 1, 64))
        ]
    )
    steps = -onp.diff(lightness)
    assert (steps > 0).all() and lightness[0] > 95 and lightness[-1] < 5
    # Nearly even, but for the darkest few
    assert steps[:56].max() < 1.7 * steps[:56].min()


@pytest.mark.parametrize("make", [onp.array, np.array, list])
def test_heat_map_draws_the_weights(make):
    weights = [[0.25, 0.75, 0.0], [0.5, 0.0, 0.5]]
    _, ax = plt.subplots()
    assert plotting.heat_map(make(weights), title="found", ax=ax) is ax
    (image,) = ax.images
    assert image.get_array().tolist() == weights
    assert image.get_clim() == (0, 0.75)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == (
        "key",
        "query",
        "found",
    )
    assert [axes.get_ylabel() for axes in ax.figure.axes if axes is not ax] == ["weight"]


def test_a_matrix_of_zeros_is_drawn_as_no_weight():
    image = plotting.heat_map(onp.zeros((2, 2))).images[0]
    assert image.to_rgba(0.0) == plt.get_cmap(plotting.COLOR_MAP)(0.0)
    assert image.get_clim() == (0, 1)


@pytest.mark.parametrize(
    "labels, shown",
    [
        (["the", "cat"], ["the", "cat"]),
        (onp.linspace(0, 1, 11), ["0.00", "0.20", "0.40", "0.60", "0.80", "1.00"]),
        (onp.linspace(0, 50, 11), ["0", "10", "20", "30", "40", "50"]),
        (range(1, 4), ["1", "2", "3"]),
        (None, ["0", "1", "2"]),
    ],
)
def test_tick_labels_name_their_row_and_column(labels, shown):
    length = 3 if labels is None else len(labels)
    ax = plotting.heat_map(onp.eye(length), rows=labels, columns=labels)
    assert [text.get_text() for text in ax.get_xticklabels()] == shown
    assert [text.get_text() for text in ax.get_yticklabels()] == shown


def test_tick_labels_stand_at_their_own_positions():
    values = onp.sort(onp.random.RandomState(0).uniform(0, 5, 50))
    ax = plotting.heat_map(onp.ones((3, 50)), columns=values)
    for place, text in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        assert float(text.get_text()) == pytest.approx(values[int(place)], abs=0.05)
    assert {ax.get_xticks()[0], ax.get_xticks()[-1]} == {0, 49}


@pytest.mark.parametrize(
    "weights, labels, message",
    [
        ([0.5, 0.5], {}, "weights must be a matrix"),
        (onp.zeros((0, 3)), {}, "weights must be a matrix"),
        ([[0.5, -0.5]], {}, "not negative"),
        ([[0.5, float("nan")]], {}, "finite"),
        ([[0.5, 0.5]], {"columns": ["one"]}, "columns must hold"),
        ([[0.5, 0.5]], {"rows": ["one", "two"]}, "rows must hold"),
    ],
)
def test_heat_map_refuses(weights, labels, message):
    with pytest.raises(ValueError, match=message):
        plotting.heat_map(weights, **labels)


def test_band_covers_the_mean_as_often_as_it_says():
    # 2000 intervals from 5 repetitions each
    samples = onp.random.RandomState(1).normal(size=(5, 2000))
    ax = plotting.band(onp.arange(2000), samples, label="measured", confidence=0.8)
    assert ax.lines[0].get_ydata() == pytest.approx(samples.mean(axis=0))
    vertices = ax.collections[0].get_paths()[0].vertices
    # The last one kept for each x is the lowest
    low = dict(sorted(vertices.tolist(), key=lambda v: -v[1]))
    high = dict(sorted(vertices.tolist(), key=lambda v: v[1]))
    covered = onp.mean([low[x] <= 0 <= high[x] for x in range(2000)])
    assert covered == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 4), (3, 5, 1)])
def test_band_refuses_samples_that_do_not_fit(shape):
    with pytest.raises(ValueError, match="samples must be of shape"):
        plotting.band(onp.arange(5), onp.ones(shape))


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_band_refuses_a_confidence_that_is_no_probability(confidence):
    with pytest.raises(ValueError, match="confidence"):
        plotting.band(onp.arange(5), onp.ones((3, 5)), confidence=confidence)


def test_power_law_is_straight_on_log_log_axes():
    ax = plotting.power_law([1, 10, 1000], -0.8, through=(10, 3))
    x, y = ax.lines[0].get_data()
    assert y[1] == pytest.approx(3)
    assert onp.diff(onp.log(y)) / onp.diff(onp.log(x)) == pytest.approx([-0.8, -0.8])
    assert ax.get_xscale() == ax.get_yscale() == "log"


def history(losses, **more):
    records = [{"epoch": i + 1, "loss": loss} for i, loss in enumerate(losses)]
    return History(
        [
            record | {name: values[i] for name, values in more.items()}
            for i, record in enumerate(records)
        ]
    )


def test_learning_curves_show_each_seed_and_the_mean_as_far_as_all_go():
    ax = plotting.learning_curves([history([4, 2, 1]), history([2, 2])], title="two seeds")
    mean, *seeds = ax.lines
    assert mean.get_data()[0].tolist() == [1, 2] and mean.get_data()[1].tolist() == [
        3,
        2,
    ]
    assert [line.get_ydata().tolist() for line in seeds] == [[4, 2, 1], [2, 2]]
    assert {line.get_color() for line in seeds} == {mean.get_color()}
    assert ax.get_title(loc="left") == "two seeds" and ax.get_legend() is None


def test_learning_curves_of_one_run_draw_one_line_a_quantity():
    ax = plotting.learning_curves(history([2, 1], validation=[3, 4]), ["loss", "validation"])
    assert [line.get_label() for line in ax.lines] == ["loss", "validation"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "loss",
        "validation",
    ]


def test_learning_curves_refuse():
    with pytest.raises(ValueError, match="histories"):
        plotting.learning_curves([])
    with pytest.raises(KeyError, match="accuracy"):
        plotting.learning_curves(history([1]), ["accuracy"])


def test_a_figure_is_drawn_the_same_twice(tmp_path):
    for name in ("first.png", "second.png"):
        plt.close("all")
        plotting.heat_map(onp.random.RandomState(0).dirichlet(onp.ones(6), 6))
        plt.savefig(tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


# ------------------------------------------------------------------------------ diagram
BOXES = {"a": (0, 0, "below"), "b": (0, 2, "above"), "c": (1, 1, "beside")}


def test_a_diagram_has_its_boxes_and_what_goes_between_them():
    ax = plotting.diagram(BOXES, [("a", "b", "$u$"), ("c", "b", "")])
    texts = {text.get_text(): text for text in ax.texts if text.get_text()}
    assert set(texts) == {"below", "above", "beside", "$u$"}
    assert texts["below"].get_position() == (0, 0)
    assert texts["$u$"].xy == pytest.approx((0, 1))


@pytest.mark.parametrize("start, end", list(itertools.permutations(BOXES, 2)))
def test_an_arrow_goes_from_box_to_box(start, end):
    """It comes within a few points of both frames, and enters neither; its head is at the end."""
    ax = plotting.diagram(BOXES, [(start, end, "")])
    ax.figure.canvas.draw()
    frame = {text.get_text(): text.get_bbox_patch().get_window_extent() for text in ax.texts[:3]}
    patch = ax.texts[3].arrow_patch
    points = patch.get_transform().transform(patch.get_path().vertices)
    near = {}
    for name in (start, end):
        box = frame[BOXES[name][2]]
        assert not any(box.contains(*point) for point in points), name
        near[name] = [box.padded(12).contains(*point) for point in points]
        assert any(near[name]), name
    assert sum(near[end]) > sum(near[start])  # the head has more corners


def test_bad_diagrams_are_refused():
    with pytest.raises(ValueError, match="boxes must not be empty"):
        plotting.diagram({}, [])
    with pytest.raises(ValueError, match=r"arrows must join boxes.*'x'"):
        plotting.diagram(BOXES, [("a", "x", "")])


def test_a_region_is_as_bright_as_it_has_weight():
    picture, weights = onp.full((3, 6, 9), 255), [[0.0, 0.25, 0.5], [0.125, 0.0, 0.0]]
    bare, lit, soft = plt.figure().subplots(1, 3)
    plotting.region_weights(picture, ax=bare)
    plotting.region_weights(np.array(picture), np.array(weights), title="hop 1", ax=lit)
    plotting.region_weights(picture, weights, smooth=True, ax=soft)
    shown = [ax.images[0].get_array()[:, :, 0] for ax in (bare, lit, soft)]
    assert (shown[0] == 1).all() and lit.get_title() == "hop 1"
    expected = onp.kron(0.15 + 0.85 * onp.array(weights) / 0.5, onp.ones((3, 3)))
    onp.testing.assert_allclose(shown[1], expected)
    assert abs(onp.diff(shown[2], axis=1)).max() < abs(onp.diff(shown[1], axis=1)).max() / 2
    assert shown[2].argmax() % 9 >= 6


@pytest.mark.parametrize(
    ("picture", "weights", "message"),
    [
        (onp.ones((4, 4)), None, "picture must be of shape"),
        (onp.ones((4, 4, 3)), None, "picture must be of shape"),
        (onp.ones((3, 4, 4)), [1.0, 2.0], "weights must be a matrix"),
        (onp.ones((3, 4, 4)), [[-1.0]], "weights must be finite and not negative"),
        (onp.ones((3, 4, 4)), [[onp.nan]], "weights must be finite and not negative"),
    ],
)
def test_what_no_picture_is_is_refused(picture, weights, message):
    with pytest.raises(ValueError, match=message):
        plotting.region_weights(picture, weights)
