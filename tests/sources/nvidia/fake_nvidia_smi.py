"""An nvidia-smi for machines without a GPU: what the real one prints, and how it fails.

Usage: fake_nvidia_smi.py SETTINGS ARGUMENTS...

SETTINGS is a JSON file, read again before every reading:
    mode      how it misbehaves:
              hang, hang-at-start   never another reading, or no answer to anything
              vanish    the highest card is left out
              lost      the highest card's values all read [GPU is lost]
              handle    it ends because the highest card cannot be reached, unless told by --id to
                        leave that one out
              exit      it ends because the driver cannot be reached
              none      it ends because there is no card
              garbage, slow, flood, endless   what comes between, late, or without end
    cards     how many cards, or a list of the numbers burnt into their names, in their order
    naming    "new" | "old": clocks_event_reasons or clocks_throttle_reasons
    refuse    a field that is listed but refused
    capture   a file of real output to replay, or "": sections headed `# $ nvidia-smi ...`
    page      the answer to -q, or nothing for the captured one
    apps      lines of --query-compute-apps, or nothing for two on the first card
    log       a file that gets one line for every start, or ""
"""

import json
import re
import sys
import time
from pathlib import Path

TABLE = """
index|||{at}
uuid|gpu_uuid||GPU-0000000{i}-1111-2222-3333-444444444444
name|gpu_name||NVIDIA Test Card
pci.bus_id|gpu_bus_id||00000000:0{i}:00.0
driver_version|||590.48.01
temperature.gpu|||4{i}
temperature.memory|||N/A
utilization.gpu||%|7
memory.total||MiB|16376
memory.used||MiB|596
power.draw.instant||W|26.20
enforced.power.limit||W|320.00
fan.speed||%|[N/A]
pstate|||P8
clocks.current.sm|clocks.sm|MHz|210
clocks_event_reasons.active|clocks_throttle_reasons.active||0x0000000000000001
clocks_event_reasons_counters.sw_power_cap||us|1250
ecc.errors.corrected.volatile.total|||[N/A]
pcie.link.gen.current|||1
pcie.link.width.current|||16
"""
SHAPE = re.compile(r"\s*\[[^\]]*\]$")
UNREACHABLE = "Unable to determine the device handle for GPU0000:0{}:00.0: Unknown Error"
FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running."
)


