"""One command, one file. What a command needs is imported when it runs, so that `xrdkna --help` is instant."""
