import { afterAll, beforeAll, expect, test } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { DomainError } from "../../../server/errors.ts";
import { giving } from "../../../server/operations/audit/reason.ts";
import type { PooledDataDriver } from "../../../server/storage/pooled-data-driver.ts";
import { admin, aService, codeOf, operator, over, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const broken = (parts: Parameters<typeof withBroken>[1]) => withBroken(service, parts);
const newest = async () => (await service.operations.audit.list(admin, { page: { limit: 1 } })).items[0];
const unavailable = () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "Out of reach."));

test("a change whose audit entry cannot be written does not happen", async () => {
  const { control } = service;
  const operations = broken({
    control: {
      transaction: (work) => control.transaction((tx) => work({ ...tx, audit: { ...tx.audit, append: unavailable } })),
    },
  });
  await service.operations.queues.create(operator, { queue: "kept", metadataText: '{"a":1}' });
  expect(await codeOf(operations.queues.create(operator, { queue: "never" }))).toBe("STORAGE_UNAVAILABLE");
  expect(await codeOf(operations.queues.delete(operator, { queue: "kept" }))).toBe("STORAGE_UNAVAILABLE");
  expect(await codeOf(operations.queues.setMetadata(operator, { queue: "kept", metadataText: "{}" }))).toBe(
    "STORAGE_UNAVAILABLE",
  );
  const pool = { pool: "never", uri: "postgres://u@127.0.0.1:1/d", weight: 1, verify: false };
  expect(await codeOf(operations.pools.create(admin, pool))).toBe("STORAGE_UNAVAILABLE");
  expect(await service.operations.queues.exists(operator, { queue: "never" })).toBe(false);
  expect(await service.operations.catalogue.exists(operator, { queue: "never" })).toBe(false);
  expect((await service.operations.queues.get(operator, { queue: "kept" })).metadata?.text).toBe('{"a":1}');
  expect(await service.operations.pools.exists(admin, { pool: "never" })).toBe(false);
});

test("a refused call stays refused when its audit entry cannot be written", async () => {
  const operations = broken({ control: { audit: { ...service.control.audit, append: unavailable } } });
  expect(await codeOf(operations.pools.delete(operator, { pool: "x" }))).toBe("FORBIDDEN");
});

test("an action on a pool is in the audit log before it begins, and its outcome after it; an unknown outcome leaves it intended", async () => {
  await service.operations.queues.create(operator, { queue: "purged" });
  await service.operations.messages.post(operator, { queue: "purged", messages: [{ bodyText: "1" }] });
  const purging = (purge: PooledDataDriver["messages"]["purge"]) => {
    const operations = broken({ data: { messages: over(service.data.messages, { purge }) } });
    return operations.queues.purge(operator, { queue: "purged", resources: ["messages"] });
  };
  const seen: unknown[] = [];
  await purging(async () => {
    seen.push((await newest())?.outcome);
    return { messages: null };
  });
  expect(seen).toEqual(["intended"]);
  expect(await newest()).toMatchObject({ action: "purgeQueue", outcome: "done" });
  expect(await codeOf(purging(unavailable))).toBe("STORAGE_UNAVAILABLE");
  expect(await newest()).toMatchObject({
    outcome: "failed",
    detailsText: expect.stringContaining("STORAGE_UNAVAILABLE"),
  });
  const cut = { partial: true, messages: 500, pool: "p" };
  const half = () => Promise.reject(new DomainError("DEADLINE_EXCEEDED", "500 were removed.", { details: cut }));
  expect(await codeOf(purging(half))).toBe("DEADLINE_EXCEEDED");
  const { detailsText = "" } = (await newest()) ?? {};
  expect(JSON.parse(detailsText)).toMatchObject({ code: "DEADLINE_EXCEEDED", partial: true, messages: 500 });
  const lost = () => Promise.reject(new DomainError("OUTCOME_UNKNOWN", "The connection broke."));
  expect(await codeOf(purging(lost))).toBe("OUTCOME_UNKNOWN");
  expect(await newest()).toMatchObject({ action: "purgeQueue", outcome: "intended" });
  const notWritten = broken({ control: { audit: { ...service.control.audit, append: unavailable } } });
  expect(await codeOf(notWritten.queues.purge(operator, { queue: "purged" }))).toBe("STORAGE_UNAVAILABLE");
  expect((await service.operations.queues.stats(operator, { queue: "purged" })).total).toBe(1);
});

