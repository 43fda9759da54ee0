"""Delivery: outbox, ledger, rate limits, roll-ups and threads, and one sender for each kind of destination."""
