/** What the tests of jobs on messages do with a service: queues, dry runs, and runners that end with each test. */
import pg from "pg";
import { afterEach, expect } from "vitest";
import type { Job, JobStore } from "../../../server/jobs/job.ts";
import { type JobRunner, startJobRunner } from "../../../server/jobs/runner.ts";
import type { DryRunParams } from "../../../server/operations/dry-runs/dry-runs.ts";
import type { Operations } from "../../../server/operations/operations.ts";
import { admin, operator, type Service } from "../a-service.ts";

export const reason = "A test.";
export const resultOf = ({ resultText }: Job) => JSON.parse(resultText ?? "null");

type DryRunOf = Omit<DryRunParams, "queues"> & { queue?: string; queues?: DryRunParams["queues"] };

/** Must be called once in a test file. `service` is asked within the tests only. */
export function jobTools(service: () => Service) {
  const runners: JobRunner[] = [];
  const errors: unknown[] = [];
  let queues = 0;
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()));
    expect(errors.splice(0)).toEqual([]);
  });

  /** `maxWaitSeconds`: how long a job waits for what is unreachable. */
  function startRunner({
    operations = service().operations,
    store = service().jobs,
    maxWaitSeconds = 60,
  }: {
    operations?: Operations;
    store?: JobStore;
    maxWaitSeconds?: number;
  } = {}): void {
    const { work } = operations.jobs;
    const runner = startJobRunner({ store, work, onError: (error) => errors.push(error), maxWaitSeconds });
    service().operations.jobs.onChanged(runner.wake);
    runners.push(runner);
  }

  async function ended(id: string): Promise<Job> {
    const { jobs } = service();
    await expect.poll(async () => (await jobs.get(id))?.finishedAt ?? null).not.toBeNull();
    return (await jobs.get(id)) as Job;
  }

  return {
    startRunner,
    ended,

    async aQueue(metadata: object = {}, project = "p"): Promise<string> {
      queues += 1;
      // Jobs go over queues by name: so they do in the order in which they were created.
      const queue = `queue-${String(queues).padStart(3, "0")}`;
      await service().operations.queues.create(admin, { project, queue, metadataText: JSON.stringify(metadata) });
      return queue;
    },

    async post(queue: string, count: number, project = "p", clientId: string | null = null): Promise<string[]> {
      const messages = Array.from({ length: count }, (_, index) => ({ bodyText: String(index) }));
      return (await service().operations.messages.post(admin, { project, queue, messages, clientId })).ids;
    },

    claim: (queue: string, limit: number) =>
      service().operations.claims.create(admin, { project: "p", queue, limit, ttlSeconds: 600, clientId: "worker" }),

    /** The first hundred, whatever their state. */
    async idsIn(queue: string, project = "p"): Promise<string[]> {
      const all = { includeClaimed: true, includeDelayed: true, includeExhausted: true };
      const page = { limit: 100 };
      const { items } = await service().operations.messages.list(admin, { project, queue, page, ...all });
      return items.map(({ id }) => id);
    },

    dryRun({ queue, queues = { queue: { project: "p", queue: String(queue) } }, ...params }: DryRunOf) {
      return service().operations.dryRuns.make(operator, { queues, ...params });
    },

    /** Starts the job of a dry run, and returns it when it has ended. */
    async start(token: string): Promise<Job> {
      return ended((await service().operations.jobs.start(operator, { token, reason })).id);
    },

    async sql(text: string, values: unknown[]): Promise<unknown[]> {
      const client = new pg.Client({ connectionString: service().config.DATABASE_URL });
      await client.connect();
      try {
        return (await client.query(text, values)).rows;
      } finally {
        await client.end();
      }
    },
  };
}
