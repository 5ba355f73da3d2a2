"""What builds, deploys and documents Travel GPT."""
