"""Whom the first contact lets in for good."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from roles.spec import Spec
from roles.sshd.spec import Login

PublicKey = Annotated[str, StringConstraints(pattern=r"^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [ -~]*)?$")]
"""One line of an authorized_keys file: type, key, comment."""


class FirstContactSpec(Spec):
    """`user` gets the keys, and sudo without a password."""

    user: Login
    authorized_keys: tuple[PublicKey, ...] = Field(min_length=1)
