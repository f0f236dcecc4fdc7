"""A walk through every screen of every dialog, and random sequences that must keep the invariants."""
