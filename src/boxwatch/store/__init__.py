"""The store: events in Parquet, state and incidents in SQLite, models as hashed files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
