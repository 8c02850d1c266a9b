# SPDX-License-Identifier: GPL-2.0
"""Results as KTAP. Whatever goes wrong in a test, all that says where it stood is printed."""

import time
import traceback

from timeline import Failed


def note(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


class Skipped(Exception):
    """A test that makes no sense here, with why."""


class Results:
    def __init__(self, planned, where):
        """`where()` tells, in lines, how things stand."""
        self.planned, self.where = planned, where
        self.given = self.failed = 0
        print(f"KTAP version 1\n1..{planned}", flush=True)

    def check(self, name, test, *arguments):
        """Whether the test passed: it does if it raises nothing."""
        start = time.monotonic()
        good = False
        try:
            test(*arguments)
            good = True
        except Skipped as why:
            self.skip(name, why)
            return True
        except Failed as error:
            self.explain(error)
        except Exception:  # pylint: disable=broad-except
            self.explain(traceback.format_exc())
        self.given += 1
        self.failed += not good
        note(f"{name}: {time.monotonic() - start:.1f} s")
        print(f"{'ok' if good else 'not ok'} {self.given} - {name}", flush=True)
        return good

    def explain(self, error):
        """How things stand, then the error: who shows only the end of it shows that."""
        note(self.where())
        note(error)

    def skip(self, name, why):
        self.given += 1
        print(f"ok {self.given} - {name} # SKIP {why}", flush=True)

    def finish(self):
        """The exit status."""
        if self.given != self.planned:
            note(f"{self.planned} results planned, {self.given} given")
        return int(self.failed > 0 or self.given != self.planned)
