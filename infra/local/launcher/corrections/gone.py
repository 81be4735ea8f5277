"""What CloudFormation still knows of resources that it deleted."""

from corrections.correct import corrects
from ministack.core.responses import now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

# Statuses of a stack whose resources stay in its description when they are deleted. One that an update takes out of the
# template does not.
_KEEPS = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")

_gone = {}  # by the id of the stack and the logical id


@corrects(stacks, name="_delete_resource")
def remember_deleted(original, resource_type, physical_id, props, stack_name=None, logical_id=None):
    """Not a difference: keeps what was deleted with its stack."""
    answer = original(resource_type, physical_id, props, stack_name, logical_id)
    stack = cloudformation._stacks.get(stack_name, {})
    if stack.get("StackStatus") in _KEEPS:
        _gone[stack["StackId"], logical_id] = {
            "LogicalResourceId": logical_id, "PhysicalResourceId": physical_id, "ResourceType": resource_type,
            "ResourceStatus": "DELETE_COMPLETE", "LastUpdatedTimestamp": now_iso(), "StackName": stack_name, "StackId": stack["StackId"],
        }
    return answer


@corrects(handlers._ACTION_HANDLERS, name="DescribeStackResource")
def deleted_resource(original, params):
    """By its id, a deleted stack is described for 90 days (CloudFormation API Reference, DescribeStackResource)."""
    named, logical_id = handlers._p(params, "StackName"), handlers._p(params, "LogicalResourceId")
    stack = handlers._resolve_stack(named) or {}
    if named == stack.get("StackName") and stack.get("StackStatus") != "DELETE_COMPLETE":
        named = stack["StackId"]
    gone = _gone.get((named, logical_id))
    if not gone or logical_id in stack.get("_resources", {}):
        return original(params)
    detail = "".join(f"<{name}>{handlers._esc(value)}</{name}>" for name, value in gone.items())
    return handlers._xml(200, "DescribeStackResourceResponse", "<DescribeStackResourceResult><StackResourceDetail>"
                         f"{detail}</StackResourceDetail></DescribeStackResourceResult>")
