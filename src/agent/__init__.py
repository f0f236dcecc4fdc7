"""Analyses and actions on repositories. Nothing stands here yet; reviews come first."""
