"""The same pipeline as in the cloud, over files: every alert in the order of the input, every problem in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.pipeline import Judge, alert_of
from gatewatch.errors import UndecodableError
from gatewatch.events.decode import Foreign, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.events.files import Document
    from gatewatch.model.alert import Alert


def replay(
    documents: Iterable[Document | UndecodableError], judge: Judge
) -> Iterator[Alert | Foreign | UndecodableError]:
    """Alerts, objects of no known form, and what could not be decoded. Duplicates stay: it is a printer."""
    for document in documents:
        if isinstance(document, UndecodableError):
            yield document
            continue
        for decoded in decode(document.content, document.where):
            if isinstance(decoded, Foreign | UndecodableError):
                yield decoded
            elif alert := alert_of(decoded, judge):
                yield alert
