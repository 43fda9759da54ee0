"""DynamoDB tables of a hub."""


def create_table(dynamodb, name, *, sort_key=False):
    """Create a table with the keys of eventbridge/hub.yaml: `pk`, and `sk` for the activity log."""
    keys = {"pk": "HASH"} | ({"sk": "RANGE"} if sort_key else {})
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )
