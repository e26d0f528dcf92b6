"""HTTP semantics that the rooms share: byte doors, conditions, ranges, serving, archives."""
