"""One command each, prints a table; never a timed test."""
