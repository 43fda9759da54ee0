"""`python -m gatewatch`."""

from gatewatch.cli.app import main

if __name__ == "__main__":  # worker processes of a parallel replay import this file too
    main()
