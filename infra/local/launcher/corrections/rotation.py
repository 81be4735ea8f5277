"""RotateSecret: the steps run on the function, and AWSPENDING says how far they are.

Secrets Manager User Guide, Lambda rotation functions; API Reference, RotateSecret and CancelRotateSecret.
"""

import contextvars
import json
import logging
import os
import threading
import time

from corrections.correct import corrects
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, json_response, new_uuid
from ministack.services import lambda_svc, secretsmanager

_PRINCIPAL = "secretsmanager.amazonaws.com"
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_MOST_DAYS = 1000

# AWS repeats a rotation that failed "multiple times", and says neither how often nor when.
_ATTEMPTS = 3
_RETRY_SECONDS = float(os.environ.get("ROTATION_RETRY_SECONDS", "5"))
DAY_SECONDS = float(os.environ.get("ROTATION_DAY_SECONDS", "86400"))

logger = logging.getLogger("secretsmanager")

_running = set()  # ARNs of the secrets whose function is at work
_running_lock = threading.Lock()


@corrects(secretsmanager, name="_rotate_secret")
def rotate_by_the_function(original, data):
    """The function rotates, after the answer. It must be there, and let Secrets Manager in."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate") or secretsmanager._is_replica(secret):
        return original(data)
    refusal = _refusal(secret, data)
    if refusal:
        return secretsmanager.error_response_json(*refusal, 400)
    token = data.get("ClientRequestToken") or new_uuid()
    if token not in secret["Versions"]:  # else the request is repeated
        _configure(secret, data)
        pend(secret, token)
        start(secret, token, _rotate if data.get("RotateImmediately", True) else _try_out)
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})


def _refusal(secret, data):
    """Code and words with which Secrets Manager refuses to rotate a secret, or None."""
    function = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function:
        return "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."
    days = (data.get("RotationRules") or {}).get("AutomaticallyAfterDays")
    if days is not None and not 1 <= days <= _MOST_DAYS:
        return "InvalidParameterException", f"RotationRules.AutomaticallyAfterDays must be within 1-{_MOST_DAYS}."
    if not _may_invoke(secret, function):
        return "AccessDeniedException", (
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access"
            f" to the principal {_PRINCIPAL}.")
    token = unfinished(secret)
    if token and token != data.get("ClientRequestToken"):
        if secret.get("RotationEnabled"):
            start(secret, token, _rotate)
        return "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted."
    return None


def _configure(secret, data):
    secret["RotationEnabled"] = True
    secret["RotationLambdaARN"] = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if data.get("RotationRules"):
        secret["RotationRules"] = data["RotationRules"]
    schedule(secret)


def schedule(secret):
    """The next rotation is as many days from now as the rules say."""
    days = (secret.get("RotationRules") or {}).get("AutomaticallyAfterDays")
    secret["NextRotationDate"] = time.time() + days * DAY_SECONDS if days else None
    secret.pop("_TriedDate", None)


def unfinished(secret):
    """The version of a rotation that is not complete: AWSPENDING sits on another version than AWSCURRENT. Or None."""
    token, version = secretsmanager._find_stage_version(secret, "AWSPENDING")
    return token if version and "AWSCURRENT" not in version["Stages"] else None


def pend(secret, token):
    """Before createSecret there is a version without a value, labelled AWSPENDING."""
    secretsmanager._remove_stage_everywhere(secret, "AWSPENDING")
    secret["Versions"][token] = {
        "SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time()), "Stages": ["AWSPENDING"]}


def start(secret, token, work):
    """Has a thread do the work. Nothing is done if one does so for that secret already."""
    arn = secret["ARN"]
    with _running_lock:
        if arn in _running:
            return
        _running.add(arn)

    def run():
        try:
            work(arn, token)
        finally:
            _running.discard(arn)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()


def rotate_again(secret):
    """Rotates because the schedule says so: what is not complete first."""
    token = unfinished(secret)
    if not token:
        token = new_uuid()
        pend(secret, token)
    start(secret, token, _rotate)


def _rotate(arn, token):
    """Every step, and all of them again under the same token after a failure."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_RETRY_SECONDS)
        if all(_step(arn, token, step) for step in _STEPS) and _completed(arn, token):
            return
        if not _pending(arn, token):
            break  # cancelled, abandoned, or the secret is gone
    _, secret = secretsmanager._resolve(arn)
    if secret:
        secret["_TriedDate"] = time.time()


