"""An evaluation on the workers of a Dask cluster, by joblib's backend for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rbsf.errors import InputError


@contextmanager
def dask_cluster(address: str) -> Iterator[None]:
    """Inside, what joblib runs in parallel runs on the cluster whose scheduler is at an address.

    The workers need the same packages, and the data and weights under the same paths.

    Args:
        address: As `tcp://host:8786`.

    Raises:
        InputError: `distributed` is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise InputError("--dask needs distributed: pip install distributed") from None
    from joblib import parallel_config

    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from None
    with client, parallel_config(backend="dask"):
        yield
