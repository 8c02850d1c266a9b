# SPDX-License-Identifier: GPL-2.0
"""Things that happen, in order, and waiting for one of them with a bound."""

import threading
import time


class Failed(Exception):
    """A test's expectation that did not come true, in words."""


class Late(Failed):
    """What was waited for did not come."""


class Timeline:
    """What one source has said. A source that ends says `None`, once."""

    def __init__(self, what):
        self.what = what
        self.items = []
        self.changed = threading.Condition()

    def add(self, item):
        with self.changed:
            self.items.append((time.monotonic(), item))
            self.changed.notify_all()

    def mark(self):
        """A place in it: what comes later comes after it."""
        with self.changed:
            return len(self.items)

    def since(self, mark=0):
        with self.changed:
            return [item for _, item in self.items[mark:] if item is not None]

    def ended(self):
        with self.changed:
            return any(item is None for _, item in self.items)

    def wait(self, wanted, seconds, mark=0, what="", looking=None):
        """The first item from `mark` on for which `wanted(item)` is true. `what` it is, in words, may
        be a function, for what is only known when nothing came. `looking` is (seconds, function): the
        function is called so often while nothing comes, and may raise."""
        end = time.monotonic() + seconds
        while True:
            with self.changed:
                for _, item in self.items[mark:]:
                    if item is None:
                        raise Failed(f"{self.what} ended while waiting for {what() if callable(what) else what}")
                    if wanted(item):
                        return item
                mark = len(self.items)
                left = end - time.monotonic()
                if left <= 0:
                    raise Late(f"{self.what}: no {what() if callable(what) else what} within {seconds} s")
                if self.changed.wait(min(left, looking[0]) if looking else left) or not looking:
                    continue
            # Without the lock: the function may wait for answers of its own.
            looking[1]()


def read_lines(file, timeline, parse):
    """Copies lines of a file into a timeline, in a thread of its own, until the file ends."""

    def run():
        try:
            for line in file:
                timeline.add(parse(line))
        except ConnectionResetError:
            # How a process ends that had not read all that was said to it.
            pass
        except (OSError, ValueError) as error:
            print(f"# {timeline.what}: {error}", flush=True)
        timeline.add(None)

    threading.Thread(target=run, name=timeline.what, daemon=True).start()
