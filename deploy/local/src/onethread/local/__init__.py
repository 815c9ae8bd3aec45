"""Runs everything on this machine: embedded servers, the six services, the playground."""
