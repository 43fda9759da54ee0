"""The state machine of actions: who may do what, in which state."""

from functools import reduce

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.actions.request import Subject, alert_subject
from gatewatch.actions.state_machine import Refusal, transition
from gatewatch.actions.transitions import TRANSITIONS, Effect
from gatewatch.config.actions import ActionMode
from gatewatch.events.user_identity import parse_actor
from gatewatch.model.alert_actions import GATEWATCH, NO_ACTIONS, ActionEvent, ActionStatus, Mark, Person
from gatewatch.model.revert import RevertOutcome, RevertReport
from gatewatch.model.severity import Severity
from support.actions import ALICE, BOB, CAROL, GUEST, NOW, PLAN, SETTINGS, SUBJECT, asks
from support.threads import alert

E, S = ActionEvent, ActionStatus


def alert_by(actor):
    notification = alert("opened", Severity.HIGH).notification
    call = msgspec.structs.replace(notification.alert.call, actor=actor)
    return msgspec.structs.replace(notification, alert=msgspec.structs.replace(notification.alert, call=call))


def after(*requests, settings=SETTINGS, subject=SUBJECT, before=NO_ACTIONS):
    """The state after requests that are all accepted."""
    return reduce(lambda actions, each: transition(actions, each, subject, settings).actions, requests, before)


def refused(request, before=NO_ACTIONS, settings=SETTINGS, subject=SUBJECT):
    result = transition(before, request, subject, settings)
    assert isinstance(result, Refusal), result
    return result.reason


PROPOSED = after(asks(E.PROPOSE_REVERT, ALICE))
APPROVED = after(asks(E.APPROVE_REVERT, BOB), before=PROPOSED)
EXECUTING = after(asks(E.START_REVERT, GATEWATCH), before=APPROVED)


def test_an_alert_is_acknowledged_once_and_escalation_stops():
    result = transition(NO_ACTIONS, asks(E.ACKNOWLEDGE, GUEST), SUBJECT, SETTINGS)
    assert (result.actions.status, result.effects) == (S.ACKNOWLEDGED, (Effect.STOP_ESCALATION,))
    assert result.actions.acknowledged.person == GUEST
    assert refused(asks(E.ACKNOWLEDGE, BOB), result.actions) == "not_acknowledged"


@pytest.mark.parametrize("event", [E.SNOOZE, E.ASK_ACTOR, E.PROPOSE_EXCEPTION, E.PROPOSE_REVERT])
def test_a_person_who_is_not_mapped_may_acknowledge_only(event):
    assert refused(asks(event, GUEST)) == "mapped"


def test_a_person_who_is_not_mapped_may_not_approve():
    assert refused(asks(E.APPROVE_REVERT, GUEST), PROPOSED) == "mapped"


@pytest.mark.parametrize("event", [E.ASK_ACTOR, E.PROPOSE_EXCEPTION, E.PROPOSE_REVERT])
def test_read_only_mode_allows_to_acknowledge_and_to_snooze_only(event):
    read_only = msgspec.structs.replace(SETTINGS, written_mode=ActionMode.READ_ONLY)
    assert after(asks(E.ACKNOWLEDGE), settings=read_only).status is S.ACKNOWLEDGED
    assert after(asks(E.SNOOZE), settings=read_only).status is S.SNOOZED
    assert refused(asks(event), settings=read_only) == "in_full_mode"


@pytest.mark.parametrize("event", [E.APPROVE_REVERT, E.BREAK_GLASS, E.REJECT_REVERT])
def test_a_proposal_is_not_decided_after_the_mode_was_reduced(event):
    read_only = msgspec.structs.replace(SETTINGS, written_mode=ActionMode.READ_ONLY, break_glass=True)
    assert refused(asks(event, BOB), PROPOSED, read_only) == "in_full_mode"


@pytest.mark.parametrize("event", [E.ACKNOWLEDGE, E.SNOOZE])
def test_nothing_is_possible_while_actions_are_off(event):
    off = msgspec.structs.replace(SETTINGS, written_mode=ActionMode.OFF)
    assert refused(asks(event), settings=off) == "switched_on"


def test_a_critical_alert_is_never_snoozed():
    assert refused(asks(E.SNOOZE), subject=Subject(severity=Severity.CRITICAL)) == "not_critical"


