"""Configuration: accounts.yaml, policy.yaml and the catalogue of controls, typed and checked at load."""
