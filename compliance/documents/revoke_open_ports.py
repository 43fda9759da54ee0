import boto3

from gatewatch.remediation.ingress.rule_calls import authorize_rule, modify_rule, revoke_rule

WORLD = {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1", "2000::/3"}


def handler(events, context):
    """Close ports to the internet. Other ports of a rule stay open as far as the group has room for their rules."""
    ec2, group_id = boto3.client("ec2"), events["group_id"]
    ports = {"tcp": {int(each) for each in events["tcp"]}, "udp": {int(each) for each in events["udp"]}}
    rules = open_rules(ec2, group_id, ports)
    kept = [(rule, part) for rule in rules for part in other_ports(rule, ports)]
    not_kept = []
    if str(events["dry_run"]).lower() == "false":
        missing = [each for rule in rules for each in close(ec2, rule, ports)]
        not_kept = [each for each in missing if not is_authorized(ec2, *each)]
        if open_rules(ec2, group_id, ports):
            raise RuntimeError(f"{group_id} is still open")
    return {
        "closed": [rule["SecurityGroupRuleId"] for rule in rules][:100],
        "kept": [text(*each) for each in kept if each not in not_kept][:100],
        "not_kept": [text(*each) for each in not_kept][:100],
    }


def text(rule, part):
    protocol, first, last = part
    return f"{protocol} {first}-{last} from {cidr(rule)}"


def open_rules(ec2, group_id, ports):
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    rules = [rule for page in pages for rule in page["SecurityGroupRules"] if not rule["IsEgress"]]
    return [rule for rule in rules if cidr(rule) in WORLD and is_open(rule, ports)]


def cidr(rule):
    return rule.get("CidrIpv4") or rule.get("CidrIpv6")


def is_open(rule, ports):
    if rule["IpProtocol"] == "-1":
        return any(ports.values())
    return any(rule["FromPort"] <= each <= rule["ToPort"] for each in ports.get(rule["IpProtocol"], ()))


def close(ec2, rule, ports):
    """Narrow a rule in place to its first other ports, or revoke it. Return rule and ports still to be authorised."""
    group_id, rule_id = rule["GroupId"], rule["SecurityGroupRuleId"]
    parts = other_ports(rule, ports)
    if not parts:
        revoke_rule(ec2.revoke_security_group_ingress, group_id, rule_id)
        return []
    result = modify_rule(ec2, group_id, rule_id, request(rule, parts[0]))
    return [(rule, part) for part in (parts if result.is_part_missing else parts[1:])]


def other_ports(rule, ports):
    """Return protocol, first and last port of the other ports of a rule; for all traffic: TCP, UDP and ICMP."""
    if rule["IpProtocol"] != "-1":
        return open_ranges(rule["IpProtocol"], rule["FromPort"], rule["ToPort"], ports[rule["IpProtocol"]])
    icmp = "icmpv6" if rule.get("CidrIpv6") else "icmp"
    ranges = [part for name in ("tcp", "udp") for part in open_ranges(name, 0, 65535, ports[name])]
    return [*ranges, (icmp, -1, -1)]


def open_ranges(protocol, first, last, closed):
    found = []
    for port in sorted(each for each in closed if first <= each <= last):
        if first < port:
            found.append((protocol, first, port - 1))
        first = port + 1
    return [*found, (protocol, first, last)] if first <= last else found


def request(rule, part):
    protocol, first, last = part
    field = "CidrIpv6" if rule.get("CidrIpv6") else "CidrIpv4"
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, field: cidr(rule)} | description(rule)


def description(rule):
    return {"Description": rule["Description"]} if rule.get("Description") else {}


def is_authorized(ec2, rule, part):
    """Authorise other ports of a closed rule, and return whether that succeeded."""
    protocol, first, last = part
    ranges, field = ("Ipv6Ranges", "CidrIpv6") if rule.get("CidrIpv6") else ("IpRanges", "CidrIp")
    permission = {"IpProtocol": protocol, "FromPort": first, "ToPort": last}
    peer = {field: cidr(rule)} | description(rule)
    result = authorize_rule(ec2, rule["GroupId"], permission | {ranges: [peer]}, rule.get("Tags") or [])
    return result.status != "failed"