@pytest.mark.parametrize("until", [NOW, NOW - 1, NOW + 31 * 86400])
def test_a_snooze_ends_in_the_future_and_within_a_month(until):
    assert refused(asks(E.SNOOZE, until=until)) == "snooze_in_range"


def test_a_snooze_ends_at_its_time_or_when_the_severity_rises():
    snoozed = after(asks(E.SNOOZE))
    assert refused(asks(E.END_SNOOZE, GATEWATCH, at=NOW + 3599), snoozed) == "snooze_is_over"
    ended = transition(snoozed, asks(E.END_SNOOZE, GATEWATCH, at=NOW + 3600), SUBJECT, SETTINGS)
    assert (ended.actions.status, ended.actions.snoozed) == (S.OPEN, None)
    assert after(asks(E.RAISE_SEVERITY, GATEWATCH), before=snoozed).status is S.OPEN


def test_a_revert_needs_a_second_person():
    assert refused(asks(E.APPROVE_REVERT, ALICE), PROPOSED) == "second_person"
    result = transition(PROPOSED, asks(E.APPROVE_REVERT, BOB), SUBJECT, SETTINGS)
    assert (result.actions.status, result.effects) == (S.REVERT_APPROVED, (Effect.EXECUTE,))
    assert result.actions.proposal.plan == PLAN


def test_a_second_slack_user_with_the_same_identity_is_no_second_person():
    twin = Person("U0CAROL", "carol", "carol@example.com", ("other", *ALICE.identities))
    assert refused(asks(E.APPROVE_REVERT, twin), PROPOSED) == "second_person"


def test_a_second_slack_user_with_the_same_address_is_no_second_person():
    twin = Person("U0CAROL", "carol", "Alice@Example.com", ("other",))
    assert refused(asks(E.APPROVE_REVERT, twin), PROPOSED) == "second_person"


@pytest.mark.parametrize("actor", ["bob@example.com", "arn:aws:iam::111122223333:user/alice"])
@pytest.mark.parametrize("event", [E.PROPOSE_REVERT, E.APPROVE_REVERT, E.BREAK_GLASS])
def test_the_actor_takes_no_part_in_a_revert(actor, event):
    subject = Subject(severity=Severity.HIGH, actor=frozenset({actor}))
    person = BOB if actor == "bob@example.com" else ALICE
    before = NO_ACTIONS if event is E.PROPOSE_REVERT else after(asks(E.PROPOSE_REVERT, CAROL))
    settings = msgspec.structs.replace(SETTINGS, break_glass=True)
    assert refused(asks(event, person), before, settings, subject) == "not_the_actor"


def test_below_the_configured_severity_one_person_is_enough():
    settings = msgspec.structs.replace(SETTINGS, two_person_from=Severity.CRITICAL)
    assert after(asks(E.APPROVE_REVERT, ALICE), before=PROPOSED, settings=settings).status is S.REVERT_APPROVED
    critical = Subject(severity=Severity.CRITICAL)
    assert refused(asks(E.APPROVE_REVERT, ALICE), PROPOSED, settings, critical) == "second_person"


def test_only_people_on_the_list_propose_and_approve():
    settings = msgspec.structs.replace(SETTINGS, allow=("U0CAROL",))
    assert refused(asks(E.PROPOSE_REVERT, ALICE), settings=settings) == "allowed"
    assert refused(asks(E.APPROVE_REVERT, BOB), PROPOSED, settings) == "allowed"


def test_a_click_on_an_older_proposal_is_refused():
    again = after(asks(E.REJECT_REVERT, BOB), asks(E.PROPOSE_REVERT, ALICE, proposal="p2"), before=PROPOSED)
    assert refused(asks(E.APPROVE_REVERT, BOB, proposal="p1"), again) == "current_proposal"
    assert after(asks(E.APPROVE_REVERT, BOB, proposal="p2"), before=again).status is S.REVERT_APPROVED


def test_a_proposal_expires_after_fifteen_minutes():
    assert refused(asks(E.EXPIRE_REVERT, GATEWATCH, at=NOW + 899), PROPOSED) == "is_expired"
    assert refused(asks(E.APPROVE_REVERT, BOB, at=NOW + 900), PROPOSED) == "not_expired"
    expired = after(asks(E.EXPIRE_REVERT, GATEWATCH, at=NOW + 900), before=PROPOSED)
    assert expired.status is S.REVERT_EXPIRED
    assert after(asks(E.PROPOSE_REVERT, ALICE, proposal="p2"), before=expired).status is S.REVERT_PROPOSED


