"""Progress displays: time left."""

from types import SimpleNamespace

import pytest

from benchmark.cli import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def plan(**cells):
    """A plan with so many cells under each protocol."""
    units = [
        SimpleNamespace(
            context=SimpleNamespace(
                scorer=SimpleNamespace(
                    source=SimpleNamespace(id="mini"), protocol=SimpleNamespace(name=name)
                )
            ),
            cells=range(count),
        )
        for name, count in cells.items()
    ]
    return SimpleNamespace(units=units, n_cells=sum(cells.values()))


def record(protocol):
    """A finished cell."""
    return SimpleNamespace(
        method=SimpleNamespace(label="random"),
        task=SimpleNamespace(name="USPS"),
        seed=0,
        error=None,
        source=SimpleNamespace(id="mini"),
        protocol=SimpleNamespace(name=protocol),
    )


def test_time_left_counts_cells_of_each_protocol_at_their_own_speed(clock, capfd):
    with progress.RunDisplay() as display:
        display.add(plan(knn5=10, finetune=10))
        for _ in range(10):  # 1 s each
            clock[0] += 1
            display.on_record(record("knn5"))
        assert "[10/20]" in capfd.readouterr().err
        clock[0] += 100  # one cell of another kind
        display.on_record(record("finetune"))
        clock[0] += 100
        display.on_record(record("finetune"))
    assert "[12/20] random on USPS, seed 0, 13 min left" in capfd.readouterr().err  # 8 x 100 s


def test_time_left_covers_later_plans_and_ends_with_the_last_cell(clock, capfd):
    with progress.RunDisplay() as display:
        display.add(plan(knn5=2))
        clock[0] += 60
        display.on_record(record("knn5"))
        assert "1.0 min left" in capfd.readouterr().err
        display.add(plan(knn5=2))
        clock[0] += 60
        display.on_record(record("knn5"))
        assert "2.0 min left" in capfd.readouterr().err
        for _ in range(2):
            clock[0] += 60
            display.on_record(record("knn5"))
    assert "left" not in capfd.readouterr().err.splitlines()[-1]
