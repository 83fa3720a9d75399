"""Raw records in, tables out: schemas, metrics, and one normaliser for each kind of record."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
