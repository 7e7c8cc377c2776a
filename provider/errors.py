"""What can go wrong with a host, as sentences an operator can act on."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.provider.experimental.property_value import PropertyValue


class PluginError(Exception):
    """An error whose text is written for the operator; nothing else of it is shown."""


class Unreachable(PluginError):
    """There is no working connection to the host: it does not answer, or one of the two refuses the other."""


class NotLetIn(Unreachable):
    """The host answers and refuses the user; `at` is when, on the clock that never jumps."""

    def __init__(self, message: str, at: float) -> None:
        super().__init__(message)
        self.at = at


class OperationFailed(PluginError):
    """The host did what it was asked for and says why it could not; everything is as it was before."""


class ConnectionLost(PluginError):
    """The connection ended before the answer; what the host does goes on there by itself."""


class Interrupted(PluginError):
    """The run was cancelled before the answer; what the host does goes on there by itself."""


class Unfinished(PluginError):
    """A change was sent, its end was not seen: `outputs` goes into the state, so that it is tried or removed again."""

    def __init__(self, message: str, resource_id: str, outputs: Mapping[str, PropertyValue]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = outputs
