"""The sentence about the path check of an opened rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.reachability import Verdict
from gatewatch.rendering.escaping import code, mrkdwn

if TYPE_CHECKING:
    from gatewatch.model.reachability import Reachability
    from gatewatch.rendering.text.labels import Labels


def reachability_line(reachability: Reachability, labels: Labels, *, brief: bool = False) -> Markup:
    """Return the answer with the path, with the layer that stops the connection, or with what was not read.

    `brief` names the public address instead of the whole path.
    """
    texts = labels.reachability
    kind = "unread" if reachability.verdict is Verdict.UNKNOWN else "stops"
    layer = texts[f"{kind}_{reachability.layer}"] if reachability.layer else ""
    path = Markup(" → ").join(code(each) for each in reachability.path[-1 if brief else 0 :])
    return mrkdwn(texts[reachability.verdict]).format(path=path, layer=layer)
