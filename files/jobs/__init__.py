"""Background work: what follows from events, what comes round by the clock, and the worker."""
