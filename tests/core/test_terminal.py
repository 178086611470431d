import io

import pytest

from benchmark.core.terminal import tracked


@pytest.mark.parametrize("is_terminal", [False, True])
def test_progress_is_shown_on_terminals_only(is_terminal, monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stderr", stream)
    assert list(tracked(range(3), "rows")) == [0, 1, 2]
    assert bool(stream.getvalue()) == ("rows" in stream.getvalue()) == is_terminal
