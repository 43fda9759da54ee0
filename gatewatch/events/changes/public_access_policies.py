"""Resource policies, and the calls that add one statement to one: whom they let in from outside the account.

CloudTrail has the document of Amazon S3 as an object and every other as JSON text. Names of Lambda's calls carry the
date of their API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text, first_present
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    is_emptied_at,
    names_of,
    resource_change,
    value_at,
    without_parameters,
)
from gatewatch.events.changes.resource_policy import grants_of
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import Impact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatewatch.events.changes.resource_call import Undo

    Read = Callable[[ParsedCall], Iterable[Change]]

QUEUE = Named("queue", ("queueurl", "queuename"))
TOPIC = Named("topic", ("topicarn", "name"))
KEY = Named("kms_key", ("keyid",))
FUNCTION = Named("function", ("functionname", "resourcearn"))
LAYER = Named("lambda_layer", ("layername",))


def changes_of_policy(
    call: ParsedCall, named: Named, policy: Any, undo: Undo | None = None, grant_id: str = ""
) -> Iterable[Change]:
    """A change for each grantee outside the account; one that says so when there is none."""
    (name,) = names_of(call, named)
    grants = grants_of(policy, call.call.account_id)
    if not grants:
        return [resource_change(call, Impact.POLICY_INSIDE, named.kind, name, grant_id=grant_id)]
    return [
        resource_change(
            call,
            Impact.SHARED,
            named.kind,
            name,
            peer=each.peer,
            narrowing=each.narrowing,
            undo=undo,
            grant_id=grant_id,
            statements=each.statements,
        )
        for each in grants
    ]


def document(named: Named, path: str, *, among: str | None = None, undo: Undo | None = None) -> Read:
    """Reads the document at a path. `among`: the call also sets other parameters of this object, "" the request."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        policy = value_at(call.request_parameters, path)
        is_emptied = is_emptied_at(call.request_parameters, path)
        if policy is None and not is_emptied and among is not None and _sets_others(call.request_parameters, among):
            return []
        if is_emptied:
            (name,) = names_of(call, named)
            return [resource_change(call, Impact.ACCESS_CLOSED, named.kind, name)]
        return changes_of_policy(call, named, policy, undo)

    return read


_NOTHING_SET = {"": ""}


def _sets_others(request_parameters: Fields, among: str) -> bool:
    """The call sets something else, which can be read."""
    parent = request_parameters.get(among, _NOTHING_SET) if among else request_parameters
    return isinstance(parent, dict) and (bool(among) or bool(parent))


def topic_attribute(call: ParsedCall) -> Iterable[Change]:
    if call.request is None:
        return [without_parameters(call, TOPIC)]
    name = as_text(call.request_parameters.get("attributename"))
    if name is None:
        raise UnknownShapeError("attributename")
    if name.lower() != "policy":
        return []
    return changes_of_policy(call, TOPIC, call.request_parameters.get("attributevalue"))


def accounts_added(named: Named, path: str, remove: str) -> Read:
    """AddPermission of Amazon SQS and SNS: accounts, under a label that removes them again."""

    def undo(call: ParsedCall, name: str) -> tuple[str, ...]:
        label = as_text(call.request_parameters.get("label"))
        given = {"queue_url" if named is QUEUE else "topic_arn": name, "label": label}
        return cli_arguments(remove, "remove-permission", **given)

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        accounts = [as_text(each) for each in as_list(call.request_parameters.get(path))]
        if not accounts or None in accounts:
            raise UnknownShapeError(path)
        return changes_of_policy(call, named, _statement({"AWS": accounts}), undo, label_of(call.request_parameters))

    return read


