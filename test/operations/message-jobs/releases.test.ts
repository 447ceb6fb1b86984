/** Jobs that release claims. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { admin, aService, operator, type Service } from "../a-service.ts";
import { jobTools, resultOf } from "./job-tools.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());
const { startRunner, aQueue, post, claim, dryRun, start } = jobTools(() => service);

describe("a job on messages", () => {
  it("releases the claims on what matches, and leaves what is free", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 5);
    await claim(queue, 2);
    await claim(queue, 2);
    const { token, plan } = await dryRun({ queue, action: { release: {} }, all: true });
    expect(plan).toMatchObject({ count: { value: 4 }, claimed: 4 });
    expect(resultOf(await start(token))).toEqual({ messages: 4, left: [] });
    expect(await service.operations.queues.stats(operator, { project: "p", queue })).toMatchObject({ ready: 5 });
  });

  it("releases what one holder holds and what ends soon, but not what was renewed since the dry run", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 4);
    const take = async (clientId: string) => {
      const params = { project: "p", queue, limit: 1, ttlSeconds: 60, clientId };
      return (await service.operations.claims.create(admin, params)).claim?.id as string;
    };
    const [, renewed] = [await take("worker-2"), await take("worker-2"), await take("worker-1")];
    await claim(queue, 1);
    const claimEndsBefore = new Date(Date.now() + service.clock.offsetMs + 300_000);
    const filter = { holder: "worker-2", claimEndsBefore };
    const { token, plan } = await dryRun({ queue, action: { release: {} }, filter });
    expect(plan).toMatchObject({ count: { value: 2, exact: true }, claimed: 2 });
    await service.operations.claims.update(admin, { project: "p", queue, claimId: renewed, ttlSeconds: 600 });
    expect(resultOf(await start(token))).toEqual({ messages: 1, left: [] });
    expect(await service.operations.queues.stats(operator, { project: "p", queue })).toMatchObject({
      ready: 1,
      claimed: 3,
    });
  });
});
