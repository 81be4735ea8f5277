"""Versions of secrets and the tokens that name them."""

import json

from corrections.correct import corrects
from ministack.services import secretsmanager


@corrects(secretsmanager, name="_store_new_secret")
def no_empty_version(original, name, secret_string=None, secret_binary=None, description="", tags=None,
                     kms_key_id=None, rotation_lambda_arn=None, rotation_rules=None):
    """A secret created without a value has no version."""
    arn, version = original(name, secret_string, secret_binary, description, tags, kms_key_id,
                            rotation_lambda_arn, rotation_rules)
    if secret_string is None and secret_binary is None:
        secretsmanager._secrets[name]["Versions"].clear()
        version = None
    return arn, version


@corrects(secretsmanager, name="_create_secret")
def name_in_recovery(original, data):
    """A name in its recovery window is refused as such, not as taken."""
    secret = secretsmanager._secrets.get(data.get("Name"))
    if secret and secret.get("DeletedDate"):
        return secretsmanager.error_response_json(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.", 400)
    return original(data)


@corrects(secretsmanager, name="_get_secret_value")
def no_value_in_its_words(original, data):
    """A secret or a version without a value is refused in the words of Secrets Manager, and a label elsewhere than on the version."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate"):
        return original(data)
    token, stage = data.get("VersionId"), data.get("VersionStage")
    version = secret["Versions"].get(token) if token else secretsmanager._find_stage_version(secret, stage or "AWSCURRENT")[1]
    if not _has_value(version):
        missing = f"VersionId: {token}" if token else f"staging label: {stage or 'AWSCURRENT'}"
        return secretsmanager.error_response_json(
            "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {missing}", 400)
    if token and stage and stage not in version["Stages"]:
        return secretsmanager.error_response_json(
            "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.", 400)
    return original(data)


def _has_value(version):
    return bool(version) and (version["SecretString"] is not None or version["SecretBinary"] is not None)


@corrects(secretsmanager, name="_put_secret_value")
def labels_move(original, data):
    """A label is on one version of a secret, and moves there. A first version is current, whatever its labels. One that was there keeps its own."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate") or secretsmanager._is_replica(secret):
        return original(data)
    stages = list(data.get("VersionStages") or ["AWSCURRENT"])
    if not secret["Versions"]:
        stages.append("AWSCURRENT")
    held = secret["Versions"].get(data.get("ClientRequestToken"), {"Stages": []})["Stages"]
    answer = json.loads(original({**data, "VersionStages": [stage for stage in stages if stage == "AWSCURRENT"]})[2])
    for stage in sorted({*stages, *held} - {"AWSCURRENT"}):
        secretsmanager._remove_stage_everywhere(secret, stage)
        secretsmanager._add_stage(secret, answer["VersionId"], stage)
    return secretsmanager.json_response({**answer, "VersionStages": list(secret["Versions"][answer["VersionId"]]["Stages"])})


@corrects(secretsmanager, name="_apply_current_promotion")
def versions_stay(original, secret, new_vid):
    """A version that loses its last label is not listed any more, and is there for a day at least."""
    versions = dict(secret["Versions"])
    original(secret, new_vid)
    secret["Versions"].update({token: version for token, version in versions.items() if token not in secret["Versions"]})


@corrects(secretsmanager, name="_list_secret_version_ids")
def labelled_versions(original, data):
    """Versions without a label are listed if the request asks for them."""
    status, headers, body = original(data)
    if status != 200 or data.get("IncludeDeprecated"):
        return status, headers, body
    answer = json.loads(body)
    answer["Versions"] = [version for version in answer["Versions"] if version["VersionStages"]]
    return secretsmanager.json_response(answer)


@corrects(secretsmanager, name="_update_secret_version_stage")
def current_goes_nowhere(original, data):
    """AWSCURRENT moves, and is never taken off. Who moves a label has to say from where."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate"):
        return original(data)
    stage, target, source = (data.get(name) for name in ("VersionStage", "MoveToVersionId", "RemoveFromVersionId"))
    holder, _ = secretsmanager._find_stage_version(secret, stage)
    if stage == "AWSCURRENT" and not target:
        return secretsmanager.error_response_json(
            "InvalidParameterException",
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.", 400)
    if target in secret["Versions"] and holder not in (None, target) and not source:
        return secretsmanager.error_response_json(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder},"
            " so you must explicitly reference that version in RemoveFromVersionId.", 400)
    return original(data)


@corrects(secretsmanager, name="_put_secret_value")
def token_names_one_value(original, data):
    """A token that already names a version with a value changes nothing: the same value succeeds, another is refused."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    token = data.get("ClientRequestToken")
    version = secret["Versions"].get(token) if secret and not secret.get("DeletedDate") else None
    if not _has_value(version):
        return original(data)
    if (version["SecretString"], version["SecretBinary"]) != (data.get("SecretString"), data.get("SecretBinary")):
        return secretsmanager.error_response_json(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of"
            f" secret {secret['ARN']}.", 400)
    return secretsmanager.json_response({
        "ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": list(version["Stages"]),
    })
