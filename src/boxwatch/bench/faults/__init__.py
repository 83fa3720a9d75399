"""Faults of GPU servers, injected: how many are found, how soon, and how often for nothing."""
