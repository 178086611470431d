from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.pipeline.profiles import (
    PACKAGED,
    expand,
    find_profile,
    parse_changes,
    read_profiles,
)
from benchmark.pipeline.settings import LiveSettings, build_simulator, dataset_request
from benchmark.pretraining.recipes import find_recipe
from benchmark.simulators.toy import ToySimulator

MINE = """\
schema: 1
profiles:
  - {name: mine, simulator: toy, classes: 4, images_per_class: 5, size: 32, network: mini-resnet,
     recipe: mini}
"""


@pytest.mark.parametrize("profile", read_profiles()[0], ids=lambda profile: profile.name)
def test_every_profile_names_what_exists(profile, simulator_cache):
    from benchmark.pretraining.networks import build_backbone

    assert profile.size >= find_recipe(profile.recipe).image_size
    simulator = build_simulator(profile)
    request = dataset_request(profile, simulator, simulator.capabilities.space.at(0), seed=0)
    assert len(request) == profile.n_images
    if profile.network == "mini-resnet":
        build_backbone(profile.network, 0)


@pytest.mark.parametrize("sweep", read_profiles()[1], ids=lambda sweep: sweep.name)
def test_every_point_of_a_sweep_is_a_profile_of_its_own(sweep):
    profiles = [find_profile(*pair) for pair in expand(sweep.name, {})]
    assert len({profile.digest for profile in profiles}) == len(sweep.points) == len(profiles)


def test_the_papers_profiles_have_its_sizes():
    assert find_profile("paper-100c-40k").n_images == 40_000
    assert find_profile("paper-237c-100k").classes == 237
    assert abs(find_profile("paper-237c-100k").n_images - 100_000) < 237
    small, large = find_profile("mini"), find_profile("mini-95c-10k")
    assert large.classes / small.classes == pytest.approx(2.37, abs=0.01)
    assert large.n_images / small.n_images == pytest.approx(2.5, abs=0.02)
    kept = {"classes": 95, "images_per_class": 106}
    assert small.changed(kept).digest == large.digest


def test_name_and_summary_are_not_part_of_the_digest():
    mini = find_profile("mini")
    other = mini.model_copy(update={"name": "x", "summary": "y"})
    assert other.digest == mini.digest
    assert mini.changed({"classes": 41}).digest != mini.digest


def test_a_users_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    assert find_profile(str(path)).name == "mine"
    assert find_profile(str(path), {"size": 40}).size == 40


def test_a_faulty_file_lists_all_faults_with_lines(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace("size: 32", "sise: 32").replace("classes: 4", "classes: 1"))
    with pytest.raises(InvalidFileError) as raised:
        find_profile(str(path))
    text = str(raised.value)
    assert "line 3" in text
    assert "Did you mean 'size'" in text
    assert len(raised.value.faults) >= 2


SEVERAL = """\
  - {name: other, simulator: toy, classes: 5, images_per_class: 5, size: 32, network: mini-resnet,
     recipe: mini}
sweeps:
  - {name: more, profile: mine, points: [{classes: 6}, {evaluation.finetune_epochs: 2}]}
  - {name: fewer, profile: mini, points: [{classes: 3}]}
"""


def test_a_file_holds_several_profiles_and_series(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE + SEVERAL)
    names = [find_profile(*pair).name for pair in expand(str(path), {"size": 40})]
    assert names == [
        "mine+size=40",
        "other+size=40",
        "mine+classes=6,size=40",
        "mine+evaluation.finetune_epochs=2,size=40",
        "mini+classes=3,size=40",
    ]
    assert find_profile(f"{path}:other").classes == 5
    assert [find_profile(*pair).classes for pair in expand(f"{path}:more", {})] == [6, 4]
    with pytest.raises(InvalidInputError, match=r"5 profiles.*FILE\.yaml:NAME"):
        find_profile(str(path))
    with pytest.raises(UnknownNameError, match=r"mine\.yaml.*Did you mean 'other'"):
        find_profile(f"{path}:othr")


@pytest.mark.parametrize(
    ("text", "fault"),
    [(MINE + SEVERAL.replace("other", "mine"), "mine"), ("schema: 1\n", "no profile")],
)
def test_a_file_without_or_with_repeated_names_is_faulty(tmp_path, text, fault):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFileError, match=fault):
        expand(str(path), {})


def test_changes_of_grouped_fields():
    mini = find_profile("mini")
    changed = find_profile("mini", {"evaluation.finetune_epochs": 1, "simulator_options.a": 2})
    assert changed.name == "mini+evaluation.finetune_epochs=1,simulator_options.a=2"
    assert changed.evaluation == mini.evaluation.model_copy(update={"finetune_epochs": 1})
    assert changed.simulator_options == {"a": "2"}
    assert (mini.evaluation.finetune_epochs, mini.simulator_options) == (8, {})
    for name, field in (("evaluation", "evaluation."), ("evaluation.epochs", "finetune_epochs")):
        with pytest.raises(UnknownNameError, match=field):
            find_profile("mini", {name: 1})
    with pytest.raises(InvalidInputError, match="finetune_epochs=0"):
        find_profile("mini", {"evaluation.finetune_epochs": 0})
    for name in ("images_per_class", "evaluation.linear_min_steps"):  # counts fit in 64 bits
        with pytest.raises(InvalidInputError, match=f"{name}={2**31}"):
            find_profile("mini", {name: 2**31})


def test_values_that_a_profile_has_are_no_changes():
    assert find_profile("mini", {"classes": 40, "evaluation.precision": "auto"}).name == "mini"


def test_mistyped_names_get_a_hint():
    with pytest.raises(UnknownNameError, match="Did you mean 'mini'"):
        find_profile("mimi")
    with pytest.raises(UnknownNameError, match="Did you mean 'classes'"):
        find_profile("mini", {"clases": 3})
    with pytest.raises(UnknownNameError, match="Did you mean 'mini-by-images'"):
        find_profile("mini-by-image")
    with pytest.raises(InvalidInputError, match="classes=1"):
        find_profile("mini", {"classes": 1})
    with pytest.raises(InvalidInputError, match="FIELD=VALUE"):
        parse_changes(["classes"])


def test_the_file_is_part_of_the_package():
    assert PACKAGED.is_file()
    assert PACKAGED.parent == Path(expand.__code__.co_filename).parent


def test_a_changed_file_is_read_anew(tmp_path):
    """Of one process, such as a notebook."""
    file = tmp_path / "mine.yaml"
    text = "schema: 1\nprofiles: [{name: one, classes: CLASSES, images_per_class: 4, size: 32, "
    text += "network: mini-resnet, recipe: mini}]\n"
    for classes in (2, 3):
        file.write_text(text.replace("CLASSES", str(classes)))
        assert find_profile(str(file)).classes == classes


def test_assets_that_are_left_out_are_logged_once(monkeypatch, caplog):
    catalog = replace(ToySimulator().assets(), notes=("chair/bad.glb: left out",))
    monkeypatch.setattr(ToySimulator, "assets", lambda _self: catalog)
    for _ in range(2):
        LiveSettings(profile="mini", changes={"simulator": "toy", "classes": 4}).source_digest()
    assert [r.getMessage() for r in caplog.records].count("Note: chair/bad.glb: left out") == 1
