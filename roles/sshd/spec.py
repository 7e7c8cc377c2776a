"""Who may come in over SSH, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from roles.model import Account
from roles.spec import Address, Port, Spec


def _not_root(account: str) -> str:
    if account == "root":
        raise ValueError("root never logs in: name the deploy user")
    return account


Login = Annotated[Account, AfterValidator(_not_root)]
"""An account that may log in."""


class SshdSpec(Spec):
    """`address` and `port` are where the host is reached; `users` are the only ones that get in, by key."""

    address: Address
    users: tuple[Login, ...] = Field(min_length=1)
    port: Port = 22
    jump_host: bool = False
    """Others are reached through this host."""
    confirm_seconds: Annotated[float, Field(ge=0, le=600)] = 60
    """The old configuration comes back after this time unless the controller got in over a new connection."""
