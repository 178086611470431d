import inspect
import json
import sys
import types
from pathlib import Path

import pytest
from PIL import Image

from benchmark.cli.main import main
from benchmark.rendering.dataset import verify_dataset
from benchmark.tasks.pack import write_pack
from tests.pipeline.conftest import coloured

TOY = ("--simulator", "toy")
SMALL = ("render", *TOY, "--config", "01101101", "--classes", "3", "--images-per-class", "4",
         "--size", "16", "-j", "1")  # fmt: skip


def test_render_says_what_it_did(capsys):
    assert main([*SMALL, "-o", "set"]) == 0
    output = capsys.readouterr().out
    manifest = verify_dataset(Path("set"))
    assert "12 images in" in output
    assert "images/s" in output
    assert manifest["digest"] in output
    assert manifest["identity"]["categories"] == ["disc", "pair", "clover"]
    assert main([*SMALL, "-o", "set"]) == 0
    assert "12 images" in capsys.readouterr().out


def test_a_damaged_dataset_is_found_by_render_and_verify(capsys):
    assert main([*SMALL, "-o", "set"]) == 0
    digest = verify_dataset(Path("set"))["digest"]
    assert main(["verify", "set"]) == 0
    assert digest in capsys.readouterr().out
    (shard,) = Path("set/data").iterdir()
    content = shard.read_bytes()
    shard.write_bytes(content[:-9] + bytes(9))
    assert main(["verify", "set"]) == 1
    shard.write_bytes(content[:500])
    assert main([*SMALL, "-o", "set"]) == 2
    output = capsys.readouterr()
    assert digest not in output.out
    assert shard.name in output.err
    assert main(["verify", "nowhere"]) == 2


