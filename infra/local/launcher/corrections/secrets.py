"""Versions of secrets and the tokens that name them."""

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
