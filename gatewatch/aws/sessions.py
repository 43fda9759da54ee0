"""Sessions of botocore, and clients that are created at their first use."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import botocore.session
from botocore.loaders import create_loader

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Lock

    from botocore.config import Config
    from botocore.loaders import Loader


@cache
def service_models() -> Loader:
    """One loader for all sessions of a process: it keeps the service models; that of EC2 takes 0.2 s to read."""
    return create_loader()


class Session(Protocol):
    """The methods of `boto3.Session` that `Aws` uses."""

    def client(self, service_name: Any, *, config: Config | None = None, **parameters: Any) -> Any: ...

    def get_partition_for_region(self, region_name: str) -> str: ...


class CoreSession:
    """A session of botocore. `import boto3` also loads the S3 transfer library, a fifth of a cold start."""

    def __init__(self, region: str | None = None, credentials: tuple[str, str, str] | None = None) -> None:
        self._core = botocore.session.Session()
        self._core.register_component("data_loader", service_models())
        if region:
            self._core.set_config_variable("region", region)
        if credentials:
            self._core.set_credentials(*credentials)

    def client(self, service_name: Any, *, config: Config | None = None, **parameters: Any) -> Any:
        return self._core.create_client(service_name, config=config, **parameters)

    def get_partition_for_region(self, region_name: str) -> str:
        return str(self._core.get_partition_for_region(region_name))


class LazyClient:
    """Create a client at its first use, because creating one takes longer than handling an event.

    The lock serializes creation: a botocore session is not thread-safe while it creates a client.
    """

    def __init__(self, make: Callable[[], Any], lock: Lock) -> None:
        self._make = make
        self._lock = lock
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        value = getattr(self._client, name)
        setattr(self, name, value)  # `__getattr__` is not called for it again
        return value
