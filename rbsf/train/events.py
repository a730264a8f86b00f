"""TensorBoard's event file.

torch's SummaryWriter writes in a thread of its own, where a full disk ends in a traceback. This one
writes at once, and whoever calls it is told.
"""

from __future__ import annotations

import os
import platform
import secrets
import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class EventFile:
    """A new file of events.

    Args:
        folder: The folder that it is made in.
        first: The step that a resumed run makes first. TensorBoard discards what older files of the
            folder say of it and of later steps. None discards nothing.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, folder: Path, first: int | None = None) -> None:
        place = f"{platform.node()}.{os.getpid()}.{secrets.token_hex(4)}"
        self.path = folder / f"events.out.tfevents.{time.time():.0f}.{place}"
        self.path.touch(exist_ok=False)
        self._write(Event(file_version="brain.Event:2"))
        if first is not None:
            self._write(Event(step=first, session_log=SessionLog(status=SessionLog.START)))

    def add(self, step: int, values: dict[str, float]) -> None:
        """Adds scalars by name.

        Raises:
            OSError: The file cannot be written.
        """
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(Event(step=step, summary=Summary(value=scalars)))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        with open(self.path, "ab") as stream:
            RecordWriter(stream).write(event.SerializeToString())
