"""AWS Config's custom rules: what Config asks, what gatewatch answers, and what it does about it."""
