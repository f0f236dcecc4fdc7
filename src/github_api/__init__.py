"""GitHub: its webhook dialect and its REST API. Nobody but the registration in src.forges knows this package."""
