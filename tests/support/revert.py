"""Calls that open something in a member: each is made in moto and returned as CloudTrail records it."""

import io
import json
import zipfile
from datetime import UTC, datetime

from msgspec import structs

from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.ingress import ConflictLimit
from gatewatch.config.settings import emergency_settings
from gatewatch.events.decoding import decode
from gatewatch.model.account import Account
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.revert.planner import SETTINGS
from gatewatch.remediation.revert.reverter import Reverter
from gatewatch.remediation.revert.settings import Target
from gatewatch.remediation.snapshots import SnapshotStore
from support import members
from support.builders import event, record

ACCOUNT, OTHER, REGION = members.ACCOUNT, "444455556666", members.REGION
NOW = 1_800_000_000.0


def settings(**fields):
    account = Account(id=ACCOUNT, alias="shop", timezone="UTC", language="en")
    return structs.replace(emergency_settings(), accounts={ACCOUNT: account}, **fields)


class Environment:
    """A reverter over one member, whose hub table is in the same account."""

    def __init__(self, **fields):
        self.member = members.Member()
        self.table = HubTable(members.table(self.member), members.TABLE)
        self.history = InMemoryRuleHistory()
        self.clients = []
        self.reverter = Reverter(
            member=self._clients,
            settings=settings(**fields),
            snapshots=SnapshotStore(self.table),
            action_log=ActionLog(self.table),
            guard=ConflictGuard(self.table, ConflictLimit(), lambda: NOW),
            now=lambda: NOW,
            groups=AttachedGroupStore(self.table),
        )

    def _clients(self, account_id, region):
        self.clients.append((account_id, region))
        return self.member

    def notification(self, found):
        """Return the notification of a record, with the history of the rules seen so far."""
        (call,) = decode(event(found, region=REGION))
        return notification_of(assess_call(call, Assessor(self.reverter.settings, self.history)))

    def opened(self, name):
        """Make the call of a case and return its notification."""
        return self.notification(CASES[name](self.member))

    def entries(self, plan):
        """Return the current entries of the settings of a plan."""
        return [
            SETTINGS[each.kind].read(self.member, Target(plan.account_id, plan.region, each.resource))
            for each in plan.changes
        ]


def call(service, name, request=None, response=None, **fields):
    """One CloudTrail record in the member; `request` as CloudTrail writes it."""
    return record(
        name,
        request,
        response,
        eventSource=f"{service}.amazonaws.com",
        awsRegion=REGION,
        recipientAccountId=ACCOUNT,
        **fields,
    )


def interface(aws, *, is_of_instance=False):
    """Create an interface with a group; return its id, that group, another one, and the instance if it has one."""
    vpc = aws.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = aws.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    first, second = (
        aws.ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in ("one", "two")
    )
    made = aws.ec2.create_network_interface(SubnetId=subnet, Groups=[first])["NetworkInterface"]["NetworkInterfaceId"]
    if not is_of_instance:
        return made, first, second, ""
    options = {"ImageId": "ami-0aaaaaaaaaaaaaaa1", "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
    attached = [{"NetworkInterfaceId": made, "DeviceIndex": 0}]
    started = aws.ec2.run_instances(**options, NetworkInterfaces=attached)["Instances"][0]["InstanceId"]
    return made, first, second, started


def two_groups(aws):
    vpc = aws.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    return [
        aws.ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in ("one", "two")
    ]


def load_balancer(aws, kind="application"):
    """Create a load balancer with the first of two groups; return its ARN and a function that sets groups."""
    first, second = two_groups(aws)
    subnets = [each["SubnetId"] for each in aws.ec2.describe_subnets()["Subnets"][:2]]
    made = aws.elbv2.create_load_balancer(Name="shop", Subnets=subnets, SecurityGroups=[first], Type=kind)
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]

    def set_groups(*groups):
        aws.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[*groups])
        stated = {"loadBalancerArn": arn, "securityGroups": [*groups]}
        return at_now("elasticloadbalancing", "SetSecurityGroups", stated, {"securityGroupIds": [*groups]})

    return arn, first, second, set_groups


