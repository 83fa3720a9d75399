"""The peer drain3 over a file: run by a Python that has it, and needs nothing of ours.

`python peer_drain3.py FILE OUT MASK...` prints seconds, lines and clusters as JSON, and writes
each line's cluster and template to OUT. FILE and OUT hold a JSON list.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from pathlib import Path

from drain3 import TemplateMiner  # type: ignore[import-not-found]
from drain3.masking import MaskingInstruction  # type: ignore[import-not-found]
from drain3.template_miner_config import TemplateMinerConfig  # type: ignore[import-not-found]


def main(file: str, out: str, *masks: str) -> None:
    """Read, group, write."""
    logging.disable(logging.CRITICAL)
    lines = json.loads(Path(file).read_text(encoding="utf-8"))
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(mask, "*") for mask in masks]
    miner = TemplateMiner(config=config)
    began, used = time.perf_counter(), time.process_time()
    groups = [miner.add_log_message(line)["cluster_id"] for line in lines]
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    clusters = {one.cluster_id: one.get_template() for one in miner.drain.clusters}
    told = [re.sub(r"<:?\*:?>", "<*>", clusters[group]) for group in groups]
    Path(out).write_text(json.dumps([groups, told]), encoding="utf-8")
    sys.stdout.write(json.dumps([wall, cpu, len(lines), len(clusters)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
