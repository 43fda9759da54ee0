"""The local cloud for demo and tests: embedded AWS, Lambda event sources, a fake Slack. Never shipped to Lambda."""