test("what a person does to messages and claims is audited; what a program does only with a reason", async () => {
  const { queues, messages, claims, audit } = service.operations;
  const queue = { queue: "watched" };
  const entries = async () =>
    (await audit.list(admin, { project: "p", target: queue.queue, page: { limit: 100 } })).items.map((entry) => ({
      ...{ action: entry.action, outcome: entry.outcome, reason: entry.reason },
      details: JSON.parse(entry.detailsText),
    }));
  const work = async (access: Access) => {
    const { ids } = await messages.post(access, { ...queue, messages: [{ bodyText: "1" }, { bodyText: "2" }] });
    const { claim } = await claims.create(access, { ...queue, ttlSeconds: 60 });
    const claimId = claim?.id ?? "";
    await claims.update(access, { ...queue, claimId, ttlSeconds: 60 });
    await messages.delete(access, { ...queue, id: ids[0] ?? "", claimId });
    await claims.delete(access, { ...queue, claimId });
    await messages.pop(access, queue);
    return { id: ids[0], claimId };
  };
  await queues.create(operator, queue);
  await work(operator);
  expect((await entries()).map(({ action }) => action)).toEqual(["createQueue"]);

  const { id, claimId } = await work({ ...operator, isPerson: true });
  const done = (action: string, details: object) => ({ action, outcome: "done", reason: null, details });
  expect(await entries()).toEqual([
    done("popMessages", { messages: 1 }),
    done("releaseClaim", { claimId }),
    done("deleteMessage", { id, claimId, deleted: 1 }),
    done("renewClaim", { claimId }),
    done("createClaim", { claimId, messages: 2 }),
    done("postMessages", { messages: 2 }),
    expect.objectContaining({ action: "createQueue" }),
  ]);

  await claims.delete(giving(operator, "worker-2 hangs"), { ...queue, claimId });
  expect((await entries())[0]).toMatchObject({ action: "releaseClaim", reason: "worker-2 hangs" });
  expect(() => giving(operator, "x".repeat(1001))).toThrow("reason must be text of 1 to 1000 characters.");
  await queues.purge(giving(operator, "a test"), queue);
  expect((await entries())[0]).toMatchObject({ action: "purgeQueue", reason: "a test" });
});

test("a person's act that fails is in the audit log as failed, and one that is refused as refused", async () => {
  const { claims, audit } = service.operations;
  const person = { ...operator, isPerson: true };
  const release = { queue: "missing", claimId: "x" };
  expect(await codeOf(claims.delete(person, release))).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await newest()).toMatchObject({ action: "releaseClaim", target: "missing", outcome: "failed" });
  expect(await codeOf(claims.delete({ ...viewer, isPerson: true }, { ...release, project: "p" }))).toBe("FORBIDDEN");
  expect(await newest()).toMatchObject({ actor: "vera", action: "releaseClaim", project: "p", outcome: "refused" });
  expect((await audit.list(admin, { outcome: "failed", action: "releaseClaim" })).items).toHaveLength(1);
});

test("a refusal that comes again is written once a minute, and by the operation or by its door", async () => {
  const count = async () =>
    (await service.operations.audit.list(admin, { actor: "vera", target: "again", page: { limit: 100 } })).items.length;
  let now = 0;
  const operations = broken({ now: () => now });
  const purge = () => operations.queues.purge(viewer, { project: "p", queue: "again" });
  const error = await purge().catch((refused: unknown) => refused);
  await codeOf(purge());
  const what = { action: "purgeQueue" as const, project: "p", target: "again", error };
  await operations.audit.noteRefusal(viewer, what);
  expect(await count()).toBe(1);
  await operations.audit.noteRefusal(viewer, { ...what, error: new DomainError("BAD_INPUT", "No.") });
  expect(await count()).toBe(1);
  // A door knows the target by another name than the operation.
  await operations.audit.noteRefusal(viewer, { ...what, target: "again *" });
  expect(await count()).toBe(1);
  const another = new DomainError("FORBIDDEN", "No.");
  await operations.audit.noteRefusal(viewer, { ...what, action: "postMessages", error: another });
  expect(await count()).toBe(2);
  now += 60_000;
  await codeOf(purge());
  expect(await count()).toBe(3);
});

test("a queue is deleted while its pool is unreachable, and gc frees its entry once the pool is back", async () => {
  await service.operations.queues.create(operator, { queue: "far" });
  await service.operations.messages.post(operator, { queue: "far", messages: [{ bodyText: "1" }] });
  const operations = broken({ data: { pool: unavailable } });
  expect(await operations.queues.delete(operator, { queue: "far" })).toMatchObject({ deleted: 1 });
  expect(await codeOf(service.operations.queues.get(operator, { queue: "far" }))).toBe("QUEUE_DOES_NOT_EXIST");
  expect((await operations.messages.list(operator, { queue: "far" })).items).toEqual([]);
  expect(await service.operations.catalogue.exists(operator, { queue: "far" })).toBe(true);
  await service.operations.gc.collect(admin, {});
  expect(await service.operations.catalogue.exists(operator, { queue: "far" })).toBe(false);
});

test("attributes that another process changed apply here within a second", async () => {
  const other = await service.another();
  await service.operations.queues.create(operator, { queue: "shared" });
  const post = async () => {
    await service.operations.messages.post(operator, { queue: "shared", messages: [{ bodyText: "1" }] });
    return (await service.operations.messages.first(operator, { queue: "shared", sort: "newest" })).ttlSeconds;
  };
  expect(await post()).toBe(3600);
  const metadataText = '{"_default_message_ttl": 77}';
  await other.operations.queues.setMetadata(operator, { queue: "shared", metadataText });
  service.clock.offsetMs += 1000;
  expect(await post()).toBe(77);
});
