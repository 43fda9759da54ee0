"""Assess the events of files: alerts and problems in the order of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.unordered import assess_unordered
from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import UnrecognizedDocument, decode
from gatewatch.model.alert import Alert
from gatewatch.model.api_call import ApiCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.events.decoding import Decoded
    from gatewatch.events.files import Document

ResultT = TypeVar("ResultT")
Result = Alert | UnrecognizedDocument | UndecodableError


def replay_documents(documents: Iterable[Document | UndecodableError], assessor: Assessor) -> Iterator[Result]:
    """Yield alerts, unrecognized documents and decoding errors. Duplicates are not removed."""
    return in_order(_decoded(documents), assessor)


def replay_unordered(
    documents: Iterable[Document | UndecodableError], assessor: Assessor
) -> Iterator[Result | ApiCall]:
    """Yield the same, with the calls that need earlier ones not assessed. `assessor` is an `unordered_assessor`."""
    for decoded in _decoded(documents):
        result = assess_unordered(decoded, assessor) if isinstance(decoded, ApiCall) else decoded
        if result:
            yield result


def in_order(results: Iterable[ResultT | ApiCall], assessor: Assessor) -> Iterator[ResultT | Alert]:
    """Assess the calls that are left among results in the order of the input; other results stay as they are."""
    for result in results:
        if not isinstance(result, ApiCall):
            yield result
        elif alert := assess_call(result, assessor):
            yield alert


def _decoded(documents: Iterable[Document | UndecodableError]) -> Iterator[Decoded]:
    for document in documents:
        if isinstance(document, UndecodableError):
            yield document
        else:
            yield from decode(document.content, document.where)
