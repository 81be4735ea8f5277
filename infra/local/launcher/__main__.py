"""Starts the emulator ministack with its differences from AWS corrected.

Run as `python launcher [--stock] [--end-with-stdin]`. Everything else is set
by ministack's own environment variables.
"""

import argparse
import os
import signal
import sys
import threading

import ministack.app


def end_with_stdin():
    """Ends this process, and its functions, when whoever holds the other end of stdin ends."""

    def watch():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.killpg(os.getpgrp(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stock", action="store_true", help="leave the emulator uncorrected")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when stdin does")
    args = parser.parse_args()
    sys.argv = sys.argv[:1]  # the rest is not ministack's

    if args.end_with_stdin:
        end_with_stdin()
    if not args.stock:
        import corrections

        corrections.apply()
    # With TLS it would also take port 443, which is not ours to take.
    ministack.app._port_is_bindable = lambda host, port: False
    ministack.app.main()


if __name__ == "__main__":
    main()
