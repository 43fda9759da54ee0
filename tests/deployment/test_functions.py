"""The Lambda functions as processes with an environment: responses, logs and metrics."""

import json
import os
import subprocess
import sys
import time

import pytest

from chaos.processes import Function, SlackServer, running
from functions.bundle import load_bundle
from gatewatch.config.destinations import HUB_TOPIC, SnsTopic
from gatewatch.delivery.outbox import Outbox
from support import threads
from support.limits import GUARD_SECONDS
from support.paths import ROOT

SECRET = "sEcReTwEbHoOk0000000000001"
POLICY = {
    "destinations": {"sec-all": {"kind": "slack_webhook", "url": {"ssm": "/gatewatch/sec-all"}, "pace": 0.0}},
    "routes": [{"to": ["sec-all"]}],
}


@pytest.fixture
def slack():
    with SlackServer() as slack:
        yield slack


@pytest.fixture
def hub(slack, tmp_path_factory):
    secrets = {"/gatewatch/sec-all": slack.url("sec-all", SECRET)}
    with running(tmp_path_factory.mktemp("hub"), POLICY, secrets) as hub:
        yield hub


@pytest.fixture
def event(build):
    return json.dumps(build.event(build.authorize(build.item(v4=["0.0.0.0/0"]))))


def lines(function):
    """End the function and return its log lines and its metrics."""
    function.end()
    written = [json.loads(line) for line in function.written]
    function.written.clear()
    return [each for each in written if "_aws" not in each], [each for each in written if "_aws" in each]


@pytest.fixture
def changed(hub):
    """Return a factory of the same function with other environment variables."""
    functions = []

    def make(name, **variables):
        functions.append(Function(name, getattr(hub, name).environment | variables))
        return functions[-1]

    yield make
    for function in functions:
        function.end()


def drain(hub, deliver):
    """Serve the outbox until it is empty, messages in flight included; a busy machine may need a second attempt."""
    deadline = time.monotonic() + GUARD_SECONDS
    while hub.waiting() and time.monotonic() < deadline:
        if not hub.serve(deliver, "outbox.fifo")[0]:
            time.sleep(0.2)


def test_an_event_is_delivered_logged_and_counted(hub, slack, event):
    hub.send(event, "no JSON <!here>")
    assert hub.serve(hub.alert, "events") == (True, True)
    drain(hub, hub.deliver)
    assert hub.waiting() == 0
    assert [channel for channel, _ in slack.taken] == ["sec-all", "sec-all"]

    log, (metrics,) = lines(hub.alert)
    (alerted,) = [line for line in log if line["message"] == "alerted"]
    assert alerted["level"] == "INFO"
    assert alerted["service"] == "gatewatch-prod-alert"
    assert alerted["event_id"] == "1beb5d85-3e0f-4000-b7d7-111111111111"
    assert alerted["account_id"] == "111122223333"
    assert "T" in alerted["timestamp"]
    assert (metrics["EventsReceived"], metrics["Changes"], metrics["AlertsCritical"], metrics["DeadLettered"]) == (
        [1, 1],
        [1],
        [1],
        [1],
    )
    assert metrics["service"] == "gatewatch-prod-alert"
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "gatewatch"
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert not any("userIdentity" in json.dumps(line) or "<!here>" in json.dumps(line) for line in log)

    log, batches = lines(hub.deliver)
    assert {line["event_id"] for line in log if line["message"] == "delivered"} >= {alerted["event_id"]}
    assert sum(sum(each.get("Delivered", [])) for each in batches) == 2
    assert batches[0]["service"] == "gatewatch-prod-deliver"
    (age,) = [value for each in batches for value in each.get("AgeSeconds", [])]
    assert age > 0
    assert not any(SECRET in json.dumps(line) for line in [*log, *batches])


