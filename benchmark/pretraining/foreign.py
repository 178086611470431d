"""Checkpoints of any origin: this package's, torchvision's and timm's architectures by state dict.

Only tensors are read from a file; none of its code is executed.
"""

from __future__ import annotations

import argparse
import pickle
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.extras import require
from benchmark.core.files import sha256_file
from benchmark.pretraining.backbone_io import (
    CARD_KEY,
    BackboneCard,
    parse_metadata,
    read_tensors,
    weights_digest,
)
from benchmark.pretraining.export import WEIGHTS, library_of
from benchmark.pretraining.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Backbone,
    build_backbone,
    find_network,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEDY = (
    "Give a file or folder of 't2sbench pretrain', or weights as a state dict with their "
    "architecture, as in resnet50:weights.pth."
)
# Keys under which training scripts save a state dict.
_WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "network")
# PyTorch does not compress its archives; content that exceeds this many bytes is made to.
_ALLOWANCE, _RATIO = 2**26, 4
# Number of classes of a classifier that is built only to be found and removed.
_MARK = 11
# Architectures of torchvision that a refusal compares with: the frequent ones.
_COMMON = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"),
    *("resnext50_32x4d", "vgg16", "densenet121", "mobilenet_v2", "mobilenet_v3_large"),
    *("efficientnet_b0", "shufflenet_v2_x1_0", "vit_b_16", "swin_t", "convnext_tiny"),
)
_OWN_NETWORKS = ("mini-resnet", "mini-resnet6", "resnet18-small")
_SHOWN = 6  # tensors and faults in a message


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A backbone from a file.

    Attributes:
        backbone: The network without classifier, in evaluation mode on the processor.
        architecture: Name of the architecture; ``timm:NAME`` for one of timm.
        sha256: Digest of the file.
        card: Card of the backbone; None for weights of others.
        unused: Parts of the file without use, such as its classifier: ``fc (2 tensors)``.
        others: Keys of other networks of the file, such as moving averages of the weights.
    """

    backbone: Backbone
    architecture: str
    sha256: str
    card: BackboneCard | None = None
    unused: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def note(self) -> str:
        """Sentence on the other networks of the file; empty without them."""
        if not self.others:
            return ""
        named = " and ".join(f"'{key}'" for key in self.others)
        return (
            f"The file also holds {named}, which {'is' if len(self.others) == 1 else 'are'} not "
            "used. To choose another network, save it alone: "
            f"torch.save(torch.load(FILE)[{self.others[0]!r}], 'weights.pth')."
        )

    def check_size(self, size: int) -> None:
        """Compute the features of one image of a size.

        Raises:
            InvalidInputError: If the network does not take images of that size.
        """
        try:
            with torch.inference_mode():
                features = self.backbone(torch.zeros(1, 3, size, size))
        except (RuntimeError, AssertionError, ValueError, IndexError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise InvalidInputError(
                f"{self.architecture} does not take images of {size} pixels: {reason}. Choose "
                "another --size; most architectures are made for 224."
            ) from error
        if features.shape != (1, self.backbone.dimension):
            raise InvalidInputError(
                f"{self.architecture} gives an output of shape {tuple(features.shape)}, not one "
                f"vector of {self.backbone.dimension} features for each image. Choose an "
                "architecture for classification."
            )


def parse_spec(text: str) -> tuple[str | None, Path]:
    """Split ``FILE``, ``ARCH:FILE`` or ``timm:ARCH:FILE`` into architecture and file.

    Example:
        >>> parse_spec("timm:resnet18:mine.pth")
        ('timm:resnet18', PosixPath('mine.pth'))
    """
    if Path(text).exists():
        return None, Path(text)
    library, colon, rest = text.partition(":")
    if library == "timm" and ":" in rest:
        name, _, file = rest.partition(":")
        return f"timm:{name}", Path(file)
    return (library, Path(rest)) if colon else (None, Path(text))


def read_checkpoint(
    path: Path,
    architecture: str | None = None,
    *,
    default: str | None = None,
    plugin_files: Sequence[Path] = (),
) -> Checkpoint:
    """Read a backbone from a file.

    Weights of others may be wrapped under ``state_dict`` or ``model``, have a prefix such as
    ``module.``, and be in half precision. A classifier is left out, of any number of classes.

    Args:
        path: File of this package, folder of ``t2sbench pretrain``, or a state dict as safetensors
            or as PyTorch saves it.
        architecture: Name of a network of this package, of an architecture of torchvision, or
            ``timm:NAME``; None for files of this package, which state theirs.
        default: Architecture of weights of others, if none is named.
        plugin_files: Users' files with more networks.

    Raises:
        UnknownNameError: If there is no such architecture.
        UnavailableError: If its library is not installed.
        InvalidFileError: If the file is damaged, or does not hold the weights of the architecture.
    """
    if path.is_dir() and (path / WEIGHTS).is_file():
        path = path / WEIGHTS
    tensors, metadata, others = _read(path)
    if CARD_KEY in metadata:
        found = _with_card(path, tensors, metadata, plugin_files)
        if architecture not in {None, found.architecture}:
            fault = f"it holds a backbone of network '{found.architecture}', not '{architecture}'"
            raise InvalidFileError(path, [fault], f"Leave out '{architecture}:'.")
        return found
    name = architecture or default
    if name is None:
        fault = f"weights without the name of an architecture: {_described(tensors)}"
        raise InvalidFileError(path, [fault], _nearest(tensors, path) or _REMEDY)
    wanted = _architecture(name, plugin_files)
    unused = _fit(path, wanted, tensors)
    return Checkpoint(
        wanted.backbone.eval(),
        wanted.name,
        sha256_file(path),
        unused=tuple(_grouped(unused)),
        others=others,
    )


# Files


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str], tuple[str, ...]]:
    """Tensors by name, metadata, and keys of other networks; no code of the file is executed."""
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())[:_SHOWN]
        fault = f"a folder without {WEIGHTS}; it holds {', '.join(names) or 'nothing'}"
        raise InvalidFileError(path, [fault], _REMEDY)
    if not path.is_file():
        fault = "not a regular file but a pipe or device" if path.exists() else "no such file"
        raise InvalidFileError(path, [fault], _REMEDY)
    with path.open("rb") as stream:
        head = stream.read(16)
    if head[8:9] == b"{":  # after the length of the header
        return (*read_tensors(path, _REMEDY), ())
    if not head.startswith((b"PK", b"\x80")):
        fault = f"neither safetensors nor a file of PyTorch: it begins with {head!r}"
        raise InvalidFileError(path, [fault], _REMEDY)
    _check_sizes(path)
    tensors, others = _unwrapped(path, _unpickled(path))
    return tensors, {}, others


def _check_sizes(path: Path) -> None:
    """Refuse an archive that unpacks to far more than its size.

    Raises:
        InvalidFileError: If it does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return  # the form before PyTorch 1.6, or damaged: reading it tells
    if size > _ALLOWANCE + _RATIO * path.stat().st_size:
        fault = f"{size:,} bytes of content in a file of {path.stat().st_size:,}"
        raise InvalidFileError(path, [fault], _REMEDY)


