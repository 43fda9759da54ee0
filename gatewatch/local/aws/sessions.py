"""AWS sessions that reach one endpoint only, whatever the configuration of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.loaders import Loader

# No retries: a server in the same process does not fail temporarily.
# `proxies={}` means none; without it botocore uses the proxies of the environment.
LOCAL_CONFIG = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)

# botocore's table: name -> (key in the configuration file, environment variable, default, conversion).
NO_FILES = {"config_file": (None, None, os.devnull, None), "credentials_file": (None, None, os.devnull, None)}
DEFAULTS_ONLY = {
    name: (None, None, default, convert) for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
} | NO_FILES


class LocalCredentials(NamedTuple):
    access_key: str
    secret_key: str
    token: str


class OneEndpointSession(botocore.session.Session):
    """Every client uses `endpoint`; no configuration file and no environment variable is read."""

    def __init__(self, endpoint: str, loader: Loader) -> None:
        super().__init__(session_vars=DEFAULTS_ONLY)
        self.register_component("data_loader", loader)
        self._endpoint = endpoint

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        requested = kwargs.get("config") or Config()
        local = {"endpoint_url": self._endpoint, "config": requested.merge(LOCAL_CONFIG)}
        return super().create_client(*args, **kwargs | local)


def isolated_session(endpoint: str, region: str, credentials: LocalCredentials, loader: Loader) -> boto3.Session:
    """Sessions that share a `loader` read AWS's service models once, which is most of the cost of a session."""
    return boto3.Session(
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        region_name=region,
        botocore_session=OneEndpointSession(endpoint, loader),
    )


def isolated_variables(endpoint: str, region: str, credentials: LocalCredentials) -> dict[str, str]:
    """The AWS variables of a Lambda function's environment, and the endpoint for its clients."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that configure AWS clients or proxies."""
    return {name: value for name, value in environment.items() if not _configures_clients(name.upper())}


def _configures_clients(name: str) -> bool:
    return name.startswith(("AWS_", "BOTO_")) or name.endswith("_PROXY")
