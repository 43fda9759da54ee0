"""Assessment of years of CloudTrail logs in batches, by many workers; nothing is ever delivered."""
