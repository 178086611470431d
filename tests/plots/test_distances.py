import numpy as np
import pytest

from benchmark.plots.distances import clustered_order, draw_distances
from benchmark.plots.style import save_picture

pytest.importorskip("matplotlib")

GROUPED = np.array(
    [
        [0.0, 0.9, 0.1, 0.8],
        [0.9, 0.0, 0.7, 0.2],
        [0.1, 0.7, 0.0, 0.9],
        [0.8, 0.2, 0.9, 0.0],
    ]
)


def test_near_tasks_stand_side_by_side():
    places = {int(task): place for place, task in enumerate(clustered_order(GROUPED))}
    assert abs(places[0] - places[2]) == 1
    assert abs(places[1] - places[3]) == 1


def test_distances_below_zero_and_few_tasks():
    assert sorted(clustered_order(GROUPED - 2).tolist()) == [0, 1, 2, 3]
    assert clustered_order(np.zeros((1, 1))).tolist() == [0]
    assert clustered_order(np.array([[0.0, 1.0], [1.0, 0.0]])).tolist() == [0, 1]


def test_the_picture_shows_every_distance_but_the_diagonal():
    figure = draw_distances(["a", "b", "c", "d"], GROUPED, "title")
    (image,) = figure.axes[0].images
    shown = np.ma.filled(image.get_array(), np.nan)
    order = clustered_order(GROUPED)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "abcd"[i] for i in order
    ]
    wanted = GROUPED[np.ix_(order, order)].copy()
    np.fill_diagonal(wanted, np.nan)
    assert np.array_equal(shown, wanted, equal_nan=True)


def test_equal_pictures_are_equal_files(tmp_path):
    for name in ("a.png", "b.png"):
        save_picture(tmp_path / name, lambda: draw_distances(["x", "y$", "z", "w"], GROUPED, "t"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