def classic_load_balancer(aws):
    first, second = two_groups(aws)
    subnet = aws.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    aws.elb.create_load_balancer(
        LoadBalancerName="old-shop", Listeners=[listener], Subnets=[subnet], SecurityGroups=[first]
    )

    def set_groups(*groups):
        aws.elb.apply_security_groups_to_load_balancer(LoadBalancerName="old-shop", SecurityGroups=[*groups])
        stated = {"loadBalancerName": "old-shop", "securityGroups": [*groups]}
        return at_now("elasticloadbalancing", "ApplySecurityGroupsToLoadBalancer", stated, {})

    return "old-shop", first, second, set_groups


def database_with_groups(aws, **settings):
    """`settings` are further ones of the call that sets groups, as RDS and as CloudTrail name them."""
    first, second = two_groups(aws)
    name = database(aws, VpcSecurityGroupIds=[first])

    def set_groups(*groups):
        request = {_capital(key): value for key, value in settings.items()}
        aws.rds.modify_db_instance(DBInstanceIdentifier=name, VpcSecurityGroupIds=[*groups], **request)
        stated = {"dBInstanceIdentifier": name.capitalize(), "vpcSecurityGroupIds": [*groups], **settings}
        return at_now("rds", "ModifyDBInstance", stated, {})

    return name, first, second, set_groups


def database_cluster(aws):
    first, second = two_groups(aws)
    aws.rds.create_db_cluster(
        DBClusterIdentifier="ledger",
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="not-a-secret",
        VpcSecurityGroupIds=[first],
    )

    def set_groups(*groups):
        aws.rds.modify_db_cluster(DBClusterIdentifier="ledger", VpcSecurityGroupIds=[*groups])
        stated = {"dBClusterIdentifier": "ledger", "vpcSecurityGroupIds": [*groups]}
        return at_now("rds", "ModifyDBCluster", stated, {})

    return "ledger", first, second, set_groups


def _capital(name):
    return name[0].upper() + name[1:]


def at_now(service, name, request, response):
    time = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return call(service, name, request, response, eventTime=time)


_MAKERS = (load_balancer, classic_load_balancer, database_with_groups, database_cluster)
WITH_GROUPS = {each.__name__: each for each in _MAKERS}


def groups_set(aws, interface_id, *groups, instance="", at=NOW):
    """Set the groups of an interface, or of its instance, and return the record of the call."""
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_id, Groups=[*groups])
    name = "ModifyInstanceAttribute" if instance else "ModifyNetworkInterfaceAttribute"
    key = "instanceId" if instance else "networkInterfaceId"
    request = {key: instance or interface_id, "groupSet": {"items": [{"groupId": each} for each in groups]}}
    time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return call("ec2", name, request, {"_return": True}, eventTime=time)


def everyone(**fields):
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"} | fields


def own(**fields):
    return everyone(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, **fields)


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": [*statements]}


def bucket(aws, name="shop"):
    aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def bucket_policy(aws):
    name, document = bucket(aws), policy(own(Sid="own"), everyone(Sid="public"))
    aws.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return call("s3", "PutBucketPolicy", {"bucketName": name, "bucketPolicy": document})


def only_statement(aws):
    name, document = bucket(aws), policy(everyone())
    aws.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return call("s3", "PutBucketPolicy", {"bucketName": name, "bucketPolicy": document})


def account_in_policy(aws):
    """S3 stores an account id as the ARN of its root user."""
    name = bucket(aws)
    document = policy(everyone(Principal={"AWS": f"arn:aws:iam::{OTHER}:root"}))
    aws.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    requested = policy(everyone(Principal={"AWS": OTHER}, Action=["s3:GetObject"]))
    return call("s3", "PutBucketPolicy", {"bucketName": name, "bucketPolicy": requested})


def bucket_acl(aws):
    name = bucket(aws)
    aws.s3.put_bucket_acl(Bucket=name, ACL="public-read")
    return call("s3", "PutBucketAcl", {"bucketName": name, "x-amz-acl": "public-read"})


