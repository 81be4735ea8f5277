"""Answers for functions that can give none here, instead of an hour of waiting.

None of this is a difference from AWS, where no function is of another machine than its
architecture says, and the address to answer to is AWS's own.
"""

import platform

from corrections import stacks
from corrections.correct import corrects
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

_made_up = set()  # ids of resources whose function has done nothing


@corrects(lambda_svc, name="_execute_function")
def answer_for_it(original, func, event):
    """What a function cannot answer fails at once, and says what to deploy instead."""
    result = original(func, event)
    call = stacks._current.get()
    if call is None or call.event is not event or not result.get("error"):
        return result
    reason = _why(result)
    if reason:
        custom_resource.deliver_response(call.token, _answer(event, reason))
        return {"body": None}  # there is no sense in another attempt
    return result


def _why(result):
    message = (result.get("body") or {}).get("errorMessage") or ""
    demo = "the one that make demo builds into .local/function, and packs into .local/function.zip"
    if "Exec format error" in message:
        return f"the function is not built for this machine, which is {platform.machine()}: deploy {demo}"
    if message.startswith("ResponseURL: not an https address under"):
        return f"the function is built for AWS, and would answer nobody else: for the embedded AWS deploy {demo}"
    return ""


def _answer(event, reason):
    """Nothing is there to delete where the function could not answer the Create either."""
    held = event.get("PhysicalResourceId")
    if not held:
        held = stacks._made_up_id(event)
        _made_up.add(held)
    nothing = event["RequestType"] == "Delete" and held in _made_up
    return {
        **{name: event[name] for name in stacks._IDS},
        "Status": "SUCCESS" if nothing else "FAILED", "Reason": reason, "PhysicalResourceId": held,
    }
