"""Deployment: the parameters of a stage, comparison with the live stack, and stacks and StackSets of members."""
