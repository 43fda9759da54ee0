"""Reading of events: wire forms, CloudTrail records, and what each call changed."""
