"""One handler for each Lambda function: decode the invocation, call one function, report failed records."""
