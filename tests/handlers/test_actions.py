"""The function URL for Slack: what is refused, what is recorded, and what Slack is answered."""

import dataclasses
import json
import logging
import subprocess
import sys

import boto3
import msgspec
import pytest
from moto import mock_aws

from gatewatch.actions.click import decode_click, encode_click
from gatewatch.actions.click_queue import ReplayMarks
from gatewatch.actions.signing_secrets import SigningSecrets
from gatewatch.actions.slack_signature import signed_request
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.paths import TEMPLATES
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.handlers.actions import ClickHandler
from gatewatch.model.alert_actions import ActionButton
from gatewatch.rendering.text.labels import load_labels
from support.actions import NOW, SETTINGS
from support.paths import ROOT
from support.slack_requests import ALERT, OLD_SECRET, SECRET, chosen, clicked, event, form, submitted
from support.tables import create_table

TEXTS = load_labels(TEMPLATES, "en").action


class Queue:
    def __init__(self):
        self.clicks, self.is_down = [], False

    def put(self, click):
        if self.is_down:
            raise TransientDeliveryError("the queue of clicks cannot be written: EndpointConnectionError")
        self.clicks.append(click)


class Slack:
    def __init__(self):
        self.calls, self.is_down = [], False

    def call(self, method, fields):
        self.calls.append((method, fields))
        if self.is_down:
            raise PermanentDeliveryError("expired_trigger_id")
        return {"ok": True}

    @property
    def view(self):
        return self.calls[-1][1]["view"]


class Meter:
    def __init__(self):
        self.counts = []

    def count(self, name):
        self.counts.append(name)


class Endpoint:
    """The handler with fakes around it; `post` sends a request through the verification to the handler."""

    def __init__(self, dynamodb, stored=SECRET):
        self.now, self.stored, self.reads = NOW, stored, 0
        self.queue, self.slack, self.meter = Queue(), Slack(), Meter()
        self.handler = ClickHandler(
            settings=SETTINGS,
            secrets=SigningSecrets(self.read, lambda: self.now),
            marks=ReplayMarks(HubTable(dynamodb, "t", lambda: self.now)),
            queue=self.queue,
            slack=self.slack,
            texts=lambda language: TEXTS | {"modal_snooze": TEXTS["modal_snooze"] + language},
            now=lambda: self.now,
            log=logging.getLogger("test"),
            meter=self.meter,
        )

    def read(self, _fresh):
        self.reads += 1
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored

    def post(self, sent):
        request = signed_request(sent, self.now)
        return self.handler.handle(request) if request else {"statusCode": 401}

    def click(self, payload, **options):
        return self.post(event(form(payload), self.now, **options))


@pytest.fixture
def endpoint():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield Endpoint(client)


@pytest.mark.parametrize("is_encoded", [False, True], ids=["text", "base64"])
def test_a_signed_click_is_put_on_the_queue_and_answered_with_an_empty_200(endpoint, is_encoded):
    assert endpoint.click(clicked(), is_encoded=is_encoded) == {"statusCode": 200}
    (click,) = endpoint.queue.clicks
    assert (click.button, click.alert, click.user) == (ActionButton.ACKNOWLEDGE, ALERT, "U0ALICE")
    assert (click.channel, click.ts) == ("C0123456789", "1712345678.000100")


