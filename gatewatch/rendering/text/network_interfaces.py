"""Text lines about the network interfaces of a security group. Resource names stand in code spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.network_interfaces import AttachedResource, NetworkInterfaceSummary
    from gatewatch.rendering.text.labels import Labels

_MAX_RESOURCES = 3
_MAX_NAME_LENGTH = 60


def interface_lines(summary: NetworkInterfaceSummary, timezone: str, labels: Labels) -> Iterator[str]:
    """The number of interfaces and of public addresses, the resources, and the time of the look-up."""
    yield interface_count(summary, labels)
    for key, is_public in (("public_resources", True), ("private_resources", False)):
        if resources := [each for each in summary.resources if each.is_public is is_public]:
            yield mrkdwn(labels.network_interfaces[key]).format(resources=_resource_list(resources, labels))
    yield labels.network_interfaces["as_of"].format(time=local_time(summary.at, timezone))


def interface_count(summary: NetworkInterfaceSummary, labels: Labels) -> str:
    """`3 interfaces, 1 with a public address`."""
    texts, count = labels.network_interfaces, f"{summary.interfaces:,}"
    if not summary.interfaces:
        return texts["none"]
    number = "at_least" if summary.is_partial else "one" if summary.interfaces == 1 else "many"
    key = f"{'at_least_' if summary.is_partial else ''}{'public' if summary.public else 'private'}"
    shown = f"{summary.public:,}" if summary.public else count
    return texts[key].format(interfaces=texts[number].format(count=count), count=shown)


def _resource_list(resources: Sequence[AttachedResource], labels: Labels) -> Markup:
    """The first few by name, and how many others there are."""
    named, others = resources[:_MAX_RESOURCES], sum(each.count for each in resources[_MAX_RESOURCES:])
    text = Markup(", ").join(_resource(each, labels) for each in named)
    return text + (f" +{others:,}" if others else "")


def _resource(resource: AttachedResource, labels: Labels) -> Markup:
    name = code(resource.name, _MAX_NAME_LENGTH)
    text = mrkdwn(labels.network_interfaces[resource.kind if name else f"unnamed_{resource.kind}"]).format(name=name)
    return text + (f" ×{resource.count:,}" if resource.count > 1 else "")
