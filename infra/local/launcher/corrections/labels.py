"""Labels of the versions of a secret: AWSCURRENT, AWSPREVIOUS, AWSPENDING and others' own."""

import json

from corrections.correct import corrects
from ministack.services import secretsmanager

_MOST = 20  # over all versions of a secret


@corrects(secretsmanager, name="_put_secret_value")
def labels_move(original, data):
    """A label is on one version of a secret, and moves there. A first version is current, whatever its labels. One that was there keeps its own."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate") or secretsmanager._is_replica(secret):
        return original(data)
    stages = list(data.get("VersionStages") or ["AWSCURRENT"])
    if not secret["Versions"]:
        stages.append("AWSCURRENT")
    if _too_many(secret, stages):
        return _limit_exceeded()
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
            "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.", 400)
    if target in secret["Versions"] and holder not in (None, target) and not source:
        return secretsmanager.error_response_json(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder},"
            " so you must explicitly reference that version in RemoveFromVersionId.", 400)
    if target and _too_many(secret, [stage]):
        return _limit_exceeded()
    return original(data)


def _limit_exceeded():
    return secretsmanager.error_response_json(
        "LimitExceededException", "The request failed because it would exceed one of the Secrets Manager quotas.", 400)


def _too_many(secret, stages):
    """Whether a secret would have too many labels with these."""
    return len({*stages, *(stage for version in secret["Versions"].values() for stage in version["Stages"])}) > _MOST
