"""travel-gpt doctor: checks of this machine and of the deployed stack."""
