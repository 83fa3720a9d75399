"""A files source that is asked for its lines, turn by turn, in one event loop."""

import asyncio
import json

from boxwatch.sources import FilesOptions, FilesSource


class Follower:
    """Follows patterns; nothing waits for time unless told to."""

    def __init__(self, patterns, position=None, **options):
        self._runner = asyncio.Runner()
        self.stopped = False
        self.said = {}  # all rows of the last turns, by kind
        chosen = {"survey_s": 0.0, "linger_s": 0.0, "from_start": True, "answer_s": 60.0, **options}
        self.source = FilesSource("box", FilesOptions(patterns, **chosen), position)

    def turn(self, kind="file", turns=1):
        chunks = [chunk for _ in range(turns) for chunk in self._runner.run(self.source.read())]
        self.said = {}
        for chunk in chunks:
            rows = [json.loads(line) for line in chunk.lines.split(b"\n") if line]
            self.said.setdefault(chunk.kind, []).extend(rows)
        return self.said.get(kind, [])

    def lines(self, turns=1):
        return [row["message"] for row in self.turn(turns=turns)]

    def stop(self):
        position = json.loads(json.dumps(self.source.position()))
        if not self.stopped:
            self._runner.run(self.source.close())
            self._runner.close()
        self.stopped = True
        return position


def add(path, text):
    """Append to a file."""
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)
