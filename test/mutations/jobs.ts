/** Jobs: what they spare, and how they go on. */
import { drivers, jobs, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const JOBS: readonly Mutation[] = [
  {
    guarantee: "A job on what one holder holds spares the others, on PostgreSQL",
    file: `${POSTGRES}/messages/slices.ts`,
    from: "AND coalesce(k.client_id, k.actor) = :holder",
    to: "",
    test: drivers("finds messages by who holds them, and by when their claims end"),
  },
  {
    guarantee: "A job on what one holder holds spares the others, on Redis",
    file: `${REDIS}/messages/slices.ts`,
    from: "claimed and (any_holder or holder_of(record.claim) == holder)",
    to: "claimed",
    test: drivers("finds messages by who holds them, and by when their claims end"),
  },
  {
    guarantee: "A job that meets an unreachable pool continues when the pool is back",
    file: "server/jobs/patience.ts",
    from: "if (!isPassing(error)) {",
    to: "{",
    test: {
      file: "test/operations/patient-jobs.test.ts",
      name: "a move whose pool is unreachable waits, shows what it waits for, and continues when the pool is back",
    },
  },
  {
    guarantee: "A job that is started many times at once is one job",
    file: "server/jobs/statements.ts",
    from: "ON CONFLICT DO NOTHING RETURNING",
    to: "ON CONFLICT (token) DO NOTHING RETURNING",
    test: {
      file: "test/jobs/store.test.ts",
      name: "a job that is added with the same token many times at once is one job",
    },
  },
  {
    guarantee: "A drain that another process took over is not undone by its former holder",
    file: "server/operations/lifecycle/drain-pool.ts",
    from: 'if (stop === null || stop.why === "cancelled") await',
    to: "await",
    test: jobs("a drain that another process took over leaves the pool closed to new queues when it fails here"),
  },
  {
    guarantee: "A drain is refused before it begins when a queue would have no pool to go to",
    file: "server/operations/jobs/moves.ts",
    from: "await possible(context, trace, () => work.requireElsewhere(pool));",
    to: "",
    test: jobs("a drain without another pool that takes the queues is refused at once, with an audit entry"),
  },
];
