"""What doctor checks of a deployed stack."""
