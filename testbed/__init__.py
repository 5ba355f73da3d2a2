"""The fake AWS that the end-to-end tests run against: see README.md."""
