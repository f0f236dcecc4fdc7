"""Every query, one file an aggregate."""
