"""Scheduled comparison of the members' forwarding with what this version deploys: rules, targets, forwarding role."""