def _unpickled(path: Path) -> object:
    try:
        # Training scripts save their options next to the weights; a namespace holds no code.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch to itself, on files of older versions
            return torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        name = re.search(r"GLOBAL ([\w.]+)", str(error))
        kind = f" ({name[1]})" if name else ""
        if not kind and "truncated" in str(error):
            raise InvalidFileError(path, ["the file is truncated"], _REMEDY) from error
        damaged = "" if kind else "it is damaged, or "
        raise InvalidFileError(
            path,
            [f"{damaged}it holds Python objects{kind}, which only its code could load"],
            "Save the weights alone, where that code is: torch.save(network.state_dict(), "
            "'weights.pth').",
        ) from error
    except Exception as error:  # PyTorch raises many kinds on damaged files
        if "TorchScript" in str(error):
            raise InvalidFileError(
                path,
                ["a TorchScript archive, which holds code"],
                "Save its weights alone: torch.save(torch.jit.load(FILE).state_dict(), "
                "'weights.pth').",
            ) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        fault = f"not readable, perhaps truncated: {reason}"
        raise InvalidFileError(path, [fault], _REMEDY) from error


def _unwrapped(path: Path, found: object) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict of a file, and keys of other networks next to it."""
    others = list[str]()
    while isinstance(found, Mapping):
        inner = _wrapped(found)
        if inner is not None:
            others += [text for text, key in _networks(found).items() if key != inner]
            found = found[inner]
            continue
        tensors = {str(k): v.detach() for k, v in found.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors, tuple(others)
        break
    raise InvalidFileError(path, [f"no state dict: it holds {_kind(found)}"], _advice(found))


def _wrapped(found: Mapping[object, object]) -> object | None:
    """Key of the network: one of known names, or that of the only dictionary of tensors."""
    nested = {key: str(key).casefold() for key, value in found.items() if _holds_tensors(value)}
    for name in _WRAPPERS:
        for key, folded in nested.items():
            if folded == name:
                return key
    others = list(_networks(found).values())
    plain = any(isinstance(value, Tensor) and value.dim() for value in found.values())
    return others[0] if len(others) == 1 and not plain else None


def _networks(found: Mapping[object, object]) -> dict[str, Any]:
    """Keys of dictionaries of tensors other than those of optimisers, by their texts."""
    keys = {str(key): key for key, value in found.items() if _holds_tensors(value)}
    return {text: key for text, key in keys.items() if not text.casefold().startswith("optim")}


def _holds_tensors(value: object, levels: int = 4) -> bool:
    """True for a dictionary of tensors by name, or of such dictionaries."""
    return (
        levels > 0
        and isinstance(value, Mapping)
        and any(
            isinstance(key, str)
            and (isinstance(entry, Tensor) or _holds_tensors(entry, levels - 1))
            for key, entry in value.items()
        )
    )


def _kind(value: object) -> str:
    """A few words on an object, for messages."""
    if not isinstance(value, Mapping):
        shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
        return f"an object of class {type(value).__name__}{shape}"
    keys = [f"{key} ({type(entry).__name__})" for key, entry in value.items()]
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"a dictionary with the keys {', '.join(keys[:_SHOWN])}{more}" if keys else "nothing"


def _advice(found: object) -> str:
    inner = []
    if isinstance(found, Mapping):
        inner = [str(key) for key, entry in found.items() if isinstance(entry, Mapping)]
    if not inner:
        return _REMEDY
    return (
        f"If one of {', '.join(inner)} is the network, save it alone: "
        f"torch.save(checkpoint[{inner[0]!r}], 'weights.pth')."
    )


def _with_card(
    path: Path,
    tensors: dict[str, Tensor],
    metadata: Mapping[str, str],
    plugin_files: Sequence[Path],
) -> Checkpoint:
    """A backbone of this package, under its own names or those of the network's library."""
    card = parse_metadata(path, metadata, CARD_KEY, BackboneCard, _REMEDY)
    own_names = all(name.startswith("trunk.") for name in tensors)
    try:
        wanted = _own(card.network, plugin_files, card.drop_path, own_names=own_names)
    except UnknownNameError as error:
        raise InvalidFileError(path, [str(error)], _REMEDY) from error
    _fit(path, wanted, tensors)
    if weights_digest(wanted.backbone) != card.weights_sha256:
        fault = "the weights differ from the digest of its card"
        remedy = (
            "If you have trained them further, save them without metadata and name the "
            f"architecture: {card.network}:FILE."
        )
        raise InvalidFileError(path, [fault], remedy)
    return Checkpoint(wanted.backbone, card.network, sha256_file(path), card)


