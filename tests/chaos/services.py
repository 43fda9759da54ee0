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
        self.fate.strike(f"{_service(pk)}.look", pk.removeprefix("delivered#"))
        return {"Item": dict(self.rows[pk])} if pk in self.rows else {}

    def batch_get_item(self, *, RequestItems):
        ((table, request),) = RequestItems.items()
        keys = [each["pk"]["S"] for each in request["Keys"]]
        assert request["ConsistentRead"]
        assert len(keys) <= 100
        self.fate.strike(f"{_service(keys[0])}.look", "")
        return {"Responses": {table: [dict(self.rows[each]) for each in keys if each in self.rows]}}

    def put_item(self, *, TableName, Item, ConditionExpression=None, **condition):
        """The conditions are that there is no row, and that the value is the one that was read."""
        assert TableName
        pk = Item["pk"]["S"]
        assert len(pk.encode()) <= 2048
        key = pk.removeprefix("delivered#")
        self.fate.strike(f"{_service(pk)}.write", key)
        row = self.rows.get(pk)
        if ConditionExpression == "attribute_not_exists(pk)":
            self._check(row is None)
        elif ConditionExpression:
            assert ConditionExpression == "#body = :before"
            self._check(row is not None and row["body"] == condition["ExpressionAttributeValues"][":before"])
        self.rows[pk] = Item
        self.deliveries.recorded(key)
        self.fate.strike(f"{_service(pk)}.write done", key)
        return {}

    def update_item(self, *, TableName, Key, UpdateExpression, ExpressionAttributeNames, **values):
        """Sets one attribute, or one that is not there yet, or removes one."""
        assert TableName
        pk, name = Key["pk"]["S"], ExpressionAttributeNames["#name"]
        self.fate.strike(f"{_service(pk)}.write", "")
        row = self.rows.setdefault(pk, {"pk": Key["pk"]})
        if UpdateExpression == "REMOVE #name":
            row.pop(name, None)
        else:
            value = values["ExpressionAttributeValues"][":value"]
            assert UpdateExpression in {"SET #name = :value", "SET #name = if_not_exists(#name, :value)"}
            row[name] = row.get(name, value) if "if_not_exists" in UpdateExpression else value
        self.fate.strike(f"{_service(pk)}.write done", "")
        return {}

    @staticmethod
    def _check(is_met):
        if not is_met:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")


def _service(pk):
    """The name in the points of faults: rates and escalations have their own, all other rows are called the ledger."""
    prefix = pk.partition("#")[0]
    return prefix if prefix in {"rate", "due"} else "ledger"


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
