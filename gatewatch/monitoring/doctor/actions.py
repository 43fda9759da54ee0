"""Check actions from Slack: the URL exists, the secrets are readable, the token has its scopes and its workspace."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gatewatch.delivery.secrets import SecretStore
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, QueryFailed
from gatewatch.monitoring.doctor.query import run_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatewatch.aws.clients import Aws
    from gatewatch.config.actions import ActionSettings

_CHECK, _NAME = "actions", "Slack app"
_SCOPES = ("chat:write", "users:read", "users:read.email", "im:write")


def check_actions(
    aws: Aws, settings: ActionSettings, stage: str, auth_test: Callable[[str], tuple[str, str, str]]
) -> Iterator[CheckResult]:
    """`auth_test` returns Slack's error (`ok` for none), the id of the workspace and the scopes of a token."""
    if not settings.is_on:
        return
    secrets = SecretStore(aws)
    yield _url(aws, stage)
    for key, ref in settings.secrets.items():
        if isinstance(run_query(partial(secrets.get, ref)), QueryFailed):
            yield _error(f"{key} cannot be read", f"gatewatch store-secret actions --key {key}")
        elif key == "token":
            yield _token(settings, *auth_test(secrets.get(ref)))


def _url(aws: Aws, stage: str) -> CheckResult:
    name = f"gatewatch-{stage}-actions"
    found = run_query(lambda: aws.lambda_.get_function_url_config(FunctionName=name)["FunctionUrl"])
    if isinstance(found, QueryFailed):
        return _error(f"there is no function URL: {found.reason}", "set actions: true in the stage file, and deploy")
    return CheckResult(_NAME, _CHECK, CheckStatus.OK, f"request URL of the app's interactivity: {found}")


def _token(settings: ActionSettings, error: str, team: str, scopes: str) -> CheckResult:
    if error != "ok":
        return _error(f"auth.test of Slack: {error}", "gatewatch store-secret actions --key token")
    if team not in settings.homes:
        return _error(f"the token is of the workspace {team}", "write this id as actions.team in policy.yaml")
    granted = {each.strip() for each in scopes.split(",")}
    if missing := [each for each in _SCOPES if each not in granted]:
        return _error(f"the token lacks {', '.join(missing)}", "add the scopes to the app and install it again")
    return CheckResult(_NAME, _CHECK, CheckStatus.OK, "the token has its scopes")


def _error(detail: str, remedy: str) -> CheckResult:
    return CheckResult(_NAME, _CHECK, CheckStatus.ERROR, detail, remedy)
