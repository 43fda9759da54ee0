"""What AWS Lambda invokes: one file per function."""
