#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the tests that come with nvme-cli's source against our device, in a guest.

    suite.py CLIENT TYPE_NODE

Each of theirs begins by deleting all namespaces and making one, which takes a controller that manages
namespaces. Ours has one for ever, so that this step is left out, and nothing else of a test that runs.
"""

import argparse
import sys

import clients
import devices
import guest
from guest import Guest
from ktap import Results, Skipped

SUITE = "/usr/share/nvme-cli-tests"
SECONDS = 240
MANAGED = "namespaces are managed, which is optional (NVM Express 1.4, 5.20)"
LEFT_OUT = {
    "nvme_attach_detach_ns_test": MANAGED,
    "nvme_create_max_ns_test": MANAGED,
    "nvme_format_test": f"{MANAGED}; Format NVM is optional too",
    "nvme_writeuncor_test": "Write Uncorrectable is optional (6.16)",
    "nvme_simple_template_test": "a template without a test",
}
# The suite takes over the standard output of the process, so what came of it is the exit status.
RUNNER = f"""
import sys, unittest
sys.path.insert(0, "{SUITE}")
import nvme_test
nvme_test.TestNVMe.create_and_attach_default_ns = lambda self: None
output = sys.__stdout__
tests = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
result = unittest.TextTestRunner(stream=output, verbosity=2).run(tests)
if result.skipped:
    print("SKIPPED", result.skipped[0][1], file=output)
sys.exit(not result.wasSuccessful() or not result.testsRun)
"""


def run(one, name):
    """One of their tests; it may find by itself that the controller has no such command."""
    if name in LEFT_OUT:
        raise Skipped(LEFT_OUT[name])
    said = one.run(f"cd /tmp/suite && timeout {SECONDS} python3 -B run.py {name}", SECONDS + 30)
    for line in said.splitlines():
        word, _, why = line.partition(" ")
        if word == "SKIPPED":
            raise Skipped(why)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("kind")
    arguments = parser.parse_args()
    client = clients.find(arguments.client)
    device = devices.Device(arguments.kind)
    try:
        one = Guest(client, [device])
        one.idle()
        one.run(f"mkdir -p /tmp/suite/tests && cp {SUITE}/config.json /tmp/suite/tests/")
        one.put("/tmp/suite/run.py", RUNNER)
        names = one.run(f"cd {SUITE} && ls nvme_*_test.py").replace(".py", "").split()
        results = Results(len(names) + 1, guest.where)
        for name in names:
            results.check(name, run, one, name)
        # One of them resets it.
        results.check("the guest's driver has nothing to complain of", one.healthy, "resetting controller")
    finally:
        guest.kill_all()
        device.remove()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
