"""A read-only look at a deployment: gather what there is, judge it, say what to do. Nothing here changes anything."""
