"""Access key rotation: warn, deactivate and delete keys by age."""
