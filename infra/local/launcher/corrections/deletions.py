"""DeleteObjects asks for each key by itself, and refuses the forbidden ones alone.

S3 answers 200 and names what it refused as Errors (S3 API Reference, DeleteObjects).
"""

import contextvars
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from corrections.correct import corrects
from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

_DELETIONS = ("s3:DeleteObject", "s3:DeleteObjectVersion")


@dataclass
class Deletion:
    """One request of DeleteObjects."""

    targets: list  # the ARN and the version of each key
    bypass: bool  # of a retention in governance mode
    forbidden: list = field(default_factory=list)  # keys, each with its version


_current = contextvars.ContextVar("deletion", default=None)  # of a request, from its authorization to its end


@corrects(iam_actions, name="extract_resource_arn")
def remember_deletion(original, service, method, path, headers, body, query_params, region, account_id):
    """Not a difference: tells enforce that there are more keys than the one it is asked for."""
    if service == "s3" and method == "POST" and "delete" in query_params:
        targets = iam_actions._s3_batch_delete_targets(path.strip("/"), body)
        bypass = headers.get("x-amz-bypass-governance-retention", "").strip().lower() == "true"
        _current.set(Deletion(targets, bypass) if targets else None)
    return original(service, method, path, headers, body, query_params, region, account_id)


@corrects(iam_actions, name="s3_additional_checks")
def each_key_by_itself(original, method, path, headers, body, query_params):
    """The other keys of DeleteObjects have been asked for."""
    return [] if _current.get() else original(method, path, headers, body, query_params)


@corrects(iam_evaluator, name="enforce")
def forbidden_keys(original, access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """A forbidden key does not refuse DeleteObjects. Credentials that are none do."""
    deletion = _current.get()
    if deletion is None or service != "s3" or iam_action not in _DELETIONS:
        return original(access_key_id, iam_action, service, region, resource_arn, service_context)
    deletion.forbidden.clear()
    for arn, version in deletion.targets:
        for action, resource, keys in _asked(arn, version, deletion.bypass):
            denied = original(access_key_id, action, service, region, resource, {**(service_context or {}), **keys})
            if isinstance(denied, iam_evaluator.AuthError):
                return denied
            if denied:
                deletion.forbidden.append((arn.partition("/")[2], version))
                break
    return None


def _asked(arn, version, bypass):
    """What the deletion of one key asks for: actions with their resources and condition keys."""
    actions = ["s3:DeleteObjectVersion" if version else "s3:DeleteObject"]
    if bypass:
        actions.append("s3:BypassGovernanceRetention")
    return [(action, *resource) for action in actions for resource in iam_actions.s3_access_point_resources(arn)]


@corrects(s3, name="_delete_objects")
def refuse_forbidden_keys(original, bucket_name, body, headers=None):
    """Forbidden keys are named as errors, and the others are deleted."""
    deletion = _current.get()
    if not deletion or not deletion.forbidden:
        return original(bucket_name, body, headers)
    status, answer_headers, answer = original(bucket_name, _without(body, deletion.forbidden), headers)
    if status == 200:
        answer = _with_errors(answer, deletion.forbidden)
    return status, answer_headers, answer


def _without(body, forbidden):
    """The request without some of its keys."""
    root = ElementTree.fromstring(body)
    for item in list(root):
        parts = {part.tag.rpartition("}")[2]: part.text or "" for part in item}
        if (parts.get("Key"), parts.get("VersionId", "")) in forbidden:
            root.remove(item)
    return ElementTree.tostring(root)


def _with_errors(answer, forbidden):
    """The answer, which is an empty element if nothing was deleted, with an error for each of these keys."""
    head, name, _ = answer.decode().rpartition("</DeleteResult>")
    if not name:
        head = answer.decode().removesuffix(" />") + ">"
    return (head + "".join(_error(*item) for item in forbidden) + "</DeleteResult>").encode()


def _error(key, version):
    named = f"<VersionId>{escape(version)}</VersionId>" if version else ""
    return f"<Error><Key>{escape(key)}</Key>{named}<Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
