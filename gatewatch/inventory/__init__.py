"""What stands open now: reads member accounts, keeps the result, and finds what changed without an event."""
