"""Emulators of Telegram and the forges, and the scripted demonstration that runs on them."""
