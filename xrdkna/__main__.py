"""`python -m xrdkna`: the command line, where the script `xrdkna` is not on the path."""

from xrdkna.edge.cli import main

if __name__ == "__main__":
    main()
