"""What CloudFormation does around the call of a custom resource's function."""

import contextvars
import json
import logging
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import ministack.app
from corrections.correct import corrects
from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import custom_resource, handlers, stacks

_BODY_BYTES = 4096
_ID_LENGTH = 1024
_ADDRESS_SECONDS = 7200
_RESPONSE_PATH = "/_ministack/cfn-response/"
_IDS = ("RequestId", "StackId", "LogicalResourceId")

logger = logging.getLogger("cloudformation")


@dataclass
class Call:
    """One request to a function, from its event to its answer."""

    token: str = ""  # in its ResponseURL
    event: dict | None = None
    answer: dict | None = None


_current = contextvars.ContextVar("call", default=None)  # of the thread that waits for the answer
_calls = {}  # by token, while they wait


@corrects(custom_resource, name="invoke_custom_resource")
def visible_progress(original, request_type, logical_id, props, stack_name, stack_id, resource_type,
                     physical_id=None, old_props=None):
    """DescribeStackResource shows the resource and *_IN_PROGRESS while the function runs."""
    resources = cloudformation._stacks.get(stack_name, {}).get("_resources", {})
    if request_type == "Create":
        resources[logical_id] = {
            "LogicalResourceId": logical_id, "PhysicalResourceId": "", "ResourceType": resource_type,
            "Properties": props, "Attributes": {},
        }
    record = resources.get(logical_id, {})
    before = {key: record.get(key) for key in ("ResourceStatus", "Timestamp")}
    if request_type != "Delete" or record.get("PhysicalResourceId") == physical_id:  # else a leftover of a replacement
        record.update(ResourceStatus=f"{request_type.upper()}_IN_PROGRESS", Timestamp=now_iso())

    call = Call()
    scope = _current.set(call)
    try:
        answer = original(request_type, logical_id, props, stack_name, stack_id, resource_type, physical_id, old_props)
    except Exception as failure:
        if request_type == "Create" and call.event:
            # It stays, for the rollback or the stack's deletion to delete.
            record.update(
                PhysicalResourceId=(call.answer or {}).get("PhysicalResourceId") or _made_up_id(call.event),
                ResourceStatus="CREATE_FAILED", ResourceStatusReason=str(failure), Timestamp=now_iso())
            raise
        _restore(resources, logical_id, request_type, before)
        raise
    finally:
        _current.reset(scope)
        _calls.pop(call.token, None)
    _restore(resources, logical_id, request_type, before)
    return answer


def _restore(resources, logical_id, request_type, before):
    """Leaves the stack as the caller expects it, which then writes the outcome itself."""
    if request_type == "Create":
        resources.pop(logical_id, None)
    elif logical_id in resources:
        resources[logical_id].update(before)


def _made_up_id(event):
    """What CloudFormation calls a resource whose function gave it no id."""
    return f"{event['StackId'].split('/')[1]}-{event['LogicalResourceId']}-{secrets.token_hex(6).upper()}"


@corrects(stacks, handlers, name="_roll_back_operation")
async def delete_after_failed_create(original, stack_name, stack_id, stack, operation, reason_override=""):
    """A custom resource whose Create failed gets a Delete."""
    failed = operation.get("failed_logical_id")
    record = stack.get("_resources", {}).get(failed, {})
    if record.get("ResourceStatus") == "CREATE_FAILED" and failed not in operation["created"]:
        operation["created"].append(failed)
    await original(stack_name, stack_id, stack, operation, reason_override)


@corrects(handlers._ACTION_HANDLERS, name="CreateChangeSet")
def no_update_after_failed_create(original, params):
    """A stack whose creation failed can only be deleted (CloudFormation User Guide, stack status codes)."""
    stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
    if stack.get("StackStatus") == "ROLLBACK_COMPLETE" and handlers._p(params, "ChangeSetType", "UPDATE") == "UPDATE":
        return handlers._error("ValidationError", f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated.")
    return original(params)


@corrects(stacks, name="_delete_resource")
def dependencies_stay(original, resource_type, physical_id, props, stack_name=None, logical_id=None):
    """What a resource depends on stays while that could not be deleted, so that its deletion can be tried again."""
    stack = cloudformation._stacks.get(stack_name, {})
    resources, definitions = stack.get("_resources", {}), stack.get("_template", {}).get("Resources", {})
    for other, record in resources.items():
        if other != logical_id and record.get("ResourceStatus") == "DELETE_FAILED" and logical_id in stacks._with_dependencies(
                [other], definitions, set(resources)):
            raise RuntimeError(f"{other} depends on it and could not be deleted")
    return original(resource_type, physical_id, props, stack_name, logical_id)


@corrects(custom_resource, name="register_token")
def remember_call(original, token):
    """Not a difference: tells deliver_response whose answer a token carries."""
    call = _current.get()
    call.token = token
    _calls[token] = call
    return original(token)


@corrects(custom_resource, name="_response_url")
def dated_address(original, token):
    """A ResponseURL is a presigned address of S3: it says when it was signed, and for how long."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{original(token)}?" + urlencode({
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": now, "X-Amz-SignedHeaders": "host",
        "X-Amz-Expires": _ADDRESS_SECONDS, "X-Amz-Credential": f"{get_account_id()}/{now[:8]}/{get_region()}/s3/aws4_request",
        "X-Amz-Signature": secrets.token_hex(32),
    })


@corrects(lambda_svc, name="_execute_function_with_config_scope")
def queue_event(original, func, event):
    """CloudFormation puts its event into the queue of the function: Lambda delivers it, again after a failure.

    CloudFormation waits for the answer, however often the function runs, and for how long.
    """
    call = _current.get()
    if call is None or call.event is not None:
        return original(func, event)
    call.event = event
    lambda_svc.invoke_async_with_retry(func, event)
    return None


@corrects(ministack.app, name="_handle_post_body_shortcuts")
async def answer_too_long(original, method, path, headers, body, query_params, request_id):
    """An answer of more than 4,096 bytes fails the operation."""
    call = _calls.get(path.removeprefix(_RESPONSE_PATH)) if method == "PUT" else None
    if call and call.event and len(body) > _BODY_BYTES:
        body = json.dumps({
            **{name: call.event[name] for name in _IDS},
            "Status": "FAILED", "Reason": "Response object is too long.",
            "PhysicalResourceId": call.event.get("PhysicalResourceId") or _made_up_id(call.event),
        }).encode()
    return await original(method, path, headers, body, query_params, request_id)


@corrects(custom_resource, name="deliver_response")
def answer_fits_request(original, token, response):
    """An answer with other ids than the request's counts as none, and so does a second one; one without a physical id fails."""
    call = _calls.get(token)
    if call and call.answer:
        return True
    if call and call.event:
        wrong = [name for name in _IDS if response.get(name) != call.event[name]]
        if wrong:
            logger.warning("answer to %s dropped: wrong %s", call.event["LogicalResourceId"], ", ".join(wrong))
            return True
        if not 0 < len(response.get("PhysicalResourceId") or "") <= _ID_LENGTH:
            response = {**response, "Status": "FAILED", "Reason": "Invalid PhysicalResourceId"}
        call.answer = response
    return original(token, response)
