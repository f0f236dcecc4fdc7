"""Every module of checks: importing one is what registers its checks."""

from src.agent import magic_numbers, python_checks

MODULES = (python_checks, magic_numbers)
