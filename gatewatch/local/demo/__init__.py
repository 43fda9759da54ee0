"""The demo: its AWS resources, its scenario of events, and the check of what arrived."""