def test_break_glass_is_off_by_default_needs_a_reason_and_notifies_everybody():
    assert refused(asks(E.BREAK_GLASS, ALICE), PROPOSED) == "break_glass_is_on"
    settings = msgspec.structs.replace(SETTINGS, break_glass=True)
    assert refused(asks(E.BREAK_GLASS, ALICE, reason=" \n"), PROPOSED, settings) == "with_reason"
    result = transition(PROPOSED, asks(E.BREAK_GLASS, ALICE), SUBJECT, settings)
    assert result.effects == (Effect.NOTIFY_EVERYBODY, Effect.EXECUTE)
    assert result.actions.proposal.is_break_glass
    assert result.actions.proposal.reason == "nobody else is awake"


def test_an_approved_revert_is_executed_and_its_result_is_kept():
    done = RevertReport(RevertOutcome.REVERTED, change_id="rev-1")
    reverted = after(asks(E.COMPLETE_REVERT, GATEWATCH, result=done), before=EXECUTING)
    assert (reverted.status, reverted.result) == (S.REVERTED, done)
    failed = after(asks(E.FAIL_REVERT, GATEWATCH, result=RevertReport(RevertOutcome.CHANGED)), before=EXECUTING)
    assert failed.status is S.REVERT_FAILED


DONE = RevertReport(RevertOutcome.REVERTED, change_id="rev-1")
REVERTED = after(asks(E.COMPLETE_REVERT, GATEWATCH, result=DONE), before=EXECUTING)
UNDO_PROPOSED = after(asks(E.PROPOSE_UNDO, BOB), before=REVERTED)
UNDO_EXECUTING = after(asks(E.APPROVE_UNDO, ALICE), asks(E.START_UNDO, GATEWATCH), before=UNDO_PROPOSED)


@pytest.mark.parametrize("before", [NO_ACTIONS, PROPOSED, APPROVED, EXECUTING])
def test_only_what_was_reverted_is_undone(before):
    assert refused(asks(E.PROPOSE_UNDO, ALICE), before).startswith("status_")


def test_an_undo_takes_the_same_people_as_a_revert():
    assert refused(asks(E.PROPOSE_UNDO, GUEST), REVERTED) == "mapped"
    assert refused(asks(E.APPROVE_UNDO, BOB), UNDO_PROPOSED) == "second_person"
    assert refused(asks(E.APPROVE_UNDO, ALICE, at=NOW + 900), UNDO_PROPOSED) == "not_expired"
    assert refused(asks(E.APPROVE_UNDO, ALICE, proposal="p1"), UNDO_PROPOSED) == "current_proposal"
    assert refused(asks(E.BREAK_GLASS, BOB, proposal="u1"), UNDO_PROPOSED) == "break_glass_is_on"
    narrow = msgspec.structs.replace(SETTINGS, allow=("U0CAROL",))
    assert refused(asks(E.PROPOSE_UNDO, BOB), REVERTED, narrow) == "allowed"
    actor = Subject(severity=Severity.HIGH, actor=frozenset({"bob@example.com"}))
    assert refused(asks(E.PROPOSE_UNDO, BOB), REVERTED, subject=actor) == "not_the_actor"
    assert refused(asks(E.APPROVE_UNDO, CAROL, proposal="u1"), REVERTED).startswith("status_")


def test_the_approval_of_a_revert_does_not_approve_its_undo():
    for event in (E.APPROVE_REVERT, E.START_REVERT, E.COMPLETE_REVERT):
        assert refused(asks(event, CAROL, proposal="u1"), UNDO_PROPOSED) == "status_undo_proposed"


def test_an_undone_revert_is_open_again_escalated_again_and_not_closed_by_the_earlier_closing():
    result = transition(UNDO_EXECUTING, asks(E.COMPLETE_UNDO, GATEWATCH, result=DONE), SUBJECT, SETTINGS)
    assert (result.actions.status, result.effects) == (S.UNDONE, (Effect.RESUME_ESCALATION,))
    assert result.actions.executed.person == ALICE
    assert refused(asks(E.CLOSE, GATEWATCH), result.actions) == "not_undone"
    acknowledged = after(asks(E.ACKNOWLEDGE, CAROL), before=result.actions)
    assert refused(asks(E.CLOSE, GATEWATCH), acknowledged) == "not_undone"
    again = after(asks(E.PROPOSE_REVERT, ALICE), before=acknowledged)
    assert again.result is None


