"""A local AWS Lambda: event source mappings, contexts, and functions in their own processes."""
