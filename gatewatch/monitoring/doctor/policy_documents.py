"""Parts of policy documents, which botocore returns as a dict or, in some versions, as JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def statements_of(document: Any) -> list[Mapping[str, Any]]:
    """Return the statements. Raises `ValueError` for text that is not JSON."""
    return element_list((json.loads(document) if isinstance(document, str) else document).get("Statement"))


def element_list(value: Any) -> list[Any]:
    """Return a list as it is, None as an empty list, and any other value as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]