@pytest.mark.parametrize(
    ("event", "at"), [(E.REJECT_UNDO, NOW), (E.EXPIRE_UNDO, NOW + 900)], ids=["rejected", "expired"]
)
def test_an_undo_that_nobody_approves_leaves_the_alert_reverted_by_who_reverted_it(event, at):
    person = CAROL if event is E.REJECT_UNDO else GATEWATCH
    left = after(asks(event, person, at=at), before=UNDO_PROPOSED)
    assert (left.status, left.executed.person, left.result) == (S.REVERTED, BOB, DONE)
    assert after(asks(E.PROPOSE_UNDO, ALICE, proposal="u2"), before=left).status is S.UNDO_PROPOSED


@pytest.mark.parametrize("event", [E.FAIL_UNDO, E.ABANDON_UNDO])
def test_an_undo_that_failed_can_be_proposed_again(event):
    failed = after(asks(event, GATEWATCH, at=NOW + 7200, result=DONE), before=UNDO_EXECUTING)
    assert failed.status is S.UNDO_FAILED
    assert after(asks(E.PROPOSE_UNDO, ALICE, proposal="u2"), before=failed).status is S.UNDO_PROPOSED


def test_an_interrupted_execution_is_started_again():
    assert after(asks(E.START_REVERT, GATEWATCH), before=EXECUTING).status is S.REVERT_EXECUTING


@pytest.mark.parametrize("event", [E.PROPOSE_REVERT, E.APPROVE_REVERT, E.SNOOZE, E.ACKNOWLEDGE])
def test_a_click_on_a_closed_alert_is_refused(event):
    closed = after(asks(E.CLOSE, GATEWATCH))
    assert refused(asks(event, BOB), closed) == "status_closed"


@pytest.mark.parametrize("event", [E.ASK_ACTOR, E.PROPOSE_EXCEPTION, E.PROPOSE_REVERT])
def test_a_rollup_is_acknowledged_or_snoozed_and_nothing_else(event):
    rollup = msgspec.structs.replace(SUBJECT, is_rollup=True)
    assert refused(asks(event), subject=rollup) == "single_alert"
    assert after(asks(E.ACKNOWLEDGE), subject=rollup).status is S.ACKNOWLEDGED
    assert after(asks(E.SNOOZE), subject=rollup).status is S.SNOOZED


@pytest.mark.parametrize("before", [PROPOSED, APPROVED, EXECUTING])
def test_a_snooze_ends_while_a_revert_is_under_way_and_leaves_it_as_it_is(before):
    mark = asks(E.SNOOZE).person
    snoozed = msgspec.structs.replace(before, snoozed=Mark(mark, NOW), snoozed_until=NOW + 60)
    for event in (E.END_SNOOZE, E.RAISE_SEVERITY):
        ended = transition(snoozed, asks(event, GATEWATCH, at=NOW + 60), SUBJECT, SETTINGS)
        assert (ended.actions.status, ended.actions.snoozed) == (before.status, None)
        assert ended.effects == (Effect.RESUME_ESCALATION,)
        assert refused(asks(event, GATEWATCH, at=NOW + 60), before) == "is_snoozed"


def test_a_second_approval_is_refused():
    assert refused(asks(E.APPROVE_REVERT, CAROL), APPROVED) == "status_revert_approved"


def test_only_who_was_asked_may_answer_and_only_once():
    asked = after(asks(E.ASK_ACTOR))
    assert refused(asks(E.ASK_ACTOR, BOB), asked) == "not_asked"
    assert refused(asks(E.ANSWER_YES, BOB), asked) == "was_asked"
    mallory = Person("U0MALLORY")
    answered = after(asks(E.ANSWER_YES, mallory), before=asked)
    assert refused(asks(E.ANSWER_NO, mallory), answered) == "was_asked"


def test_the_answer_no_opens_an_acknowledged_alert_again():
    asked = after(asks(E.ACKNOWLEDGE), asks(E.ASK_ACTOR))
    result = transition(asked, asks(E.ANSWER_NO, Person("U0MALLORY")), SUBJECT, SETTINGS)
    assert (result.actions.status, result.effects) == (S.OPEN, (Effect.RESUME_ESCALATION,))
    assert after(asks(E.ACKNOWLEDGE, BOB), before=result.actions).status is S.ACKNOWLEDGED


