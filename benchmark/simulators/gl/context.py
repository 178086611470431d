"""A standalone OpenGL context through EGL: a GPU's driver where there is one, else llvmpipe."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import UnavailableError

if TYPE_CHECKING:
    import moderngl

REMEDY = (
    "On Debian or Ubuntu: apt-get install libegl1 libgl1 libgl1-mesa-dri; on "
    "Fedora: dnf install mesa-libEGL mesa-libGL mesa-dri-drivers. A GPU's driver brings its own."
)


def create_context(device: int = 0) -> moderngl.Context:
    """A new context of OpenGL 3.3 or newer, without a window.

    Mesa's software rasteriser gets no threads of its own unless ``LP_NUM_THREADS`` says otherwise:
    one process per core renders more images than several threads in one.

    Args:
        device: Number of the EGL device, on machines with several.

    Raises:
        UnavailableError: When EGL or a driver is missing, naming the packages.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        import moderngl
    except ImportError as error:
        raise UnavailableError(
            f"Expected the package moderngl, but got: {error}. Run: pip install 't2sbench[live]'."
        ) from error
    try:
        settings: dict[str, Any] = {"backend": "egl", "device_index": device, **_libraries()}
        return moderngl.create_context(require=330, standalone=True, **settings)
    except Exception as error:  # glcontext raises bare exceptions
        raise UnavailableError(
            f"Expected an OpenGL 3.3 context through EGL, but got: {error}. {REMEDY}"
        ) from error


def _libraries() -> dict[str, str]:
    """The names under which EGL and OpenGL can be loaded here.

    moderngl asks for ``libGL.so``, which only development packages bring.
    """
    candidates = {
        "libegl": ("libEGL.so.1", "libEGL.so"),
        "libgl": ("libGL.so.1", "libOpenGL.so.0", "libGL.so"),
    }
    found = {}
    for library, names in candidates.items():
        loadable = next((name for name in names if _can_load(name)), None)
        if loadable is not None:
            found[library] = loadable
    return found


def _can_load(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
