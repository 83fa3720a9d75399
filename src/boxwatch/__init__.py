"""Boxwatch learns what normal looks like on AI servers and says what broke, when and why."""
