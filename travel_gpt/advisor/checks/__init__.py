"""Rules that a planned trip is checked by, outside the model: each in a file of its own."""
