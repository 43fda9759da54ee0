"""Read-only health checks of a deployment: gather its state, judge it, say what to do."""
