import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.simulators.shapes.genes import FINISHES, Genes, finish

_UNIT = st.floats(0, 1)


def drawn(seed=0, variant=0, name="00", variants=4):
    genes = Genes(seed, "family", variant, variants, name)
    structure = (genes.kind(*range(4)), genes.pick(*range(100)), genes.count(0, 99))
    return structure, [genes.size(0, 1) for _ in range(40)], genes.stretch()


def test_objects_of_a_category_share_structure_but_not_sizes():
    (first, sizes, stretch), (second, others, other) = drawn(name="00"), drawn(name="01")
    assert first == second
    assert sizes != others
    assert stretch != other


def test_draws_depend_on_every_part_of_the_key():
    keys = [(0, 0, "00"), (1, 0, "00"), (0, 1, "00"), (0, 0, "01")]
    assert len({tuple(drawn(*key)[1]) for key in keys}) == 4
    assert drawn(1, 2, "03") == drawn(1, 2, "03")


@pytest.mark.parametrize("variants", [1, 2, 3, 6])
def test_variants_of_a_family_take_different_strata(variants):
    rows = [drawn(variant=v, variants=variants)[0] for v in range(variants)]
    for column in list(zip(*rows, strict=True))[1:]:
        assert sorted(value * variants // 100 for value in column) == list(range(variants))


def test_kinds_are_taken_in_turn():
    kinds = [Genes(0, "x", v, 5, "00").kind("a", "b") for v in range(5)]
    assert kinds == ["a", "b", "a", "b", "a"]


@given(st.integers(0, 2**31), st.integers(0, 9))
def test_sizes_stay_in_their_range(seed, number):
    genes = Genes(seed, "x", 0, 1, str(number))
    values = np.array([genes.size(2, 3) for _ in range(100)])
    assert values.min() >= 2
    assert values.max() <= 3


@given(
    st.sampled_from(sorted(FINISHES)),
    st.integers(0, 3),
    st.lists(st.floats(0, 0.999), min_size=5, max_size=5),
    st.lists(st.floats(-1, 1), min_size=5, max_size=5),
)
def test_finishes_stay_in_their_ranges(name, slot, draws, moves):
    kind = FINISHES[name]
    surface = finish(kind, slot, draws, moves)
    assert kind.value[0] - 1e-9 <= max(surface.colour) <= kind.value[1] + 1e-9
    assert min(surface.colour) >= 0
    assert kind.roughness[0] <= surface.roughness <= kind.roughness[1]
    if kind.materials is None:
        assert surface.material is None
    else:
        assert kind.materials[0] <= surface.material < kind.materials[1]


def test_slots_of_an_object_get_distant_hues():
    genes = Genes(0, "x", 0, 1, "00")
    colours = [genes.surfaces[genes.paint("paint")].colour for _ in range(4)]
    gaps = [np.abs(np.subtract(a, b)).max() for i, a in enumerate(colours) for b in colours[:i]]
    assert min(gaps) > 0.1
