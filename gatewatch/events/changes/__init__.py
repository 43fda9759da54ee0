"""What each API call changed: the table of supported calls and one parser for each family."""
