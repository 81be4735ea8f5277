"""Which action, resource and condition keys a request is evaluated with."""

import json

from corrections.correct import corrects
from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, s3, secretsmanager

_BOUNDARY_IN_REQUEST = frozenset({
    "iam:CreateUser", "iam:CreateRole", "iam:PutUserPermissionsBoundary", "iam:PutRolePermissionsBoundary",
})

# What AWS asks for besides the operation itself, if the request carries tags.
_TAGGING = {
    "iam:CreateUser": "iam:TagUser",
    "s3:CreateBucket": "s3:TagResource",
    "secretsmanager:CreateSecret": "secretsmanager:TagResource",
}

_STAND_IN = "\x1d"  # for a key, where ministack drops slashes


@corrects(iam_actions, name="extract_resource_arn")
def user_with_path(original, service, method, path, headers, body, query_params, region, account_id):
    """A user's ARN has its path: the request's for CreateUser. A key stands for its user."""
    arn = original(service, method, path, headers, body, query_params, region, account_id)
    if service != "iam" or iam_actions._query_param(query_params, "RoleName"):
        return arn
    name = iam_actions._query_param(query_params, "UserName")
    action = iam_actions._query_param(query_params, "Action")
    if action == "CreateUser":
        user_path = iam_actions._query_param(query_params, "Path") or "/"
        return f"arn:aws:iam::{account_id}:user{user_path}{name}"
    if action == "GetAccessKeyLastUsed":
        key = iam._access_keys.get(iam_actions._query_param(query_params, "AccessKeyId"))
        name = key["UserName"] if key else ""
    user = iam._users.get(name)
    return user["Arn"] if user else arn


@corrects(iam_actions, name="extract_resource_arn")
def whole_key(original, service, method, path, headers, body, query_params, region, account_id):
    """The ARN of an object has the key as it is, with every slash of it."""
    bucket, key = _bucket_and_key(path)
    if service == "s3" and key:
        return f"arn:aws:s3:::{bucket}/{key}"
    return original(service, method, path, headers, body, query_params, region, account_id)


@corrects(iam_actions, name="s3_additional_checks")
def other_actions(original, method, path, headers, body, query_params):
    """What else S3 asks for is on the whole key too, and CreateBucket asks for what its headers set."""
    bucket, key = _bucket_and_key(path)
    checks = original(method, _plain(path), headers, body, query_params)
    checks = [(action, arn.replace(_STAND_IN, key)) for action, arn in checks]
    if iam_actions._s3_action(method, path, query_params) == "CreateBucket":
        checks += [(action, f"arn:aws:s3:::{bucket}") for action in _set_by_headers(headers)]
    return checks


def _set_by_headers(headers):
    """S3 API Reference, CreateBucket, Permissions."""
    actions = []
    if headers.get("x-amz-object-ownership"):
        actions.append("s3:PutBucketOwnershipControls")
    if headers.get("x-amz-acl", "private") != "private" or any(name.startswith("x-amz-grant-") for name in headers):
        actions.append("s3:PutBucketAcl")
    if headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        actions += ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]
    return actions


@corrects(iam_actions, name="extract_iam_action")
def delete_objects_by_version(original, service, method, path, headers, body, query_params):
    """DeleteObjects that names versions is DeleteObjectVersion, the first key's too."""
    action = original(service, method, path, headers, body, query_params)
    if service == "s3" and action == "s3:DeleteObject" and method == "POST" and "delete" in query_params:
        targets = iam_actions._s3_batch_delete_targets(path.strip("/"), body)
        if targets and targets[0][1]:
            return "s3:DeleteObjectVersion"
    return action


@corrects(iam_actions, name="_s3_action")
def attributes_of_a_bucket(original, method, path, query_params):
    """Access control by tags of a bucket has actions of its own: PutBucketAbac is not CreateBucket. A key of slashes is one."""
    if "abac" in query_params and method in ("GET", "PUT") and not _bucket_and_key(path)[1]:
        return "GetBucketAbac" if method == "GET" else "PutBucketAbac"
    return original(method, _plain(path), query_params)


def _bucket_and_key(path):
    """Of a request to S3: everything after the first slash is the key."""
    bucket, _, key = path.lstrip("/").partition("/")
    return bucket, key


def _plain(path):
    """A path that ministack does not misread, with a stand-in for the key."""
    bucket, key = _bucket_and_key(path)
    return f"/{bucket}/{_STAND_IN}" if key else path


@corrects(iam_actions, name="request_tag_context")
def request_conditions(original, service, iam_action, body, params):
    """iam:PermissionsBoundary, the tags of CreateBucket, and the function of RotateSecret."""
    context = original(service, iam_action, body, params)
    boundary = iam_actions._query_param(params, "PermissionsBoundary")
    if iam_action in _BOUNDARY_IN_REQUEST and boundary:
        context["iam:PermissionsBoundary"] = boundary
    if iam_action == "s3:CreateBucket" and body:
        tags = _bucket_tags(body)
        context.update({f"aws:RequestTag/{key}".lower(): value for key, value in tags.items()})
        if tags:
            context["aws:TagKeys"] = list(tags)
    if iam_action == "secretsmanager:RotateSecret":
        function = _rotation_function(body)
        if function:
            context["secretsmanager:RotationLambdaARN"] = function
    return context


def _bucket_tags(body):
    try:
        return s3._parse_tags_xml(body)
    except Exception:  # not XML: the operation itself says so
        return {}


def _rotation_function(body):
    """The function of the request, else the one that the secret already has."""
    try:
        request = json.loads(body)
    except ValueError:
        return ""
    _, secret = secretsmanager._resolve(request.get("SecretId"))
    return request.get("RotationLambdaARN") or (secret or {}).get("RotationLambdaARN") or ""


@corrects(iam_evaluator, name="enforce")
def second_action(original, access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """What AWS asks for besides the operation's own action."""
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied:
        return denied
    context = {key.lower(): value for key, value in (service_context or {}).items()}
    if iam_action in _TAGGING and context.get("aws:tagkeys"):
        return original(access_key_id, _TAGGING[iam_action], service, region, resource_arn, service_context)
    function = context.get("secretsmanager:rotationlambdaarn")
    if iam_action == "secretsmanager:RotateSecret" and function:
        return original(access_key_id, "lambda:InvokeFunction", "lambda", region, function)
    if iam_action == "s3:GetObject" and _is_absent(resource_arn):
        # Only who may list learns that a key does not exist. No prefix is in such a request.
        bucket_arn = resource_arn.partition("/")[0]
        return original(access_key_id, "s3:ListBucket", service, region, bucket_arn)
    return None


@corrects(iam_evaluator, name="_resolve_condition_key")
def owner_of_the_bucket(original, key, ctx):
    """The account of a bucket is its owner's, not the caller's. The ARN names none."""
    if key.lower() in ("s3:resourceaccount", "aws:resourceaccount") and ctx.resource_arn.startswith("arn:aws:s3:::"):
        bucket = ctx.resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
        owner = s3._bucket_owner_account(bucket)
        if owner:
            return owner
    return original(key, ctx)


def _is_absent(resource_arn):
    """Whether an object's ARN names a key that its existing bucket does not hold."""
    bucket, _, key = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
    held = s3._buckets.get(bucket)
    return bool(held) and bool(key) and key not in held["objects"]
