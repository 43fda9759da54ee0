"""Every IAM or sign-in record gives one row, a reason from medium on, and valid Slack messages."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.events.changes.iam_operations import OPERATIONS
from gatewatch.events.decoding import decode
from gatewatch.rendering.json_rows import rows
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT
from support.rendering import slack_payloads

SETTINGS = {each: load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml", each) for each in LANGUAGES}
ENGLISH = load_labels(ROOT / "templates", "en")
NAMING = ("userName", "roleName", "groupName", "policyArn", "policyName", "serialNumber", "accessKeyId", "name", "url")
TELLING = ("policyDocument", "assumeRolePolicyDocument", "permissionsBoundary", "path", "status", "tags", "omitted")
SIGNING = ("ConsoleLogin", "MFAUsed", "SwitchTo", "UserName", "user", "role", "accessKey", "minimumPasswordLength")
KEYS = st.sampled_from([*NAMING, *TELLING, *SIGNING])
WORDS = st.sampled_from(
    ["", "alice", "arn:", "arn:aws:iam::aws:policy/AdministratorAccess", "root", "*", "<!here>", "Failure"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [*sorted(OPERATIONS), "AcquireRole", "ConsoleLogin", "SwitchRole", "UserAuthentication", "PasswordUpdated"]
)
TYPES = st.sampled_from(["IAMUser", "Root", "AssumedRole", "AWSService", "IdentityCenterUser", "", "Odd"])


@given(
    name=NAMES,
    kind=TYPES,
    request=JSON | st.dictionaries(KEYS, JSON, max_size=5),
    response=JSON,
    extra=JSON,
    error=st.sampled_from([None, "AccessDenied", "NoSuchEntityException"]),
    language=st.sampled_from(LANGUAGES),
)
def test_no_record_of_iam_or_sign_in_is_dropped_or_breaks_a_message(
    name, kind, request, response, extra, error, language
):
    service = "iam" if name in OPERATIONS or name == "AcquireRole" else "signin"
    record = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "userIdentity": {"type": kind, "userName": "alice", "sessionContext": extra},
        "eventTime": "2026-01-24T03:45:49Z",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "eventID": "e-1",
        "requestParameters": request,
        "responseElements": response,
        "additionalEventData": extra,
        "errorCode": error,
        "errorMessage": "on resource: user alice" if error else None,
    }
    (call,) = decode(msgspec.json.decode(msgspec.json.encode(record)))
    alert = assess_call(call, Assessor(SETTINGS[language], InMemoryRuleHistory()))
    (row,) = rows(alert, ENGLISH)
    assert row.severity in {"info", "low"} or row.reasons
    for message in slack_payloads(alert):
        assert slack_problems(message) == ()
        assert mentions(message) == ()
