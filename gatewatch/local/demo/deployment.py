"""The demo's deployment in the embedded AWS: hub and member stacks, secrets, security groups, real functions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.destinations import SlackWebhook, Teams, secrets_of
from gatewatch.config.paths import EVENTBRIDGE
from gatewatch.config.settings import load_settings
from gatewatch.digest.activity_log_reader import ActivityLogReader
from gatewatch.digest.open_now import open_report
from gatewatch.digest.readings import last_readings
from gatewatch.inventory.store import InventoryStore
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, MEMBERS, Cloud
from gatewatch.local.demo import scenario
from gatewatch.local.demo.email_subscriber import EmailSubscriber
from gatewatch.local.demo.finding_subscriber import FindingSubscriber
from gatewatch.local.demo.member_calls import perform_in_ec2
from gatewatch.local.demo.resources import create_groups, with_group_ids
from gatewatch.local.demo.virtual_queue import VirtualTaskQueue
from gatewatch.local.lambda_.context import LambdaContext
from gatewatch.local.lambda_.event_source_mapping import EventSourceMapping, Poller, lambda_environment, message_count
from gatewatch.local.receivers import ROUTING_KEY, SIGNING_KEY, Receivers
from gatewatch.local.slack.workspace import SIGNING_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_ssm import SSMClient

    from gatewatch.config.destinations import Destination
    from gatewatch.digest.open_now import OpenReport
    from gatewatch.local.demo.scenario import ScenarioEvent
    from gatewatch.local.slack.inbox import Inbox
    from gatewatch.local.slack.interactions import RequestUrl

_ORGANIZATION = "o-a1b2c3d4e5"
_HOUR = 3600.0
_ANSWER_SECONDS = 3.0  # Slack shows an error to the person after that


@dataclass(frozen=True)
class Deployment:
    """A deployed hub with its members, the poller that invokes the functions, and the destinations but Slack.

    `hub` has the outputs of the hub's stack; `ids` those of groups, rules and prefix lists in moto, by scenario id.
    """

    cloud: Cloud
    hub: Mapping[str, str]
    poller: Poller
    ids: dict[str, str]
    subscriber: EmailSubscriber
    receivers: Receivers
    findings: FindingSubscriber

    def publish(self, events: Sequence[ScenarioEvent]) -> int:
        """Perform calls in the member accounts and put their events on the default buses there.

        Returns the number of events, repeated deliveries included.
        """
        for event in events:
            ec2 = self.cloud.client(event.account, event.region, "ec2")
            self.ids.update(perform_in_ec2(ec2, with_group_ids(event.record, self.ids)))
            for _ in range(event.times):
                self.cloud.publish(event.account, event.region, with_group_ids(event.record, self.ids))
        return sum(event.times for event in events)

    def send_canaries(self) -> None:
        for account, region in MEMBERS:
            self.cloud.run_scheduled_rules(account, region)

    def sweep(self, start: datetime) -> float:
        """Run functions/sweep from a time on, until an hour later; return the time at its end."""
        from functions import sweep  # noqa: PLC0415

        queue = VirtualTaskQueue(start.timestamp())
        handler = sweep.compose_with(lambda: queue.now, queue)
        handler.start()
        queue.drain(handler.handle)
        queue.now = max(queue.now, start.timestamp() + _HOUR)
        handler.start()
        return queue.now

    def run_digest(self) -> None:
        """Run functions/digest at both times of the scenario; the second run summarizes the scenario's day."""
        from functions import digest  # noqa: PLC0415

        for time in scenario.DIGEST_TIMES:
            digest.compose_at(time.timestamp).run()

    def open_report(self, now: float) -> OpenReport:
        """What `gatewatch open` shows of all accounts, the one that is not in accounts.yaml included."""
        aws, settings = Aws(), load_settings(scenario.ACCOUNTS, scenario.POLICY)
        store = InventoryStore(HubTable(aws.dynamodb, self.hub["TableName"]))
        steps = (each.step for each in ActivityLogReader(aws.dynamodb, self.hub["ActivityTableName"]).steps())
        readings = last_readings(store, {account for account, _ in MEMBERS}, settings)
        return open_report(readings, steps, settings, now)

    def dead_letter_count(self) -> int:
        """Number of messages in the dead-letter queues."""
        sqs = self.cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")
        urls = (self.hub["EventsDlqUrl"], self.hub["OutboxDlqUrl"], self.hub["ClicksDlqUrl"])
        return sum(message_count(sqs, url) for url in urls)