def _try_out(arn, token):
    """RotateImmediately is false: testSecret alone says whether the configuration works. Its outcome changes nothing."""
    _step(arn, token, "testSecret")
    secret = _pending(arn, token)
    if secret:
        secretsmanager._remove_stage(secret, token, "AWSPENDING")
        if not secret["Versions"][token]["Stages"]:
            del secret["Versions"][token]


def _pending(arn, token):
    """The secret, as long as its rotation is on and under way with the token. Or None."""
    _, secret = secretsmanager._resolve(arn)
    if not secret or secret.get("DeletedDate") or not secret.get("RotationEnabled"):
        return None
    return secret if "AWSPENDING" in secret["Versions"].get(token, {"Stages": []})["Stages"] else None


def _completed(arn, token):
    """Whether finishSecret made the version current. AWSPENDING stays there beside AWSCURRENT, as was recorded on AWS."""
    _, secret = secretsmanager._resolve(arn)
    if not secret or "AWSCURRENT" not in secret["Versions"].get(token, {"Stages": []})["Stages"]:
        return False
    rotated(secret)
    return True


def rotated(secret):
    """The dates that DescribeSecret shows after a rotation."""
    secret["LastRotatedDate"] = time.time()
    schedule(secret)


def _step(arn, token, step):
    """Whether the function did one step. Secrets Manager waits for it."""
    secret = _pending(arn, token)
    if not secret:
        return False
    function = secret["RotationLambdaARN"]
    record, config, _ = lambda_svc._get_func_record_for_ref(function)
    if not config or not _may_invoke(secret, function):
        logger.warning("rotation of %s: %s cannot be invoked", secret["Name"], function)
        return False
    result = lambda_svc._execute_function(lambda_svc._execution_record_for_config(record, config), {
        "Step": step, "SecretId": arn, "ClientRequestToken": token, "RotationToken": new_uuid()})
    if result.get("error"):
        logger.warning("rotation of %s: %s failed: %s", secret["Name"], step, json.dumps(result.get("body")))
        return False
    return True


def _may_invoke(secret, function):
    """Whether the function's own policy lets Secrets Manager invoke it for the secret."""
    found = lambda_svc.function_policy_for_arn(function)
    if not found:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn=_PRINCIPAL, principal_type="Service", principal_account="", action="lambda:InvokeFunction",
        resource_arn=function, region=get_region(),
        service_context={"aws:sourcearn": secret["ARN"], "aws:sourceaccount": get_account_id()})
    return iam_evaluator.evaluate_resource_policy(found[0], context, service=_PRINCIPAL).decision == "Allow"


@corrects(secretsmanager, name="handle_request")
async def cancel_rotation(original, method, path, headers, body, query_params):
    """CancelRotateSecret turns rotation off. Labels stay where they are, and so does the configuration."""
    if not headers.get("x-amz-target", "").endswith(".CancelRotateSecret"):
        return await original(method, path, headers, body, query_params)
    _, secret = secretsmanager._resolve(json.loads(body).get("SecretId"))
    if not secret:
        return secretsmanager.error_response_json(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
    if secret.get("DeletedDate"):
        return secretsmanager.error_response_json(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.", 400)
    secret.update(RotationEnabled=False, NextRotationDate=None)
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


@corrects(secretsmanager, name="_describe_secret")
def rotation_dates(original, data):
    """DescribeSecret tells when the secret was and will be rotated, and nothing of rotation where it was never configured."""
    status, headers, body = original(data)
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if status != 200:
        return status, headers, body
    answer = json.loads(body)
    answer.update({name: secret[name] for name in ("LastRotatedDate", "NextRotationDate") if secret.get(name)})
    if not secret.get("RotationLambdaARN"):
        answer.pop("RotationEnabled", None)
    return json_response(answer)


@corrects(secretsmanager, name="_put_secret_value")
def abandoned_by_a_value(original, data):
    """A value that becomes current while a rotation is on counts as one: the date moves, and what is under way is abandoned."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    before = secretsmanager._find_stage_version(secret, "AWSCURRENT")[0] if secret else None
    answer = original(data)
    if answer[0] == 200 and secret.get("RotationEnabled"):
        current, _ = secretsmanager._find_stage_version(secret, "AWSCURRENT")
        if current != before:
            secretsmanager._remove_stage_everywhere(secret, "AWSPENDING")
            rotated(secret)
    return answer
