"""The entry point: `python main.py --help`."""

from src.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
