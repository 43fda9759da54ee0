"""The whole cloud on one machine: for a desk, a demonstration and the tests, never for AWS Lambda."""
