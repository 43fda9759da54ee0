"""Checks AWS CLI commands against the service models of botocore, without running them."""

import shlex

import botocore.session
from botocore import xform_name

_GLOBAL = {"region", "profile", "output", "query"}
# Options that the CLI calls otherwise than the API.
_RENAMED = {
    ("sns", "subscribe"): {"notification-endpoint": "endpoint"},
    ("ec2", "delete-network-acl-entry"): {"ingress": "egress"},
}
# Services that the CLI calls otherwise than botocore.
_SERVICES = {"s3api": "s3", "configservice": "config"}
# Commands of the CLI itself, which are not API operations.
_CUSTOM = {("cloudformation", "deploy"): {"stack-name", "template-file", "capabilities", "parameter-overrides"}}


def problems(line: str) -> list[str]:
    """Return what is wrong with a command: unknown operation, unknown options, missing required options."""
    _, service, operation, *words = shlex.split(line)
    options = {word.removeprefix("--").partition("=")[0] for word in words if word.startswith("--")}
    if (service, operation) in _CUSTOM:
        return sorted(options - _CUSTOM[service, operation] - _GLOBAL)
    renamed = _RENAMED.get((service, operation), {})
    options = {renamed.get(option, option) for option in options}
    session, service = botocore.session.get_session(), _SERVICES.get(service, service)
    if service not in session.get_available_services():
        return [f"no service {service}"]
    model = session.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return [f"no operation {operation}"]
    shape = model.operation_model(names[operation]).input_shape
    options = {option.removeprefix("no-") if is_switch(shape, option) else option for option in options}
    known = {xform_name(name, "-") for name in shape.members}
    missing = {xform_name(name, "-") for name in shape.required_members} - options
    return sorted(options - known - _GLOBAL) + [f"{name} is missing" for name in sorted(missing)]


def is_switch(shape, option: str) -> bool:
    """Whether an option is the negative form of a boolean, which the CLI writes as --no-NAME."""
    booleans = {xform_name(name, "-") for name, kind in shape.members.items() if _is_boolean(kind)}
    return option.removeprefix("no-") in booleans


def _is_boolean(shape) -> bool:
    """Also EC2's structure of one boolean, which the CLI takes as a switch."""
    if shape.type_name != "structure":
        return shape.type_name == "boolean"
    return [each.type_name for each in shape.members.values()] == ["boolean"]
