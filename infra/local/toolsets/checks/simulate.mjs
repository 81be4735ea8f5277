// Evaluates requests against policies without AWS. Reads a JSON list of
// simulations of @cloud-copilot/iam-simulate and prints, for each, the result:
// Allowed, ImplicitlyDenied or ExplicitlyDenied, or what is wrong with the
// request or a policy of it.
import { readFileSync } from 'node:fs';
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate';

const results = [];
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  if (simulation.request.principal === '') simulation.request.principal = anonymousPrincipal;
  const run = await runSimulation(simulation, {});
  if (run.resultType === 'error') {
    results.push({ error: JSON.stringify(run.errors) });
    continue;
  }
  const ignored = (run.results ?? [run.result]).flatMap((r) => r.ignoredContextKeys ?? []);
  results.push({ result: run.overallResult, ignored });
}
console.log(JSON.stringify(results));
