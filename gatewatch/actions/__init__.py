"""What people do about an alert from Slack or a terminal: who may do what, and what follows from it."""
