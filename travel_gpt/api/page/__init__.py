"""The web page: its files, and the API that its script calls."""
