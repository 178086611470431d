"""One shard of a dataset: a Parquet file, or the images of a part of an image folder."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import (
    canonical_json,
    digest,
    inside,
    regular_bytes,
    sha256_bytes,
    sha256_file,
    write_atomically,
    write_bytes,
)
from benchmark.rendering.request import DatasetRequest, Encoding, PlannedImage, shard_images
from benchmark.simulators.sampling import SceneSampler

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from benchmark.simulators.interface import Simulator

#: Folder of the markers of finished shards, inside the folder of an unfinished dataset.
MARKERS = ".shards"


class Shard(BaseModel):
    """A finished shard.

    Attributes:
        number: Position in the dataset, from 0.
        file: Path inside the dataset; the file of a Parquet shard, else ``train``.
        images: Number of images.
        bytes: Size of all its files.
        sha256: Digest of the file, or of the list of the images' names and digests.
        files: Path inside the dataset and digest of each image file (image folders only).
        driver: Driver that rendered it; not part of the digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    file: str
    images: int
    bytes: int
    sha256: str
    files: tuple[tuple[str, str], ...] = ()
    driver: Mapping[str, str] = {}


def shard_file(request: DatasetRequest, number: int) -> str:
    """Path of a Parquet shard inside its dataset, named as common loaders expect.

    Example:
        >>> from benchmark.space import PAPER_SPACE
        >>> from benchmark.simulators.registry import SimulatorChoice
        >>> shard_file(DatasetRequest(SimulatorChoice("toy", {}), PAPER_SPACE.at(0), ("a",), 5), 0)
        'data/train-00000-of-00001.parquet'
    """
    return f"data/train-{number:05d}-of-{request.n_shards:05d}.parquet"


Encoded = Iterator[tuple[PlannedImage, bytes]]


def encode(pixels: NDArray[np.uint8] | bytes, encoding: Encoding, quality: int) -> bytes:
    """Encode an image; bytes encoded by the simulator stay as they are.

    Args:
        pixels: uint8 ``(height, width, 3)`` sRGB, or encoded bytes.
        encoding: ``jpeg`` (4:2:0 chroma, as cameras write it) or ``png``.
        quality: JPEG quality, 1 to 100.

    Example:
        >>> import numpy as np
        >>> encode(np.zeros((8, 8, 3), dtype=np.uint8), "png", 0)[1:4]
        b'PNG'
    """
    if isinstance(pixels, bytes):
        return pixels
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if encoding == "jpeg":
        image.save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    else:
        image.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def encoder_version() -> str:
    """Name and version of the encoder; another one may write other bytes."""
    from PIL import __version__, features

    return f"Pillow {__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"


def render_images(
    request: DatasetRequest, simulator: Simulator, number: int, *, batch: int = 64
) -> Encoded:
    """Render the images of a shard in order, encoded."""
    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities,
        request.configuration,
        catalog,
        seed=request.seed,
        size=request.size,
    )
    planned = list(shard_images(request, catalog, number))
    for start in range(0, len(planned), batch):
        part = planned[start : start + batch]
        scenes = [sampler.scene(image.category, image.object, image.index) for image in part]
        for image, rendering in zip(part, simulator.render(scenes), strict=True):
            yield image, encode(rendering.pixels, request.encoding, request.quality)


def write_shard(
    request: DatasetRequest,
    folder: Path,
    number: int,
    images: Encoded,
    driver: Mapping[str, str],
) -> Shard:
    """Write a shard and then its marker; a shard without its marker counts as missing.

    Raises:
        StorageError: If the file system refuses.
    """
    write = _write_parquet if request.layout == "parquet" else _write_images
    shard = write(request, folder, number, images).model_copy(update={"driver": dict(driver)})
    write_bytes(_marker(folder, number), canonical_json(shard.model_dump()))
    return shard


def keep_shard(folder: Path, shard: Shard, files: Mapping[str, bytes]) -> Shard:
    """Write a shard that another process rendered, and then its marker.

    Raises:
        InvalidInputError: If a file belongs outside the folder.
        StorageError: If the file system refuses.
    """
    for name, content in files.items():
        write_bytes(inside(folder, name), content)
    write_bytes(_marker(folder, shard.number), canonical_json(shard.model_dump()))
    return shard


def read_shard(folder: Path, number: int) -> Shard | None:
    """Read a finished shard; ``None`` if it is missing, damaged or differs from its marker."""
    try:
        shard = Shard.model_validate_json(regular_bytes(_marker(folder, number)))
        return shard if shard.number == number and _is_whole(folder, shard) else None
    except (OSError, ValueError):  # pydantic's error is a ValueError
        return None


