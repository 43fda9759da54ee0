"""The only code that sends."""
