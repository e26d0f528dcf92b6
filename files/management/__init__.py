"""Commands for the operator, and what keeps the processes running."""
