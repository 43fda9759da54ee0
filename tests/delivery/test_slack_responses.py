"""Every row of the table: what Slack says, and what it means."""

import pytest

from gatewatch.delivery.slack_responses import STALE_SECRET, DeliveryOutcome, parse_response

DELIVERED, LATER, NEVER = DeliveryOutcome.DELIVERED, DeliveryOutcome.RETRY, DeliveryOutcome.REFUSED
UNKNOWN = DeliveryOutcome.UNCERTAIN

WEBHOOK = [
    (200, "ok", DELIVERED, "ok"),
    (200, "ok\n", DELIVERED, "ok"),
    (200, "OK", DELIVERED, "ok"),
    (200, " \r\n ok \0", DELIVERED, "ok"),
    (200, "\u00ef\u00bb\u00bfok", DELIVERED, "ok"),  # a byte-order mark, as the bytes of Latin-1
    (400, "invalid_payload", NEVER, "invalid_payload"),
    (400, "user_not_found", NEVER, "user_not_found"),
    (400, "no_text", NEVER, "no_text"),
    (400, "missing_text_or_fallback_or_attachments", NEVER, "missing_text_or_fallback_or_attachments"),
    (400, "invalid_blocks", NEVER, "invalid_blocks"),
    (400, "invalid_blocks_format", NEVER, "invalid_blocks_format"),
    (400, "too_many_attachments", NEVER, "too_many_attachments"),
    (403, "action_prohibited", NEVER, "action_prohibited"),
    (403, "invalid_token", NEVER, "invalid_token"),
    (403, "posting_to_general_channel_denied", NEVER, "posting_to_general_channel_denied"),
    (404, "channel_not_found", NEVER, "channel_not_found"),
    (404, "no_service", NEVER, "no_service"),
    (400, "no_service", NEVER, "no_service"),
    (410, "no_service", NEVER, "no_service"),
    (404, "no_service_id", NEVER, "no_service_id"),
    (404, "no_team", NEVER, "no_team"),
    (404, "team_disabled", NEVER, "team_disabled"),
    (404, "no_active_hooks", NEVER, "no_active_hooks"),
    (410, "channel_is_archived", NEVER, "channel_is_archived"),
    (400, "a_word_of_next_year", NEVER, "a_word_of_next_year"),
    (418, "", NEVER, "HTTP 418"),
    (429, "rate_limited", LATER, "rate_limited"),
    (429, "", LATER, "HTTP 429"),
    (429, "ok", LATER, "HTTP 429"),
    (408, "", LATER, "HTTP 408"),
    (500, "rollup_error", LATER, "rollup_error"),
    (500, "", LATER, "HTTP 500"),
    (502, "<html>bad gateway</html>", LATER, "HTTP 502"),
    (503, "service_unavailable", LATER, "service_unavailable"),
    (503, "<html><title>503</title></html>", LATER, "HTTP 503"),
    (504, "", UNKNOWN, "HTTP 504"),
]
POST_MESSAGE = [
    (200, '{"ok":true,"ts":"1712345678.123456"}', DELIVERED, "ok"),
    (200, ' {"ok": true}', DELIVERED, "ok"),
    (200, '\u00ef\u00bb\u00bf{"ok": true}', DELIVERED, "ok"),
    (429, '{"ok":false,"error":"ratelimited"}', LATER, "ratelimited"),
    (200, '{"ok":false,"error":"rate_limited"}', LATER, "rate_limited"),
    (200, '{"ok":false,"error":"fatal_error"}', UNKNOWN, "fatal_error"),
    (200, '{"ok":false,"error":"internal_error"}', UNKNOWN, "internal_error"),
    (200, '{"ok":false,"error":"service_unavailable"}', LATER, "service_unavailable"),
    (200, '{"ok":false,"error":"request_timeout"}', LATER, "request_timeout"),
    *(
        (200, f'{{"ok":false,"error":"{error}"}}', NEVER, error)
        for error in (
            "account_inactive",
            "channel_not_found",
            "invalid_auth",
            "invalid_blocks",
            "is_archived",
            "missing_scope",
            "msg_too_long",
            "no_text",
            "not_allowed_token_type",
            "not_authed",
            "not_in_channel",
            "restricted_action",
            "token_expired",
            "token_revoked",
            "too_many_attachments",
            "an_error_of_next_year",
        )
    ),
    (200, '{"ok":false}', NEVER, "not_ok"),
    (200, '{"ok":false,"error":7}', NEVER, "not_ok"),
    (200, '{"ok":"true"}', NEVER, "not_ok"),
]
NO_ANSWER_OF_SLACK = [
    (200, "", UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (204, "", UNKNOWN, "HTTP 204 without 'ok' from Slack"),
    (202, "ok", UNKNOWN, "HTTP 202 without 'ok' from Slack"),
    (200, "o", UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, "<html>welcome to the hotel</html>", UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, '{"ok":tr', UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, '{"success":true}', UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, "[1]", UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, "\x00\xff\xfe", UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (200, '{"a":' * 5000, UNKNOWN, "HTTP 200 without 'ok' from Slack"),
    (301, "", NEVER, "HTTP 301"),
    (302, "<html>moved</html>", NEVER, "HTTP 302"),
    (307, "ok", NEVER, "HTTP 307"),
    (404, "<html>not found</html>", NEVER, "HTTP 404"),
    (400, "x" * 101, NEVER, "HTTP 400"),
    (400, "https://hooks.slack.com/services/T0/B0/secret", NEVER, "HTTP 400"),
]


@pytest.mark.parametrize(("status", "body", "outcome", "reason"), WEBHOOK + POST_MESSAGE + NO_ANSWER_OF_SLACK)
def test_the_outcome_of_a_response(status, body, outcome, reason):
    answer = parse_response(status, body.encode("latin-1"), {})
    assert (answer.outcome, answer.reason, answer.retry_after) == (outcome, reason, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 1 ", 1.0),
        ("0", 0.0),
        ("86400", 86400.0),
        ("1.5", None),
        ("-1", None),
        ("", None),
        ("²", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(value, seconds):
    for status, body in ((429, b"rate_limited"), (503, b""), (200, b'{"ok":false,"error":"ratelimited"}')):
        assert parse_response(status, body, {"Retry-After": value}).retry_after == seconds


def test_a_body_that_is_not_utf8_is_handled():
    assert parse_response(200, b"\xff\xfe", {}).outcome is UNKNOWN
    assert parse_response(400, b'{"ok":false,"error":"\xff"}', {}).outcome is NEVER


def test_every_error_that_refreshes_the_secret_is_permanent():
    for word in STALE_SECRET:
        assert parse_response(404, word.encode(), {}).outcome is NEVER