# Architectures


@dataclass(frozen=True, eq=False)
class _Architecture:
    """An architecture whose weights are to be read.

    Attributes:
        name: Name, as the user gives it.
        backbone: Network without classifier, to be filled.
        names: Names in the backbone, by names in a file.
        heads: Beginnings of the names of classifiers.
    """

    name: str
    backbone: Backbone
    names: Mapping[str, str]
    heads: tuple[str, ...] = ("fc.", "head.", "classifier.")


class _Foreign(nn.Module):
    """A network of another library, between this package's normalisation and its own.

    Args:
        body: The network, from images to features.
        mean: Mean of its inputs' channels, for pixels between 0 and 1.
        std: Their standard deviation.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, body: nn.Module, mean: Iterable[float], std: Iterable[float]) -> None:
        super().__init__()
        self.body = body
        own_mean, own_std = torch.tensor(tuple(mean)), torch.tensor(tuple(std))
        scale = torch.tensor(IMAGENET_STD) / own_std
        shift = (torch.tensor(IMAGENET_MEAN) - own_mean) / own_std
        self.register_buffer("scale", scale.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(n, dimension)`` of images ``(n, 3, height, width)``."""
        features: Tensor = self.body(images * self.scale + self.shift)
        return features


def _architecture(name: str, plugin_files: Sequence[Path]) -> _Architecture:
    library, _, rest = name.rpartition(":")
    if library == "timm":
        return _of_timm(rest)
    try:
        return _own(name, plugin_files)
    except UnknownNameError as error:
        return _of_torchvision(name, error.known)