def test_classes_by_number_name_and_all():
    for text, expected in [("2", ["disc", "pair"]), ("star, disc", ["star", "disc"])]:
        assert main([*SMALL, "--classes", text, "-o", text]) == 0
        manifest = json.loads((Path(text) / "manifest.json").read_text())
        assert manifest["identity"]["categories"] == expected
    assert main([*SMALL, "--classes", "all", "-o", "all"]) == 0
    assert len(json.loads(Path("all/manifest.json").read_text())["identity"]["categories"]) == 8


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "0110110"], "8 digits, one per parameter"),
        (["--config", "01101102"], "8 digits"),
        (["--config", "light_color=1"], "Did you mean 'light_colour'"),
        (["--classes", "0"], "from 1 to 8 (got 0)"),
        (["--classes", "-3"], "from 1 to 8 (got -3)"),
        (["--classes", "9"], "from 1 to 8 (got 9)"),
        (["--classes", "starr"], "Did you mean 'star'"),
        (["--classes", " "], "--classes"),
        (["--images-per-class", "0"], "images_per_class"),
        (["--size", "9999"], "1024 pixels"),
        (["-j", "0"], "--jobs"),
        (["--quality", "0"], "quality"),
        (["--simulator", "toyy"], "Did you mean 'toy'"),
        (["-O", "categories=many"], "toy.categories must be int"),
        (["-O", "categories=9"], "from 1 to 8 (got 9)"),
        (["-O", "category=9"], "Did you mean 'categories'"),
        (["-O", "categories"], "NAME=VALUE"),
        (["-o", "/proc/set"], "/proc/set"),
        (["--plugin", "none.py"], "none.py"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, capsys):
    assert main([*SMALL, "-o", "set", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not Path("set").exists()


def test_notes_of_the_catalogue_are_shown(capsys, monkeypatch):
    from dataclasses import replace

    from benchmark.simulators.toy import ToySimulator

    plain = ToySimulator.assets
    monkeypatch.setattr(
        ToySimulator, "assets", lambda self: replace(plain(self), notes=("x.obj: no faces",))
    )
    assert main([*SMALL, "-o", "set"]) == 0
    assert "Note: x.obj: no faces" in capsys.readouterr().err
    assert json.loads(Path("set/manifest.json").read_text())["notes"] == ["x.obj: no faces"]


def hub(monkeypatch, upload):
    """A stand-in of ``huggingface_hub`` that accepts the calls that the library accepts."""
    real = pytest.importorskip("huggingface_hub")
    calls = {
        name: inspect.signature(getattr(real, name)) for name in ("create_repo", "upload_folder")
    }
    made = types.ModuleType("huggingface_hub")

    def create_repo(*args, **options):
        calls["create_repo"].bind(*args, **options)
        assert (options["repo_type"], options["exist_ok"]) == ("dataset", True)
        return f"https://hub/datasets/{args[0]}"

    def upload_folder(*args, **options):
        call = calls["upload_folder"].bind(*args, **options)
        upload(**call.arguments)

    made.create_repo, made.upload_folder = create_repo, upload_folder
    monkeypatch.setitem(sys.modules, "huggingface_hub", made)


def test_the_hub_gets_all_files_with_card_and_manifest(monkeypatch, capsys):
    pushed = []
    hub(monkeypatch, lambda **call: pushed.append(call))
    assert main([*SMALL, "-o", "set", "--push-to-hub", "me/set"]) == 0
    (call,) = pushed
    assert (call["repo_id"], call["repo_type"]) == ("me/set", "dataset")
    folder = Path(call["folder_path"])
    assert folder.samefile("set")
    assert {path.name for path in folder.iterdir()} == {"data", "README.md", "manifest.json"}
    assert "https://hub/datasets/me/set" in capsys.readouterr().out


def test_a_hub_that_refuses_is_an_error(monkeypatch, capsys):
    def refuse(**_call):
        raise OSError("401 Unauthorized")

    hub(monkeypatch, refuse)
    assert main([*SMALL, "-o", "set", "--push-to-hub", "me/set"]) == 2
    assert "401 Unauthorized" in capsys.readouterr().err
    assert verify_dataset(Path("set")), "the dataset itself is kept"


def test_a_damaged_dataset_is_not_uploaded(monkeypatch, capsys):
    hub(monkeypatch, lambda **_call: pytest.fail("uploaded"))
    assert main([*SMALL, "-o", "set"]) == 0
    shard = next(Path("set/data").glob("*.parquet"))
    shard.write_bytes(bytes(shard.stat().st_size))
    assert main([*SMALL, "-o", "set", "--push-to-hub", "me/set"]) == 1
    assert shard.name in capsys.readouterr().err


def test_a_category_of_a_users_simulator_is_shown_with_all_on(capsys):
    plugin = Path(__file__).parents[2] / "docs" / "examples" / "my_simulator.py"
    mine = ["--simulator", "discs", "--plugin", str(plugin)]
    assert main(["preview", "category", "disc", *mine, "--size", "24", "-o", "disc.png"]) == 0, (
        capsys.readouterr().err
    )
    assert Path("disc.png").is_file()


def test_a_missing_library_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main([*SMALL, "-o", "set", "--push-to-hub", "me/set"]) == 2
    assert "pip install 't2sbench[hub]'" in capsys.readouterr().err
    assert not Path("set").exists(), "named before any work"


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "11111111", "--rows", "2"],
        ["switches", "--category", "star"],
        ["category", "clover", "--config", "00000001"],
        ["library", "--limit", "3"],
    ],
)
def test_previews_are_pictures(arguments, capsys):
    assert (
        main(["preview", *arguments, *TOY, "--columns", "3", "--size", "24", "-o", "a/b.png"]) == 0
    )
    with Image.open("a/b.png") as image:
        assert image.width > 3 * 24
        assert len(image.getcolors(100_000) or []) > 10
    assert "a/b.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["config", "01"], "8 digits"),
        (["category", "stra"], "Did you mean 'star'"),
        (["switches", "--category", "nothing"], "category 'nothing'"),
        (["library", "-o", "sheet.txt"], "sheet.txt"),
        (["library", "-o", "/proc/sheet.png"], "Choose another --output"),
    ],
)
def test_bad_previews_are_one_sentence(arguments, sentence, capsys):
    assert main(["preview", arguments[0], *arguments[1:], *TOY]) == 2
    assert sentence in capsys.readouterr().err


def test_simulators_are_listed_and_shown(capsys):
    assert main(["ls", "simulators"]) == 0
    assert "toy" in capsys.readouterr().out
    assert main(["show", "gl"]) == 0
    output = capsys.readouterr().out
    assert "supersampling = 2" in output
    assert "light_colour (fixed|random)" in output


def test_a_sheet_of_a_source(tmp_path, capsys):
    target = tmp_path / "sheet.png"
    words = ["preview", "source", "fractals", "--rows", "2", "--columns", "3", "--size", "24"]
    assert main([*words, "-O", "density=2", "-o", str(target)]) == 0
    assert target.is_file()
    assert main(["preview", "source", "fractal", "-o", str(target)]) == 2
    assert "fractals" in capsys.readouterr().err
    assert main(["preview", "source", "fractals", "-o", str(tmp_path / "sheet.txt")]) == 2
    real = tmp_path / "real.parquet"
    write_pack(coloured(3, 90, 6), real)
    capsys.readouterr()
    assert main(["preview", "source", "retrieved", "--real-images", str(real), *words[3:]]) == 2
    assert "--task" in capsys.readouterr().err
    assert main(["preview", "source", f"mine={real}", *words[3:], "-o", str(target)]) == 0


def test_sources_are_listed_and_described(capsys):
    assert main(["ls", "sources"]) == 0
    listed = capsys.readouterr().out
    for name in ("fractals", "dead-leaves", "retrieved"):
        assert name in listed
    assert main(["show", "fractals"]) == 0
    shown = capsys.readouterr().out
    for fact in ("FractalDB", "CC0-1.0", "density = 6.0"):
        assert fact in shown
