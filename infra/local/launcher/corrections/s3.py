"""Bucket owners, bucket policies and lifecycle rules."""

import json
import re
from xml.etree import ElementTree

from corrections.correct import corrects
from ministack.services import iam, s3

_POLICY_BYTES = 20 << 10
_OWN_PREFIX = "HasPrefixOfItsOwn"
_ACCOUNT = re.compile(r"\d{12}|arn:aws[a-z-]*:iam::\d{12}:root")


@corrects(s3, name="validate_object_request")
def expected_bucket_owner(original, method, path, headers, query_params):
    """A bucket of another owner than the expected one is refused, and so is an owner that is no account."""
    expected = headers.get("x-amz-expected-bucket-owner")
    if expected and not re.fullmatch(r"\d{12}", expected):
        return s3._error("InvalidBucketOwnerAWSAccountID",
                         f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]", 400)
    owner = s3._bucket_owner_account(path.lstrip("/").partition("/")[0])
    if expected and owner and expected != owner:
        return s3._error("AccessDenied", "Access Denied", 403)
    return original(method, path, headers, query_params)


@corrects(s3, name="_put_bucket_policy")
def valid_policy(original, name, body):
    """A policy names existing principals and its own bucket, in at most 20 KB."""
    if name in s3._buckets:
        problem = _problem(name, body)
        if problem:
            return s3._error("MalformedPolicy", problem, 400)
    return original(name, body)


@corrects(s3, name="_put_bucket_lifecycle")
def valid_rules(original, name, body):
    """All rules have a filter, or all have a prefix of their own, which is kept. Each expires in one way."""
    prefixes = []
    if name in s3._buckets:
        if _expires_in_two_ways(body):
            return s3._error("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", 400)
        rules = _rules(body)
        prefixes = [rule["Prefix"] for rule in rules if "Prefix" in rule]
        if prefixes and any("Filter" in rule for rule in rules):
            return s3._error("InvalidRequest", "Filter element can only be used in Lifecycle V2." if "Prefix" in rules[0] else
                             "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.", 400)
    answer = original(name, body)
    if answer[0] == 200:
        for rule, prefix in zip(s3._bucket_lifecycle[name], prefixes):
            rule["Filter"], rule[_OWN_PREFIX] = {"Prefix": prefix}, True
    return answer


@corrects(s3, name="_get_bucket_lifecycle")
def rules_in_their_form(original, name):
    """A prefix of a rule's own is shown as one. All rules of a bucket are of one form."""
    status, headers, body = original(name)
    if any(_OWN_PREFIX in rule for rule in s3._bucket_lifecycle.get(name, [])):
        body = body.replace(b"<Filter><Prefix>", b"<Prefix>").replace(b"</Prefix></Filter>", b"</Prefix>")
    return status, headers, body


def _rules(body):
    """What the rules of a lifecycle configuration hold: the text of each element by its name."""
    return [{_name(part): part.text or "" for part in rule} for rule in _parsed(body)]


def _expires_in_two_ways(body):
    """Whether a rule has more than one of days, a date and ExpiredObjectDeleteMarker."""
    ways = {"Days", "Date", "ExpiredObjectDeleteMarker"}
    return any(len(ways & {_name(way) for way in part}) > 1 for rule in _parsed(body) for part in rule if _name(part) == "Expiration")


def _parsed(body):
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:  # the operation itself deals with that
        return []


def _name(element):
    """Its name without the namespace."""
    return element.tag.rpartition("}")[2]


def _problem(bucket, body):
    """What S3 says about a policy that it does not take, or None."""
    try:
        policy = json.loads(body)
        if "Statement" not in policy:
            return "Missing required field Statement"
        for statement in _listed(policy["Statement"]):
            if not all(_exists(p) for p in _aws_principals(statement)):
                return "Invalid principal in policy"
            resources = _listed(statement.get("Resource", statement.get("NotResource")))
            if not resources or not all(_in_bucket(r, bucket) for r in resources):
                return "Policy has invalid resource"
        if _size(policy) > _POLICY_BYTES:
            return "Policy exceeds the maximum allowed document size."
    except (ValueError, KeyError, TypeError, AttributeError):
        return "Policies must be valid JSON and the first byte must be '{'"
    return None


def _size(policy):
    """The bytes of a policy without white space, which does not count."""
    return len(json.dumps(policy, separators=(",", ":"), ensure_ascii=False).encode())


def _listed(value):
    return value if isinstance(value, list) else [value]


def _aws_principals(statement):
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(principal, dict):
        return _listed(principal.get("AWS", []))
    return [principal]


def _exists(principal):
    """Whether a principal is everybody, an account, or a user or role that there is."""
    if principal == "*" or _ACCOUNT.fullmatch(principal):
        return True
    if ":assumed-role/" in principal:
        account, role = principal.split(":")[4], principal.split("/")[1]
        return iam._roles.contains_scoped(account, None, role)
    entities = [*iam._users._data.values(), *iam._roles._data.values()]
    return any(principal == entity["Arn"] for entity in entities)


def _in_bucket(resource, bucket):
    return re.fullmatch(rf"arn:aws[a-z-]*:s3:::{re.escape(bucket)}(/.*|\*)?", resource, re.DOTALL) is not None