def test_the_answer_no_to_an_open_alert_does_not_put_off_its_escalation():
    asked = after(asks(E.ASK_ACTOR))
    result = transition(asked, asks(E.ANSWER_NO, Person("U0MALLORY")), SUBJECT, SETTINGS)
    assert (result.actions.status, result.actions.asked, result.effects) == (S.OPEN, "", ())


def test_a_snooze_of_an_acknowledged_alert_leaves_it_open_in_the_end():
    ended = after(asks(E.ACKNOWLEDGE), asks(E.SNOOZE), asks(E.END_SNOOZE, GATEWATCH, at=NOW + 3600))
    assert (ended.status, ended.acknowledged) == (S.OPEN, None)
    assert after(asks(E.ACKNOWLEDGE, BOB), before=ended).acknowledged.person == BOB


def test_a_question_needs_a_person_as_actor():
    assert refused(asks(E.ASK_ACTOR), subject=Subject(severity=Severity.HIGH)) == "actor_is_a_person"


def test_every_transition_has_an_audit_record_with_person_time_message_and_reason():
    actions = after(asks(E.ACKNOWLEDGE, BOB), asks(E.PROPOSE_REVERT, ALICE, reason="too open"))
    first, second = actions.audit
    assert (first.event, first.before, first.after, first.person) == (E.ACKNOWLEDGE, S.OPEN, S.ACKNOWLEDGED, BOB)
    assert (second.person.identities, second.source, second.at, second.detail) == (
        ALICE.identities,
        "C1/1.1",
        NOW,
        "too open",
    )


def test_every_event_has_a_rule_and_no_state_has_two():
    assert {rule.event for rule in TRANSITIONS} == set(E)
    cases = [(rule.event, status) for rule in TRANSITIONS for status in rule.before]
    assert len(cases) == len(set(cases))


def test_a_full_audit_record_refuses_people_but_not_what_gatewatch_has_to_finish():
    full = msgspec.structs.replace(EXECUTING, audit=EXECUTING.audit * 100)
    assert refused(asks(E.PROPOSE_EXCEPTION), full) == "too_many_transitions"
    assert after(asks(E.COMPLETE_REVERT, GATEWATCH), before=full).status is S.REVERTED


PEOPLE = st.sampled_from([ALICE, BOB, CAROL, GUEST, Person("U0TWIN", identities=ALICE.identities)])
REQUESTS = st.lists(
    st.builds(
        lambda event, person, seconds: asks(event, person, at=NOW + seconds),
        st.sampled_from([each for each in E if each is not E.SNOOZE]),
        PEOPLE,
        st.integers(0, 2000),
    ),
    max_size=12,
)


@given(REQUESTS)
def test_no_sequence_of_requests_executes_a_revert_that_two_identities_did_not_agree_on(requests):
    actions = NO_ACTIONS
    for each in requests:
        result = transition(actions, each, SUBJECT, SETTINGS)
        if isinstance(result, Refusal):
            continue
        actions = result.actions
        if Effect.EXECUTE in result.effects:
            first, second = actions.proposal.proposed.person, actions.proposal.approved.person
            assert not set(first.identities) & set(second.identities)
            assert actions.proposal.approved.at < actions.proposal.expires_at


@given(REQUESTS)
def test_no_sequence_of_requests_undoes_a_revert_that_two_identities_did_not_agree_on(requests):
    actions = REVERTED
    for each in requests:
        each = msgspec.structs.replace(each, proposal="u1")  # noqa: PLW2901
        result = transition(actions, each, SUBJECT, SETTINGS)
        if isinstance(result, Refusal):
            continue
        actions = result.actions
        if Effect.EXECUTE in result.effects:
            first, second = actions.proposal.proposed.person, actions.proposal.approved.person
            assert not set(first.identities) & set(second.identities)
            assert actions.proposal.approved.at < actions.proposal.expires_at


def test_the_actor_is_known_by_name_role_and_session():
    arn = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/Bob@example.com"
    role = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
    user = {
        "type": "AssumedRole",
        "arn": arn,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "userName": role.rpartition("/")[2]}},
    }
    subject = alert_subject(alert_by(parse_actor(user)))
    assert subject.actor_is_person
    assert "bob@example.com" in subject.actor
    assert "arn:aws:iam::111122223333:role/awsreservedsso_admin_0123456789abcdef" in subject.actor
