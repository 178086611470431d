"""Pictures, README and report of a recommendation."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import StorageError
from benchmark.core.files import indented_json, write_bytes, write_text
from benchmark.core.processes import worker_pool
from benchmark.recommend.results import (
    FACTS,
    RANDOMIZED,
    RECOMMENDED,
    REPORT,
    SHEET,
    STANDARD,
    STANDARD_SHEET,
    UNTRAINED,
    Choice,
    Facts,
    Score,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from benchmark.recommend.scores import Interval
    from benchmark.simulators.registry import SimulatorChoice
    from benchmark.tasks.task_data import TaskData

_TEMPLATE = "report.html.j2"
_ROWS, _COLUMNS, _SIDE = 4, 8, 96  # of a contact sheet
_THUMBNAILS, _THUMBNAIL_SIDE = 24, 72
_QUALITY = 86
_PROTOCOLS = {
    "knn5": "5 nearest neighbours on frozen features",
    "linear": "a linear classifier on frozen features",
}
_NETWORKS = {
    RECOMMENDED: "pre-trained on the recommended images",
    STANDARD: "pre-trained on the configuration that is best on average (single-best)",
    RANDOMIZED: "pre-trained on images with every parameter varied",
    UNTRAINED: "random weights",
}


def draw_sheets(simulator: SimulatorChoice, choice: Choice, folder: Path) -> None:
    """Draw contact sheets of the choice and, if it is another, of the standard configuration.

    Both show the same objects. Drawn by a process of its own; sheets that exist are kept.
    """
    wanted = [(choice.configuration, folder / SHEET)]
    if not choice.is_standard:
        wanted.append((choice.standard, folder / STANDARD_SHEET))
    missing = [(configuration, path) for configuration, path in wanted if not path.is_file()]
    if not missing:
        return
    remedy = "Check the simulator with 't2sbench doctor'."
    with worker_pool(1, remedy=remedy) as pool:
        names = [configuration for configuration, _ in missing]
        sheets = pool.submit(_sheets, simulator, names).result()
    for (_, path), sheet in zip(missing, sheets, strict=True):
        write_bytes(path, sheet)


def _sheets(choice: SimulatorChoice, configurations: list[str]) -> list[bytes]:
    from benchmark.rendering.sheets import configuration_sheet
    from benchmark.simulators.interface import opened

    with opened(choice.build()) as simulator:
        space = simulator.capabilities.space
        return [
            _encoded(
                configuration_sheet(
                    simulator, space.parse(text), rows=_ROWS, columns=_COLUMNS, size=_SIDE
                ),
                "PNG",
            )
            for text in configurations
        ]


def _encoded(image: Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=form, quality=_QUALITY)
    return stream.getvalue()


def about(facts: Facts) -> str:
    """Paragraphs of the README on images and choice, in Markdown."""
    choice, data = facts.choice, facts.dataset
    assert choice is not None  # noqa: S101 - made before the network
    assert data is not None  # noqa: S101
    gain = f" Expected gain over it: {shown_gain(choice.gain)}." if choice.gain else ""
    standard = "the standard choice itself" if choice.is_standard else f"not {choice.standard}"
    return (
        f"Pre-training images: configuration `{choice.configuration}` of simulator "
        f"{data.simulator}, chosen by {choice.method} from table {choice.table} for the images of "
        f"`{facts.task.name}` ({standard}, which is best on average over all tasks).{gain}\n\n"
        f"- `report.html`: the choice, pictures, and accuracies on held-out images\n"
        f"- `data/`: {data.images:,} images of {data.classes} classes at {data.size} pixels "
        f"(digest `{data.digest[:16]}`)\n"
        f"- `recommendation.json`: all figures\n"
        f"- `task2vec.safetensors`: vector of the task\n\n"
        f"Made by:\n\n```console\n$ {facts.command}\n```"
    )


def shown_gain(gain: Interval | None) -> str:
    """An expected gain in words.

    Example:
        >>> from benchmark.recommend.scores import Interval
        >>> shown_gain(Interval(mean=0.5, low=-1, high=2))
        '+0.5 points of 5-NN accuracy (95 % interval -1.0 to +2.0)'
    """
    if gain is None:
        return "not estimated by this method"
    if gain.low == gain.high == 0:
        return "0, as it is the same configuration"
    return (
        f"{gain.mean:+.1f} points of 5-NN accuracy (95 % interval {gain.low:+.1f} to "
        f"{gain.high:+.1f})"
    )


def verdict(ahead: Interval | None) -> str:
    """A difference of accuracies in one word or two.

    Example:
        >>> from benchmark.recommend.scores import Interval
        >>> verdict(Interval(mean=2, low=1, high=3)), verdict(Interval(mean=2, low=-1, high=3))
        ('better', 'no difference shown')
    """
    if ahead is None:
        return ""
    if ahead.low > 0:
        return "better"
    return "worse" if ahead.high < 0 else "no difference shown"


def write_report(facts: Facts, data: TaskData, folder: Path) -> None:
    """Write ``report.html``, which needs no other file, and ``recommendation.json``.

    Raises:
        StorageError: If the file system refuses.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benchmark.recommend", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template(_TEMPLATE).render(
        facts=facts,
        thumbnails=_thumbnails(data),
        sheet=_inlined(folder / SHEET),
        standard_sheet=_inlined(folder / STANDARD_SHEET) if _differs(facts) else "",
        protocols=_PROTOCOLS,
        networks=_NETWORKS,
        track=_track,
        span=_span,
        resolves=_resolves(facts),
        shown_gain=shown_gain,
        verdict=verdict,
        verdicts=_verdicts(facts),
    )
    write_text(folder / REPORT, page)
    write_facts(facts, folder)


