import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../server/bootstrap.ts";
import type { PauseTarget } from "../../server/operations/pauses/pauses.ts";
import { admin, aService, codeOf, operator, refusal, type Service, viewer } from "./a-service.ts";

let service: Service;
let other: Engine;
beforeAll(async () => {
  service = await aService();
  other = await service.another();
});
afterAll(() => service.stop());

let number = 0;
let queue: { project: string; queue: string };
beforeEach(async () => {
  number += 1;
  queue = { project: "p", queue: `orders-${number}` };
  await service.operations.queues.create(operator, queue);
  await post();
});

const post = () => service.operations.messages.post(operator, { ...queue, messages: [{ bodyText: "1" }] });
const claimed = async ({ operations }: Engine = service) =>
  (await operations.claims.create(operator, queue)).messages.length;
const popped = async () => (await service.operations.messages.pop(operator, queue)).length;
const pause = (target: PauseTarget, access = operator) =>
  service.operations.pauses.pause(access, { target, reason: "The tax service is down." });
const resume = (target: PauseTarget, access = operator) => service.operations.pauses.resume(access, { target });

describe("a paused queue", () => {
  test("gives out nothing, takes messages, and goes on when it is resumed", async () => {
    const made = await pause({ queue });
    expect(made).toMatchObject({ scope: "queue", ...queue, actor: "otto", reason: "The tax service is down." });
    expect([await claimed(), await popped()]).toEqual([0, 0]);
    await post();
    expect(await resume({ queue })).toEqual(made);
    expect([await claimed(), await popped()]).toEqual([2, 0]);
    expect(await resume({ queue })).toBeNull();
  });

  test("gives out nothing in another process within a second, and goes on there as soon", async () => {
    const known = async () => (await other.operations.pauses.ofQueues(viewer, { queues: [queue] }))[0] !== null;
    expect(await claimed(other)).toBe(1);
    await post();
    await pause({ queue });
    await expect.poll(known, { timeout: 2000 }).toBe(true);
    expect(await claimed(other)).toBe(0);
    await resume({ queue });
    await expect.poll(known, { timeout: 2000 }).toBe(false);
    expect(await claimed(other)).toBe(1);
  });

  test("lets a client wait, and serves it when it is resumed", async () => {
    await pause({ queue });
    const waiting = service.operations.claims.create(operator, { ...queue, waitSeconds: 20 });
    await resume({ queue });
    expect((await waiting).messages).toHaveLength(1);
  });

  test("refuses a pop with a key, whose answer may be kept, and returns that answer afterwards", async () => {
    const keyed = { ...queue, idempotencyKey: "k" };
    const [first] = await service.operations.messages.pop(operator, keyed);
    await pause({ queue });
    await expect(service.operations.messages.pop(operator, keyed)).rejects.toMatchObject({ code: "QUEUE_IS_PAUSED" });
    await resume({ queue });
    expect(await service.operations.messages.pop(operator, keyed)).toMatchObject([{ id: first?.id }]);
  });

  test("does not dead-letter what nobody gets", async () => {
    const { operations } = service;
    await operations.queues.create(operator, { ...queue, queue: `dead-${number}` });
    const metadataText = JSON.stringify({ _max_claim_count: 1, _dead_letter_queue: `dead-${number}` });
    await operations.queues.setMetadata(operator, { ...queue, metadataText });
    const { claim } = await operations.claims.create(operator, queue);
    await operations.claims.delete(operator, { ...queue, claimId: claim?.id ?? "" });
    await pause({ queue });
    expect(await operations.claims.create(operator, queue)).toMatchObject({ messages: [], deadLettered: 0 });
    await resume({ queue });
    expect(await operations.claims.create(operator, queue)).toMatchObject({ messages: [], deadLettered: 1 });
  });

  test("keeps its first pause when it is paused again", async () => {
    const first = await pause({ queue });
    const again = await service.operations.pauses.pause(admin, { target: { queue }, reason: "Another one." });
    expect(again).toEqual(first);
    await resume({ queue });
  });

  test("is not paused any more when it is deleted and created again", async () => {
    await pause({ queue });
    await service.operations.queues.delete(operator, queue);
    await service.operations.queues.create(operator, queue);
    await post();
    expect(await service.operations.pauses.list(viewer)).toEqual([]);
  });

  test("says so first when it is asked why its messages wait", async () => {
    await pause({ queue });
    const [explained] = await service.operations.explanations.explain(viewer, { queues: [queue] });
    expect(explained?.reasons[0]).toMatchObject({ kind: "paused", severity: null, fix: "resume" });
    expect(explained?.reasons[0]?.text).toMatch(/otto paused it \d s ago: The tax service is down\.$/);
    await resume({ queue });
  });
});

