import builtins
import os
import subprocess
import sys

import pytest

from benchmark.core.errors import UnavailableError
from benchmark.simulators.gl.context import create_context


def test_a_context_names_its_renderer():
    context = create_context()
    try:
        assert context.version_code >= 330
        assert context.info["GL_RENDERER"]
    finally:
        context.release()


def test_missing_egl_names_the_packages(monkeypatch):
    import moderngl

    def broken(**options):
        raise RuntimeError("libEGL.so.1 not loaded")

    monkeypatch.setattr(moderngl, "create_context", broken)
    with pytest.raises(
        UnavailableError, match=r"libEGL.*apt-get install libegl1 libgl1 libgl1-mesa-dri"
    ):
        create_context()


def test_missing_package_names_it(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name == "moderngl":
            raise ImportError("No module named 'moderngl'")
        return real(name, *rest, **options)

    monkeypatch.delitem(sys.modules, "moderngl", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnavailableError, match=r"moderngl.*t2sbench\[live\]"):
        create_context()


def test_a_device_that_is_not_there_is_an_error():
    """In a process of its own: a driver may keep what a failed start left behind."""
    code = (
        "from benchmark.simulators.gl.context import create_context\n"
        "from benchmark.core.errors import UnavailableError\n"
        "try:\n    create_context(99)\nexcept UnavailableError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "index 99" in done.stdout


def test_torch_may_be_loaded_after_a_picture(simulator_cache, tmp_path):
    """Mesa and Triton each contain LLVM; without care the process ends with SIGSEGV."""
    code = (
        "import t2sbench as t2s\n"
        f"t2s.render('00000000', r'{tmp_path / 'set'}', classes=1, images_per_class=1, size=32,"
        " workers=1)\n"
        "import torchvision, torch._dynamo\n"
        "print('alive')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "alive" in done.stdout


def test_users_thread_settings_are_kept(monkeypatch):
    monkeypatch.setenv("LP_NUM_THREADS", "3")
    create_context().release()
    assert os.environ["LP_NUM_THREADS"] == "3"


def test_runtime_libraries_suffice(monkeypatch):
    """Without development packages there is no ``libGL.so``, only ``libGL.so.1``."""
    import moderngl

    from benchmark.simulators.gl import context

    asked = {}
    monkeypatch.setattr(context, "_can_load", lambda name: name.endswith((".1", ".0")))
    monkeypatch.setattr(moderngl, "create_context", lambda **options: asked.update(options))
    create_context()
    assert (asked["libegl"], asked["libgl"]) == ("libEGL.so.1", "libGL.so.1")
    assert not context._can_load("libGL.so")


def test_nothing_to_load_leaves_the_choice_to_moderngl(monkeypatch):
    from benchmark.simulators.gl import context

    monkeypatch.setattr(context, "_can_load", lambda name: False)
    assert context._libraries() == {}
