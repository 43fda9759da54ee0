"""A local Slack for tests and the demo: webhook and Web API, a message store and the inbox page."""