def _own(
    name: str,
    plugin_files: Sequence[Path] = (),
    drop_path: float = 0.0,
    *,
    own_names: bool = False,
) -> _Architecture:
    backbone = build_backbone(find_network(name, plugin_files), 0, drop_path=drop_path)
    rename = library_of(name).to_library
    state = backbone.state_dict()
    names = {own if own_names else rename(own.removeprefix("trunk.")): own for own in state}
    return _Architecture(name, backbone, names)


def _of_torchvision(name: str, others: Iterable[str] = ()) -> _Architecture:
    try:
        from torchvision import models
    except ImportError as error:
        raise UnavailableError(
            f"Architecture '{name}' needs torchvision: {error}. Run: pip install 't2sbench[live]'."
        ) from error
    known = models.list_models(module=models)
    if name not in known:
        raise UnknownNameError("architecture", name, {*others, *known})
    # Auxiliary classifiers act in training only, and change the output there.
    aux = {"aux_logits": False, "init_weights": False}
    options = aux if name in ("googlenet", "inception_v3") else {}
    body = models.get_model(name, weights=None, num_classes=_MARK, **options)
    head, dimension = _remove_classifier(body)
    backbone = _foreign(name, body, dimension, IMAGENET_MEAN, IMAGENET_STD)
    return _Architecture(name, backbone, _names(body), (f"{head}.", "aux1.", "aux2.", "AuxLogits."))


def _remove_classifier(body: nn.Module) -> tuple[str, int]:
    """Replace the layer of as many outputs as marked classes; return its name and its inputs."""
    for name, module in body.named_modules():
        size = None
        if isinstance(module, nn.Linear) and module.out_features == _MARK:
            size = module.in_features
        elif isinstance(module, nn.Conv2d) and module.out_channels == _MARK:
            size = module.in_channels
        if size is not None:
            body.set_submodule(name, nn.Identity())
            return name, size
    raise InvalidInputError("This architecture has no linear classifier. Choose another one.")


def _of_timm(name: str) -> _Architecture:
    require("timm", f"Architecture 'timm:{name}'")
    import timm

    if not timm.is_model(name):
        raise UnknownNameError("architecture of timm", name, timm.list_models())
    body: Any = timm.create_model(name, pretrained=False, num_classes=0)
    settings: Mapping[str, Any] = body.pretrained_cfg
    dimension = int(getattr(body, "head_hidden_size", None) or body.num_features)
    classifier = settings.get("classifier") or ()
    heads = [classifier] if isinstance(classifier, str) else classifier
    mean, std = settings.get("mean", IMAGENET_MEAN), settings.get("std", IMAGENET_STD)
    backbone = _foreign(f"timm:{name}", body, dimension, mean, std)
    return _Architecture(backbone.name, backbone, _names(body), tuple(f"{h}." for h in heads))


def _foreign(
    name: str, body: nn.Module, dimension: int, mean: Iterable[float], std: Iterable[float]
) -> Backbone:
    backbone = Backbone(name, _Foreign(body, mean, std), dimension)
    # The order of children is not that of computation everywhere.
    backbone.folds_norms = False
    return backbone


def _names(body: nn.Module) -> dict[str, str]:
    return {name: f"trunk.body.{name}" for name in body.state_dict()}


# Weights of an architecture