def write_facts(facts: Facts, folder: Path) -> None:
    """Write ``recommendation.json``.

    Raises:
        StorageError: If the file system refuses.
    """
    write_bytes(folder / FACTS, indented_json(facts.model_dump(mode="json")))


def _verdicts(facts: Facts) -> dict[str, list[str]]:
    """Parts of a sentence on each protocol: the networks that the recommended one is ahead of."""
    words = {
        "better": "better than {}",
        "no difference shown": "no difference shown from {}",
        "worse": "worse than {}",
    }
    found: dict[str, list[str]] = {}
    for protocol in facts.evaluation.protocols if facts.evaluation else ():
        groups: dict[str, list[str]] = {word: [] for word in words}
        for score in facts.evaluation.of(protocol) if facts.evaluation else ():
            if score.ahead is not None:
                name = "random weights" if score.network == UNTRAINED else score.network
                groups[verdict(score.ahead)].append(name)
        found[protocol] = [
            words[word].format(_listed(names)) for word, names in groups.items() if names
        ]
    return found


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    Example:
        >>> _listed(["a"]), _listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _span(counts: Sequence[int]) -> str:
    """Smallest and largest of some numbers.

    Example:
        >>> _span([400, 400]), _span([3, 1200])
        ('400', '3 to 1,200')
    """
    ends = sorted({min(counts), max(counts)})
    return " to ".join(f"{end:,}" for end in ends)


def _resolves(facts: Facts) -> float:
    """Smallest half-width of a measured difference, points."""
    scores = facts.evaluation.scores if facts.evaluation else ()
    return min((s.ahead.high - s.ahead.mean for s in scores if s.ahead), default=0.0)


def _differs(facts: Facts) -> bool:
    return facts.choice is not None and not facts.choice.is_standard


def _track(scores: list[Score], score: Score) -> dict[str, float]:
    """Places of an interval on an axis that holds those of all networks, in per cent of it."""
    low = 5 * np.floor(min(one.accuracy.low for one in scores) / 5)
    high = 5 * np.ceil(max(one.accuracy.high for one in scores) / 5)
    ends = score.accuracy
    places = np.array([ends.low, ends.mean, ends.high, *score.accuracies]) - low
    shares = (100 * places / max(high - low, 1)).round(2).tolist()
    return {
        "low": shares[0],
        "mean": shares[1],
        "high": shares[2],
        "seeds": shares[3:],
        "from": float(low),
        "to": float(high),
    }


def _inlined(path: Path) -> str:
    """A picture as a data address, JPEG."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return _address(image.convert("RGB"))
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error}. Delete it; it is made again.") from error


def _address(image: Image) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(_encoded(image, 'JPEG')).decode()}"


def _thumbnails(data: TaskData) -> list[dict[str, Any]]:
    """A training image of each class, of evenly spread classes if there are many."""
    from benchmark.tasks.decoding import read_rgb, resized_square

    classes = len(data.class_names)
    chosen = np.unique(np.linspace(0, classes - 1, min(classes, _THUMBNAILS)).round().astype(int))
    train, test = data.pack.class_counts
    found = []
    for label in chosen.tolist():
        row = int(data.train[np.flatnonzero(data.labels[data.train] == label)[0]])
        square = resized_square(read_rgb(data.pack.image_bytes(row)), _THUMBNAIL_SIDE, margin=1)
        found.append(
            {
                "name": data.class_names[label],
                "picture": _address(square),
                "train": train[label],
                "test": test[label],
            }
        )
    return found
