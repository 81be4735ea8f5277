"""What CloudFormation makes of resources of the provider stack, and what it shows of them."""

import json
import re

from corrections.correct import corrects
from ministack.services import cloudformation, iam
from ministack.services.cloudformation import handlers, provisioners, stacks

_ROLE = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
_MANAGED_POLICY = provisioners._RESOURCE_HANDLERS["AWS::IAM::ManagedPolicy"]
_EVENT_ID = re.compile(r"<EventId>([^<]*)</EventId>")


@corrects(_ROLE, name="create")
def bounded_role(original, logical_id, props, stack_name):
    """A role is made with the permissions boundary of its properties."""
    boundary = _boundary(props)
    name, attributes = original(logical_id, props, stack_name)
    iam._roles[name]["PermissionsBoundary"] = boundary
    return name, attributes


@corrects(_ROLE, name="update")
def other_boundary(original, physical_id, old_props, new_props, stack_name, logical_id=None):
    """It is given another in place, or loses it."""
    boundary = _boundary(new_props)
    name, attributes = original(physical_id, old_props, new_props, stack_name, logical_id)
    iam._roles[name]["PermissionsBoundary"] = boundary
    return name, attributes


def _boundary(props):
    arn = props.get("PermissionsBoundary") or ""
    if arn and not iam._policy_exists(arn):
        raise ValueError(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


@corrects(_MANAGED_POLICY, name="delete")
def boundary_in_use(original, physical_id, props):
    """A managed policy that is somebody's permissions boundary cannot be deleted."""
    if iam._boundary_usage_counts().get(physical_id):
        raise RuntimeError("Cannot delete a policy attached to entities.")
    return original(physical_id, props)


@corrects(provisioners, name="_physical_name")
def name_of_this_stack(original, stack_name, logical_id, lowercase=False, max_len=128, seeded=True):
    """A stack that is made again has other generated names than the one before."""
    stack_id = cloudformation._stacks.get(stack_name, {}).get("StackId", "")
    scope = provisioners._NAME_SEED.set(provisioners._NAME_SEED.get() + stack_id)
    try:
        return original(stack_name, logical_id, lowercase=lowercase, max_len=max_len, seeded=seeded)
    finally:
        provisioners._NAME_SEED.reset(scope)


@corrects(stacks, name="_resolve_stack_outputs")
def exports_in_use(original, outputs_defs, conditions, resources, param_values, mappings, stack_name, stack_id):
    """The value of an export that another stack imports cannot change."""
    outputs, exports = original(outputs_defs, conditions, resources, param_values, mappings, stack_name, stack_id)
    for name, export in exports.items():
        if cloudformation._exports.get(name, export)["Value"] == export["Value"]:
            continue
        for other, stack in cloudformation._stacks.items():
            in_use = other != stack_name and stack.get("StackStatus") != "DELETE_COMPLETE"
            if in_use and name in handlers._imported_export_names(stack, other):
                raise ValueError(f"Export {name} cannot be updated as it is in use by {other}")
    return outputs, exports


@corrects(provisioners, name="_custom_resource_update")
def same_service_token(original, physical_id, old_props, new_props, stack_name, logical_id=None,
                       resource_type="AWS::CloudFormation::CustomResource"):
    """The service token of a custom resource cannot change. No function is told of the attempt."""
    record = cloudformation._stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
    token = new_props.get("ServiceToken")
    if token != record.get("Properties", {}).get("ServiceToken", token):
        raise ValueError("Modifying service token is not allowed.")
    if token != old_props.get("ServiceToken"):  # back from such an attempt
        return physical_id, record.get("Attributes", {})
    return original(physical_id, old_props, new_props, stack_name, logical_id, resource_type)


@corrects(stacks, handlers, name="_add_event")
def event_with_properties(original, stack_id, stack_name, logical_id, resource_type, status,
                          reason="", physical_id="", detailed_status=""):
    """Not a difference: an event keeps the properties that its resource has."""
    original(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
    record = cloudformation._stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
    if record.get("Properties"):
        cloudformation._stack_events[stack_id][-1]["ResourceProperties"] = json.dumps(record["Properties"])


@corrects(handlers._ACTION_HANDLERS, name="DescribeStackEvents")
def show_properties(original, params):
    """DescribeStackEvents shows them, with every reference in them resolved."""
    status, headers, body = original(params)
    stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
    events = cloudformation._stack_events.get(stack.get("StackId"), [])
    shown = {event["EventId"]: event.get("ResourceProperties", "") for event in events}

    def with_properties(match):
        properties = shown.get(match[1], "")
        return match[0] + (f"<ResourceProperties>{handlers._esc(properties)}</ResourceProperties>" if properties else "")

    return status, headers, _EVENT_ID.sub(with_properties, body.decode()).encode()
