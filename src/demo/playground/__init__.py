"""`python main.py demo`: the real product between emulators, with people to play and a page to watch it all."""

from src.demo.playground.server import Unusable, main

__all__ = ["Unusable", "main"]
