# SPDX-License-Identifier: GPL-2.0
"""A client of QEMU's machine protocol, over a socket that QEMU was started with."""

import json
import threading

from timeline import Failed, Timeline, read_lines


class Refused(Failed):
    """QEMU answered a command with an error."""


class Qmp:
    def __init__(self, name, connection):
        self.name = name
        self.connection = connection
        self.said = Timeline(f"{name}, machine protocol")
        self.lock = threading.Lock()
        read_lines(connection.makefile("r", encoding="utf-8"), self.said, json.loads)
        self.said.wait(lambda item: "QMP" in item, 60, what="greeting")
        self.execute("qmp_capabilities")

    def execute(self, command, seconds=30, **arguments):
        """The command's answer. Names of arguments are written with `_` for `-`."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {key.replace("_", "-"): value for key, value in arguments.items()}
        if not self.lock.acquire(timeout=seconds):
            raise Failed(f"{self.name}: {command}: the command before it has no answer within {seconds} s")
        try:
            mark = self.said.mark()
            self.connection.sendall(json.dumps(request).encode() + b"\n")
            answer = self.said.wait(
                lambda item: "return" in item or "error" in item, seconds, mark, f"answer to {command}"
            )
        except OSError as error:
            raise Failed(f"{self.name}: {command}: {error}") from error
        finally:
            self.lock.release()
        if "error" in answer:
            raise Refused(f"{self.name}: {command}: {answer['error']['desc']}")
        return answer["return"]

    def begin(self, command, **arguments):
        """The same without waiting for the answer, for which the next command waits. The process may end before."""

        def run():
            try:
                self.execute(command, seconds=600, **arguments)
            except Failed:
                pass

        threading.Thread(target=run, name=f"{self.name}, {command}", daemon=True).start()

    def mark(self):
        return self.said.mark()

    def event(self, name, seconds, mark, wanted=lambda data: True):
        """The data of the first such event after `mark`."""
        item = self.said.wait(
            lambda item: item.get("event") == name and wanted(item.get("data", {})), seconds, mark, f"event {name}"
        )
        return item.get("data", {})

    def has_been(self, state, mark):
        """Whether the migration has been in this state."""
        return any(
            item.get("event") == "MIGRATION" and item["data"]["status"] == state for item in self.said.since(mark)
        )

    def migration(self, states, seconds, mark):
        """Waits until the migration has been in one of these states; says which."""
        return self.event("MIGRATION", seconds, mark, lambda data: data["status"] in states)["status"]
