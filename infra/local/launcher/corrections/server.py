"""Connections to the HTTP server."""

import sys

from corrections.correct import sets
from hypercorn.config import Config

# A connection of HTTP/2 ended with its 1,001st request, and if that had a body, it never got an answer: the client waited
# until the connection was idle for 75 seconds. AWS ends a connection between two requests.
sets(Config, keep_alive_max_requests=sys.maxsize)
