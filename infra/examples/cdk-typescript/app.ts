import { App, CfnOutput, CustomResource, Fn, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';

const app = new App();
const stack = new Stack(app, 'StorageTypeScript');

const disk = new CustomResource(stack, 'Disk', {
  resourceType: 'Custom::BucketUser',
  serviceToken: Fn.importValue('BucketUserProvider-ServiceToken'),
  properties: { Prefix: 'clickhouse/' },
});

// To be handed to whoever needs the credentials: secret.grantRead(task.taskRole).
const secret = Secret.fromSecretCompleteArn(stack, 'Secret', disk.getAttString('SecretArn'));

new CfnOutput(stack, 'SecretArn', { value: secret.secretArn });
new CfnOutput(stack, 'Url', { value: disk.getAttString('Url') });
