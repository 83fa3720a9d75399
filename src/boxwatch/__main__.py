"""`python -m boxwatch` is the same as `boxwatch`."""

from boxwatch.cli import main

if __name__ == "__main__":
    main()
