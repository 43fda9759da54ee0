"""Build and generator scripts of this repository. Never part of the Lambda zip or of an installed copy."""
