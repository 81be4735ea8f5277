from aws_cdk import App, CfnOutput, CustomResource, Stack
from aws_cdk.aws_secretsmanager import Secret
from aws_cdk.aws_ssm import StringParameter

app = App()
stack = Stack(app, "StoragePython")

# By the parameter, since the other examples show the export: Fn.import_value.
token = StringParameter.value_for_string_parameter(stack, "/bucketuser/BucketUserProvider/ServiceToken")
disk = CustomResource(
    stack,
    "Disk",
    resource_type="Custom::BucketUser",
    service_token=token,
    properties={"Prefix": "clickhouse/"},
)

# To be handed to whoever needs the credentials: secret.grant_read(task.task_role).
secret = Secret.from_secret_complete_arn(stack, "Secret", disk.get_att_string("SecretArn"))

CfnOutput(stack, "SecretArn", value=secret.secret_arn)
CfnOutput(stack, "Url", value=disk.get_att_string("Url"))

app.synth()
