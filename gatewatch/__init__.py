"""Watches who opens access in which AWS account, and notifies people in Slack, e-mail and Amazon Q."""
