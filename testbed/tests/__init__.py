"""The tests of the fake AWS itself."""
