/** Jobs on messages that keep to a rate, and jobs that post test messages. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aService, codeOf, operator, type Service, viewer } from "../a-service.ts";
import { jobTools, reason, resultOf } from "./job-tools.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());
const { startRunner, aQueue, post, dryRun, sql, ended, start } = jobTools(() => service);

describe("a job on messages", () => {
  it("keeps to its rate, also a new one, and neither a slow one nor a held one takes the room of others", async () => {
    startRunner();
    const slow = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const queue = await aQueue();
        await post(queue, 100);
        const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
        const { id } = await service.operations.jobs.start(operator, { token, reason, ratePerSecond: 0.01 });
        return { id, queue };
      }),
    );
    const [first, second, third] = slow as [(typeof slow)[0], (typeof slow)[0], (typeof slow)[0]];
    await expect.poll(async () => (await service.jobs.get(second.id))?.state).toBe("running");
    const queue = await aQueue();
    await post(queue, 5);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(await start(token)).toMatchObject({ state: "done", progress: 5 });
    expect(await service.operations.jobs.update(operator, { id: first.id, ratePerSecond: null })).toMatchObject({
      ratePerSecond: null,
    });
    for (const { id } of [second, third]) {
      expect(await service.operations.jobs.hold(operator, { id })).toMatchObject({ held: true });
    }
    await service.operations.jobs.cancel(operator, { id: third.id });
    expect(await ended(first.id)).toMatchObject({ state: "done", progress: 100 });
    // It has been released: no process has it any more.
    const lease = "SELECT 1 FROM jobs WHERE id = $1 AND lease_expires_at IS NULL";
    await expect.poll(async () => (await sql(lease, [second.id])).length).toBe(1);
    await service.operations.jobs.update(operator, { id: second.id, ratePerSecond: 100_000 });
    await service.operations.jobs.resume(operator, { id: second.id });
    expect(await ended(second.id)).toMatchObject({ state: "done", progress: 100, fence: 2 });
    expect(await service.operations.jobs.hold(operator, { id: second.id })).toMatchObject({ held: false });
    expect(await ended(third.id)).toMatchObject({ state: "cancelled", progress: 0, held: false });
  });
});

describe("test messages", () => {
  it("are posted at a rate, as many as asked, none twice, and are found again", async () => {
    startRunner();
    const queue = await aQueue();
    const params = { project: "p", queue, messages: 7, ratePerSecond: 20, reason, idempotencyKey: "once" };
    const body = { bodyText: '{"id":"{{number}}","text":"order {{number}}"}' };
    const { id } = await service.operations.jobs.generate(operator, { ...params, ...body });
    expect((await service.operations.jobs.generate(operator, { ...params, ...body })).id).toBe(id);
    expect(await codeOf(service.operations.jobs.generate(operator, params))).toBe("IDEMPOTENCY_KEY_REUSED");
    const job = await ended(id);
    expect(job).toMatchObject({ kind: "generateMessages", state: "done", progress: 7, total: 7, target: queue });
    const { items } = await service.operations.messages.list(operator, { project: "p", queue });
    expect(items.map(({ bodyText }) => JSON.parse(bodyText))).toEqual(
      Array.from({ length: 7 }, (_, index) => ({ id: index + 1, text: `order ${index + 1}` })),
    );
    expect(new Set(items.map(({ clientId }) => clientId))).toEqual(new Set([resultOf(job).clientId]));
    expect(await codeOf(service.operations.jobs.generate(operator, { ...params, bodyText: "{" }))).toBe("BAD_INPUT");
    expect(await codeOf(service.operations.jobs.generate(viewer, params))).toBe("FORBIDDEN");
  });
});
