"""The other AWS services in memory: the table, the topic, the parameters."""

# ruff: noqa: N803  the names are those of AWS
import uuid

from botocore.exceptions import ClientError


class DynamoDb:
    def __init__(self, fate, deliveries, rows=None):
        self.fate, self.deliveries = fate, deliveries
        self.rows = {} if rows is None else rows

    def get_item(self, *, TableName, Key, ConsistentRead):
        assert TableName
        assert ConsistentRead
        pk = Key["pk"]["S"]
        self.fate.strike("ledger.look", pk.removeprefix("delivered#"))
        return {"Item": dict(self.rows[pk])} if pk in self.rows else {}

    def put_item(self, *, TableName, Item):
        assert TableName
        pk = Item["pk"]["S"]
        assert len(pk.encode()) <= 2048
        key = pk.removeprefix("delivered#")
        self.fate.strike("ledger.write", key)
        self.rows[pk] = Item
        self.deliveries.recorded(key)
        self.fate.strike("ledger.write done", key)


class Sns:
    def __init__(self, fate, deliveries):
        self.fate, self.deliveries = fate, deliveries
        self.published = []

    def publish(self, **message):
        assert len(message["Message"].encode()) <= 262_144
        key = self.deliveries.focus
        self.fate.strike("sns.publish", key)
        self.published.append(message)
        self.deliveries.took(key, message["TopicArn"], message["Message"])
        try:
            self.fate.strike("sns.publish done", key)
        except Exception:
            self.deliveries.unanswered(key)
            raise
        return {"MessageId": str(uuid.uuid4())}


class Ssm:
    def __init__(self, fate, secrets):
        self.fate, self.secrets = fate, secrets

    def get_parameter(self, *, Name, WithDecryption):
        assert WithDecryption
        self.fate.strike("ssm.get", "")
        if Name not in self.secrets:
            raise ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
        return {"Parameter": {"Value": self.secrets[Name]}}


class FakeAws:
    def __init__(self, sqs, dynamodb, sns, ssm):
        self.sqs, self.dynamodb, self.sns, self.ssm = sqs, dynamodb, sns, ssm
