"""The environment of functions."""

from corrections.correct import corrects
from ministack.services import lambda_svc


@corrects(lambda_svc, name="_provided_worker_env")
def log_group_name(original, config, code_dir, port):
    """A function knows its log group by AWS_LAMBDA_LOG_GROUP_NAME."""
    env = original(config, code_dir, port)
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    env["AWS_LAMBDA_LOG_GROUP_NAME"] = group or f"/aws/lambda/{config['FunctionName']}"
    return env
