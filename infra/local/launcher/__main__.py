"""Starts the emulator ministack with its differences from AWS corrected.

Run as `python launcher [--stock] [--end-with-stdin | --end-without RECORD]`. Everything
else is set by ministack's own environment variables.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time

import ministack.app


def end_with_stdin():
    """Ends this process, and its functions, when whoever holds the other end of stdin ends."""

    def watch():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.killpg(os.getpgrp(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def end_without(record):
    """Ends this process, and its functions, when the file by which others find it no longer names it.

    Whoever started it may have been killed before the file was there, and the file may go with its folder.
    """

    def names_this():
        try:
            with open(record) as file:
                return json.load(file)["process"]["id"] == os.getpid()
        except (OSError, ValueError, KeyError):
            return False

    def watch():
        time.sleep(5)
        while names_this():
            time.sleep(1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stock", action="store_true", help="leave the emulator uncorrected")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when stdin does")
    parser.add_argument("--end-without", metavar="RECORD", help="end when this file does not name the process")
    args = parser.parse_args()
    sys.argv = sys.argv[:1]  # the rest is not ministack's

    if args.end_with_stdin:
        end_with_stdin()
    if args.end_without:
        end_without(args.end_without)
    if not args.stock:
        import corrections

        corrections.apply()
    # With TLS it would also take port 443, which is not ours to take.
    ministack.app._port_is_bindable = lambda host, port: False
    ministack.app.main()


if __name__ == "__main__":
    main()
