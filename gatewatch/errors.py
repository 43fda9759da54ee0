"""Everything that can go wrong, as one small tree that carries what a person needs to mend it."""

from __future__ import annotations


class GatewatchError(Exception):
    """The root: whatever is raised on purpose is one of these."""


class ConfigurationError(GatewatchError):
    """A configuration file says something gatewatch cannot use.

    `problems` are sentences, each naming file and key and saying what to write instead.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UndecodableError(GatewatchError):
    """A document that cannot be read: `where` in its source, and `reason`."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type[UndecodableError], tuple[str, str]]:
        """Errors travel between processes as what they were made of."""
        return type(self), (self.where, self.reason)


class RenderError(GatewatchError):
    """A rendered message that its channel would refuse: a fault in a template, never in an event."""


class DeliveryError(GatewatchError):
    """A destination did not take a message."""


class TransientDeliveryError(DeliveryError):
    """Worth another try; `retry_after` seconds when the destination named them."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class PermanentDeliveryError(DeliveryError):
    """The destination will never take this message as it is."""
