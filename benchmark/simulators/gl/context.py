"""A standalone OpenGL context through EGL: the driver of a GPU if present, else llvmpipe."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import UnavailableError

if TYPE_CHECKING:
    import moderngl

REMEDY = (
    "On Debian or Ubuntu: apt-get install libegl1 libgl1 libgl1-mesa-dri; on "
    "Fedora: dnf install mesa-libEGL mesa-libGL mesa-dri-drivers. GPU drivers include them."
)


def create_context(device: int = 0) -> moderngl.Context:
    """Create a context of OpenGL 3.3 or newer, without a window.

    Mesa's software rasteriser gets no threads of its own unless ``LP_NUM_THREADS`` is set: one
    process per core renders more images than several threads in one.

    Args:
        device: Number of the EGL device, on machines with several.

    Raises:
        UnavailableError: If EGL or a driver is missing; names the packages.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        import moderngl
    except ImportError as error:
        raise UnavailableError(
            f"Simulator 'gl' needs the package moderngl ({error}). "
            "Run: pip install 't2sbench[live]'."
        ) from error
    _watch_for_triton()
    try:
        settings: dict[str, Any] = {"backend": "egl", "device_index": device, **_libraries()}
        return moderngl.create_context(require=330, standalone=True, **settings)
    except Exception as error:  # glcontext raises bare exceptions
        raise UnavailableError(
            f"Cannot create an OpenGL 3.3 context through EGL ({error}). {REMEDY}"
        ) from error


class _TritonFinder(MetaPathFinder):
    """Loads Triton's library, bound to its own symbols, when Triton is about to be imported.

    Mesa makes the symbols of its LLVM global. Triton, which PyTorch's compiler and torchvision
    import, has a copy of LLVM inside; loaded the usual way, it binds to Mesa's symbols and crashes
    the process. Processes that never import Triton do not pay for its 70 MiB.
    """

    _loaded = False

    def find_spec(self, fullname: str, *_: object) -> None:
        """Return ``None``: the usual finders find the module."""
        if fullname != "triton" or self._loaded:
            return
        self._loaded = True
        triton = find_spec("triton")
        for folder in (triton and triton.submodule_search_locations) or ():
            for library in Path(folder, "_C").glob("libtriton*.so"):
                _can_load(str(library), os.RTLD_NOW | os.RTLD_DEEPBIND)


@functools.cache
def _watch_for_triton() -> None:
    sys.meta_path.insert(0, _TritonFinder())


def _libraries() -> dict[str, str]:
    """Names under which EGL and OpenGL can be loaded here.

    moderngl loads ``libGL.so`` by default, which only development packages contain.
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


def _can_load(name: str, mode: int = ctypes.DEFAULT_MODE) -> bool:
    try:
        ctypes.CDLL(name, mode)
    except OSError:
        return False
    return True
