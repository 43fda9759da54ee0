"""AWS Lambda on one machine: event source mappings, contexts, and functions in processes of their own."""
