// Empties a bucket with the handler behind autoDeleteObjects, without its answer to CloudFormation, and says what that took.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { autoDeleteHandler } = require('./node_modules/aws-cdk-lib/custom-resource-handlers/dist/aws-s3/auto-delete-objects-handler/index.js');

const begun = process.hrtime.bigint();
let error = '';
try {
  await autoDeleteHandler({ RequestType: 'Delete', ResourceProperties: { BucketName: process.argv[2] } });
} catch (e) {
  error = `${e.name}: ${e.message}`;
}
const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ Seconds: seconds, Peak: peak, Error: error }));
