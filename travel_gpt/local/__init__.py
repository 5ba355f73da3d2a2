"""The whole thing on one machine: gateway, secret store, demo model. Never packaged for Lambda."""
