"""Member accounts: their rules, the clients of the lookup role, and what is wrong with some of them."""

# ruff: noqa: N803  the names are those of AWS
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

from botocore.exceptions import ClientError

CALL_SECONDS = 0.2
CONNECT_SECONDS = 1.3  # AssumeRole, and the clients: 0.3 s of a whole CPU, and 512 MB have 0.29 of one
NOT_THERE = ("AuthFailure", "OptInRequired", "UnrecognizedClientException")


def refused(code, operation):
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, operation)


@dataclass
class Members:
    """`rules`: descriptions by account and Region, then by rule id. Times are in seconds since 1970.

    `without_role`: accounts, with the times from and until which their role is missing. `throttled`: the same of
    accounts, or Regions of them, that refuse all requests. `denied`: the error code of Regions that always do.
    `first_read`: when the rules of a Region were first read.
    """

    clock: object
    fate: object
    regions: dict
    rules: dict = field(default_factory=lambda: defaultdict(dict))
    without_role: dict = field(default_factory=dict)
    throttled: dict = field(default_factory=dict)
    denied: dict = field(default_factory=dict)
    calls: Counter = field(default_factory=Counter)
    first_read: dict = field(default_factory=dict)
    assumed: int = 0
    pass_time: object = None

    def session_for(self, origin, role):
        """Return the clients of one account and Region by its lookup role."""
        assert role
        self.assumed += 1
        self.spend(CONNECT_SECONDS)
        if self._is_in(self.without_role.get(origin.account_id)):
            self.fate.injected["role missing"] += 1
            raise refused("AccessDenied", "AssumeRole")
        clients = {name: Client(self, origin) for name in ("ram", "rds", "s3", "s3control", "cloudtrail")}
        return SimpleNamespace(ec2=Ec2(self, origin), **clients)

    def spend(self, seconds):
        """Pass time, in which rules change and events arrive."""
        self.clock.now += seconds
        self.pass_time()

    def answer(self, origin, operation):
        """Count one request and refuse it, if the account or Region refuses."""
        self.fate.strike("member", origin)
        self.calls[origin] += 1
        self.spend(CALL_SECONDS)
        place = origin.account_id if operation == "describe_regions" else origin
        if code := self.denied.get(place):
            self.fate.injected["request refused"] += 1
            raise refused(code, operation)
        if self._is_in(self.throttled.get(place, self.throttled.get(origin.account_id))):
            self.fate.injected["request throttled"] += 1
            raise refused("RequestLimitExceeded", operation)

    def _is_in(self, window):
        return window is not None and window[0] <= self.clock.now < window[1]


def _nothing(**_request):
    return {"Buckets": []}


class Client:
    """A client that has no resources; its responses are empty."""

    def __init__(self, members, origin):
        self.members, self.origin, self._watchers = members, origin, []
        self.meta = SimpleNamespace(
            events=SimpleNamespace(
                register=lambda _name, watch: self._watchers.append(watch),
                unregister=lambda _name, watch: self._watchers.remove(watch),
            ),
            service_model=SimpleNamespace(operation_model=lambda _name: SimpleNamespace(input_shape=None)),
        )

    def request(self, operation):
        for watch in self._watchers:
            watch()
        self.members.answer(self.origin, operation)

    def get_paginator(self, operation):
        return SimpleNamespace(paginate=lambda **request: self._pages(operation, request))

    def _pages(self, operation, request):
        """One request a page; EC2 gives everything at once without a page size."""
        size = request.pop("PaginationConfig", {}).get("PageSize", sys.maxsize)
        self.request(operation)
        ((key, values),) = getattr(self, operation, _nothing)(**request).items()
        yield {**EMPTY, key: values[:size]}
        for start in range(size, len(values), size):
            self.request(operation)
            yield {**EMPTY, key: values[start : start + size]}

    def get_public_access_block(self, **_request):
        self.request("get_public_access_block")
        raise refused("NoSuchPublicAccessBlockConfiguration", "GetPublicAccessBlock")

    def lookup_events(self, **_request):
        self.request("lookup_events")
        return {"Events": []}


EMPTY = dict.fromkeys(
    (
        *("Buckets", "DBInstances", "DBSnapshots", "DBClusterSnapshots", "Snapshots", "Images", "PrefixLists"),
        *("Entries", "SecurityGroupRules", "resourceShareAssociations"),
    ),
    (),
)


class Ec2(Client):
    """Every group with rules has one instance with a public address, in one subnet of the Region."""

    def __init__(self, members, origin):
        super().__init__(members, origin)
        self._rules = members.rules[origin.account_id, origin.region]

    def describe_regions(self):
        self.request("describe_regions")
        return {"Regions": [{"RegionName": each} for each in self.members.regions[self.origin.account_id]]}

    def describe_security_group_rules(self):
        self.members.first_read.setdefault(self.origin, self.members.clock.now)
        return {"SecurityGroupRules": [dict(each) for each in self._rules.values()]}

    def describe_security_groups(self, Filters):
        return {
            "SecurityGroups": [{"GroupId": each, "GroupName": "web", "VpcId": "vpc-1"} for each in _values(Filters)]
        }

    def describe_network_interfaces(self, Filters):
        return {"NetworkInterfaces": [_interface(each) for each in _values(Filters)]}

    def describe_route_tables(self, Filters):
        assert _values(Filters) == ["vpc-1"]
        routes = [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}]
        table = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": routes}
        return {"RouteTables": [table]}

    def describe_network_acls(self, Filters):
        entry = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100}
        entries = [{**entry, "Egress": each} for each in (False, True)]
        associations = [{"SubnetId": each} for each in _values(Filters)]
        return {"NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": entries, "Associations": associations}]}

    def describe_subnets(self, Filters):
        return {"Subnets": [{"SubnetId": each, "VpcId": "vpc-1"} for each in _values(Filters)]}

    def describe_instance_status(self, InstanceIds, IncludeAllInstances):
        assert IncludeAllInstances
        self.request("describe_instance_status")
        return {
            "InstanceStatuses": [{"InstanceId": each, "InstanceState": {"Name": "running"}} for each in InstanceIds]
        }

    def describe_managed_prefix_lists(self, Filters):
        assert _values(Filters) == [self.origin.account_id]
        return {"PrefixLists": []}

    def describe_snapshots(self, **_request):
        return {"Snapshots": []}

    def describe_images(self, **_request):
        return {"Images": []}


def _values(filters):
    return filters[0]["Values"]


def _interface(group_id):
    number = group_id.removeprefix("sg-")
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "SubnetId": "subnet-1",
        "VpcId": "vpc-1",
        "Status": "in-use",
        "Association": {"PublicIp": "198.51.100.9"},
        "Attachment": {"InstanceId": f"i-{number}"},
        "Groups": [{"GroupId": group_id}],
    }
