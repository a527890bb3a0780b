"""The command line: reads its input, calls one pipeline function, writes its output. No science here."""
