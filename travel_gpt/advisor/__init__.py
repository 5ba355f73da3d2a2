"""What answers a travel query."""
