"""Where the settings come from; the only place that asks pulumi for configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import ValidationError

from settings import names
from settings.checks import Sections, mismatches
from settings.model import Settings
from settings.problems import ConfigurationError, problems_of

_NAMESPACE = "soundstage:"


def load() -> Settings:
    """The settings of the stack that runs. Raises pulumi.RunError with all problems, one per line."""
    given = {**get_config_env(), **CONFIG.get()}
    raw = {key.removeprefix(_NAMESPACE): _value(text) for key, text in given.items() if key.startswith(_NAMESPACE)}
    try:
        return read(raw, Path.cwd(), source=f"Pulumi.{pulumi.get_stack()}.yaml")
    except ConfigurationError as error:
        raise pulumi.RunError(str(error)) from None


def read(raw: Mapping[str, object], project: Path, source: str = "the configuration") -> Settings:
    """The settings in `raw` (key → value); paths are relative to `project`. Raises ConfigurationError."""
    path = raw.get("addresses", "")
    path = path if isinstance(path, str) else ""
    known, problems = names.read(path, project)
    resolved = names.resolved(raw, known)
    settings, wrong = None, set[str]()
    try:
        settings = Settings.model_validate(resolved)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors()}
        problems += [names.suggested(problem, path, known) for problem in problems_of(error, Settings)]
    sound = {key: value for key, value in resolved.items() if key not in wrong}
    problems += mismatches(Sections.model_validate(sound), raw)
    if settings is None or problems:
        raise ConfigurationError(source, problems)
    return settings


def _value(text: str) -> object:
    """The engine hands maps and lists over as JSON, and everything else as it stands."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
