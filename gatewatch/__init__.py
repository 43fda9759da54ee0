"""gatewatch: who opened which gate in which AWS account."""
