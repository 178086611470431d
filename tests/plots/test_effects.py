"""The picture of main effects."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.plots.effects import draw_effects
from benchmark.rewards.comparison import compare_effects
from benchmark.rewards.effects import Effects

pytest.importorskip("matplotlib")

FOUND = Effects(
    table="t",
    digest="0" * 64,
    names=("fog", "rain"),
    pairs=("fog x rain",),
    tasks=("USPS", "CUB"),
    by_seed=np.array([[[4.0, -0.5], [np.nan, np.nan]]]),
    errors=np.array([[0.5, 0.5], [np.nan, np.nan]]),
    interactions=np.array([[0.0], [np.nan]]),
    deviation=np.array([2.0, np.nan]),
    explained=np.array([0.9, np.nan]),
)


def test_every_known_effect_is_printed_and_noise_is_grey():
    figure = draw_effects([FOUND, replace(FOUND, table="u")])
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == ["table t", "table u"]
    axes = figure.axes[0]
    texts = {text.get_text(): text.get_color() for text in axes.texts}
    assert texts == {"+4.0": "white", "-0.5": "#888888"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fog", "rain"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["USPS", "CUB"]
    (image,) = axes.images
    low, high = image.get_clim()
    assert low == -high


def test_a_comparison_gets_a_panel_of_means():
    other = replace(FOUND, table="u", by_seed=FOUND.by_seed / 2)
    figure = draw_effects([FOUND, other], compare_effects([FOUND], other))
    means, base, _ = figure.axes[2].lines
    assert means.get_xdata() == pytest.approx([2.0, -0.25])
    assert base.get_xdata() == pytest.approx([1.0, -0.125])
    assert [text.get_text() for text in figure.axes[2].get_legend().get_texts()] == ["t", "u"]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_table_without_effects_still_gets_a_picture(value):
    figure = draw_effects([replace(FOUND, by_seed=np.full((1, 2, 2), value))])
    assert figure.axes[0].images[0].get_clim() == (-1.0, 1.0)
    assert len(figure.axes[0].texts) == (0 if np.isnan(value) else 4)
