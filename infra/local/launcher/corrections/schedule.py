"""Rotations whose day has come.

ministack keeps AutomaticallyAfterDays, and never rotates.
"""

import contextvars
import threading
import time

from corrections.rotation import DAY_SECONDS, rotate_again
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import secretsmanager


def _watch():
    while True:
        time.sleep(min(1, DAY_SECONDS / 2))
        for (account, region, _), secret in list(secretsmanager._secrets._data.items()):
            if _due(secret):
                contextvars.copy_context().run(_rotate, account, region, secret)


def _due(secret):
    """Whether the date has come. A rotation that failed is tried again a day later."""
    date = secret.get("NextRotationDate")
    if not date or not secret.get("RotationEnabled") or secret.get("DeletedDate"):
        return False
    return time.time() >= max(date, secret.get("_TriedDate", 0) + DAY_SECONDS)


def _rotate(account, region, secret):
    set_request_account_id(account)
    set_request_region(region)
    rotate_again(secret)


threading.Thread(target=_watch, daemon=True).start()
