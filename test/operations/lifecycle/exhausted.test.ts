/** Messages that reached their queue's maximum of deliveries while its dead letter queue does not exist. */

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { HealthOperations } from "../../../server/operations/health/health.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { limitedTo } from "../../support/access.ts";
import { admin, aService, operator, over, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

async function aQueue(name: string, attributes: object, bodies: string[] = []): Promise<string> {
  await service.operations.queues.create(operator, { queue: name, metadataText: JSON.stringify(attributes) });
  if (bodies.length > 0) await post(name, bodies);
  return name;
}
const post = (queue: string, bodies: string[]) =>
  service.operations.messages.post(operator, { queue, messages: bodies.map((bodyText) => ({ bodyText })) });
async function failOnce(queue: string, limit: number): Promise<void> {
  await service.operations.claims.create(operator, { queue, limit, ttlSeconds: 60 });
  service.clock.offsetMs += 61_000;
}
const bodiesOf = (messages: readonly { bodyText: string }[]) => messages.map(({ bodyText }) => bodyText);

const warningsOf = async (health: HealthOperations, queue: string) =>
  (await health.check(operator, {})).warnings.filter((warning) => warning.includes(queue));

test("exhausted messages are neither claimed nor popped, are listed on request, and move once their dead letter queue is created", async () => {
  const { operations } = service;
  const queue = await aQueue("stuck", { _max_claim_count: 1, _dead_letter_queue: "stuck.dead" }, ["1", "2"]);
  await failOnce(queue, 2);
  const waiting = operations.claims.create(operator, { queue, waitSeconds: 10 });
  await post(queue, ["3"]);
  expect(bodiesOf((await waiting).messages)).toEqual(["3"]);
  await post(queue, ["4"]);

  const list = async (options: object) =>
    (await operations.messages.list(operator, { project: "p", queue, ...options })).items;
  expect((await list({})).map(({ bodyText, state }) => [bodyText, state])).toEqual([["4", "ready"]]);
  const all = { includeExhausted: true, includeClaimed: true };
  expect((await list(all)).map(({ bodyText, state }) => [bodyText, state])).toEqual([
    ["1", "exhausted"],
    ["2", "exhausted"],
    ["3", "claimed"],
    ["4", "ready"],
  ]);
  const stats = { ready: 1, claimed: 1, delayed: 0, exhausted: 2, total: 4 };
  expect(await operations.queues.stats(viewer, { project: "p", queue })).toMatchObject(stats);
  expect(await operations.queues.statsMany(operator, { queues: [{ queue }] })).toMatchObject([stats]);
  const watched = operations.queues.watchStats(operator, {
    queues: [{ queue }],
    signal: AbortSignal.timeout(5000),
  });
  expect((await watched.next()).value).toMatchObject({ stats });
  expect(bodiesOf(await operations.messages.pop(operator, { queue }))).toEqual(["4"]);
  expect(await operations.messages.pop(operator, { queue })).toEqual([]);
  expect(await operations.messages.first(viewer, { project: "p", queue })).toMatchObject({ state: "exhausted" });

  await operations.queues.create(operator, { queue: "stuck.dead" });
  // They count as ready until a claim moves them instead of delivering them.
  const now = { ready: 2, claimed: 1, exhausted: 0, total: 3 };
  expect(await operations.queues.stats(viewer, { project: "p", queue })).toMatchObject(now);
  expect(bodiesOf(await operations.messages.pop(operator, { queue, limit: 1 }))).toEqual(["1"]);
  expect(await operations.claims.create(operator, { queue })).toMatchObject({ claim: null, deadLettered: 1 });
});

test("the statistics of a page of queues look up all dead letter queues in one call", async () => {
  const count = 20;
  for (let index = 0; index < count; index += 1) {
    const address = { project: "pages", queue: `page-${index}` };
    const metadataText = JSON.stringify({ _max_claim_count: 1, _dead_letter_queue: `gone-${index}` });
    await service.operations.queues.create(admin, { ...address, metadataText });
    const messages = [{ bodyText: "1" }];
    await service.operations.messages.post(admin, { ...address, messages });
    const { claim } = await service.operations.claims.create(admin, address);
    await service.operations.claims.delete(admin, { ...address, claimId: claim?.id ?? "" });
  }
  // A process that has cached nothing of them.
  const fresh = { ...service, ...(await service.another()) };
  const getMany = vi.fn((queues: readonly QueueRef[]) => fresh.control.queues.getMany(queues));
  const { queues } = withBroken(fresh, { control: { queues: over(fresh.control.queues, { getMany }) } });
  const page = await queues.list(admin, { project: "pages", page: { limit: 50 }, withStats: true });
  expect(page.items.map(({ stats }) => stats)).toMatchObject(Array.from({ length: count }, () => ({ exhausted: 1 })));
  expect(getMany.mock.calls.map(([asked]) => asked.length)).toEqual([count]);
});

test("a missing dead letter queue is the same warning in every process until it is created or the queue that names it is deleted", async () => {
  const attributes = (name: string) => ({ _max_claim_count: 1, _dead_letter_queue: name });
  const keeps = await aQueue("keeps", attributes("keeps-nowhere"), ["1"]);
  await aQueue("names", attributes("names-nowhere"));
  await aQueue("unlimited", { _dead_letter_queue: "unlimited-nowhere" });
  await failOnce(keeps, 1);
  const another = await service.another();
  for (const { health } of [service.operations, another.operations]) {
    await vi.waitFor(async () => {
      expect(await warningsOf(health, "keeps-nowhere")).toEqual([
        expect.stringContaining("keeps 1 message that nobody can claim"),
      ]);
    }, 20_000);
    expect(await warningsOf(health, "names-nowhere")).toEqual([expect.stringContaining("does not exist. Create it")]);
    expect(await warningsOf(health, "unlimited-nowhere")).toEqual([]);
    expect((await health.check(operator, {})).status).toBe("warn");
    // A caller does not see warnings about projects of others.
    expect((await health.check(limitedTo(viewer, "viewer", ["quiet"]), {})).warnings).toEqual([]);
  }
  await service.operations.queues.create(operator, { queue: "keeps-nowhere" });
  await service.operations.queues.delete(operator, { queue: "names" });
  for (const { health } of [service.operations, another.operations]) {
    await vi.waitFor(async () => {
      expect(await warningsOf(health, "nowhere")).toEqual([]);
    }, 20_000);
  }
});

test("health warns of at most 20 queues whose dead letter queue is missing, and says that there are more", async () => {
  for (let index = 0; index < 21; index += 1) {
    await aQueue(`many-${index}`, { _max_claim_count: 1, _dead_letter_queue: `many-gone-${index}` });
  }
  await vi.waitFor(async () => {
    const { warnings } = await service.operations.health.check(operator, {});
    expect(warnings.filter((warning) => warning.startsWith("The queue"))).toHaveLength(20);
    expect(warnings.at(-1)).toContain("More than 20");
  }, 5000);
});
