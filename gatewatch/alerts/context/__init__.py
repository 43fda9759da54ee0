"""Context of a call from beside it: is it new for its caller, where does it come from, whose account is it about."""
