"""CloudFormation acts with the rights of whoever starts an operation.

Only what the product's own stacks and the CDK's bootstrap hold is asked for, and only the calls that make,
change and delete it: what CloudFormation reads on AWS besides is not known here. A
stack that was given a role of its own, as the cdk CLI does, is not checked.
"""

import contextvars

from corrections.correct import corrects
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import engine, stacks

_starter = contextvars.ContextVar("starter", default=None)  # access key id, kept by the operation it starts
_with_role = set()  # names of stacks that have a role

_STARTS = frozenset(f"cloudformation:{name}" for name in (
    "CreateStack", "UpdateStack", "DeleteStack", "ExecuteChangeSet", "ContinueUpdateRollback", "RollbackStack"))


@corrects(iam_actions, name="request_tag_context")
def remember_role(original, service, iam_action, body, params):
    """Not a difference: CloudFormation keeps the role that a stack was given."""
    if service == "cloudformation" and iam_actions._query_param(params, "RoleARN"):
        _with_role.add(_stack_name(iam_actions._query_param(params, "StackName")))
    return original(service, iam_action, body, params)


@corrects(iam_evaluator, name="enforce")
def remember_starter(original, access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """Not a difference: the operation inherits the context of the request that starts it."""
    if iam_action in _STARTS:
        _starter.set(access_key_id)
    return original(access_key_id, iam_action, service, region, resource_arn, service_context)


@corrects(stacks, name="_provision_resource")
def create_as_starter(original, resource_type, logical_id, props, stack_name):
    """Creating a resource asks for the rights of who deploys."""
    _ask(stack_name, _needed("create", resource_type, f"{stack_name}-{logical_id}", props, None))
    return original(resource_type, logical_id, props, stack_name)


@corrects(stacks, name="_update_resource")
def update_as_starter(original, resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None):
    """So does a change of it."""
    if old_props != new_props:
        _ask(stack_name, _needed("update", resource_type, physical_id, new_props, old_props))
    return original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)


@corrects(stacks, name="_delete_resource")
def delete_as_starter(original, resource_type, physical_id, props, stack_name=None, logical_id=None):
    """So does its deletion."""
    _ask(stack_name, _needed("delete", resource_type, physical_id, props, None))
    return original(resource_type, physical_id, props, stack_name, logical_id)


@corrects(engine, name="_resolve_dynamic_reference")
def resolve_as_starter(original, literal):
    """A reference to a parameter is resolved with the rights of who deploys."""
    service, name = engine._DYNAMIC_REFERENCE.fullmatch(literal).groups()
    if service == "ssm":
        _ask(None, [("ssm:GetParameters", _arn("ssm", "parameter/" + name.partition(":")[0].lstrip("/")), None)])
    return original(literal)


def _stack_name(name_or_arn):
    return name_or_arn.split("/")[1] if name_or_arn.startswith("arn:") else name_or_arn


def _arn(service, resource, region=None):
    return f"arn:aws:{service}:{get_region() if region is None else region}:{get_account_id()}:{resource}"


def _ask(stack_name, needed):
    starter = _starter.get()
    if starter is None or stack_name in _with_role:
        return
    for action, arn, context in needed:
        if iam_evaluator.enforce(starter, action, action.partition(":")[0], get_region(), arn, context):
            raise RuntimeError(f"not authorized to perform: {action} on resource: {arn}")


def _needed(kind, resource_type, name, props, old_props):
    """The actions of CloudFormation on a resource, each with its resource and condition keys."""
    if resource_type.startswith("Custom::"):
        return [("lambda:InvokeFunction", props.get("ServiceToken", ""), None)]
    table = _TYPES.get(resource_type)
    return table(kind, name, props, old_props) if table else []


def _role(kind, name, props, old_props):
    arn, boundary = _arn("iam", f"role/{props.get('RoleName') or name}", region=""), props.get("PermissionsBoundary")
    context = {"iam:PermissionsBoundary": boundary} if boundary else None
    if kind == "delete":
        return [("iam:DeleteRole", arn, None)]
    if kind == "create":
        return [("iam:CreateRole", arn, context)]
    asked = []
    if boundary != old_props.get("PermissionsBoundary"):
        asked.append(("iam:PutRolePermissionsBoundary" if boundary else "iam:DeleteRolePermissionsBoundary", arn, context))
    if {**props, "PermissionsBoundary": None} != {**old_props, "PermissionsBoundary": None}:
        asked.append(("iam:UpdateRole", arn, None))
    return asked


