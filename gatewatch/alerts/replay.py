"""Assess the events of files: alerts and problems in the order of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import UnrecognizedDocument, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.events.files import Document
    from gatewatch.model.alert import Alert


def replay_documents(
    documents: Iterable[Document | UndecodableError], assessor: Assessor
) -> Iterator[Alert | UnrecognizedDocument | UndecodableError]:
    """Yield alerts, unrecognized documents and decoding errors. Duplicates are not removed."""
    for document in documents:
        if isinstance(document, UndecodableError):
            yield document
            continue
        for decoded in decode(document.content, document.where):
            if isinstance(decoded, UnrecognizedDocument | UndecodableError):
                yield decoded
            elif alert := assess_call(decoded, assessor):
                yield alert
