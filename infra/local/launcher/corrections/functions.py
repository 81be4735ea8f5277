"""The environment of functions, and events that wait for them in a queue."""

import contextvars
import time

from corrections.correct import corrects
from ministack.services import lambda_svc

_until = contextvars.ContextVar("until", default=None)  # an event is too old, of the thread that delivers it


@corrects(lambda_svc, name="_provided_worker_env")
def log_group_name(original, config, code_dir, port):
    """A function knows its log group by AWS_LAMBDA_LOG_GROUP_NAME."""
    env = original(config, code_dir, port)
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    env["AWS_LAMBDA_LOG_GROUP_NAME"] = group or f"/aws/lambda/{config['FunctionName']}"
    return env


@corrects(lambda_svc, name="invoke_async_with_retry")
def remember_age(original, func, event):
    """Not a difference: tells _execute_function that an event came from the queue, and how long it may stay there."""
    settings = func.get("event_invoke_config") or (func.get("event_invoke_configs") or {}).get("$LATEST") or {}
    scope = _until.set(time.monotonic() + int(settings.get("MaximumEventAgeInSeconds", 21600)))
    try:
        return original(func, event)
    finally:
        _until.reset(scope)


@corrects(lambda_svc, name="_execute_function")
def throttled_again(original, func, event):
    """An event from the queue that is throttled goes back to it until it is too old, which is no attempt.

    It goes to the function as that is at the time, and nowhere if it was deleted.
    """
    until = _until.get()
    if until is None:
        return original(func, event)
    delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    while current := _as_it_is(func):
        result = original(current, event)
        if not result.get("throttle") or time.monotonic() + delay > until:
            return result
        time.sleep(delay)
        delay = min(2 * delay, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
    return {"body": None}


@corrects(lambda_svc, name="_emit_lambda_logs")
def no_log_of_a_deleted_function(original, func, request_id, log_text, error, duration_ms, *, log_source=None):
    """A function that was deleted while it ran does not make its log group again, for which its role has no right."""
    if _as_it_is(func):
        original(func, request_id, log_text, error, duration_ms, log_source=log_source)


def _as_it_is(func):
    """The function of a record with its present code and settings, or None. A published version does not change."""
    config = func.get("config") or func
    held = lambda_svc._functions.get(config["FunctionName"])
    if held is None or config.get("Version", "$LATEST") != "$LATEST":
        return held and func
    return {**held, "config": {**held["config"], "FunctionArn": config["FunctionArn"]}}
