"""What the tests stand on: fakes and instruments."""
