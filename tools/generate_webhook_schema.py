"""Writes docs/webhook.schema.json, the JSON Schema of the body of a webhook, from the types that render it.

Run by `make docs`.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import msgspec

from gatewatch.config.paths import ROOT
from gatewatch.rendering.json_message import JsonMessage

SCHEMA = ROOT / "docs" / "webhook.schema.json"


def webhook_schema() -> str:
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(JsonMessage),
    }
    return msgspec.json.format(msgspec.json.encode(_described(found)), indent=2).decode() + "\n"


def _described(schema: Any) -> Any:
    """Return a schema with docstrings as Python 3.13 has them, without the indentation of the code."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _described(value)
            for key, value in schema.items()
        }
    return [_described(each) for each in schema] if isinstance(schema, list) else schema


if __name__ == "__main__":
    SCHEMA.write_text(webhook_schema(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA.relative_to(ROOT)}\n")
