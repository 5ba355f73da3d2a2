"""Trips at the terminal: what is asked, progress, the days with their checks, and the file."""
