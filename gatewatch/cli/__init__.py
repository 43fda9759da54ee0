"""The command line: one module per command, the work of each beside it, output formats and error messages."""
