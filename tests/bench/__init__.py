"""`make bench`: our stack against raw nginx and copyparty, on loopback, alternating, as ratios."""