def lambda_statement(named: Named) -> Read:
    """AddPermission and AddLayerVersionPermission: one principal, narrowed by the parameters beside it."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        principal = as_text(call.request_parameters.get("principal"))
        if principal is None:
            raise UnknownShapeError("principal")
        kind = "Service" if _SERVICE.match(principal) else "AWS"
        condition = {
            "StringEquals": {
                key: value
                for key, value in (
                    (
                        "aws:PrincipalOrgID",
                        as_text(first_present(call.request_parameters, "principalorgid", "organizationid")),
                    ),
                    ("aws:SourceAccount", as_text(call.request_parameters.get("sourceaccount"))),
                )
                if value
            },
            "ArnLike": {"aws:SourceArn": as_text(call.request_parameters.get("sourcearn"))}
            if call.request_parameters.get("sourcearn")
            else {},
        }
        undo = _remove_statement if named is FUNCTION else None
        statement = statement_id_of(call.request_parameters)
        return changes_of_policy(call, named, _statement({kind: principal}, condition), undo, statement)

    return read


# An ARN may hold the same: the owner of a role chooses its name.
_SERVICE = re.compile(r"^[a-z0-9.-]+\.(?:amazonaws\.[a-z.]+|alexa\.com)\Z")


def label_of(request_parameters: Fields) -> str:
    return as_text(request_parameters.get("label")) or ""


def statement_id_of(request_parameters: Fields) -> str:
    """The id of a statement, which is unique in an alias or version of a function, or a version of a layer."""
    statement = as_text(request_parameters.get("statementid"))
    part = as_text(first_present(request_parameters, "qualifier", "versionnumber"))
    return ":".join(filter(None, (part, statement))) if statement else ""


def _statement(principal: Mapping[str, Any], condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": dict(principal), "Condition": condition or {}}
    return {"Statement": [allow]}


def _remove_statement(call: ParsedCall, name: str) -> tuple[str, ...]:
    qualifier = as_text(call.request_parameters.get("qualifier"))
    given = {"function_name": name, "statement_id": as_text(call.request_parameters.get("statementid"))}
    return cli_arguments("lambda", "remove-permission", **given | ({"qualifier": qualifier} if qualifier else {}))


def _reads(read: Read, action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


def _own(kind: str, keys: str, path: str, *, among: str | None = None, action: Action = Action.MODIFY) -> CallSpec:
    return _reads(document(Named(kind, tuple(keys.split())), path, among=among), action)


def of_lambda(name: str, *dates: str) -> list[tuple[str, str]]:
    """The names of a call of Lambda in CloudTrail: with the date of its API, and without where it is newer."""
    return [("lambda", name + date) for date in ("", *dates)]


_C = Action.CREATE
_DOMAIN = "domainname arn"
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("sqs", "SetQueueAttributes"): _reads(document(QUEUE, "attributes.policy", among="attributes")),
    ("sqs", "CreateQueue"): _reads(document(QUEUE, "attributes.policy", among=""), _C),
    ("sqs", "AddPermission"): _reads(accounts_added(QUEUE, "awsaccountids", "sqs"), Action.AUTHORIZE),
    ("sns", "SetTopicAttributes"): _reads(topic_attribute),
    ("sns", "CreateTopic"): _reads(document(TOPIC, "attributes.policy", among=""), _C),
    ("sns", "AddPermission"): _reads(accounts_added(TOPIC, "awsaccountid", "sns"), Action.AUTHORIZE),
    ("kms", "PutKeyPolicy"): _reads(document(KEY, "policy")),
    ("kms", "CreateKey"): _reads(document(Named("kms_key", ("keyid",), is_optional=True), "policy", among=""), _C),
    ("kms", "ReplicateKey"): _reads(document(KEY, "policy", among=""), _C),
    ("secretsmanager", "PutResourcePolicy"): _own("secret", "secretid", "resourcepolicy"),
    ("ecr", "SetRepositoryPolicy"): _own("repository", "repositoryname", "policytext"),
    ("ecr", "PutRegistryPolicy"): _reads(document(Named("registry"), "policytext")),
    ("ecr-public", "SetRepositoryPolicy"): _own("repository", "repositoryname", "policytext"),
    **dict.fromkeys(
        of_lambda("AddPermission", "20150331", "20150331v2"), _reads(lambda_statement(FUNCTION), Action.AUTHORIZE)
    ),
    **dict.fromkeys(
        of_lambda("AddLayerVersionPermission", "20181031"), _reads(lambda_statement(LAYER), Action.AUTHORIZE)
    ),
    ("lambda", "PutResourcePolicy"): _reads(document(FUNCTION, "policy")),
    ("elasticfilesystem", "PutFileSystemPolicy"): _own("file_system", "filesystemid", "policy"),
    ("es", "CreateElasticsearchDomain"): _own("search_domain", _DOMAIN, "accesspolicies", among="", action=_C),
    ("es", "CreateDomain"): _own("search_domain", _DOMAIN, "accesspolicies", among="", action=_C),
    ("es", "UpdateElasticsearchDomainConfig"): _own("search_domain", _DOMAIN, "accesspolicies", among=""),
    ("es", "UpdateDomainConfig"): _own("search_domain", _DOMAIN, "accesspolicies", among=""),
    ("backup", "PutBackupVaultAccessPolicy"): _own("backup_vault", "backupvaultname", "policy"),
    ("glue", "PutResourcePolicy"): _reads(
        document(Named("data_catalog", ("resourcearn",), is_optional=True), "policyinjson")
    ),
    ("dynamodb", "PutResourcePolicy"): _own("table", "resourcearn", "policy"),
    ("dynamodb", "CreateTable"): _own("table", "tablename", "resourcepolicy", among="", action=_C),
    ("kinesis", "PutResourcePolicy"): _own("data_stream", "resourcearn", "policy"),
    ("kafka", "PutClusterPolicy"): _own("kafka_cluster", "clusterarn", "policy"),
    ("redshift", "PutResourcePolicy"): _own("data_warehouse", "resourcearn", "policy"),
    ("redshift-serverless", "PutResourcePolicy"): _own("data_warehouse", "resourcearn", "policy"),
    ("logs", "PutDestinationPolicy"): _own("log_destination", "destinationname", "accesspolicy"),
    ("logs", "PutResourcePolicy"): _own("log_policy", "resourcearn policyname", "policydocument"),
    ("ses", "PutIdentityPolicy"): _own("email_identity", "identity", "policy"),
    ("ses", "CreateEmailIdentityPolicy"): _own("email_identity", "emailidentity", "policy"),
    ("ses", "UpdateEmailIdentityPolicy"): _own("email_identity", "emailidentity", "policy"),
    ("s3", "PutAccessPointPolicy"): _own("access_point", "name", "policy"),
    ("s3", "PutAccessPointPolicyForObjectLambda"): _own("access_point", "name", "policy"),
    ("glacier", "SetVaultAccessPolicy"): _own("archive_vault", "vaultname", "policy.policy"),
    ("acm-pca", "PutPolicy"): _own("certificate_authority", "resourcearn", "policy"),
    ("codeartifact", "PutDomainPermissionsPolicy"): _own("package_domain", "domain", "policydocument"),
    ("codeartifact", "PutRepositoryPermissionsPolicy"): _own("package_repository", "repository", "policydocument"),
    ("codebuild", "PutResourcePolicy"): _own("build_project", "resourcearn", "policy"),
    ("apigateway", "CreateRestApi"): _own("api", "restapiid name id", "policy", among="", action=_C),
    ("cloudtrail", "PutResourcePolicy"): _own("event_data_store", "resourcearn", "resourcepolicy"),
}
