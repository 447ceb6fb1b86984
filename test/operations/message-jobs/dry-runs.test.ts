/** Dry runs of jobs on messages: what they say, what they refuse, and how a job starts from one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { limitedTo } from "../../support/access.ts";
import { aService, codeOf, operator, refusal, type Service, viewer, withBroken } from "../a-service.ts";
import { jobTools, reason } from "./job-tools.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());
const { startRunner, aQueue, post, claim, idsIn, dryRun, start } = jobTools(() => service);

describe("a dry run", () => {
  it("says how many match, which, and how many are claimed, and changes nothing", async () => {
    const queue = await aQueue();
    const ids = await post(queue, 6);
    await claim(queue, 2);
    const { plan, kind, token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(kind).toBe("deleteMessages");
    expect(plan).toMatchObject({ count: { value: 6, exact: true }, claimed: 2, warnings: [] });
    expect(plan.sample.map(({ id }) => id)).toEqual([ids[0], ids[1], ids[2], ids[5]]);
    expect(plan.queues).toMatchObject([{ name: queue, count: { value: 6, exact: true }, claimed: 2 }]);
    expect(await service.operations.dryRuns.get(viewer, { token })).toMatchObject({ token, plan });
    expect(await idsIn(queue)).toEqual(ids);
  });

  it("refuses an empty filter, a filter beside `all`, what is no filter of a purge, and more than one queue for a limit", async () => {
    const queue = await aQueue();
    const fieldOf = async (params: Parameters<typeof dryRun>[0]) => (await refusal(dryRun(params)))?.details.field;
    const clientId = "c";
    expect(await fieldOf({ queue, action: { delete: {} } })).toBe("filter");
    expect(await fieldOf({ queue, action: { purge: {} } })).toBe("filter");
    expect(await fieldOf({ queue, action: { purge: {} }, filter: { clientId } })).toBe("filter");
    expect(await fieldOf({ queue, action: { delete: {} }, filter: { clientId }, all: true })).toBe("all");
    expect(await fieldOf({ queue, action: { release: {} }, filter: { states: ["ready"] } })).toBe("filter.states");
    expect(await fieldOf({ queues: { project: "p" }, action: { delete: {} }, all: true, limit: 1 })).toBe("limit");
    expect(await fieldOf({ queues: {}, action: { delete: {} }, all: true })).toBe("queues");
    expect(await codeOf(dryRun({ queue: "none", action: { delete: {} }, all: true }))).toBe("QUEUE_DOES_NOT_EXIST");
  });

  it("needs the role operator and the project", async () => {
    const queue = await aQueue();
    const params = { action: { delete: {} }, queues: { queue: { project: "p", queue } }, all: true };
    expect(await codeOf(service.operations.dryRuns.make(viewer, params))).toBe("FORBIDDEN");
    const elsewhere = { ...params, queues: { project: "q" } };
    expect(await codeOf(service.operations.dryRuns.make(operator, elsewhere))).toBe("FORBIDDEN");
    const stranger: Access = limitedTo(operator, "operator", ["other"]);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(await service.operations.dryRuns.get(stranger, { token })).toBeNull();
    expect(await codeOf(service.operations.jobs.start(stranger, { token, reason }))).toBe("DRY_RUN_DOES_NOT_EXIST");
  });
});

describe("a job on messages", () => {
  it("started many times at once is one job, and an old dry run starts none", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 3);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    const started = await Promise.all(Array.from({ length: 8 }, () => start(token)));
    expect(new Set([...started, await start(token)].map(({ id }) => id)).size).toBe(1);
    const other = await dryRun({ queue, action: { delete: {} }, all: true });
    const late = withBroken(service, { dryRuns: { get: async () => ({ ...other, expired: true }) } });
    expect(await codeOf(late.jobs.start(operator, { token: other.token, reason }))).toBe("DRY_RUN_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.jobs.start(operator, { token: "none", reason }))).toBe(
      "DRY_RUN_DOES_NOT_EXIST",
    );
    expect(await refusal(service.operations.jobs.start(operator, { token: other.token, reason: " " }))).toMatchObject({
      code: "BAD_INPUT",
      details: { field: "reason" },
    });
  });
});
