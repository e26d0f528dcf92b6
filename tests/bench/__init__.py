"""`make bench`: our stack against raw nginx and its peers, on loopback, alternating, as ratios."""
