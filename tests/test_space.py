import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.space import (
    PAPER_SPACE,
    Configuration,
    Parameter,
    ParameterSpace,
    contrasts,
    parse_tuple_key,
    space_from_json,
    tuple_key,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)


@st.composite
def spaces(draw: st.DrawFn) -> ParameterSpace:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    parameters = []
    for name in names:
        levels = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
        parameters.append(Parameter(name, tuple(levels)))
    return ParameterSpace(tuple(parameters))


@st.composite
def points(draw: st.DrawFn) -> tuple[ParameterSpace, Configuration]:
    space = draw(spaces())
    return space, Configuration(tuple(draw(st.integers(0, n - 1)) for n in space.shape))


@given(points())
def test_every_form_is_read_back(point):
    space, configuration = point
    assert space.parse(str(configuration)) == configuration
    assert space.parse(space.named(configuration)) == configuration
    assert space.at(space.index(configuration)) == configuration
    assert space_from_json(space.to_json()) == space


@given(spaces())
def test_enumeration_is_complete_in_index_order(space):
    listed = list(space)
    assert len(listed) == len(set(listed)) == space.size
    assert [space.index(c) for c in listed] == list(range(space.size))
    assert sorted(map(str, listed)) == list(map(str, listed))
    assert [tuple(row) for row in space.level_matrix()] == [c.levels for c in listed]


@given(st.integers(0, 255))
def test_released_keys_are_read_back(index):
    configuration = PAPER_SPACE.at(index)
    assert parse_tuple_key(tuple_key(configuration)) == configuration
    assert PAPER_SPACE.parse(tuple_key(configuration)) == configuration


def test_released_key_fields_are_where_the_generator_puts_them():
    # Order of the released key: background, blur, colour, direction, intensity, materials,
    # camera pose, rotation, distance. One switch at a time, typed independently.
    expected = {
        "object_rotation": "0_0_0_0_0_1_0_1_0",
        "object_distance": "0_0_0_0_0_1_0_0_1",
        "light_intensity": "0_0_0_0_1_1_0_0_0",
        "light_colour": "0_0_1_0_0_1_0_0_0",
        "light_direction": "0_0_0_1_0_1_0_0_0",
        "focus_blur": "0_1_0_0_0_1_0_0_0",
        "background": "1_0_0_0_0_1_0_0_0",
        "materials": "0_0_0_0_0_3_0_0_0",
    }
    for name, key in expected.items():
        assert tuple_key(PAPER_SPACE.parse(f"{name}=1")) == key


def test_a_named_level_and_a_number_are_the_same():
    assert PAPER_SPACE.parse("focus_blur=random") == PAPER_SPACE.parse("focus_blur=1")


@pytest.mark.parametrize(
    "text", ["", "0110110", "011011012", "01101109", "9_9", "0_1_0_1_1_2_0_0_1"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidInputError, match="is not a"):
        PAPER_SPACE.parse(text)


def test_unknown_names_and_levels_are_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'light_colour'"):
        PAPER_SPACE.parse("light_color=1")
    with pytest.raises(UnknownNameError, match="Did you mean 'random'"):
        PAPER_SPACE.parse("light_colour=randon")


@given(st.text(max_size=20))
def test_any_text_gives_a_point_or_our_error(text):
    with contextlib.suppress(InvalidInputError):
        assert PAPER_SPACE.parse(text) in PAPER_SPACE


@pytest.mark.parametrize(
    "wrong", [Configuration((0, 1)), Configuration((2,) * 8), "01101101", None]
)
def test_check_refuses_what_is_no_point(wrong):
    with pytest.raises(InvalidInputError, match="2x2x2x2x2x2x2x2 space"):
        PAPER_SPACE.check(wrong)


def test_spaces_refuse_repeated_names_and_single_levels():
    fog = Parameter("fog", ("off", "on"))
    with pytest.raises(InvalidInputError, match="distinct names"):
        ParameterSpace((fog, fog))
    with pytest.raises(InvalidInputError, match="2 to 36 distinct levels"):
        Parameter("fog", ("off",))
    with pytest.raises(InvalidInputError, match="parameter name"):
        Parameter("Fog!", ("off", "on"))


@pytest.mark.parametrize("level", ["", "a,b", "a=b", " thin", "thin ", "a|b", "a\nb"])
def test_levels_that_no_form_can_hold_are_refused(level):
    with pytest.raises(InvalidInputError, match="fog"):
        Parameter("fog", ("off", level))


FOG = Parameter("fog", ("none", "random", "thick"), most_varied="random")


def test_the_most_varied_level_is_declared_or_the_last_one():
    space = ParameterSpace((PAPER_SPACE.parameters[0], FOG))
    assert str(space.most_varied) == "11"
    assert space_from_json(space.to_json()) == space
    assert "most_varied" not in str(PAPER_SPACE.to_json()), "digests of tables contain this form"
    assert Parameter("fog", FOG.levels, most_varied="thick") == Parameter("fog", FOG.levels)
    assert Parameter("fog", FOG.levels) != FOG
    with pytest.raises(UnknownNameError, match="Did you mean 'random'"):
        Parameter("fog", FOG.levels, most_varied="randm")


def test_a_level_with_the_name_of_another_ones_number_is_read_by_name():
    space = ParameterSpace((Parameter("views", ("2", "1", "4")),))
    for configuration in space:
        assert space.parse(space.named(configuration)) == configuration
    assert space.parse("views=0") == Configuration((0,))


def test_single_changes_are_all_levels_after_the_first():
    space = ParameterSpace((PAPER_SPACE.parameters[0], FOG))
    assert [(name, str(c)) for name, c in space.single_changes()] == [
        ("object_rotation", "10"),
        ("fog=random", "01"),
        ("fog=thick", "02"),
    ]


def test_spaces_too_large_for_contrasts_are_refused_before_memory_is_full():
    with pytest.raises(InvalidInputError, match="59,049 configurations"):
        contrasts((3,) * 10)
