"""Tests that every simulator must pass; inherit them in a test suite.

Example:
    In ``test_my_simulator.py``, run by pytest::

        from benchmark.testing import SimulatorContract
        from my_package import MySimulator


        class TestMySimulator(SimulatorContract):
            def make(self):
                return MySimulator()
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import UnavailableError, UnknownNameError
from benchmark.rendering.sheets import decoded
from benchmark.simulators.interface import Simulator, opened
from benchmark.simulators.sampling import SceneSampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.scene import Scene
    from benchmark.space import Configuration

_SIZE = 48
_TOLERANCE = 3.0  # mean levels; engines that promise scenes only may differ by so much


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


class SimulatorContract:
    """Contract of a simulator; each ``test_`` method checks one rule.

    Override :meth:`make`. Every test renders a few small images.
    """

    def make(self) -> Simulator:
        """A fresh simulator, not open.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return a simulator that is not open.")

    @contextmanager
    def started(self) -> Iterator[Simulator]:
        """An open simulator."""
        with opened(self.make()) as simulator:
            yield simulator

    def scenes(
        self,
        simulator: Simulator,
        configuration: Configuration,
        count: int = 4,
        *,
        category: int = 0,
        size: int = _SIZE,
    ) -> list[Scene]:
        """The first images of a category's first object."""
        catalog = simulator.assets()
        sampler = SceneSampler(simulator.capabilities, configuration, catalog, seed=3, size=size)
        name = catalog.categories[category % len(catalog.categories)]
        return [sampler.scene(name, catalog.names(name)[0], index) for index in range(count)]

    def images(self, simulator: Simulator, scenes: Sequence[Scene]) -> NDArray[np.uint8]:
        """Rendered scenes, uint8 ``(n, size, size, 3)``."""
        return np.stack([decoded(rendering.pixels) for rendering in simulator.render(scenes)])

    def same(
        self, simulator: Simulator, first: NDArray[np.uint8], second: NDArray[np.uint8]
    ) -> bool:
        """True if images are equal, as far as the simulator promises."""
        if simulator.capabilities.deterministic == "pixels":
            return bool((first == second).all())
        difference = np.abs(first.astype(int) - second.astype(int))
        return bool(difference.mean(axis=(1, 2, 3)).max() <= _TOLERANCE)

    def test_assets_need_no_engine(self) -> None:
        """``assets`` works before ``open`` and says the same afterwards."""
        simulator = self.make()
        before = simulator.assets().digest
        with opened(simulator):
            after = simulator.assets().digest
        _require(before == after == self.make().assets().digest, "assets() changed")

    def test_a_closed_simulator_refuses(self) -> None:
        """Rendering before ``open`` and after ``close`` raises UnavailableError."""
        simulator = self.make()
        scenes = self.scenes(simulator, simulator.capabilities.space.at(0), 1)
        self._require_refusal(simulator, scenes)
        simulator.open()
        simulator.open()
        list(simulator.render(scenes))
        simulator.close()
        simulator.close()
        self._require_refusal(simulator, scenes)

    @staticmethod
    def _require_refusal(simulator: Simulator, scenes: Sequence[Scene]) -> None:
        try:
            list(simulator.render(scenes))
        except UnavailableError:
            return
        raise AssertionError("a simulator that is not open rendered a scene")

    def test_images_have_the_asked_form(self) -> None:
        """Images come in order, in the size of their scene, and show something."""
        with self.started() as simulator:
            varied = simulator.capabilities.space.most_varied
            for size in (32, _SIZE):
                scenes = self.scenes(simulator, varied, size=size)
                renderings = list(simulator.render(scenes))
                _require([r.scene for r in renderings] == scenes, "scenes came back out of order")
                for rendering in renderings:
                    image = decoded(rendering.pixels)
                    _require(image.shape == (size, size, 3), f"shape {image.shape}, size {size}")
                    _require(image.dtype == np.uint8, f"dtype {image.dtype}")
                    _require(int(np.ptp(image)) > 10, "an image of one grey")

    def test_drivers_are_named(self) -> None:
        """``driver`` maps text to text and is not empty."""
        with self.started() as simulator:
            driver = simulator.driver()
            named = all(isinstance(k, str) and isinstance(v, str) for k, v in driver.items())
            _require(bool(driver) and named, f"driver() returned {driver!r}")

    def test_rendering_again_is_the_same(self) -> None:
        """The same scenes give the same images: again, after ``reset``, in a new engine."""
        with self.started() as simulator:
            scenes = self.scenes(simulator, simulator.capabilities.space.most_varied)
            first, second = (self.images(simulator, scenes) for _ in range(2))
            _require(self.same(simulator, first, second), "rendering twice gave two images")
            simulator.reset()
            _require(self.same(simulator, first, self.images(simulator, scenes)), "reset changed")
        with self.started() as other:
            _require(self.same(other, first, self.images(other, scenes)), "a new engine changed")

    def test_order_does_not_matter(self) -> None:
        """A scene is the same alone, in a batch, and in another order."""
        with self.started() as simulator:
            varied = simulator.capabilities.space.most_varied
            scenes = self.scenes(simulator, varied) + self.scenes(simulator, varied, category=1)
            together = self.images(simulator, scenes)
            backwards = self.images(simulator, scenes[::-1])[::-1]
            alone = np.concatenate([self.images(simulator, [scene]) for scene in scenes])
            _require(self.same(simulator, together, backwards), "the order changed an image")
            _require(self.same(simulator, together, alone), "a batch changed an image")

    def test_nothing_leaks_into_the_next_scene(self) -> None:
        """After any configuration, the plain scene looks as it did before."""
        with self.started() as simulator:
            space = simulator.capabilities.space
            plain = self.scenes(simulator, space.at(0), 1)
            before = self.images(simulator, plain)
            for name, configuration in space.single_changes():
                self.images(simulator, self.scenes(simulator, configuration))
                after = self.images(simulator, plain)
                _require(self.same(simulator, before, after), f"{name} leaks")

    def test_every_level_acts(self) -> None:
        """Equal scenes give equal images; every two levels of a parameter give different ones."""
        with self.started() as simulator:
            space = simulator.capabilities.space
            (first,) = self.scenes(simulator, space.at(0), 1)
            again = self.images(simulator, [replace(first, index=index) for index in range(4)])
            _require(self.same(simulator, again[1:], again[:-1]), "equal scenes look different")
            points = {"first levels": space.at(0), **dict(space.single_changes())}
            images = {
                name: self.images(simulator, self.scenes(simulator, point, 6))
                for name, point in points.items()
            }
            for one, other in itertools.combinations(images, 2):
                _require(
                    not self.same(simulator, images[one], images[other]),
                    f"{one} and {other} look alike",
                )

    def test_unknown_assets_are_refused(self) -> None:
        """A scene with a name that the catalogue does not hold raises UnknownNameError."""
        with self.started() as simulator:
            (scene,) = self.scenes(simulator, simulator.capabilities.space.most_varied, 1)
            background = replace(scene.background, panorama="no such panorama")
            wrong = [
                replace(scene, category="no such category"),
                replace(scene, object="no such object"),
                replace(scene, background=background),
            ]
            if scene.materials:
                wrong.append(replace(scene, materials=("no such material",)))
            for bad in wrong:
                try:
                    list(simulator.render([bad]))
                except UnknownNameError:
                    continue
                raise AssertionError(f"{bad} was rendered")
