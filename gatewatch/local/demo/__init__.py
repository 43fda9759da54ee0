"""The demo: its AWS resources, its scenario of events, and what must have arrived at the end."""
