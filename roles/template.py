"""Template files for the daemons whose configuration is a language of its own (haproxy, nginx, keepalived)."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined

_ENVIRONMENT = Environment(
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - nothing here is HTML
)


def render(template: Path, **values: object) -> str:
    """The text of `template`; a name that has no value is an error."""
    return _ENVIRONMENT.from_string(template.read_text()).render(**values)
