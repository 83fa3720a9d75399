"""Accuracy of detectors on public sets: the same protocol for ours and for the peers."""
