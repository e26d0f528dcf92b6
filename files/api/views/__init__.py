"""What the API answers, one module a noun: thin, each calls the gate and one operation."""
