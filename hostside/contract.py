"""A role as it comes over the wire: typed values, and everything that is wrong with one, all at once.

The field names are those of the controller's role model.
"""

from __future__ import annotations