def block_deleted(aws):
    return call("s3", "DeleteBucketPublicAccessBlock", {"bucketName": bucket(aws)})


def block_weakened(aws):
    name = bucket(aws)
    configuration = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    aws.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=configuration)
    off = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    return call(
        "s3",
        "PutBucketPublicAccessBlock",
        {"bucketName": name, "PublicAccessBlockConfiguration": configuration | off},
    )


def account_block(_aws):
    return call("s3", "DeleteAccountPublicAccessBlock", {"accountId": ACCOUNT})


def snapshot_id(aws):
    volume = aws.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    return aws.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]


def snapshot_share(aws):
    name = snapshot_id(aws)
    where = {"SnapshotId": name, "Attribute": "createVolumePermission", "OperationType": "add"}
    aws.ec2.modify_snapshot_attribute(**where, UserIds=["777788889999"])
    aws.ec2.modify_snapshot_attribute(**where, UserIds=[OTHER], GroupNames=["all"])
    added = {"items": [{"userId": OTHER}, {"group": "all"}]}
    return call(
        "ec2",
        "ModifySnapshotAttribute",
        {"snapshotId": name, "createVolumePermission": {"add": added}, "attributeType": "CREATE_VOLUME_PERMISSION"},
    )


def image_share(aws):
    snapshot = snapshot_id(aws)
    mapping = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}]
    name = aws.ec2.register_image(Name="base", BlockDeviceMappings=mapping)["ImageId"]
    aws.ec2.modify_image_attribute(ImageId=name, LaunchPermission={"Add": [{"Group": "all"}, {"UserId": OTHER}]})
    added = {"items": [{"group": "all"}, {"userId": OTHER}]}
    return call(
        "ec2",
        "ModifyImageAttribute",
        {"imageId": name, "launchPermission": {"add": added}, "attributeType": "launchPermission"},
    )


def database(aws, **fields):
    aws.rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="postgres",
        MasterUserPassword="not-a-secret",
        **fields,
    )
    return "orders"


def db_snapshot_share(aws):
    aws.rds.create_db_snapshot(DBSnapshotIdentifier="orders-1", DBInstanceIdentifier=database(aws))
    aws.rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier="orders-1", AttributeName="restore", ValuesToAdd=[OTHER, "all"]
    )
    return call(
        "rds",
        "ModifyDBSnapshotAttribute",
        {"dBSnapshotIdentifier": "orders-1", "attributeName": "restore", "valuesToAdd": [OTHER, "all"]},
    )


def database_access(aws):
    name = database(aws, PubliclyAccessible=True)
    return call("rds", "ModifyDBInstance", {"dBInstanceIdentifier": name, "publiclyAccessible": True})


def queue_policy(aws):
    url = aws.sqs.create_queue(QueueName="orders")["QueueUrl"]
    aws.sqs.add_permission(QueueUrl=url, Label="own", AWSAccountIds=[ACCOUNT], Actions=["SendMessage"])
    aws.sqs.add_permission(QueueUrl=url, Label="partner", AWSAccountIds=[OTHER], Actions=["SendMessage"])
    stated = {"queueUrl": queue_url(), "label": "partner", "aWSAccountIds": [OTHER], "actions": ["SendMessage"]}
    return call("sqs", "AddPermission", stated)


def queue_url(account=ACCOUNT, region=REGION):
    return f"https://sqs.{region}.amazonaws.com/{account}/orders"


def topic_policy(aws):
    arn = aws.sns.create_topic(Name="orders")["TopicArn"]
    document = policy(
        own(Sid="own", Action="SNS:Publish", Resource=arn), everyone(Sid="p", Action="SNS:Publish", Resource=arn)
    )
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(document))
    stated = {"topicArn": arn, "attributeName": "Policy", "attributeValue": json.dumps(document)}
    return call("sns", "SetTopicAttributes", stated)


