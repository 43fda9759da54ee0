"""Custom AWS Config rules: read the invocation, evaluate, annotate, and enforce where that is switched on."""
