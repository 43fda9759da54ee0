"""The sweep over many accounts and Regions in virtual time, with injected faults."""
