"""``import t2sbench`` is cheap, and offers what it says."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import t2sbench as t2s


def test_nothing_heavy_is_imported():
    code = (
        "import sys; import t2sbench; assert t2sbench.__version__; t2sbench.tasks; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "torch", "scipy", "pydantic"} & set(done.stdout.split())


def test_every_public_name_is_lazy_documented_and_known_to_type_checkers():
    assert dir(t2s) == sorted(t2s.__all__)
    tree = ast.parse(Path(t2s.__file__).read_text())
    blocks = [n for n in tree.body if isinstance(n, ast.If)]
    typed = {
        a.name for b in blocks for n in b.body if isinstance(n, ast.ImportFrom) for a in n.names
    }
    assert typed == set(t2s.__all__) - {"__version__"}
    for name in t2s.__all__:
        assert getattr(t2s, name).__doc__
    assert t2s.__version__ == metadata.version("t2sbench")
    assert (Path(t2s.__file__).parent / "py.typed").is_file()


def test_every_public_name_is_on_the_page_on_python():
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    assert [n for n in t2s.__all__ if n != "__version__" and not re.search(rf"\b{n}\b", page)] == []


def test_python_m_t2sbench_is_the_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "t2sbench", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["t2sbench", t2s.__version__]
