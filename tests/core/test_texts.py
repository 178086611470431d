"""Text of unknown origin on streams."""

import io
import json

import pytest

from benchmark.core.texts import VisibleStream, visible

HOSTILE = {"a\x9b\x1b\u202e\U000e0001\u00e9": "\x7f\xad\x00\u2028 plain"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_json_remains_json_of_the_same_value(encoding, ensure_ascii):
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding=encoding)
    VisibleStream(stream).write(json.dumps(HOSTILE, ensure_ascii=ensure_ascii, indent=1))
    stream.flush()
    shown = content.getvalue().decode(encoding)
    assert json.loads(shown) == HOSTILE
    assert visible(shown.replace("\n", "")) == shown.replace("\n", "")
