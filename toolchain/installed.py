"""The packages of the running Python as JSON, in the form of `pip list -v --format json`; see program-python."""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution, distributions


def listed(package: Distribution) -> dict[str, str]:
    """One package; its name and version are read without a parser for mail, which is half of the time."""
    head = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    name, version = (re.search(rf"^{field}: *(.+)$", head, re.MULTILINE) for field in ("Name", "Version"))
    return {
        "name": name[1] if name else package.name,
        "version": version[1] if version else package.version,
        "location": str(package.locate_file("")),
    }


print(json.dumps([listed(each) for each in distributions()]))