def _fit(path: Path, wanted: _Architecture, tensors: Mapping[str, Tensor]) -> list[str]:
    """Load the tensors of a file into a backbone; return the names of those without use."""
    state = wanted.backbone.state_dict()
    prefix = _prefix(path, wanted, tensors)
    inner = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    unused = [name for name in tensors if not name.startswith(prefix)]
    unused += [name for name in inner if name not in wanted.names]
    faults = list(_faults(wanted, state, inner))
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        found = [*faults[:_SHOWN], *more, f"found: {_described(tensors)}"]
        raise InvalidFileError(
            path,
            [f"these are not weights of {wanted.name}", *found],
            _nearest(tensors, path) or _REMEDY,
        )
    for name, tensor in inner.items():
        if name in wanted.names:
            state[wanted.names[name]].copy_(tensor)  # also to float32
    return unused


def _prefix(path: Path, wanted: _Architecture, tensors: Mapping[str, Tensor]) -> str:
    """Common beginning of the names that precede those of the architecture."""
    counts = _prefixes(_shapes(wanted), tensors).most_common(2)
    if len(counts) == 2 and counts[0][1] == counts[1][1] == len(wanted.names):
        names = " and ".join(f"'{prefix}'" for prefix, _ in counts)
        raise InvalidFileError(
            path,
            [f"two networks of architecture {wanted.name}, under {names}"],
            "Save the weights of one of them alone.",
        )
    return counts[0][0] if counts else ""


def _prefixes(shapes: Mapping[str, torch.Size], tensors: Mapping[str, Tensor]) -> Counter[str]:
    """Number of tensors that fit the architecture, by the beginning of their names."""
    counts: Counter[str] = Counter()
    for name, tensor in tensors.items():
        for place in [0, *(dot.end() for dot in re.finditer(r"\.", name))]:
            if shapes.get(name[place:]) == tensor.shape:
                counts[name[:place]] += 1
    return counts


def _shapes(wanted: _Architecture) -> dict[str, torch.Size]:
    state = wanted.backbone.state_dict()
    return {name: state[own].shape for name, own in wanted.names.items()}


def _faults(
    wanted: _Architecture, state: Mapping[str, Tensor], inner: Mapping[str, Tensor]
) -> Iterator[str]:
    """Reasons against the weights of an architecture."""
    for name, own in wanted.names.items():
        shape = tuple(state[own].shape)
        # Weights of early PyTorch versions lack counters of batches, which are not used here.
        if name not in inner and not name.endswith("num_batches_tracked"):
            yield f"no tensor '{name}' of shape {shape}"
        elif name in inner and inner[name].shape != shape:
            yield f"'{name}' has shape {tuple(inner[name].shape)}, not {shape}"
        elif name in inner and not torch.isfinite(inner[name]).all():
            yield f"'{name}' holds NaN or infinity"
    parts = {name.partition(".")[0] for name in wanted.names}
    for name in inner:
        known = name in wanted.names or name.startswith(wanted.heads)
        # Parts of other names, such as the head of a self-supervised loss, have no use here.
        if not known and name.partition(".")[0] in parts:
            yield f"unknown tensor '{name}'"


def _described(tensors: Mapping[str, Tensor]) -> str:
    first = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items()]
    more = f", ... ({len(first)} tensors)" if len(first) > _SHOWN else ""
    return ", ".join(first[:_SHOWN]) + more


def _grouped(names: Iterable[str]) -> Iterator[str]:
    """Parts of names, with their numbers of tensors."""
    for part, count in Counter(name.rpartition(".")[0] or name for name in names).items():
        yield f"{part} ({count} tensor{'s' * (count != 1)})"


def _nearest(tensors: Mapping[str, Tensor], path: Path) -> str:
    """Sentence on the architecture that fits best; empty if none fits half of its tensors."""
    best, share = "", 0.5
    builders: list[tuple[str, Callable[[str], _Architecture]]] = [
        *((name, _own) for name in _OWN_NETWORKS),
        *((name, _of_torchvision) for name in _COMMON),
    ]
    for name, build in builders:
        try:
            with torch.device("meta"):
                shapes = _shapes(build(name))
        except UnavailableError:
            continue
        fitting = max(_prefixes(shapes, tensors).values(), default=0)
        found = fitting / max(len(shapes), len(tensors))
        if found > share:
            best, share = name, found
    if not best:
        return ""
    return f"They look like weights of {best}: name them as {best}:{path}."
