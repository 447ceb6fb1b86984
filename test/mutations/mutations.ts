/**
 * The guarantees, one file per noun. `npm run test:mutations` breaks each by one line and expects the test that is named
 * to notice.
 */
import { ACCESS } from "./access.ts";
import { CLAIMS } from "./claims.ts";
import { DELETES } from "./deletes.ts";
import { JOBS } from "./jobs.ts";
import { KEY_VALUE_STORES } from "./key-value-stores.ts";
import { LIVES } from "./lives.ts";
import { MESSAGES } from "./messages.ts";
import { MOVES } from "./moves.ts";
import type { Mutation } from "./mutation.ts";
import { POOLS } from "./pools.ts";
import { PROBLEMS } from "./problems.ts";
import { QUEUES } from "./queues.ts";
import { REQUESTS } from "./requests.ts";
import { STATEMENTS } from "./statements.ts";
import { STATISTICS } from "./statistics.ts";
import { TRACES } from "./traces.ts";
import { TRANSFERS } from "./transfers.ts";

export const MUTATIONS: readonly Mutation[] = [
  ...ACCESS,
  ...CLAIMS,
  ...DELETES,
  ...JOBS,
  ...KEY_VALUE_STORES,
  ...LIVES,
  ...MESSAGES,
  ...MOVES,
  ...POOLS,
  ...PROBLEMS,
  ...QUEUES,
  ...REQUESTS,
  ...STATEMENTS,
  ...STATISTICS,
  ...TRACES,
  ...TRANSFERS,
];
