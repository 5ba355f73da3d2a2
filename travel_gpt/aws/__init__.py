"""AWS clients, secret versions and the classifier of AWS failures."""