@contextmanager
def deploy(inbox: Inbox) -> Iterator[Deployment]:
    """Deploy hub and members, store the secrets, create the groups, and set the functions' environment."""
    with Cloud() as cloud, Receivers() as receivers:
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        findings = FindingSubscriber(session)
        hub = cloud.deploy(
            HUB_ACCOUNT,
            HUB_REGION,
            EVENTBRIDGE / "hub.yaml",
            {
                "OrganizationId": _ORGANIZATION,
                "LookupRole": LOOKUP_ROLE,
                "EventBuses": findings.bus,
                "OutboxVisibility": "5",
                "EventsVisibility": "5",
            },
        )
        parameters = {
            "HubBusArn": hub["BusArn"],
            "LookupRoleArn": hub["AlertRoleArn"],
            "SweepRoleArn": hub["SweepRoleArn"],
            "ForwardingCheckRoleArn": hub["HeartbeatRoleArn"],
        }
        for account, region in MEMBERS:
            cloud.deploy(account, region, EVENTBRIDGE / "member.yaml", parameters)
        for account in MEMBER_ACCOUNTS:
            cloud.deploy(account, HUB_REGION, EVENTBRIDGE / "revert.yaml", {"RevertRoleArn": hub["ActRoleArn"]})
        _store_secrets(session.client("ssm"), inbox, receivers)
        ids = create_groups(cloud)
        variables = cloud.variables(HUB_ACCOUNT, HUB_REGION) | function_variables(hub, inbox, receivers)
        with lambda_environment(variables):
            subscriber = EmailSubscriber(session, hub["AlertsTopicArn"])
            inbox.connect(_function_url(hub))
            yield Deployment(cloud, hub, _poller(cloud, hub), ids, subscriber, receivers, findings)


def _store_secrets(ssm: SSMClient, inbox: Inbox, receivers: Receivers) -> None:
    settings = load_settings(scenario.ACCOUNTS, scenario.POLICY)
    for name, destination in settings.destinations.items():
        values = {
            "url": _url(name, destination, inbox, receivers),
            "token": "xoxb-of-the-local-slack",
            "routing_key": ROUTING_KEY,
            "signing_key": SIGNING_KEY,
        }
        for key, reference in secrets_of(destination).items():
            ssm.put_parameter(Name=reference.ssm or "", Value=values[key], Type="SecureString", Overwrite=True)
    actions = {settings.actions.signing_secret: SIGNING_SECRET, settings.actions.token: "xoxb-of-the-local-slack"}
    for ref, value in actions.items():
        ssm.put_parameter(Name=(ref and ref.ssm) or "", Value=value, Type="SecureString")


def _url(name: str, destination: Destination, inbox: Inbox, receivers: Receivers) -> str:
    if isinstance(destination, SlackWebhook):
        return inbox.webhook_url(name)
    return receivers.teams_url(name) if isinstance(destination, Teams) else receivers.webhook_url(name)


def function_variables(hub: Mapping[str, str], inbox: Inbox, receivers: Receivers) -> dict[str, str]:
    """The environment variables of the functions, AWS's own excluded."""
    return {
        "GATEWATCH_SLACK_API": inbox.api,
        "GATEWATCH_PAGERDUTY_API": receivers.url,
        "GATEWATCH_ACCOUNTS": str(scenario.ACCOUNTS),
        "GATEWATCH_POLICY": str(scenario.POLICY),
        "GATEWATCH_OUTBOX_URL": hub["OutboxUrl"],
        "GATEWATCH_OUTBOX_DLQ_URL": hub["OutboxDlqUrl"],
        "GATEWATCH_EVENTS_DLQ_URL": hub["EventsDlqUrl"],
        "GATEWATCH_CLICKS_URL": hub["ClicksUrl"],
        "GATEWATCH_REMEDIATION_ROLE": "gatewatch/gatewatch-remediation",
        "GATEWATCH_REVERT_ROLE": "gatewatch/gatewatch-revert",
        "GATEWATCH_ALERTS_TOPIC": hub["AlertsTopicArn"],
        "GATEWATCH_TABLE": hub["TableName"],
        "GATEWATCH_BUS": hub["BusArn"],
        "GATEWATCH_ACTIVITY_TABLE": hub["ActivityTableName"],
        "GATEWATCH_ALERT_SERVICE": "gatewatch-prod-alert",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "PYTZ_SKIPEXISTSCHECK": "1",
    }


def _function_url(hub: Mapping[str, str]) -> RequestUrl:
    """functions/actions behind its function URL."""
    from functions import actions  # noqa: PLC0415

    actions.compose.cache_clear()
    queue = hub["ClicksArn"]
    return lambda event: actions.handler(event, LambdaContext.for_function("actions", queue, _ANSWER_SECONDS))


def _poller(cloud: Cloud, hub: Mapping[str, str]) -> Poller:
    """Import the functions inside their environment, as Lambda does."""
    from functions import act, alert, deliver  # noqa: PLC0415

    for function in (act, alert, deliver):
        function.compose.cache_clear()
    sqs = cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")
    return Poller(
        EventSourceMapping("alert", alert.handler, sqs, hub["EventsQueueUrl"], hub["EventsQueueArn"]),
        EventSourceMapping("deliver", deliver.handler, sqs, hub["OutboxUrl"], hub["OutboxArn"]),
        EventSourceMapping("act", act.handler, sqs, hub["ClicksUrl"], hub["ClicksArn"]),
    )
