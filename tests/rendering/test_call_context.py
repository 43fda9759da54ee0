"""Texts of the context of a call in messages: escaped, short enough, and absent where nothing is known."""

import pytest
from hypothesis import given
from markupsafe import Markup
from msgspec import structs

from gatewatch.alerts.context.call_context import CallContext, with_call_context
from gatewatch.config.languages import LANGUAGES
from gatewatch.model.source_network import SourceNetwork
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.source_network import source_text
from support.callers import START
from support.hostile import EVENTS, TEXTS, alert_of_record
from support.rendering import LOADED, slack_payloads, sns_bodies

VENDOR = "777788889999"
ADDRESS = Markup("`203.0.113.5`")


def with_context(alert, text):
    context = CallContext(
        first_seen=START,
        raises_severity=True,
        changed_accounts=200,
        source_network=SourceNetwork("NL", "hosting", text),
        vendors={VENDOR: text},
    )
    return structs.replace(
        alert,
        changes=with_call_context(alert.call, alert.changes, context),
        source_network=context.source_network,
    )


@pytest.mark.parametrize("language", LANGUAGES)
@given(text=TEXTS)
def test_a_hostile_name_of_a_vendor_or_provider_breaks_no_message(language, text):
    encodable = text.encode("utf-8", "replace").decode()  # YAML has no lone surrogates
    alert = with_context(alert_of_record(EVENTS["caller-context"], language), encodable)
    for payload in slack_payloads(alert):
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()
    assert all(body.mail for body in sns_bodies(alert))


@pytest.mark.parametrize("case", [case for case, document in EVENTS.items() if isinstance(document, dict)])
def test_every_kind_of_alert_with_context_is_a_valid_message(case):
    alert = alert_of_record(EVENTS[case])
    for payload in slack_payloads(with_context(alert, "Example")):
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (None, "`203.0.113.5`"),
        (SourceNetwork(), "`203.0.113.5`"),
        (SourceNetwork("NL"), "`203.0.113.5` (NL)"),
        (SourceNetwork("NL", "hosting", "Example"), "`203.0.113.5` (NL, hosting: Example)"),
        (SourceNetwork("", "tor", "Tor"), "`203.0.113.5` (Tor)"),
        (SourceNetwork("NL", "of another version", "Example"), "`203.0.113.5` (NL)"),
    ],
)
def test_an_address_is_followed_by_what_is_known_of_it(source, text):
    assert source_text(ADDRESS, source, LOADED.labels("en")) == text
