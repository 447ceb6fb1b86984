/**
 * A process for tests to kill.
 *
 * - `node queue-mover.ts URL QUEUE` moves a queue of the project "p" between the pools "left" and "right" for ever.
 * - `node queue-mover.ts URL QUEUE frozen` kills itself while the queue is frozen.
 * - `node queue-mover.ts URL` runs jobs.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { readConfig } from "../../server/config.ts";
import { isUnavailable } from "../../server/errors.ts";
import { startJobRunner } from "../../server/jobs/runner.ts";
import { createJobStore } from "../../server/jobs/store.ts";
import { createMoveWork } from "../../server/operations/lifecycle/move-jobs.ts";
import { createQueueMoves } from "../../server/operations/lifecycle/queue-moves.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { callerWith } from "../support/access.ts";
import { openPooled } from "../support/pooled.ts";

const [url, name, when] = process.argv.slice(2) as [string, string | undefined, "frozen" | undefined];
const { control, data } = await openPooled({ url });
const warn = (message: string, error: unknown) => console.error(message, error);
const moves = createQueueMoves({ control, data, warn }, randomUUID());
if (name === undefined) {
  const store = createJobStore({ connections: openConnections({ url, connections: 2 }) });
  const limits = readConfig({ NODE_ENV: "test" });
  const { kinds } = createMoveWork({ control, data, limits, presentAccess: async () => callerWith("admin") }, moves);
  startJobRunner({
    store,
    work: kinds,
    beside: moves.recover,
    onError: (error) => console.error(error),
    maxWaitSeconds: 60,
  });
} else {
  for (const queue = { project: "p", name }; ; ) {
    const { pool } = await control.catalogue.get(queue);
    const commit = async () => {
      if (when === "frozen") process.kill(process.pid, "SIGKILL");
    };
    try {
      await moves.move({ queue, target: pool === "left" ? "right" : "left", commit });
    } catch (error) {
      // A job repeats such a move too.
      if (!isUnavailable(error)) throw error;
      await pause(50);
    }
  }
}
