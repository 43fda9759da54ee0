"""Look-ups in the member account, by a read-only role: group name, rules and network interfaces."""
