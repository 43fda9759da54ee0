"""What an account tells of its own security groups, asked by a role there."""
