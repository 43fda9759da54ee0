"""AWS clients and adapters: sessions, DynamoDB, metrics, Organizations, time budgets."""