def function(aws):
    role = aws.iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(policy()))["Role"]["Arn"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", "def handler(*_): pass")
    aws.lambda_.create_function(
        FunctionName="orders",
        Runtime="python3.13",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": content.getvalue()},
    )
    return "orders"


def function_policy(aws):
    name = function(aws)
    permission = {"Action": "lambda:InvokeFunction", "FunctionName": name}
    aws.lambda_.add_permission(StatementId="own", Principal="s3.amazonaws.com", SourceAccount=ACCOUNT, **permission)
    aws.lambda_.add_permission(StatementId="public", Principal="*", **permission)
    stated = {
        "functionName": name,
        "statementId": "public",
        "action": "lambda:InvokeFunction",
        "principal": "*",
    }
    return call("lambda", "AddPermission20150331v2", stated)


def function_url(aws):
    name = function(aws)
    aws.lambda_.create_function_url_config(FunctionName=name, AuthType="NONE")
    return call("lambda", "CreateFunctionUrlConfig20211031", {"functionName": name, "authType": "NONE"})


def named(change):
    """Return the parameter that names the resource of a change in a call that reverts it."""
    keys = {"bucket": "bucketName", "queue": "queueUrl", "database": "dBInstanceIdentifier", "function": "functionName"}
    key = keys.get(change.kind.partition("_")[0])
    return {key: change.resource} if key else {"accountId": change.resource}


def rule_in_call(found):
    """A rule as a response of EC2 has it in CloudTrail."""
    names = {
        "GroupId": "groupId",
        "SecurityGroupRuleId": "securityGroupRuleId",
        "IsEgress": "isEgress",
        "IpProtocol": "ipProtocol",
        "FromPort": "fromPort",
        "ToPort": "toPort",
        "CidrIpv4": "cidrIpv4",
        "Description": "description",
    }
    return {names[key]: value for key, value in found.items() if key in names}


def authorized(aws, direction="Ingress", cidr="0.0.0.0/0", port=22):
    group_id = aws.group()
    request = getattr(aws.ec2, f"authorize_security_group_{direction.lower()}")
    address = {"CidrIp": cidr, "Description": "for a test"}
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [address]}
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "team", "Value": "shop"}]}]
    response = request(GroupId=group_id, IpPermissions=[permission], TagSpecifications=tags)
    stated = {"groupId": group_id, "ipPermissions": {"items": []}}
    rules = [rule_in_call(each) for each in response["SecurityGroupRules"]]
    return call(
        "ec2",
        f"AuthorizeSecurityGroup{direction}",
        stated,
        {"_return": True, "securityGroupRuleSet": {"items": rules}},
    )


def inbound_rule(aws):
    return authorized(aws)


def outbound_rule(aws):
    return authorized(aws, "Egress", port=443)


def modified(aws, found, cidr="0.0.0.0/0", port=22):
    """Modify the rule of a record of `authorized`, and return the record of that."""
    rule = found["responseElements"]["securityGroupRuleSet"]["items"][0]
    new = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": cidr, "Description": "changed"}
    update = {"SecurityGroupRuleId": rule["securityGroupRuleId"], "SecurityGroupRule": new}
    aws.ec2.modify_security_group_rules(GroupId=rule["groupId"], SecurityGroupRules=[update])
    inside = {"GroupId": rule["groupId"], "SecurityGroupRule": {**update, "tag": 1}}
    answer = {"ModifySecurityGroupRulesResponse": {"return": True}}
    return call("ec2", "ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": inside}, answer)


def access_key(aws):
    aws.iam.create_user(UserName="alice")
    key = aws.iam.create_access_key(UserName="alice")["AccessKey"]
    response = {"accessKey": {"accessKeyId": key["AccessKeyId"], "status": "Active", "userName": "alice"}}
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return call("iam", "CreateAccessKey", {"userName": "alice"}, response, eventTime=at)


CASES = {
    each.__name__: each
    for each in (
        inbound_rule,
        outbound_rule,
        bucket_policy,
        only_statement,
        account_in_policy,
        bucket_acl,
        block_deleted,
        block_weakened,
        account_block,
        snapshot_share,
        image_share,
        db_snapshot_share,
        database_access,
        queue_policy,
        topic_policy,
        function_policy,
        function_url,
        access_key,
    )
}