NO_SIGNATURE = {"x_slack_signature": None}
HEADERS = {
    "unsigned": NO_SIGNATURE,
    "without timestamp": {"x_slack_request_timestamp": None},
    "forged": {"x_slack_signature": "v0=" + "0" * 64},
    "short signature": {"x_slack_signature": "v0=00"},
    "signature that is not ASCII": {"x_slack_signature": "v0=" + "é" * 64},
    "timestamp that is no number": {"x_slack_request_timestamp": "now"},
    "empty timestamp": {"x_slack_request_timestamp": ""},
    "timestamp of 5,000 digits": {"x_slack_request_timestamp": "1" * 5000},
    "timestamp with blanks": {"x_slack_request_timestamp": f" {int(NOW)} "},
    "timestamp in other digits": {"x_slack_request_timestamp": "١٨٠٠٠٠٠٠٠٠"},
    "another timestamp": {"x_slack_request_timestamp": str(int(NOW) - 1)},
    "header that is a list": {"x_slack_signature": ["v0=" + "0" * 64]},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_a_request_without_a_valid_signature_gets_the_one_empty_answer(endpoint, headers):
    assert endpoint.click(clicked(), **headers) == {"statusCode": 401}
    assert endpoint.queue.clicks == []


def test_a_request_signed_with_another_secret_is_refused(endpoint):
    assert endpoint.click(clicked(), secret="another") == {"statusCode": 401}


@pytest.mark.parametrize("seconds", [-301, 301], ids=["stale", "future"])
def test_a_request_that_is_more_than_five_minutes_off_is_refused(endpoint, seconds):
    assert endpoint.post(event(form(clicked()), NOW + seconds)) == {"statusCode": 401}
    assert endpoint.post(event(form(clicked()), NOW + seconds // 301 * 299)) == {"statusCode": 200}


def test_the_body_is_verified_as_it_was_sent(endpoint):
    sent = event(form(clicked()), NOW)
    assert endpoint.post(sent | {"body": sent["body"] + "&x=1"}) == {"statusCode": 401}
    assert endpoint.post(sent | {"body": sent["body"].replace("alice", "bobby")}) == {"statusCode": 401}


BODIES = {"none": None, "too long": "x" * 3_000_000, "no base64": "%%%", "no UTF-8": "gICA"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(endpoint, body):
    sent = event(form(clicked()), NOW, is_encoded=True)
    assert endpoint.post(sent | {"body": body})["statusCode"] == 401


@pytest.mark.parametrize("nothing", [{}, {"headers": None}, {"headers": [], "body": 1}])
def test_a_request_of_another_form_is_refused(endpoint, nothing):
    assert endpoint.post(nothing) == {"statusCode": 401}


def test_a_replayed_request_is_accepted_and_not_recorded_again(endpoint):
    sent = event(form(clicked()), NOW + 299)
    for seconds in (0, 1, 299, 598):
        endpoint.now = NOW + seconds
        assert endpoint.post(sent) == {"statusCode": 200}
    added = sent | {"headers": sent["headers"] | {"x-slack-retry-num": "1", "x-slack-bolt-lazy-only": "1"}}
    assert endpoint.post(added) == {"statusCode": 200}
    assert len(endpoint.queue.clicks) == 1


def test_two_clicks_are_two_requests(endpoint):
    first, second = clicked(), clicked()
    second["actions"][0] |= {"action_ts": "1.2"}
    endpoint.click(first)
    endpoint.click(second)
    assert len({click.key for click in endpoint.queue.clicks}) == 2


FOREIGN = {
    "another team": {"team": {"id": "T0OTHER"}},
    "no team": {"team": None},
    "another app": {"api_app_id": "A0OTHER"},
    "no app": {"api_app_id": None},
    "a user of another organization": {"user": {"id": "U0ALICE", "team_id": "T0OTHER"}},
}


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
def test_a_click_from_another_workspace_or_app_is_refused(endpoint, fields):
    assert endpoint.click(clicked(**fields)) == {"statusCode": 403}
    assert endpoint.queue.clicks == []


ORG_WIDE = {"team": None, "enterprise": {"id": "E0ORG"}, "is_enterprise_install": True}
IN_ORGANIZATION = {"id": "U0ALICE", "name": "alice", "team_id": "E0ORG"}
ON_GRID = {
    "of an installation in the workspace": ({"user": IN_ORGANIZATION}, 200),
    "of an installation in the organization": ({**ORG_WIDE, "user": IN_ORGANIZATION}, 200),
    "of another workspace": ({"team": {"id": "T0OTHER"}, "user": IN_ORGANIZATION}, 403),
    "of another organization": ({**ORG_WIDE, "enterprise": {"id": "E0OTHER"}}, 403),
    "of a user of another organization": ({**ORG_WIDE, "user": {**IN_ORGANIZATION, "team_id": "E0OTHER"}}, 403),
    "without an organization": ({**ORG_WIDE, "enterprise": None}, 403),
    "of no installation in an organization": ({**ORG_WIDE, "is_enterprise_install": "true"}, 403),
}


@pytest.mark.parametrize(("fields", "status"), ON_GRID.values(), ids=ON_GRID)
def test_a_click_on_enterprise_grid_is_from_the_workspace_or_the_organization(endpoint, fields, status):
    grid = msgspec.structs.replace(SETTINGS, enterprise="E0ORG")
    endpoint.handler = dataclasses.replace(endpoint.handler, settings=grid)
    assert endpoint.click(clicked(**fields))["statusCode"] == status
    assert len(endpoint.queue.clicks) == (status == 200)


def test_an_installation_in_an_organization_is_refused_without_its_id_in_the_settings(endpoint):
    for enterprise in ({"id": "E0ORG"}, {"id": ""}, None):
        assert endpoint.click(clicked(**ORG_WIDE | {"enterprise": enterprise})) == {"statusCode": 403}


@pytest.mark.parametrize(
    ("block", "language"),
    [
        ("gatewatch.ko.0", "ko"),
        ("gatewatch.ja.12", "ja"),
        ("gatewatch.xx.0", ""),
        ("gatewatch...", ""),
        ("ko", "ko"),
        ("../../labels/en", ""),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_a_dialog_has_the_language_of_the_message_and_no_other_text_of_the_block(endpoint, block, language):
    payload = chosen("snooze_until")
    payload["actions"][0]["block_id"] = block
    assert endpoint.click(payload) == {"statusCode": 200}
    view = endpoint.slack.view
    assert view["title"]["text"] == TEXTS["modal_snooze"] + language


MALFORMED = {
    "no id": clicked(value=""),
    "an id of another form": clicked(value="../../etc/passwd"),
    "an unknown button": clicked("launch"),
    "an unknown entry of the menu": chosen("launch"),
    "no user": clicked(user={"team_id": "T0TEAM"}),
    "a user with a mention": clicked(user={"id": "<!channel>", "team_id": "T0TEAM"}),
    "no message": clicked(container={}),
    "a list": [1],
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED)
def test_a_payload_that_names_nothing_known_is_not_recorded(endpoint, payload):
    assert endpoint.click(payload) == {"statusCode": 400}
    assert endpoint.queue.clicks == []


def test_a_body_that_is_signed_and_no_form_is_refused(endpoint):
    for body in ("payload=%7B", "payload=" + "%5B" * 100_000, "\x00"):
        assert endpoint.post(event(body, NOW))["statusCode"] == 400


OTHERS = {
    "a link button": clicked(actions=[{"action_id": "x1Y", "type": "button"}]),
    "no action": clicked(actions=[]),
    "a shortcut": clicked(type="shortcut"),
    "a closed dialog": {"type": "view_closed", "team": {"id": "T0TEAM"}, "api_app_id": "A0APP"},
    "a dialog of another kind": submitted({"callback_id": "other", "private_metadata": ""}),
}


@pytest.mark.parametrize("payload", OTHERS.values(), ids=OTHERS)
def test_what_is_no_click_of_ours_is_acknowledged_and_ignored(endpoint, payload):
    assert endpoint.click(payload) == {"statusCode": 200}
    assert endpoint.queue.clicks == []


def test_the_check_of_the_certificate_is_answered(endpoint):
    assert endpoint.post(event("ssl_check=1&token=x", NOW)) == {"statusCode": 200}


def test_two_signing_secrets_are_accepted_while_one_is_rotated(endpoint):
    endpoint.stored = f"{SECRET}\n{OLD_SECRET}\n"
    for secret in (SECRET, OLD_SECRET):
        assert endpoint.click(clicked(trigger_id=secret), secret=secret) == {"statusCode": 200}
    assert endpoint.click(clicked(), secret="third") == {"statusCode": 401}


def test_a_rotated_secret_is_read_again_and_forged_requests_read_it_once_a_minute(endpoint):
    endpoint.click(clicked())
    endpoint.stored = OLD_SECRET
    for _ in range(50):
        assert endpoint.click(clicked(), secret="forged") == {"statusCode": 401}
    assert endpoint.reads == 1
    endpoint.now += 60
    assert endpoint.click(clicked(), secret=OLD_SECRET) == {"statusCode": 200}
    assert endpoint.reads == 2


def test_a_secret_that_was_replaced_is_not_accepted_after_five_minutes(endpoint):
    assert endpoint.click(clicked()) == {"statusCode": 200}
    endpoint.stored = OLD_SECRET
    endpoint.now += 299
    assert endpoint.click(clicked(trigger_id="1")) == {"statusCode": 200}
    endpoint.now += 1
    assert endpoint.click(clicked(trigger_id="2")) == {"statusCode": 401}
    assert endpoint.click(clicked(trigger_id="3"), secret=OLD_SECRET) == {"statusCode": 200}
    assert endpoint.reads == 2


def test_a_secret_that_cannot_be_read_is_tried_again_after_five_seconds(endpoint):
    endpoint.stored = PermanentDeliveryError("the secret cannot be read: InternalServerError")
    assert endpoint.click(clicked()) == {"statusCode": 503}
    endpoint.stored = SECRET
    endpoint.now += 5
    assert endpoint.click(clicked()) == {"statusCode": 200}


def test_without_its_secret_nothing_is_verified(endpoint):
    endpoint.stored = PermanentDeliveryError("the secret /gatewatch/signing cannot be read: AccessDeniedException")
    assert endpoint.click(clicked()) == {"statusCode": 503}
    endpoint.stored, endpoint.now = " \n", NOW + 60
    assert endpoint.click(clicked(), secret="") == {"statusCode": 401}


def test_a_click_is_not_lost_silently_while_the_queue_is_down(endpoint):
    endpoint.queue.is_down = True
    assert endpoint.click(clicked()) == {"statusCode": 200}
    assert "not recorded" in json.dumps(endpoint.slack.view)
    assert endpoint.meter.counts == ["ClicksNotRecorded"]
    endpoint.slack.is_down = True
    assert endpoint.click(clicked()) == {"statusCode": 503}
    endpoint.queue.is_down = False
    assert endpoint.click(clicked()) == {"statusCode": 200}  # the repeat of Slack, with the same signature
    assert len(endpoint.queue.clicks) == 1


def test_a_dialog_says_when_it_was_not_recorded(endpoint):
    endpoint.click(chosen("propose_exception"))
    endpoint.queue.is_down = True
    answer = endpoint.click(submitted(endpoint.slack.view, owner="a", reason="b", ticket="c", expires="2027-01-31"))
    assert json.loads(answer["body"]) == {"response_action": "errors", "errors": {"owner": TEXTS["not_recorded"]}}


@pytest.mark.parametrize("name", ["snooze_until", "propose_exception"])
def test_an_entry_that_needs_input_opens_a_dialog_and_records_nothing(endpoint, name):
    assert endpoint.click(chosen(name)) == {"statusCode": 200}
    ((method, fields),) = endpoint.slack.calls
    assert (method, fields["trigger_id"]) == ("views.open", "123.456.abc")
    assert len(fields["view"]["private_metadata"]) <= 3000
    assert endpoint.queue.clicks == []


def test_a_submitted_dialog_is_the_click_with_what_was_typed(endpoint):
    endpoint.click(clicked("break_glass", f"{ALERT}.ab12"))
    assert endpoint.click(submitted(endpoint.slack.view, reason="nobody is awake")) == {"statusCode": 200}
    (click,) = endpoint.queue.clicks
    assert (click.button, click.alert, click.proposal) == (ActionButton.BREAK_GLASS, ALERT, "ab12")
    assert (click.inputs, click.source) == ({"reason": "nobody is awake"}, "C0123456789/1712345678.000100")


def test_a_dialog_is_submitted_by_the_person_who_opened_it_and_unchanged(endpoint):
    endpoint.click(clicked("break_glass", f"{ALERT}.ab12"))
    view = endpoint.slack.view
    assert endpoint.click(submitted(view, user="U0BOB", reason="x")) == {"statusCode": 400}
    metadata = view["private_metadata"]
    for changed in (
        metadata.replace(ALERT, "f" * 32),
        metadata.replace("U0ALICE", "U0BOBBY"),
        "",
        "x.y",
        metadata[:-1],
    ):
        assert endpoint.click(submitted(view | {"private_metadata": changed}, reason="x")) == {"statusCode": 400}
    other = view | {"callback_id": "gatewatch.propose_exception"}
    assert endpoint.click(submitted(other, reason="x")) == {"statusCode": 400}
    assert endpoint.queue.clicks == []


def test_hostile_texts_travel_as_they_are_and_are_cut(endpoint):
    endpoint.click(clicked("break_glass", f"{ALERT}.ab12"))
    endpoint.click(submitted(endpoint.slack.view, reason="<!channel> \ud800 " + "x" * 5000))
    (click,) = endpoint.queue.clicks
    assert click.inputs["reason"].startswith("<!channel> ? ")
    assert len(click.inputs["reason"]) == 1000
    assert decode_click(encode_click(click)).inputs == click.inputs


def test_no_secret_and_no_address_of_the_request_is_logged_or_stored(endpoint, caplog):
    caplog.set_level(logging.DEBUG, "test")
    endpoint.click(clicked())
    endpoint.click(clicked(), secret="forged")
    endpoint.click(clicked(team={"id": "T0OTHER"}))
    endpoint.queue.is_down = True
    endpoint.click(clicked(trigger_id="999.secret"))
    texts = caplog.text + "".join(str(vars(each)) for each in caplog.records)
    stored = "".join(map(encode_click, endpoint.queue.clicks))
    for secret in (SECRET, "v0=", "hooks.slack.com", "123.456.abc", "999.secret", "legacy"):
        assert secret not in texts
        assert secret not in stored


def test_the_response_url_is_never_called(endpoint):
    for host in ("https://hooks.slack.com/x", "http://169.254.169.254/latest/meta-data", "https://evil.example"):
        endpoint.click(clicked(response_url=host))
    assert endpoint.slack.calls == []


HEAVY = {"botocore", "boto3", "msgspec", "jinja2", "yaml", "urllib3", "pytz", "aws_lambda_powertools", "markupsafe"}


def test_an_unsigned_request_is_refused_without_importing_what_a_click_needs():
    code = (
        "import sys; from functions import actions; import functions.actions as f;"
        " assert f.handler({'headers': {}}, None) == {'statusCode': 401};"
        " print(*sorted({each.partition('.')[0] for each in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) & HEAVY == set()
    assert "hmac" in ran.stdout
