"""The exceptions that gatewatch raises. Permanent and transient failures are different types."""

from __future__ import annotations


class GatewatchError(Exception):
    """Base class of every exception that gatewatch raises on purpose."""


class ConfigurationError(GatewatchError):
    """A configuration file is invalid.

    `problems` are sentences. Each names the file and the key and says what to write instead.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UndecodableError(GatewatchError):
    """A document cannot be decoded. `where` is its position in the source, `reason` says why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type[UndecodableError], tuple[str, str]]:
        """Pickle the two arguments: worker processes of `replay --jobs` return errors to their parent."""
        return type(self), (self.where, self.reason)


class RenderError(GatewatchError):
    """A rendered message exceeds a limit of its channel. The cause is a template, never an event."""


class DeliveryError(GatewatchError):
    """A destination did not accept a message."""


class TransientDeliveryError(DeliveryError):
    """A failure that a retry may resolve. `retry_after` is in seconds, None when the destination gave none."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UncertainDeliveryError(TransientDeliveryError):
    """The message was sent and no answer says whether the destination accepted it: each retry may be a copy."""


class PermanentDeliveryError(DeliveryError):
    """The destination will reject this message on every attempt."""


class UnansweredError(PermanentDeliveryError):
    """The message was sent as often as copies are tolerated, and the destination may have accepted it."""
