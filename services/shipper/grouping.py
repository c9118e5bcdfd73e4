"""Lines that are one record: a Python traceback, a message or statement over several lines.

Services write JSON, one line a record; what does not come from their logger (a traceback of the
interpreter, a message of a server that breaks its lines) is put together here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.shipper.files import Line

_LONGEST = 64 * 1024  # characters; what is longer goes on in a record of its own
_BEGINS = "Traceback (most recent call last):"
_CHAINS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)


@dataclass
class Group:
    """Lines of one file; `open`: what is written next may still belong to it."""

    lines: list[Line]
    traceback: bool = False
    open: bool = False

    @property
    def text(self) -> str:
        """Return the lines' text."""
        return "\n".join(line.text for line in self.lines)

    def takes(self, line: Line) -> bool:
        """Say whether `line` goes on with this; note what may follow it."""
        first, text = self.lines[0], line.text
        if line.inode != first.inode or sum(len(each.text) for each in self.lines) > _LONGEST:
            return False
        if self.traceback:
            if text in _CHAINS or (text == _BEGINS and self.lines[-1].text in _CHAINS):
                self.open = True
                return True
            if not self.open:
                return text[:1].isspace()  # the error's own message has several lines
            self.open = text[:1].isspace() or text.startswith(("+", "|"))
            return not text.startswith("{")
        return text[:1].isspace() and not first.text.startswith("{")


def grouped(lines: Sequence[Line]) -> Iterator[Group]:
    """Yield the groups, in order."""
    group: Group | None = None
    for line in lines:
        if group is not None and group.takes(line):
            group.lines.append(line)
            continue
        if group is not None:
            yield group
        begins = line.text == _BEGINS
        group = Group([line], traceback=begins, open=begins)
    if group is not None:
        yield group


def unfinished(groups: Sequence[Group]) -> set[str]:
    """Return the ids of the first lines of tracebacks that stand at their file's end, half."""
    last = {group.lines[0].inode: group for group in groups}
    return {group.lines[0].id for group in last.values() if group.open}
