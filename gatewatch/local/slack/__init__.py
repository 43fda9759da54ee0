"""A fake Slack: webhook and Web API, a store of messages, and the inbox page."""
