/** A process for tests to kill: `node job-runner.ts` runs the jobs of a service with the settings of its environment. */
import { pino } from "pino";
import { openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { startJobRunner } from "../../server/jobs/runner.ts";

const engine = await openEngine(readConfig(process.env), { log: pino({ level: "silent" }) });
startJobRunner({
  store: engine.jobs,
  work: engine.operations.jobs.work,
  onError: (error) => console.error(error),
  maxWaitSeconds: 60,
});
