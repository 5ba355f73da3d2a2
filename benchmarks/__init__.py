"""Cold start and warm overhead, measured against the least and the most that the same answer can cost."""
