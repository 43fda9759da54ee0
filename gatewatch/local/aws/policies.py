"""Inline policies of the embedded AWS. moto's CloudFormation stores them as Python text instead of JSON."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient


def store_policies_as_json(iam: IAMClient) -> None:
    """Write the inline policies of the forwarding roles again, as JSON: the scheduled comparison reads them."""
    roles = iam.list_roles(PathPrefix="/gatewatch/")["Roles"]
    for name in (role["RoleName"] for role in roles if role["RoleName"].startswith("gatewatch-forward-")):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document: Any = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            if isinstance(document, str):
                text = json.dumps(ast.literal_eval(document))
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)
