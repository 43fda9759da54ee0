from datetime import date

import pytest
from msgspec.structs import replace

from gatewatch.config.context import ContextSettings, FirstTime
from gatewatch.config.hazards import find_hazards
from gatewatch.config.iam import KeyPolicy
from gatewatch.config.ingress import EnforcementMode, ExemptGroup
from gatewatch.config.settings import emergency_settings
from support import ingress as kit

ENFORCE = {"mode": "enforce"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"delete_at_once": True, "cut_recently_used": True, "deactivate_after_days": 1}, []),
        (ENFORCE, []),
        (ENFORCE | {"delete_at_once": True}, ["delete keys after 90 days; this cannot be undone"]),
        (
            ENFORCE | {"delete_at_once": True, "cut_recently_used": True},
            ["delete keys after 90 days, even when they are in use; this cannot be undone"],
        ),
        (ENFORCE | {"cut_recently_used": True}, ["deactivate keys that are in use after 90 days"]),
        (
            ENFORCE | {"warn_after_days": 0, "deactivate_after_days": 1},
            ["deactivate_after_days 1 leaves little time"],
        ),
        (ENFORCE | {"warn_after_days": 90}, ["changes keys without warning"]),
        (ENFORCE | {"delete_after_deactivation_days": 1}, ["deletes keys a day after they are deactivated"]),
    ],
)
def test_dangerous_settings_of_access_keys_are_warnings(policy, expected):
    found = list(find_hazards(replace(emergency_settings(), access_keys=KeyPolicy(**policy))))
    assert len(found) == len(expected)
    assert all(text in sentence for text, sentence in zip(expected, found, strict=True))


@pytest.mark.parametrize(("mode", "count"), [(EnforcementMode.ENFORCE, 2), (EnforcementMode.REPORT, 0)])
def test_dangerous_settings_of_the_ingress_policy_are_warnings(mode, count):
    exemption = ExemptGroup(name="k8s-*", owner="@web", reason="EKS", expires=date(2027, 1, 31))
    ingress = kit.ingress(["all from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"], exempt_groups=(exemption,))
    policy = replace(ingress, environments={"dev": mode})
    assert len(list(find_hazards(replace(emergency_settings(), ingress=policy)))) == count


@pytest.mark.parametrize("enabled", [True, False])
def test_a_severity_that_is_raised_by_what_is_off_is_a_warning(enabled):
    context = ContextSettings(first_time=FirstTime(enabled=enabled, raises_severity=True))
    found = list(find_hazards(replace(emergency_settings(), context=context)))
    assert found == ([] if enabled else ["context.first_time: raises_severity has no effect without enabled."])
