"""The alert pipeline: assess, look up context, suppress, route. Turns an `ApiCall` into an `Alert` for destinations."""