def say(line):
    """One line on standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class OwnCards:
    """A small made-up driver: the fields above."""

    def __init__(self, settings):
        rows = [line.split("|") for line in TABLE.strip().splitlines()]
        old = settings.get("naming") == "old"
        if old:
            rows = [
                [row[1] if "event_reasons" in row[0] else row[0], "", *row[2:]]
                for row in rows
                if "counters" not in row[0]
            ]
        self._rows = rows
        self.names = {name: row for row in rows for name in row[:2] if name}

    def help(self):
        lines = ['List of valid properties to query for the switch "--query-gpu":', ""]
        for name, other, *_ in self._rows:
            lines += [f'"{name}" or "{other}"' if other else f'"{name}"', "What it is.", ""]
        return "\n".join(lines)

    def header(self, fields):
        units = [(self.names[field][0], self.names[field][2]) for field in fields]
        return ", ".join(f"{name} [{unit}]" if unit else name for name, unit in units)

    def row(self, fields, at, card):
        return ", ".join(self.names[field][3].format(i=card, at=at) for field in fields)


class CapturedCard:
    """The help text and one reading of a real driver, from a capture file."""

    def __init__(self, settings):
        sections = re.split(
            r"^#{20,}\n# .*\n# \$ nvidia-smi ?(.*)\n#{20,}\n",
            Path(settings["capture"]).read_text(),
            flags=re.MULTILINE,
        )
        texts = dict(zip(sections[1::2], sections[2::2], strict=True))
        self._help = texts["--help-query-gpu"]
        query = next(name for name in texts if name.startswith("--query-gpu="))
        lines = texts[query].strip().splitlines()
        self._titles = [title.strip() for title in lines[0].split(",")]
        values = [value.strip() for value in lines[1].split(",")]
        asked = query.split("=", 1)[1].split()[0].split(",")
        units = [re.search(r"\[([^\]]*)\]$", title) for title in self._titles]
        self._values = {
            name: value.removesuffix(f" {unit.group(1)}") if unit else value
            for name, value, unit in zip(asked, values, units, strict=True)
        }
        self._title = dict(zip(asked, self._titles, strict=True))
        self.names = self._values

        self.page = texts.get("-q", "")
        self.apps = [_app(line) for line in _listed_apps(texts)]

    def help(self):
        return self._help

    def header(self, fields):
        return ", ".join(self._title[field] for field in fields)

    def row(self, fields, at, card):
        values = {**self._values, "index": str(at)}
        return ", ".join(values[field] for field in fields)


def _listed_apps(texts):
    """The lines of the captured list of processes, without its heading."""
    (name,) = [name for name in texts if name.startswith("--query-compute-apps=")] or [None]
    return texts[name].strip().splitlines()[1:] if name else []


def _app(line):
    """A captured line in the order that is asked for: uuid, pid, memory, name."""
    *_, uuid, pid, name, memory = (cell.strip() for cell in line.split(","))
    return f"{uuid}, {pid}, {memory.removesuffix(' MiB')}, {name}"


def numbers(settings, only):
    """The cards that are there: (place, number), those alone that --id names."""
    cards = settings.get("cards", 2)
    listed = list(enumerate(cards if isinstance(cards, list) else range(cards)))
    return [(at, card) for at, card in listed if not only or f"00000000:0{card}:00.0" in only]


def reading(cards, settings, fields, only):
    """One reading; an exit status where it ends with that, else None."""
    mode = settings.get("mode", "")
    there = numbers(settings, only)
    highest = numbers(settings, [])[-1] if numbers(settings, []) else None
    if mode == "exit":
        say(FAILED)
        return 9
    if mode == "none" or not there:
        say("No devices were found")
        return 6
    if mode == "handle" and highest in there:
        say(UNREACHABLE.format(highest[1]))
        return 15
    for at, card in there:
        if mode == "vanish" and (at, card) == highest:
            continue
        if mode == "garbage":
            say("\x00\x1b[31mthis, is no reading")
        if mode == "lost" and (at, card) == highest:
            say(", ".join([str(at), *["[GPU is lost]"] * (len(fields) - 1)]))
            continue
        say(cards.row(fields, at, card))
    return None


def loop(path, cards, fields, interval, only):
    """Print readings for ever, as the settings say at that moment."""
    say(cards.header(fields))
    while True:
        settings = json.loads(Path(path).read_text())
        mode = settings.get("mode", "")
        if mode == "hang":
            time.sleep(3600)
        if mode == "endless":
            while True:
                sys.stdout.write("0, " * 10_000 + "\n")
        if mode == "slow":
            for at, card in numbers(settings, only):
                say(cards.row(fields, at, card))
                time.sleep(interval / 2)
            continue
        status = reading(cards, settings, fields, only)
        if status is not None:
            return status
        time.sleep(interval)


def main(path, *arguments):
    """Answer as nvidia-smi does; returns its exit status."""
    settings = json.loads(Path(path).read_text())
    if settings.get("log"):
        with Path(settings["log"]).open("a") as log:
            log.write(" ".join(arguments) + "\n")
    if settings.get("mode") == "hang-at-start":
        time.sleep(3600)
    if settings.get("mode") == "flood":
        while True:
            sys.stdout.write("nonsense without an end\n" * 1000)
    cards = CapturedCard(settings) if settings.get("capture") else OwnCards(settings)
    options = dict(a.lstrip("-").partition("=")[::2] for a in arguments)
    only = [one for one in options.get("id", "").split(",") if one]
    if "help-query-gpu" in options:
        say(cards.help())
        return 0
    if "q" in options:
        say(settings.get("page", getattr(cards, "page", "")))
        return 0
    if "query-compute-apps" in options:
        user = "GPU-00000000-1111-2222-3333-444444444444, {}, 512, /usr/bin/python3"
        own = [user.format(4194303), user.format(4194302)]
        for line in settings.get("apps", getattr(cards, "apps", own)):
            say(line)
        return 0
    fields = options["query-gpu"].split(",")
    for field in fields:
        if field not in cards.names or field == settings.get("refuse"):
            say(f'Field "{field}" is not a valid field to query.')
            return 2
    if "loop-ms" in options:
        return loop(path, cards, fields, int(options["loop-ms"]) / 1000, only)
    for at, card in numbers(settings, only):
        say(cards.row(fields, at, card))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
