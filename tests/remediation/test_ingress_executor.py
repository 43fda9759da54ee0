"""Enforcement of whole plans on a group that behaves as EC2 does, below and at its quota."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.executor import StepStatus, apply_ingress_actions
from gatewatch.remediation.ingress.plan import Authorize, Modify, Revoke, plan_ingress
from gatewatch.remediation.ingress.undo import plan_undo
from gatewatch.remediation.snapshots import Snapshot
from support import ingress as kit
from support.strict_group import ACCOUNT, GROUP, StrictGroup

WEB, ALL_TCP = "tcp 443 from 0.0.0.0/0", "tcp 0-65535 from 0.0.0.0/0"


def group_of(*rules, quota=60):
    group = StrictGroup(quota=quota)
    apply_ingress_actions(
        GROUP, [Authorize(kit.rule(each, description="original"), (("Owner", "web"),)) for each in rules], group
    )
    group.calls.clear()
    return group


def full_group(*rules):
    fillers = [f"udp 8443 from 10.0.{number}.0/24" for number in range(60 - len(rules))]
    return group_of(*rules, *fillers)


def enforce(group, policy):
    plan = plan_ingress(GROUP, group.current(), policy)
    return plan, apply_ingress_actions(GROUP, plan.actions, group)


def texts(group):
    return sorted(kit.rule_text(each.rule) for each in group.current())


def content(group):
    return {(access_of(each.rule), each.rule.description or "", each.tags) for each in group.current()}


PRIVATE = "udp 8443 from 10.0.0.0/8"


def test_a_rule_is_narrowed_in_place_in_a_full_group_and_keeps_its_id_description_and_tags():
    group = full_group(ALL_TCP)
    (wide,) = [each for each in group.current() if kit.rule_text(each.rule) == ALL_TCP]
    _, steps = enforce(group, kit.ingress([WEB, PRIVATE]))
    (narrowed,) = [each for each in group.current() if each.rule.rule_id == wide.rule.rule_id]
    assert (kit.rule_text(narrowed.rule), narrowed.rule.description, narrowed.tags) == (WEB, "original", wide.tags)
    assert ([each.status for each in steps], group.calls) == ([StepStatus.DONE], ["modify"])


def test_further_parts_are_authorised_after_every_rule_is_closed():
    group = group_of("tcp 20-100 from 0.0.0.0/0", "udp 161 from 0.0.0.0/0")
    enforce(group, kit.ingress(["tcp 22 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0"]))
    assert group.calls == ["modify", "revoke", "authorize"]
    assert texts(group) == ["tcp 22 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0"]


def test_a_part_that_does_not_fit_into_a_full_group_fails_and_the_rule_is_closed_all_the_same():
    group = full_group("tcp 20-100 from 0.0.0.0/0")
    _, steps = enforce(group, kit.ingress(["tcp 22 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0", PRIVATE]))
    assert [(type(each.action), each.status) for each in steps] == [
        (Modify, StepStatus.DONE),
        (Authorize, StepStatus.FAILED),
    ]
    assert steps[1].reason == "RulesPerSecurityGroupLimitExceeded"
    assert "tcp 22 from 0.0.0.0/0" in texts(group)
    assert "tcp 20-100 from 0.0.0.0/0" not in texts(group)


def test_a_required_rule_comes_before_a_further_part_when_only_one_fits():
    group = group_of("tcp 20-100 from 0.0.0.0/0", "udp 161 from 0.0.0.0/0", quota=2)
    enforce(group, kit.ingress(["tcp 22 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0"], ["udp 53 from 10.0.0.0/8"]))
    assert texts(group) == ["tcp 22 from 0.0.0.0/0", "udp 53 from 10.0.0.0/8"]


@pytest.mark.parametrize("error", ["InvalidParameterValue", "UnauthorizedOperation", "RequestLimitExceeded"])
def test_a_rule_that_cannot_be_modified_is_revoked_and_its_part_authorised(error):
    group = full_group(ALL_TCP)
    group.refused["modify"] = error
    _, steps = enforce(group, kit.ingress([WEB, PRIVATE]))
    assert [(type(each.action), each.status) for each in steps] == [
        (Revoke, StepStatus.DONE),
        (Authorize, StepStatus.DONE),
    ]
    assert WEB in texts(group)
    assert ALL_TCP not in texts(group)


def test_a_rule_whose_narrowed_form_was_added_meanwhile_is_revoked():
    group = group_of(ALL_TCP)
    plan = plan_ingress(GROUP, group.current(), kit.ingress([WEB]))
    apply_ingress_actions(GROUP, [Authorize(kit.rule(WEB))], group)
    (step,) = apply_ingress_actions(GROUP, plan.actions, group)
    assert (type(step.action), step.status, texts(group)) == (Revoke, StepStatus.DONE, [WEB])


def test_a_rule_that_was_removed_meanwhile_is_not_brought_back_in_part():
    group = group_of(ALL_TCP)
    plan = plan_ingress(GROUP, group.current(), kit.ingress([WEB]))
    group.rules.clear()
    (step,) = apply_ingress_actions(GROUP, plan.actions, group)
    assert (step.status, texts(group)) == (StepStatus.ALREADY, [])


def test_a_rule_that_can_neither_be_modified_nor_revoked_has_failed():
    group = group_of(ALL_TCP)
    group.refused |= {"modify": "UnauthorizedOperation", "revoke": "UnauthorizedOperation"}
    _, (step,) = enforce(group, kit.ingress([WEB]))
    assert (type(step.action), step.status, step.reason) == (Modify, StepStatus.FAILED, "UnauthorizedOperation")


ports = st.tuples(st.sampled_from([0, 22, 80, 443, 8000]), st.sampled_from([22, 80, 443, 65535])).map(sorted)
traffics = st.one_of(
    st.builds(lambda name, ends: f"{name} {ends[0]}-{ends[1]}", st.sampled_from(["tcp", "udp"]), ports),
    st.sampled_from(["all", "icmp", "icmp 8", "50"]),
)
peers = st.sampled_from(
    ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "::/0", "2001:db8::/32", "pl-0123456789abcdef0", GROUP]
)
texts_of_rules = st.builds("{} from {}".format, traffics, peers)
rule_lists = st.lists(texts_of_rules, max_size=8, unique_by=lambda text: str(kit.rule(text)))
free_places = st.integers(0, 4)
refusals = st.sampled_from([{}, {"modify": "InvalidParameterValue"}, {"authorize": "RequestLimitExceeded"}])


def is_allowed(rule, policy):
    return not plan_ingress(GROUP, [rule], msgspec.structs.replace(policy, required=())).actions


@given(rule_lists, rule_lists, rule_lists, free_places, refusals)
def test_after_enforcement_every_rule_is_allowed_and_what_fits_exists(rules, allowed, required, free, refused):
    group = group_of(*rules, quota=len(rules) + free)
    group.refused |= refused
    policy = kit.ingress([*allowed, *required], required)
    plan, steps = enforce(group, policy)
    everything = kit.ingress([*allowed, *required])
    assert all(is_allowed(each, everything) for each in group.current())
    not_kept = [each for each in steps if not each.succeeded]
    assert all(isinstance(each.action, Authorize) for each in not_kept)
    assert len(group.rules) == group.quota or not not_kept or refused
    missing = {access_of(each.action.rule) for each in not_kept}
    expected = {access_of(each.rule) for each in plan.authorizes} | {
        access_of(each.rule) for each in plan.closings if isinstance(each, Modify)
    }
    assert expected - missing <= {access_of(each.rule) for each in group.current()}


@given(rule_lists, rule_lists, rule_lists, free_places)
def test_a_second_run_plans_only_what_is_required_and_did_not_fit(rules, allowed, required, free):
    group = group_of(*rules, quota=len(rules) + free)
    _, steps = enforce(group, kit.ingress(allowed, required))
    not_kept = {access_of(each.action.rule) for each in steps if not each.succeeded}
    again = plan_ingress(GROUP, group.current(), kit.ingress(allowed, required))
    assert {access_of(each.rule) for each in again.authorizes} <= not_kept
    assert again.closings == ()


@given(rule_lists, rule_lists, rule_lists, free_places, st.sampled_from([{}, {"modify": "InvalidParameterValue"}]))
def test_undo_restores_every_rule_description_and_tag(rules, allowed, required, free, refused):
    group = group_of(*rules, quota=len(rules) + free)
    before = content(group)
    group.refused |= refused
    plan, _ = enforce(group, kit.ingress(allowed, required))
    group.refused.clear()
    body = msgspec.json.encode(plan.actions).decode()
    snapshot = Snapshot(
        change_id="chg-1", kind="ingress", account_id=ACCOUNT, region="x", resource_id=GROUP, at=0, body=body
    )
    steps = apply_ingress_actions(GROUP, plan_undo(snapshot, group.current()).actions, group)
    assert all(each.succeeded for each in steps)
    assert content(group) == before
    assert plan_undo(snapshot, group.current()).actions == ()
