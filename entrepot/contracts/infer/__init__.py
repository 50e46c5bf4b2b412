"""Drafting a contract from data: what was counted goes in, a contract with remarks comes out; nothing here reads data."""
