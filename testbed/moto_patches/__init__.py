"""Corrections of moto, each with the AWS document that it follows."""
