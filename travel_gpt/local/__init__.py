"""The local server: API Gateway, Secrets Manager and a demo model. Never packaged for Lambda."""