def test_a_raw_event_is_logged_at_debug_level_only(hub, event, changed):
    hub.send(event)
    debugging = changed("alert", POWERTOOLS_LOG_LEVEL="DEBUG")
    hub.serve(debugging, "events")
    log, _ = lines(debugging)
    assert any("userIdentity" in line.get("body", "") for line in log if line["level"] == "DEBUG")
    assert not any("userIdentity" in json.dumps(line) for line in log if line["level"] != "DEBUG")


@pytest.mark.parametrize("policy", ["nowhere.yaml", "broken.yaml"])
def test_with_an_invalid_configuration_every_alert_goes_to_the_alerts_topic(hub, build, policy, tmp_path, changed):
    (tmp_path / "broken.yaml").write_text("routes: [{to: [nobody]}]\n", "utf-8")
    hub.send(json.dumps(build.event(build.authorize(build.item(v4=["0.0.0.0/0"]), eventID=f"while {policy}"))))
    Outbox(hub.sqs, hub.urls["outbox.fifo"]).put([threads.alert(f"before {policy}", destination="sec-all")])
    variables = {"GATEWATCH_POLICY": str(tmp_path / policy)}
    alert, deliver = changed("alert", **variables), changed("deliver", **variables)
    hub.serve(alert, "events")
    drain(hub, deliver)
    topic = [json.loads(body)["Message"] for body, _ in hub.bodies(hub.subscriber)]
    assert len(topic) == 2
    (published,) = [text for text in topic if f"while {policy}" in text]
    assert "⚠️ The configuration is invalid, so every alert is sent here." in published
    assert policy in published
    for function in (alert, deliver):
        log, metrics = lines(function)
        assert [line["level"] for line in log if line["message"] == "invalid configuration"] == ["ERROR"]
        assert all(sum(each["ConfigurationErrors"]) >= 1 for each in metrics)


def test_a_missing_environment_variable_fails_the_batch(hub, event):
    hub.send(event)
    environment = {name: value for name, value in hub.alert.environment.items() if name != "GATEWATCH_OUTBOX_URL"}
    function = Function("alert", environment)
    assert hub.serve(function, "events") == (True, False)
    function.end()
    assert "KeyError: 'GATEWATCH_OUTBOX_URL'" in "".join(function.written)


def test_importing_a_function_has_no_side_effects():
    program = "import functions.alert, functions.deliver, sys; print('boto3' in sys.modules)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD_SECONDS,
        cwd="/",
    )
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (None, "does not exist"),
        (b"", "none matches every alert"),
        (b"a: [", "is not valid YAML"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        (b"[" * 5000, "is not valid YAML"),
        (b"- a list", "is not a mapping"),
        (b"routes: [{to: [nobody]}]", '"nobody" is not a destination'),
        (b"severity: {public_ports: [99999]}", "99999 is not a port"),
        (b"destinations: {a: {kind: slack_webhook, url: https://hooks.slack.example/sEcReT}}", "destinations.a"),
    ],
)
def test_an_unusable_configuration_is_reported_and_leaves_the_alerts_topic(tmp_path, content, trouble):
    policy = tmp_path / "policy.yaml"
    if content is not None:
        policy.write_bytes(content)
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("accounts: {}\n")
    bundle = load_bundle({"GATEWATCH_ACCOUNTS": str(accounts), "GATEWATCH_POLICY": str(policy)})
    assert trouble in bundle.configuration_error
    assert bundle.settings.default_destinations == (HUB_TOPIC,)
    assert bundle.settings.destinations[HUB_TOPIC] == SnsTopic()
    assert "sEcReT" not in bundle.configuration_error


def test_a_folder_as_policy_is_reported(tmp_path):
    bundle = load_bundle({"GATEWATCH_ACCOUNTS": str(tmp_path), "GATEWATCH_POLICY": str(tmp_path)})
    assert "cannot be read" in bundle.configuration_error


def test_the_configuration_of_the_repository_is_valid():
    assert load_bundle({}).configuration_error == ""
