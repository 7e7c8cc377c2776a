"""What the preflight needs to know: the requirements of every duty of the host."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from roles.model import Requirements
from roles.spec import Spec


class PreflightSpec(Spec):
    """`duties` are merged: the largest figure counts, and a system must suit every duty."""

    duties: tuple[Requirements, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_host_suits_all(self) -> Self:
        choices = {
            "systems": [set(duty.systems) for duty in self.duties if duty.systems],
            "architectures": [set(duty.architectures) for duty in self.duties if duty.architectures],
        }
        for field, sets in choices.items():
            if sets and not sets[0].intersection(*sets[1:]):
                raise ValueError(f"no host suits all duties: their {field} have nothing in common")
        return self
