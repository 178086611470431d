"""The picture of main effects."""

import numpy as np
import pytest

from benchmark.plots.effects import draw_effects
from benchmark.rewards.effects import Effects

pytest.importorskip("matplotlib")

FOUND = Effects(
    names=("fog", "rain"),
    tasks=("USPS", "CUB"),
    values=np.array([[4.0, -0.5], [np.nan, np.nan]]),
    errors=np.array([[0.5, 0.5], [np.nan, np.nan]]),
    explained=np.array([0.9, np.nan]),
)


def test_every_known_effect_is_printed_and_noise_is_grey():
    figure = draw_effects([("table t", FOUND), ("table u", FOUND)])
    assert len(figure.axes) == 2
    axes = figure.axes[0]
    texts = {text.get_text(): text.get_color() for text in axes.texts}
    assert texts == {"+4.0": "white", "-0.5": "#888888"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fog", "rain"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["USPS", "CUB"]
    (image,) = axes.images
    low, high = image.get_clim()
    assert low == -high


def test_a_table_without_effects_still_gets_a_picture():
    nothing = Effects(("fog",), ("USPS",), np.zeros((1, 1)), np.zeros((1, 1)), np.full(1, np.nan))
    figure = draw_effects([("table t", nothing)])
    assert figure.axes[0].images[0].get_clim() == (-1.0, 1.0)


def test_nothing_known_is_an_empty_picture():
    unknown = np.full((1, 1), np.nan)
    figure = draw_effects([("table t", Effects(("fog",), ("USPS",), unknown, unknown, unknown[0]))])
    assert not figure.axes[0].texts
