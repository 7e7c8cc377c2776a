"""Where the settings come from; the only place that asks pulumi for configuration."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
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
    secret_keys = [key for key in raw if is_config_secret(f"{_NAMESPACE}{key}")]
    try:
        return read(raw, Path.cwd(), source=f"Pulumi.{pulumi.get_stack()}.yaml", secret_keys=secret_keys)
    except ConfigurationError as error:
        raise pulumi.RunError(str(error)) from None


def read(
    raw: Mapping[str, object],
    project: Path,
    source: str = "the configuration",
    secret_keys: Collection[str] | None = None,
) -> Settings:
    """The settings in `raw` (key → value); paths are relative to `project`. Raises ConfigurationError.

    `secret_keys` are those Pulumi keeps encrypted; a password under another one is refused. None: nobody knows.
    """
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
    if settings is not None and any(host.first_contact for host in settings.hosts.values()):
        # Most stacks do without: they need not wait for its modules.
        from settings import first_contacts  # noqa: PLC0415

        problems += first_contacts.problems(settings, project, secret_keys)
    if settings is None or problems:
        raise ConfigurationError(source, problems)
    return settings


def _value(text: str) -> object:
    """The engine hands maps and lists over as JSON, and everything else as it stands."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
