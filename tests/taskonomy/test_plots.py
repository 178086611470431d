"""Pictures: what they show, that nothing overlaps, that they are the same on every run."""

import itertools
import sys

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.plots.curve import draw_budget_curve
from benchmark.plots.graph import arrange, draw_graph
from benchmark.plots.heatmap import affinity_matrix, draw_heat_map
from benchmark.plots.style import save_picture
from taskonomy.problem import Rules, make_problem
from taskonomy.program import solve
from taskonomy.report import answers
from taskonomy.transfers import Transfer

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def problem(published_transfers):
    return make_problem(published_transfers, Rules(max_order=4, self_service="edge"))


def boxes(figure):
    """Boxes of all visible texts, in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    found = {}
    for text in texts:
        box = text.get_window_extent(canvas.get_renderer())
        found[text.get_text(), round(box.x0), round(box.y0)] = box
    return found


def overlapping(figure):
    return [
        (a[0], b[0])
        for (a, first), (b, second) in itertools.combinations(boxes(figure).items(), 2)
        if first.x0 < second.x1
        and second.x0 < first.x1
        and first.y0 < second.y1
        and second.y0 < first.y1
    ]


@pytest.mark.parametrize("budget", [1, 6, 26])
def test_no_label_of_the_graph_overlaps_at_26_tasks(problem, budget):
    figure = draw_graph(solve(problem, budget))
    assert overlapping(figure) == []


def test_no_label_of_the_heat_map_overlaps_at_26_tasks(published_transfers):
    assert overlapping(draw_heat_map(published_transfers)) == []


def test_the_check_of_labels_can_fail():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.51, 0.5, "two")
    assert overlapping(figure) == [("one", "two")]


def test_the_graph_reads_from_left_to_right(problem):
    solution = solve(problem, 6)
    axes = draw_graph(solution).axes[0]
    left = {t.get_text().split("  ")[0] for t in axes.texts if t.get_position()[0] < 0}
    right = {t.get_text().split("  ")[0] for t in axes.texts if t.get_position()[0] > 1}
    assert left == set(solution.supervised)
    assert left | right >= set(problem.targets)
    curves = [patch.get_path().vertices for patch in axes.patches]
    served = [problem.transfers[i] for i in solution.chosen if not problem.transfers[i].is_self]
    assert len(curves) == sum(one.order for one in served)
    assert all(curve[0, 0] == 0 and curve[-1, 0] == 1 for curve in curves)


def test_the_legend_names_every_colour(problem):
    figure = draw_graph(solve(problem, 6))
    (legend,) = figure.legends
    named = {h.get_color() for h in legend.legend_handles if h.get_linestyle() != "None"}
    from matplotlib.colors import to_hex

    used = {to_hex(patch.get_edgecolor()).upper() for patch in figure.axes[0].patches}
    assert used == {colour.upper() for colour in named}
    assert legend.get_texts()[0].get_text().startswith("supervised")


def test_a_graph_needs_a_solution(problem):
    with pytest.raises(InvalidInputError, match="infeasible"):
        draw_graph(solve(problem, 0))


def test_arranging_avoids_crossings_that_can_be_avoided():
    served = [Transfer(f"t{i}", (f"s{9 - i}",), 1.0) for i in range(10)]
    left, right = arrange([f"s{i}" for i in range(10)], served)
    order = sorted(served, key=lambda one: right[one.target])
    heights = [left[one.sources[0]] for one in order]
    assert heights == sorted(heights)


def test_the_heat_map_shows_shares_of_the_best():
    transfers = [
        Transfer("A", (), 0.6),
        Transfer("A", ("B",), 0.3),
        Transfer("B", ("C",), 0.2),
        Transfer("B", (), 0.4),
        Transfer("B", ("A", "C"), 0.9),
    ]
    targets, sources, shares = affinity_matrix(transfers)
    assert (targets, sources) == (["A", "B"], ["A", "B", "C"])
    np.testing.assert_allclose(shares, [[1, 0.5, np.nan], [np.nan, 1, 0.5]])
    figure = draw_heat_map(transfers)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["not measured"]


def test_the_heat_map_shows_the_best_of_many_sources(rng):
    values = rng.random((3, 50))
    transfers = [Transfer(f"t{i}", (f"s{j}",), values[i, j]) for i in range(3) for j in range(50)]
    _, sources, shares = affinity_matrix(transfers, most=7)
    means = (values / values.max(axis=1, keepdims=True)).mean(axis=0)
    assert sources == [f"s{j}" for j in np.argsort(-means)[:7]]
    assert shares.shape == (3, 7)
    assert "best 7 of 50" in draw_heat_map(transfers, 7).axes[0].get_title()


def test_the_curve_shows_optimum_greedy_and_limit(problem):
    found = answers(problem, [0, 1, 2, 3])
    figure = draw_budget_curve(found, solve(problem, float("inf")))
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines) == ["optimal choice", "greedy choice", "no budget limit"]
    assert lines["optimal choice"].get_xdata().tolist() == [1, 2, 3]
    expected = [one.best.objective / 22 for one in found[1:]]
    assert lines["optimal choice"].get_ydata().tolist() == pytest.approx(expected)
    with pytest.raises(InvalidInputError, match="Choose higher budgets"):
        draw_budget_curve(found[:1], found[-1].best)


def test_the_curve_shows_bounds_where_nothing_is_proven():
    values = np.random.default_rng(0).random((20, 1500))
    transfers = [
        Transfer(f"t{i}", (f"s{j}",), values[i, j]) for i in range(20) for j in range(1500)
    ]
    problem = make_problem(transfers)
    figure = draw_budget_curve(
        answers(problem, [3, 4], time_limit=0.2), solve(problem, float("inf"))
    )
    assert "bound, where not proven" in [line.get_label() for line in figure.axes[0].lines]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_pictures_are_the_same_on_every_run(tmp_path, problem, kind):
    solution = solve(problem, 4)
    paths = [tmp_path / f"{number}.{kind}" for number in range(2)]
    for path in paths:
        save_picture(path, lambda: draw_graph(solution))
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<?xml")


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"'a\.gif'"):
        save_picture(tmp_path / "a.gif", lambda: None)


def test_without_matplotlib_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UnavailableError, match=r"pip install 't2sbench\[plots\]'"):
        save_picture(tmp_path / "a.png", lambda: None)
