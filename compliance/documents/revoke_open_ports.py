import boto3
from botocore.exceptions import ClientError

WORLD = {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1", "2000::/3"}


def handler(events, context):
    """Close ports to the internet: authorise the other ports of a rule first, then revoke the rule by its id."""
    ec2, group_id = boto3.client("ec2"), events["group_id"]
    ports = {"tcp": {int(each) for each in events["tcp"]}, "udp": {int(each) for each in events["udp"]}}
    rules = open_rules(ec2, group_id, ports)
    parts = [(rule, part) for rule in rules for part in other_ports(rule, ports)]
    if not events["dry_run"]:
        for rule, part in parts:
            call_idempotent(
                ec2.authorize_security_group_ingress, "InvalidPermission.Duplicate", **authorization(rule, part)
            )
        for rule in rules:
            ids = [rule["SecurityGroupRuleId"]]
            gone = "InvalidSecurityGroupRuleId.NotFound"
            call_idempotent(ec2.revoke_security_group_ingress, gone, GroupId=group_id, SecurityGroupRuleIds=ids)
        if open_rules(ec2, group_id, ports):
            raise RuntimeError(f"{group_id} is still open")
    revoked = [rule["SecurityGroupRuleId"] for rule in rules]
    return {"revoked": revoked[:100], "kept": [" ".join(map(str, part)) for _, part in parts][:100]}


def open_rules(ec2, group_id, ports):
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    rules = [rule for page in pages for rule in page["SecurityGroupRules"] if not rule["IsEgress"]]
    return [rule for rule in rules if cidr(rule) in WORLD and closes(rule, ports)]


def cidr(rule):
    return rule.get("CidrIpv4") or rule.get("CidrIpv6")


def closes(rule, ports):
    if rule["IpProtocol"] == "-1":
        return any(ports.values())
    return any(rule["FromPort"] <= each <= rule["ToPort"] for each in ports.get(rule["IpProtocol"], ()))


def other_ports(rule, ports):
    """Return protocol, first and last port of the other ports of a rule; for all traffic: TCP, UDP and ICMP."""
    if rule["IpProtocol"] != "-1":
        return open_ranges(rule["IpProtocol"], rule["FromPort"], rule["ToPort"], ports[rule["IpProtocol"]])
    icmp = "icmpv6" if rule.get("CidrIpv6") else "icmp"
    ported = [part for name in ("tcp", "udp") for part in open_ranges(name, 0, 65535, ports[name])]
    return [*ported, (icmp, -1, -1)]


def open_ranges(protocol, first, last, closed):
    found = []
    for port in sorted(each for each in closed if first <= each <= last):
        if first < port:
            found.append((protocol, first, port - 1))
        first = port + 1
    return [*found, (protocol, first, last)] if first <= last else found


def authorization(rule, part):
    protocol, first, last = part
    description = {"Description": rule["Description"]} if rule.get("Description") else {}
    peer = {"CidrIpv6": cidr(rule)} if rule.get("CidrIpv6") else {"CidrIp": cidr(rule)}
    ranges = "Ipv6Ranges" if rule.get("CidrIpv6") else "IpRanges"
    permission = {"IpProtocol": protocol, "FromPort": first, "ToPort": last, ranges: [peer | description]}
    tags = [each for each in rule.get("Tags") or [] if not each["Key"].startswith("aws:")]
    more = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tags}]} if tags else {}
    return {"GroupId": rule["GroupId"], "IpPermissions": [permission]} | more


def call_idempotent(call, code, **parameters):
    """Ignore the error that the result of a call exists already."""
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {code, "InvalidPermission.NotFound"}:
            raise
