"""The templates that watching knows: what a checkpoint says of them."""

from __future__ import annotations

from boxwatch.events.templates import TemplateMiner
from boxwatch.events.vocabulary import Vocabulary
from boxwatch.live.state import SNAPSHOT, unflatten
from boxwatch.store import Checkpoint, unpack


def vocabulary(checkpoint: Checkpoint, miner: TemplateMiner) -> Vocabulary:
    """The vocabulary that watching had after the batch `checkpoint.seq`.

    `miner` is a new one, with the masks that watching has now; it takes up what was known.

    Raises:
        StoreDamaged: the checkpoint is not whole.
        StoreTooNew: a newer Boxwatch wrote it.

    """
    state = unflatten(unpack(checkpoint.stages[SNAPSHOT]))
    miner.load(state["windows"]["miner"])
    return miner.vocabulary
