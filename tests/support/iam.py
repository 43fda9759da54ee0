"""IAM decisions by an independent simulator (`@cloud-copilot/iam-simulate`, run by Node.js)."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from support import judges
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = ROOT / "node_modules" / "@cloud-copilot" / "iam-simulate"
MISSING = "" if PACKAGE.exists() and shutil.which("node") else "the IAM simulator is not installed; run `npm ci`"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ADMINISTRATOR = [{"name": "administrator", "policy": _EVERYTHING}]


def simulation(
    principal: str,
    action: str,
    resource: str,
    *,
    account: str,
    identity: Sequence[dict[str, Any]] = (),
    policy: dict[str, Any] | None = None,
    **context: Any,
) -> dict[str, Any]:
    """One request. `account` owns the resource; `policy` is the resource's own; context keys have `__` for `:`."""
    request = {
        "principal": principal,
        "action": action,
        "resource": {"resource": resource, "accountId": account},
        "contextVariables": {"aws:SecureTransport": "true"} | {key.replace("__", ":"): context[key] for key in context},
    }
    found: dict[str, Any] = {"request": request, "identityPolicies": list(identity)}
    if policy:
        found["resourcePolicy"] = policy
    return {**found, "serviceControlPolicies": [], "resourceControlPolicies": []}


def decisions(simulations: Sequence[dict[str, Any]]) -> list[str]:
    """`Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied` for each. Raises `ValueError` for an invalid request."""
    answer = subprocess.run(
        ["node", "tests/deployment/simulate.mjs"],
        input=json.dumps(simulations),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found: list[str] = json.loads(answer.stdout)
    judges.count("@cloud-copilot/iam-simulate", len(found))
    if errors := [f"{one['request']}: {text}" for one, text in zip(simulations, found, strict=True) if "error" in text]:
        raise ValueError("\n".join(errors[:5]))
    return found
