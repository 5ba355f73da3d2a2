"""Asks an API for trips, and shows how many of them keep each rule: ``make evaluate``."""
