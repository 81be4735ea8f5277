"""Limits and conflicts of IAM users."""

import re

from corrections.correct import corrects
from ministack.services import iam, s3

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{0,510}/")
_KEYS_PER_USER = 2


@corrects(iam._IAM_HANDLERS, name="CreateUser")
def valid_new_name(original, p):
    """Names have an alphabet and a length, and differ in more than case."""
    name, path = iam._p(p, "UserName"), iam._p(p, "Path") or "/"
    if not _NAME.fullmatch(name):
        return iam._error(400, "ValidationError", "The specified value for userName is invalid.")
    if not _PATH.fullmatch(path):
        return iam._error(400, "ValidationError", "The specified value for path is invalid.")
    if any(name.lower() == taken.lower() for taken in iam._users):
        return iam._error(409, "EntityAlreadyExists", f"User with name {name} already exists.")
    return original(p)


@corrects(iam._IAM_HANDLERS, name="CreateAccessKey")
def two_keys(original, p):
    """A user has at most two access keys."""
    name = iam._p(p, "UserName")
    if sum(key["UserName"] == name for key in iam._access_keys.values()) >= _KEYS_PER_USER:
        return iam._error(409, "LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_PER_USER}")
    return original(p)


@corrects(iam._IAM_HANDLERS, name="DeleteUser")
def nothing_attached(original, p):
    """A user goes after its inline policies, groups and login profile, and policies that named it no longer do."""
    name = iam._p(p, "UserName")
    attached = {
        "delete policies": iam._user_inline_policies.get(name),
        "remove users from group": any(name in group.get("Users", []) for group in iam._groups.values()),
        "delete login profile": name in iam._login_profiles,
    }
    for demand, present in attached.items():
        if name in iam._users and present:
            return iam._error(409, "DeleteConflict", f"Cannot delete entity, must {demand} first.")
    user = iam._users.get(name)
    answer = original(p)
    if answer[0] == 200:
        _forget(user)
    return answer


def _forget(user):
    """Bucket policies keep the unique id of a user that is gone: one of the same name is another principal."""
    for bucket, policy in list(s3._bucket_policies.items()):
        s3._bucket_policies[bucket] = policy.replace(f'"{user["Arn"]}"', f'"{user["UserId"]}"')
