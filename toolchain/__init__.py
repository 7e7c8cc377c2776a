"""Builds or finds every tool the project runs with, outside the checkout and without changing the machine."""
