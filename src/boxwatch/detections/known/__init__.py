"""Known failures: dated rules with a source, and the machine that finds them."""

from boxwatch.detections.known.known_failures import KnownFailures
from boxwatch.detections.known.lookup import matching
from boxwatch.detections.known.names import in_words
from boxwatch.detections.known.rule import Rule
from boxwatch.detections.known.rules import RULES, Override, near_ids, with_overrides

__all__ = [
    "RULES",
    "KnownFailures",
    "Override",
    "Rule",
    "in_words",
    "matching",
    "near_ids",
    "with_overrides",
]
