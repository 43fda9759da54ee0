"""Which items of an alert a part of its message shows: rules, worst first, then the raw event and sections."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from gatewatch.rendering.presentation import MAX_PARTS, Presentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.alert import Alert
    from gatewatch.rendering.presentation import Cut
    from gatewatch.rendering.text.labels import Labels

_T = TypeVar("_T")


def first_parts(pages: Sequence[Sequence[object]]) -> Cut:
    """The cut of a message whose items are divided into pages: the first five."""
    ends, end = [], 0
    for page in pages[:MAX_PARTS]:
        end += len(page)
        ends.append(end)
    return tuple(ends)


def presentations_of(cut: Cut) -> Iterator[Presentation]:
    """One presentation for each part of a new message."""
    return (Presentation(part=part, cut=cut) for part in range(1, len(cut) + 1))


def shown_items(items: Sequence[_T], presentation: Presentation) -> Sequence[_T]:
    cut, part = presentation.cut or (len(items),), presentation.part
    return items[cut[part - 2] if part > 1 else 0 : cut[part - 1]]


def omitted_text(alert: Alert, presentation: Presentation, labels: Labels) -> str:
    """`980 more changes are not shown (Critical 3, High 977)`, in the last part; else empty."""
    if presentation.part < presentation.parts or alert.change_count == 1:
        return ""
    counts = Counter(alert.omitted)
    if presentation.cut:
        counts.update(each.assessment.severity for each in alert.worst_first[presentation.cut[-1] :])
    if not counts:
        return ""
    by_severity = sorted(counts.items(), key=lambda each: -each[0].rank)
    listed = ", ".join(f"{labels.severity[severity]} {count}" for severity, count in by_severity)
    return labels.line["omitted"].format(count=counts.total(), counts=listed)


def part_texts(presentation: Presentation, labels: Labels) -> dict[str, Any]:
    """The template variables about the part."""
    part, parts = presentation.part, presentation.parts
    text = labels.line["part"].format(part=part, parts=parts) if parts > 1 else ""
    return {"part": part, "parts": parts, "part_text": text}
