// Checks CloudFormation templates with the rules AwsSolutions of cdk-nag. Reads a
// JSON object of templates by name and prints a list of findings: the template's
// name, the rule, the logical id of the resource and what the rule says. Nothing
// is suppressed here.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks } from 'cdk-nag';

const dir = mkdtempSync(join(tmpdir(), 'nag-'));
const findings = [];
for (const [name, template] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  const templateFile = join(dir, 'template.json');
  writeFileSync(templateFile, JSON.stringify(template));
  const app = new App({ outdir: join(dir, 'out') });
  const stack = new Stack(app, 'Stack');
  new CfnInclude(stack, 'Included', { templateFile });
  const ids = new Map();
  for (const node of stack.node.findAll()) {
    if (CfnResource.isCfnResource(node)) ids.set(node.node.path, stack.resolve(node.logicalId));
  }
  for (const violation of new AwsSolutionsChecks(app).validateScope(app).violations) {
    for (const resource of violation.violatingResources) {
      findings.push({
        template: name,
        rule: violation.ruleName,
        resource: ids.get(resource.constructPath) ?? resource.constructPath,
        description: violation.description,
      });
    }
  }
}
rmSync(dir, { recursive: true });
console.log(JSON.stringify(findings));
