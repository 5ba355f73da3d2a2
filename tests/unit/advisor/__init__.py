"""Tests of what asks the model, and of what comes back."""
