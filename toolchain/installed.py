"""The packages of the running Python as JSON, in the form of `pip list -v --format json`; see program-python."""

from __future__ import annotations

import json
from importlib.metadata import distributions

print(
    json.dumps(
        [
            {"name": each.name, "version": each.version, "location": str(each.locate_file(""))}
            for each in distributions()
        ]
    )
)
