"""The key-value store: one instance, one file."""

from __future__ import annotations

from pydantic import Field

from roles.model import Sha256
from roles.spec import Address, Network, Port, Spec


class KeyValueStoreSpec(Spec):
    """`sources` are the balancers (and whoever else may ask it directly)."""

    address: Address
    port: Port = 8100
    sources: tuple[Network, ...] = Field(min_length=1)
    release_sha256: Sha256
    release_source: str
    """Directory on the controller that holds the package `kv_store`, relative to the project."""
