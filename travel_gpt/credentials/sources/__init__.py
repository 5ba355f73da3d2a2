"""Where a credential comes from: one module for each source."""
