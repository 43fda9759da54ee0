"""Remediation of security group ingress: plan the smallest difference, execute it, guard against conflicts, undo."""