describe("a pause of a project, and of everything", () => {
  test("covers all queues, those too that are created later, until just it is resumed", async () => {
    await pause({ project: "p" });
    const later = { project: "p", queue: `later-${number}` };
    await service.operations.messages.post(operator, { ...later, messages: [{ bodyText: "1" }], createQueue: true });
    expect((await service.operations.claims.create(operator, later)).claim).toBeNull();
    await pause({ queue });
    await resume({ project: "p" });
    expect(await claimed()).toBe(0);
    expect((await service.operations.claims.create(operator, later)).messages).toHaveLength(1);
    await resume({ queue });

    await pause({ everything: true }, admin);
    const [why] = await service.operations.pauses.ofQueues(viewer, { queues: [queue] });
    expect(why).toMatchObject({ scope: "everything", actor: "ada" });
    expect(await claimed()).toBe(0);
    await resume({ everything: true }, admin);
    expect(await claimed()).toBe(1);
  });

  test("are listed, the widest first, for those who may see them", async () => {
    await pause({ queue });
    await pause({ project: "elsewhere" }, admin);
    await pause({ everything: true }, admin);
    const scopes = async (access: typeof admin) =>
      (await service.operations.pauses.list(access)).map(({ scope }) => scope);
    expect(await scopes(admin)).toEqual(["everything", "project", "queue"]);
    expect(await scopes(viewer)).toEqual(["everything", "queue"]);
    await resume({ everything: true }, admin);
    await resume({ project: "elsewhere" }, admin);
    await resume({ queue });
  });
});

describe("a pause is refused", () => {
  test.each([
    ["of everything by an operator", { everything: true }, operator, "FORBIDDEN"],
    ["by a viewer", { project: "p" }, viewer, "FORBIDDEN"],
    ["of another project", { project: "secret" }, operator, "FORBIDDEN"],
    ["of nothing", {}, operator, "BAD_INPUT"],
    ["of two things", { project: "p", everything: true }, admin, "BAD_INPUT"],
    ["of a queue that does not exist", { queue: { project: "p", queue: "none" } }, operator, "QUEUE_DOES_NOT_EXIST"],
  ] as const)("%s", async (_name, target, access, code) => {
    await expect(pause(target, access)).rejects.toMatchObject({ code });
    await expect(resume(target, access))
      .resolves.toBeNull()
      .catch(() => undefined);
  });

  test("without a reason", async () => {
    const unreasoned = service.operations.pauses.pause(operator, { target: { queue }, reason: "" });
    await expect(unreasoned).rejects.toMatchObject({ code: "BAD_INPUT", details: { field: "reason" } });
  });

  test("and all of it is in the audit log, with the reason", async () => {
    await pause({ queue });
    await resume({ queue });
    const { items } = await service.operations.audit.list(admin, { target: queue.queue, page: { limit: 2 } });
    const [resumed, paused] = items;
    expect([resumed?.action, resumed?.outcome, resumed?.target]).toEqual(["resume", "done", queue.queue]);
    expect([paused?.action, paused?.reason]).toEqual(["pause", "The tax service is down."]);
  });
});

describe("a read-only service", () => {
  const switched = (on: boolean, reason: string | null = on ? "An upgrade." : null, access = admin) =>
    service.operations.readOnly.set(access, { on, reason });
  const changes = async ({ operations }: Engine = service) => operations.readOnly.requireChanges("postMessages");
  afterEach(() => switched(false));

  test("refuses changes with who began it and why, and allows them again", async () => {
    const { readOnly } = service.operations;
    expect(await readOnly.get(viewer)).toBeNull();
    expect(await codeOf(changes())).toBeUndefined();
    const begun = await switched(true);
    expect(begun).toEqual({ actor: "ada", reason: "An upgrade.", at: expect.any(Date) });
    expect(await readOnly.get(viewer)).toEqual(begun);
    expect(await refusal(changes())).toEqual({
      code: "SERVER_IS_READ_ONLY",
      details: { actor: "ada", reason: "An upgrade.", at: begun?.at.toISOString() },
    });
    for (const allowed of ["setReadOnly", "revokeToken"]) expect(readOnly.requireChanges(allowed)).toBeUndefined();
    expect(await readOnly.isOn()).toBe(true);
    expect(await switched(true, "Another.")).toEqual(begun);
    expect(await switched(false)).toBeNull();
    expect(await codeOf(changes())).toBeUndefined();
  });

  test("is so in another process within a second, and is no longer so as soon", async () => {
    expect(await codeOf(changes(other))).toBeUndefined();
    await switched(true);
    await expect.poll(() => codeOf(changes(other)), { timeout: 1500 }).toBe("SERVER_IS_READ_ONLY");
    await switched(false);
    await expect.poll(() => codeOf(changes(other)), { timeout: 1500 }).toBeUndefined();
  });

  test("is an admin's doing, with a reason, and is audited", async () => {
    expect(await codeOf(switched(true, "No.", operator))).toBe("FORBIDDEN");
    expect(await codeOf(switched(true, null))).toBe("BAD_INPUT");
    await switched(true);
    await switched(false);
    await switched(false);
    const { items } = await service.operations.audit.list(admin, { page: { limit: 3 } });
    expect(items).toMatchObject([
      { action: "setReadOnly", outcome: "done", actor: "ada", reason: null },
      { action: "setReadOnly", outcome: "done", actor: "ada", reason: "An upgrade." },
      { action: "setReadOnly", outcome: "refused", actor: "otto" },
    ]);
    expect(JSON.parse(items[0]?.detailsText ?? "")).toMatchObject({ on: false, begunBecause: "An upgrade." });
  });
});
