"""What the preflight needs to know: the requirements of every duty of the host."""

from __future__ import annotations

from pydantic import Field

from roles.model import Requirements
from roles.spec import Spec


class PreflightSpec(Spec):
    """`duties` are merged: the largest figure counts, and a system must suit every duty."""

    duties: tuple[Requirements, ...] = Field(min_length=1)
