/** What the store of jobs owes to callers that add one at the same time. */
import pg from "pg";
import { expect, test } from "vitest";
import type { JobStore } from "../../server/jobs/job.ts";
import { createJobStore } from "../../server/jobs/store.ts";
import { createTestDatabase } from "../support/database.ts";

type TokenJob = Parameters<JobStore["addWithToken"]>[0];

test("a job that is added with the same token many times at once is one job", async () => {
  const database = await createTestDatabase();
  const connections = new pg.Pool({ connectionString: database.url, max: 4 });
  const store = createJobStore({ connections });
  for (let round = 0; round < 200; round += 1) {
    const job = {
      ...{
        kind: "deleteMessages",
        project: "p",
        target: "q",
        inputText: "{}",
        token: `token ${round}`,
        reason: "test",
      },
      ...{ total: 1, ratePerSecond: null, projects: ["p"], actor: "tester", requestId: "r", auditEntry: null },
    } as unknown as TokenJob;
    const added = await Promise.all(Array.from({ length: 4 }, () => store.addWithToken(job)));
    expect(new Set(added.map(({ job: { id } }) => id)).size).toBe(1);
    expect(added.filter(({ created }) => created)).toHaveLength(1);
  }
  await connections.end();
  await database.drop();
});
