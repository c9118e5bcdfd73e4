"""Telling the user what is being done: one line a step, with its seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Step:
    """One step of a run; `seconds` is set when it has ended."""

    name: str
    detail: str = ""
    seconds: float = 0.0


@dataclass
class Progress:
    """Prints steps as they begin and end; standard output stays free for results.

    `spinner` False: nothing moves while a step runs (something else is drawn meanwhile).
    """

    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    steps: list[Step] = field(default_factory=list)
    spinner: bool = True

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step; on a terminal a spinner turns meanwhile. The caller may set `detail`."""
        step = Step(name)
        started = time.monotonic()
        try:
            with self.console.status(f"{name} ...") if self.spinner else nullcontext():
                yield step
        except BaseException:
            self.console.print(f"  [red]✗[/red] {name}", soft_wrap=True)
            raise
        finally:
            step.seconds = time.monotonic() - started
        self.steps.append(step)
        self._ended(step)

    def note(self, text: str) -> None:
        """Print one line that is not a step."""
        self.console.print(text, soft_wrap=True)

    def _ended(self, step: Step) -> None:
        detail = f"  [dim]{step.detail}[/dim]" if step.detail else ""
        self.console.print(
            f"  [green]✓[/green] {step.name}{detail}  {step.seconds:.1f} s", soft_wrap=True
        )
