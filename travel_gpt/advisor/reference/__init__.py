"""What is known of places, airports, currencies and holidays."""
