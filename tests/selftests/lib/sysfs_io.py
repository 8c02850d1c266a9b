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

import argparse
import errno
import os
import sys


def name_of(error):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("read", "write", "open"))
    parser.add_argument("path")
    parser.add_argument("data", nargs="?", default="")
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--escaped", action="store_true")
    options = parser.parse_args()
    if options.verb == "open":
        try:
            os.close(os.open(options.path, os.O_RDWR))
            answer = "ok"
        except OSError as error:
            answer = name_of(error)
        print(answer)
        return answer != "ok"
    if options.verb == "write":
        data = os.fsencode(options.data)
        if options.escaped:
            data = data.decode("unicode_escape").encode("latin-1")
        answer = write_once(options.path, data * options.repeat, options.offset)
        print(answer)
        return isinstance(answer, str)
    answer = read_once(options.path, options.size, options.offset)
    if isinstance(answer, str):
        print(answer)
        return 1
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
