/** `isimud drain`: moves all queues of a pool to other pools, as a job of the service. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ResultOf } from "gql.tada";
import { commandLine } from "../process/command-line.ts";
import { CommandError } from "./command-error.ts";
import { untilInterrupted } from "./interrupt.ts";
import { inLine, print, printJson, tell } from "./output.ts";
import { addServiceOptions, openService, type Service, type ServiceOptions } from "./running-service.ts";
import { DRAIN_POOL, JOB, LIMITS, PLACEMENT_WITHOUT, POOL_TO_DRAIN } from "./service-documents.ts";

interface DrainOptions extends ServiceOptions {
  dryRun?: boolean;
  wait?: boolean;
  reason?: string;
  json?: boolean;
}

type Job = NonNullable<ResultOf<typeof JOB>["job"]>;

/** It takes the queues without a flavor that no registered pool takes. */
const BUILT_IN = "default";
/** Between two looks at the job. */
const LOOK_MS = 1000;

export function addDrain(program: Command): void {
  const command = program
    .command("drain")
    .summary("Move all queues of a pool to other pools")
    .description(
      "Starts the job that moves all queues of a pool to other pools of their flavors while they are used, and prints " +
        "its id. The pool gets no new queues from then on. If the job runs already, it is that one.",
    )
    .argument("<pool>")
    .option("--dry-run", "change nothing, and say what would be moved where")
    .option("--wait", "follow the job until it ends; Ctrl-C leaves it running. Ends with 1 when it failed")
    .option("--reason <text>", "why, for the audit log")
    .option("--json", "print JSON");
  addServiceOptions(command, "administer").action(drain);
}

async function drain(
  pool: string,
  { dryRun, wait = false, reason, json = false, ...where }: DrainOptions,
): Promise<void> {
  const service = await openService(where);
  if (dryRun === true) {
    const plan = await planOf(service, pool);
    if (json) printJson(plan);
    else showPlan(plan);
    if (plan.flavors.some(({ to }) => to.length === 0)) process.exitCode = 1;
    return;
  }
  const { drainPool } = await service.request(DRAIN_POOL, { input: { pool, reason } });
  const { id } = drainPool.job;
  if (!json) print(id);
  const job = await (wait ? followJob(service, id) : readJob(service, id));
  if (json && job !== null) printJson(job);
  if (job === null) return;
  if (job.finishedAt != null) tell(outcome(job));
  else tell(`The job is ${job.state.toLowerCase()}. \`${commandLine(`drain ${pool} --wait`)}\` follows it.`);
  if (job.state === "FAILED" || (wait && job.state === "CANCELLED")) process.exitCode = 1;
}

/** Null after Ctrl-C. While the service does not answer, it waits: another process goes on with the job. */
async function followJob(service: Service, id: string): Promise<Job | null> {
  const signal = untilInterrupted();
  let last = "";
  for (;;) {
    try {
      const job = await readJob(service, id, signal);
      const line = progress(job);
      if (line !== last) tell(line);
      last = line;
      if (job.finishedAt != null) return job;
    } catch (error) {
      if (!signal.aborted) {
        const line = `The job goes on, but cannot be followed now. ${(error as Error).message}`;
        if (!(error instanceof CommandError) || !error.isTransient) throw error;
        if (line !== last) tell(line);
        last = line;
      }
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) {
      tell("The job goes on. The page of jobs and the mutation cancelJob can end it.");
      return null;
    }
  }
}

async function readJob(service: Service, id: string, signal?: AbortSignal): Promise<Job> {
  const { job } = await service.request(JOB, { id }, { signal });
  return job;
}

function progress({ progress: done, total, waitingFor, isHeld, cancelRequested }: Job): string {
  const notes = [
    ...(waitingFor == null ? [] : [`waiting for ${inLine(waitingFor)}`]),
    ...(isHeld ? ["held"] : []),
    ...(cancelRequested ? ["cancelled soon"] : []),
  ];
  const of = total == null ? "" : ` of ${total}`;
  return `${done}${of} queues moved${notes.length === 0 ? "" : `, ${notes.join(", ")}`}.`;
}

function outcome({ state, error }: Job): string {
  if (state === "FAILED") return `Failed: ${error?.code}: ${inLine(error?.message ?? "")} What was moved stays moved.`;
  if (state === "CANCELLED") return "Cancelled. What was moved stays moved.";
  return "Done.";
}

interface Plan {
  pool: string;
  flavors: { flavor: string | null; queues: number; messages: number; to: { pool: string; share: number }[] }[];
}

async function planOf(service: Service, pool: string): Promise<Plan> {
  const { limits } = await service.request(LIMITS, {});
  let ofPool: string | null = null;
  const found = new Map<string | null, { queues: number; messages: number }>();
  for (let after: string | null = null; ; ) {
    const page: ResultOf<typeof POOL_TO_DRAIN> = await service.request(POOL_TO_DRAIN, {
      pool,
      first: limits.maxPageSize,
      after,
    });
    ofPool = page.pool?.flavorName ?? null;
    const catalogue = page.pool?.catalogue;
    if (catalogue == null) throw new CommandError(`There is no pool named ${JSON.stringify(pool)}.`);
    for (const { queue } of catalogue.nodes) {
      const flavor = queue?.attributes.flavor ?? null;
      const { queues, messages } = found.get(flavor) ?? { queues: 0, messages: 0 };
      found.set(flavor, { queues: queues + 1, messages: messages + (queue?.stats?.total ?? 0) });
    }
    if (!catalogue.pageInfo.hasNextPage) break;
    after = catalogue.pageInfo.endCursor ?? null;
  }
  const flavors: Plan["flavors"] = [];
  for (const [flavor, counted] of found) {
    const weights = flavor === ofPool && pool !== BUILT_IN ? [{ pool, weight: 0 }] : [];
    const { poolPlacement } = await service.request(PLACEMENT_WITHOUT, { flavor, weights });
    const to = poolPlacement
      .filter(({ poolName, share }) => poolName !== pool && share > 0)
      .map(({ poolName, share }) => ({ pool: poolName, share }));
    if (to.length === 0 && flavor === null && pool !== BUILT_IN) to.push({ pool: BUILT_IN, share: 1 });
    flavors.push({ flavor, ...counted, to });
  }
  return { pool, flavors };
}

function showPlan({ pool, flavors }: Plan): void {
  if (flavors.length === 0) print(`The pool ${inLine(pool)} has no queues.`);
  for (const { flavor, queues, messages, to } of flavors) {
    const of = flavor === null ? "without a flavor" : `of the flavor ${inLine(flavor)}`;
    const where = to.map(({ pool: name, share }) => `${inLine(name)} (${Math.round(share * 100)} %)`).join(", ");
    const what = `${queues === 1 ? "1 queue" : `${queues} queues`} ${of} with ${messages === 1 ? "1 message" : `${messages} messages`}`;
    print(to.length === 0 ? `No other pool takes ${what}: create one.` : `${what} would go to ${where}.`);
  }
}