def shard_faults(folder: Path, shard: Shard, *, content: bool) -> list[str]:
    """Compare the files of a shard of a finished dataset with its entry in the manifest.

    Args:
        folder: Folder of the dataset.
        shard: The entry.
        content: True reads the files; False compares their total size only.

    Returns:
        A sentence for each missing or different file.
    """
    pairs = shard.files or ((shard.file, shard.sha256),)
    faults, size = [], 0
    for name, sha256 in pairs:
        try:
            path = inside(folder, name)
            if not path.is_file():
                faults.append(f"{name}: {'not a file' if path.exists() else 'missing'}")
                continue
            size += path.stat().st_size
            if content and sha256_file(path) != sha256:
                faults.append(f"{name}: differs from the rendered content")
        except OSError as error:
            faults.append(f"{name}: {error.strerror}")
    if not faults and size != shard.bytes:
        faults.append(f"{shard.file}: {size:,} bytes instead of {shard.bytes:,}")
    if shard.files and digest([list(pair) for pair in pairs]) != shard.sha256:
        faults.append(f"{shard.file}: sha256 of shard {shard.number} does not cover its files")
    return faults


def _is_whole(folder: Path, shard: Shard) -> bool:
    if not shard.files:
        return sha256_file(inside(folder, shard.file)) == shard.sha256
    actual = [[name, sha256_file(inside(folder, name))] for name, _ in shard.files]
    return digest(actual) == shard.sha256


def _marker(folder: Path, number: int) -> Path:
    return folder / MARKERS / f"{number:05d}.json"


def _write_parquet(request: DatasetRequest, folder: Path, number: int, images: Encoded) -> Shard:
    import pyarrow.parquet as pq

    table = _table(request, images)
    file = shard_file(request, number)

    def write(path: Path) -> None:
        pq.write_table(table, path, compression="none", write_page_index=False)

    write_atomically(folder / file, write)
    path = folder / file
    return Shard(
        number=number,
        file=file,
        images=table.num_rows,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
    )


def _table(request: DatasetRequest, images: Iterable[tuple[PlannedImage, bytes]]) -> pa.Table:
    import pyarrow as pa

    planned, contents = zip(*images, strict=True)
    names = [file_name(request, image).encode() for image in planned]
    columns = [
        pa.StructArray.from_arrays(
            [_texts(contents, pa.binary()), _texts(names, pa.string())], ["bytes", "path"]
        ),
        _integers([image.label for image in planned]),
        _texts([image.object.encode() for image in planned], pa.string()),
        _integers([image.index for image in planned]),
    ]
    table = pa.table(columns, names=["image", "label", "object", "index"])
    return table.replace_schema_metadata(
        {"huggingface": json.dumps(features(request), separators=(",", ":"))}
    )


def _integers(values: Sequence[int]) -> pa.Array:
    """Column of integers; ``pa.array`` would import pandas, which takes a third of a second."""
    import numpy as np
    import pyarrow as pa

    content = pa.py_buffer(np.array(values, dtype=np.int64))
    return pa.Array.from_buffers(pa.int64(), len(values), [None, content])


def _texts(values: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    """Column of byte strings or of UTF-8 texts; see :func:`_integers`.

    Raises:
        InvalidInputError: If they are too large for the 32-bit offsets of a column.
    """
    import numpy as np
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, values)])
    if ends[-1] > np.iinfo(np.int32).max:
        raise InvalidInputError(
            f"A shard of {len(values):,} images has {ends[-1]:,} bytes, more than the 2 GiB of a "
            "Parquet column. Choose a smaller --shard-size."
        )
    offsets = pa.py_buffer(ends.astype(np.int32))
    return pa.Array.from_buffers(kind, len(values), [None, offsets, pa.py_buffer(b"".join(values))])


def features(request: DatasetRequest) -> dict[str, Any]:
    """Feature types in the form that the ``datasets`` library reads from a Parquet schema."""
    return {
        "info": {
            "features": {
                "image": {"_type": "Image"},
                "label": {"names": list(request.categories), "_type": "ClassLabel"},
                "object": {"dtype": "string", "_type": "Value"},
                "index": {"dtype": "int64", "_type": "Value"},
            }
        }
    }


def file_name(request: DatasetRequest, image: PlannedImage) -> str:
    """File name of an image, unique in the folder of its category."""
    suffix = "jpg" if request.encoding == "jpeg" else "png"
    return f"{safe_name(image.object)}-{image.index:06d}.{suffix}"


def safe_name(name: str) -> str:
    """Return a plain file name, valid everywhere and different for every ``name``.

    Example:
        >>> safe_name("mug-2"), safe_name("../x")
        ('mug-2', '__x-d6b96a97')
    """
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name).strip()
    plain = re.sub(r"^\.+", "_", plain)  # loaders skip hidden files
    if plain == name and plain:
        return name
    return f"{plain}-{sha256_bytes(name.encode())[:8]}"


def _write_images(request: DatasetRequest, folder: Path, number: int, images: Encoded) -> Shard:
    files, size = [], 0
    for image, content in images:
        name = f"train/{safe_name(image.category)}/{file_name(request, image)}"
        _write_plainly(inside(folder, name), content)
        files.append((name, sha256_bytes(content)))
        size += len(content)
    return Shard(
        number=number,
        file="train",
        images=len(files),
        bytes=size,
        sha256=digest([list(pair) for pair in files]),
        files=tuple(files),
    )


def _write_plainly(path: Path, content: bytes) -> None:
    """Write in place: the shard's marker, written last, covers this file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(
            f"Cannot write {path} ({error.strerror or error}). "
            "Free some space or choose another folder; finished shards are kept."
        ) from error
