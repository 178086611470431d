"""A parameter space of one's own: a switch with three levels, and a new parameter.

See "Parameters of your own" in docs/adding-a-simulator.md.
"""

from dataclasses import replace

from benchmark.simulators.draws import (
    AnyBackground,
    AnyRotation,
    Around,
    Blur,
    Colour,
    Fixed,
    Uniform,
    UpperDirection,
)
from benchmark.simulators.gl.simulator import GlSimulator
from benchmark.simulators.interface import Rendering
from benchmark.space import Parameter, ParameterSpace

SPACE = ParameterSpace(
    (
        Parameter("lighting", ("fixed", "random")),
        Parameter("focus_blur", ("none", "weak", "strong")),
        Parameter("fog", ("none", "random", "thick"), most_varied="random"),
    )
)
DRAWS = {
    # One parameter for three quantities of the paper; without a draw they have their reference.
    "lighting": (
        {},
        {
            "light_intensity": Around(1.0, 0.6),
            "light_colour": Colour(),
            "light_direction": UpperDirection(),
        },
    ),
    # A switch of the paper with three levels. A larger f-number is a weaker blur.
    "focus_blur": (Fixed(None), Blur(aperture=(2.0, 4.0)), Blur(aperture=(0.5, 1.2))),
    # A new quantity; scenes have it in ``extras``.
    "fog": (Fixed(0.0), Uniform(0.0, 0.8), Fixed(0.6)),
    # Not parameters: random in every configuration.
    "object_rotation": (AnyRotation(),),
    "background": (AnyBackground(),),
}
GREY = 200


class FoggyGl(GlSimulator):
    """The embedded simulator behind fog: a grey veil of the scene's density."""

    name = "foggy"
    version = "1"
    capabilities = replace(GlSimulator.capabilities, space=SPACE, draws=DRAWS)

    def render(self, scenes):
        for rendering in super().render(scenes):
            fog = rendering.scene.extras["fog"]
            pixels = (1 - fog) * rendering.pixels + fog * GREY
            yield Rendering(rendering.scene, pixels.round().astype("uint8"))


SIMULATORS = {"foggy": FoggyGl}
