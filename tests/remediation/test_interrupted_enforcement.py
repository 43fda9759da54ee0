"""A process that ends after any writing AWS call: the group is never more open, and the next run completes it."""

from __future__ import annotations

import pytest
from moto import mock_aws

from gatewatch.remediation.ingress.access import access_of, is_covered
from support import ingress as kit
from support import members
from support.config_rule import Environment

WIDE, SNMP, SSH = "tcp 20-100 from 0.0.0.0/0", "udp 161 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"
FILLERS = "udp 8443 from 10.0.0.0/8"
ALLOWED = ["tcp 22 from 0.0.0.0/0", "tcp 80 from 0.0.0.0/0", FILLERS]
REQUIRED = ["tcp 9000 from 10.0.0.0/8"]
QUOTA = 60


class ProcessEnded(BaseException):
    """Not an error that any code may handle."""


class Environments:
    """Makes equal environments: one wide rule, one that is not allowed, and as many allowed ones as asked for."""

    def __init__(self, fillers):
        self.fillers = fillers

    def __call__(self):
        env = Environment(kit.ingress(ALLOWED, REQUIRED))
        group_id = env.member.group(kit.rule(WIDE, description="web"), kit.rule(SNMP))
        cidrs = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(self.fillers)]
        if cidrs:
            permission = {"IpProtocol": "udp", "FromPort": 8443, "ToPort": 8443, "IpRanges": cidrs}
            env.member.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
        return env, group_id


def end_process(env, at_call):
    """End the process after this writing AWS call, counted from 1. Return the list that grows with every such call."""
    calls = []

    def observe(operation):
        if not operation.startswith(("Describe", "Get", "Lookup")):
            calls.append(operation)
        if len(calls) == at_call:
            raise ProcessEnded

    env.member.observers.append(observe)
    return calls


def accesses(env, group_id):
    return [access_of(each.rule) for each in env.member.current_rules(group_id)]


def change_ids(env):
    """Return the ids of the change messages that were queued."""
    return {each.key.partition("#")[0] for each in env.outbox.messages if each.key.startswith("chg-")}


@pytest.mark.parametrize(
    "fillers",
    [pytest.param(0, id="small group"), pytest.param(QUOTA - 2, id="full group", marks=pytest.mark.slow)],
)
def test_a_process_may_end_after_any_call(fillers):
    make = Environments(fillers)
    with mock_aws():
        env, group_id = make()
        calls = end_process(env, at_call=None)
        complete = env.changed(group_id)
        expected = env.rules(group_id)
    assert {"ModifySecurityGroupRules", "RevokeSecurityGroupIngress", "AuthorizeSecurityGroupIngress"} <= set(calls)
    for at_call in range(1, len(calls) + 1):
        with mock_aws():
            env, group_id = make()
            before = [*accesses(env, group_id), *(access_of(kit.rule(each)) for each in REQUIRED)]
            end_process(env, at_call)
            with pytest.raises(ProcessEnded):
                env.changed(group_id)
            env.member.observers.clear()
            assert all(is_covered(each, before) for each in accesses(env, group_id)), calls[at_call - 1]
            env.changed(group_id)
            assert env.rules(group_id) == expected, calls[at_call - 1]
            assert len(change_ids(env)) == 1, calls[at_call - 1]
            assert env.unfinished.of_account(members.ACCOUNT, members.REGION) == {}
            assert env.changed(group_id)[0] == (complete[0] if not fillers else "COMPLIANT")
