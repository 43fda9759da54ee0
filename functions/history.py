"""AWS Lambda: one batch of a history run, started by the state machine of history/stack.yaml. Delivers nothing."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import msgspec

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.errors import ConfigurationError
from gatewatch.history.batches import Batch, FileAssessor, assess_batch
from gatewatch.history.runs import Run
from gatewatch.history.storage import storage_of
from gatewatch.model.typed_decoding import convert


class BatchEvent(msgspec.Struct, frozen=True):
    """The input of a child of the map."""

    run: Run
    batch: Batch


@cache
def compose() -> tuple[Any, FileAssessor]:
    """Composition root. An invalid configuration fails the batch: history without it would be wrong."""
    bundle = load_bundle(os.environ)
    if bundle.configuration_error:
        raise ConfigurationError(bundle.configuration_error)
    return Aws().s3, FileAssessor(bundle.settings)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    given = convert(event, BatchEvent)
    s3, assessor = compose()
    logs, results = storage_of(given.run.logs, s3), storage_of(given.run.results, s3)
    counts: dict[str, Any] = msgspec.to_builtins(assess_batch(given.run.name, given.batch, logs, results, assessor))
    return counts
