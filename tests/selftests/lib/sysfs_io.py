#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One system call on a file, and exactly what it answered.

    sysfs_io.py read PATH [--offset N] [--size N]    prints what was read, or the errno
    sysfs_io.py write PATH DATA [--offset N]         prints the count, or the errno
    sysfs_io.py open PATH                            prints "ok", or the errno

DATA is written as it stands, without a newline; with --escaped, Python escapes in it are
bytes (\\n, \\x00), with --repeat N it is written N times over, all in one call. Errors are
printed as a name (EINVAL) on stdout, with exit status 1.
"""

import errno
import os
import sys


def name_of(error):
    # Python prefers the other name of the same number.
    if error.errno == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"
    return errno.errorcode.get(error.errno, str(error.errno))


def write_once(path, data, offset=0):
    """One write() of all of data at offset: its count, or the errno's name."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            return os.pwrite(fd, data, offset)
        finally:
            os.close(fd)
    except OSError as error:
        return name_of(error)


def read_once(path, size=4096, offset=0):
    """One read() of at most size at offset: the bytes, or the errno's name."""
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            return os.pread(fd, size, offset)
        finally:
            os.close(fd)
    except OSError as error:
        return name_of(error)


def options_of(arguments):
    """Positions and options; no argparse, whose import takes longer than all else here."""
    positions, options = [], {"offset": 0, "size": 4096, "repeat": 1, "escaped": False}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--escaped":
            options["escaped"] = True
        elif word.startswith("--") and word[2:] in options:
            options[word[2:]] = int(rest.pop(0))
        else:
            positions.append(word)
    return positions, options


def main():
    (verb, path, *data), options = options_of(sys.argv[1:])
    if verb == "open":
        try:
            os.close(os.open(path, os.O_RDWR))
            answer = "ok"
        except OSError as error:
            answer = name_of(error)
        print(answer)
        return answer != "ok"
    if verb == "write":
        written = os.fsencode(data[0])
        if options["escaped"]:
            written = written.decode("unicode_escape").encode("latin-1")
        answer = write_once(path, written * options["repeat"], options["offset"])
        print(answer)
        return isinstance(answer, str)
    if verb == "read":
        answer = read_once(path, options["size"], options["offset"])
        if isinstance(answer, bytes):
            sys.stdout.buffer.write(answer)
            return 0
        print(answer)
        return 1
    raise SystemExit(f"sysfs_io.py: unknown verb {verb}")


if __name__ == "__main__":
    sys.exit(main())
