"""Checks of what readers write themselves."""