def _role_policy(kind, name, props, old_props):
    action = "iam:DeleteRolePolicy" if kind == "delete" else "iam:PutRolePolicy"
    return [(action, _arn("iam", f"role/{role}", region=""), None) for role in props.get("Roles", [])]


def _managed_policy(kind, name, props, old_props):
    action = {"create": "iam:CreatePolicy", "update": "iam:CreatePolicyVersion", "delete": "iam:DeletePolicy"}[kind]
    return [(action, name if name.startswith("arn:") else _arn("iam", f"policy/{name}", region=""), None)]


def _function(kind, name, props, old_props):
    arn = _arn("lambda", f"function:{name}")
    code = props.get("Code", {})
    read = ("s3:GetObject", f"arn:aws:s3:::{code.get('S3Bucket')}/{code.get('S3Key')}", None)
    if kind == "delete":
        return [("lambda:DeleteFunction", arn, None)]
    if kind == "create":
        passed = {"iam:PassedToService": "lambda.amazonaws.com"}
        return [("lambda:CreateFunction", arn, None), ("iam:PassRole", props.get("Role", ""), passed), read]
    asked = []
    if code != old_props.get("Code"):
        asked += [("lambda:UpdateFunctionCode", arn, None), read]
    if {**props, "Code": None} != {**old_props, "Code": None}:
        asked.append(("lambda:UpdateFunctionConfiguration", arn, None))
    return asked


def _delivery(kind, name, props, old_props):
    function = props.get("FunctionName", "")
    action = "lambda:DeleteFunctionEventInvokeConfig" if kind == "delete" else "lambda:PutFunctionEventInvokeConfig"
    return [(action, function if function.startswith("arn:") else _arn("lambda", f"function:{function}"), None)]


def _permission(kind, name, props, old_props):
    # Every change is another statement, put before the old one is taken away.
    actions = {"create": ["AddPermission"], "update": ["AddPermission", "RemovePermission"], "delete": ["RemovePermission"]}[kind]
    function = props.get("FunctionName", "")
    arn = function if function.startswith("arn:") else _arn("lambda", f"function:{function}")
    return [("lambda:" + action, arn, None) for action in actions]


def _log_group(kind, name, props, old_props):
    # On AWS a group without a name of its own is called after stack and logical id.
    arn = _arn("logs", "log-group:" + name.removeprefix("/aws/cloudformation/").replace("/", "-"))
    if kind == "delete":
        return [("logs:DeleteLogGroup", arn, None)]
    asked = [("logs:CreateLogGroup", arn, None)] if kind == "create" else []
    if props.get("RetentionInDays"):
        asked.append(("logs:PutRetentionPolicy", arn, None))
    return asked


def _parameter(kind, name, props, old_props):
    action = "ssm:DeleteParameter" if kind == "delete" else "ssm:PutParameter"
    return [(action, _arn("ssm", "parameter/" + (props.get("Name") or name).lstrip("/")), None)]


def _bucket(kind, name, props, old_props):
    actions = {"create": ["s3:CreateBucket"], "update": [], "delete": ["s3:DeleteBucket"]}[kind]
    return [(action, f"arn:aws:s3:::{props.get('BucketName') or name}", None) for action in actions]


def _bucket_policy(kind, name, props, old_props):
    action = "s3:DeleteBucketPolicy" if kind == "delete" else "s3:PutBucketPolicy"
    return [(action, f"arn:aws:s3:::{props.get('Bucket')}", None)]


def _repository(kind, name, props, old_props):
    actions = {"create": ["ecr:CreateRepository"], "update": [], "delete": ["ecr:DeleteRepository"]}[kind]
    return [(action, _arn("ecr", f"repository/{props.get('RepositoryName') or name}"), None) for action in actions]


_TYPES = {
    "AWS::ECR::Repository": _repository,
    "AWS::IAM::Role": _role,
    "AWS::IAM::Policy": _role_policy,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::EventInvokeConfig": _delivery,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SSM::Parameter": _parameter,
}
