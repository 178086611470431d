"""Uploads a dataset with the ``datasets`` library's own call."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import UnavailableError


def push_to_hub(folder: Path, repository: str) -> str:
    """Load a finished dataset and push it; the address, as the library gives it.

    Args:
        folder: A finished dataset.
        repository: ``user/name`` on the hub; ``huggingface-cli login`` comes first.

    Raises:
        UnavailableError: When the library is missing, or the hub refuses.
    """
    try:
        import datasets
    except ImportError as error:
        raise UnavailableError(
            f"Expected the package datasets, but got: {error}. Run: pip install 't2sbench[hub]'."
        ) from error
    try:
        info = datasets.load_dataset(str(folder), split="train").push_to_hub(repository)
    except Exception as error:  # the library and its network stack raise many kinds
        raise UnavailableError(
            f"Expected the hub to take {folder} as '{repository}', but got "
            f"{type(error).__name__}: {error}. Log in with 'hf auth login' and check the name."
        ) from error
    return str(getattr(info, "repo_url", repository))
