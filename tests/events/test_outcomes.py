"""Which errors of AWS mean that the caller lacked a permission."""

import pytest


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("Client.UnauthorizedOperation", "denied"),
        ("Client.AuthFailure", "denied"),
        ("AccessDenied", "denied"),
        ("AccessDeniedException", "denied"),
        ("KMSAccessDeniedException", "denied"),
        ("AuthorizationErrorException", "denied"),
        ("AuthorizationError", "denied"),
        ("ForbiddenException", "denied"),
        ("OrganizationAccessDeniedException", "denied"),
        ("InsufficientPermissionsException", "denied"),
        ("AWS.SimpleQueueService.AccessDenied", "denied"),
        ("VpceAccessDenied", "denied"),
        ("Client.DryRunOperation", "dry_run"),
        ("Client.DryRunOperationFailed", "failed"),
        ("Client.InvalidPermission.Duplicate", "failed"),
        ("Client.InsufficientInstanceCapacity", "failed"),
        ("AuthorizationNotFound", "failed"),
        ("Client.OperationNotPermitted", "failed"),
    ],
)
def test_a_code_of_any_service_for_a_missing_permission_is_a_denial(build, row, code, outcome):
    record = build.authorize(build.item(v4=["0.0.0.0/0"]), errorCode=code)
    severity = {"denied": "high", "failed": "info", "dry_run": "info"}[outcome]
    assert (row(record)["outcome"], row(record)["severity"]) == (outcome, severity)
