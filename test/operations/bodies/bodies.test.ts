import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Access, rightsOfScopes } from "../../../server/access/access.ts";
import type { Engine } from "../../../server/bootstrap.ts";
import type { MessageRecord } from "../../../server/operations/messages/record.ts";
import type { Scope } from "../../../server/storage/tokens.ts";
import { person } from "../../support/access.ts";
import { aService, codeOf, hasty, type Service, withBroken } from "../a-service.ts";

let service: Service;
let other: Engine;
beforeAll(async () => {
  service = await aService();
  other = await service.another();
});
afterAll(() => service.stop());

/** Each role in the present project, and a token with these scopes. */
let viewer: Access;
let operator: Access;
let admin: Access;
const token = (name: string, ...scopes: Scope[]): Access => ({
  actor: `token:${name}`,
  kind: "token",
  rights: rightsOfScopes(scopes, [at.project]),
  requestId: `r-${name}`,
});

const BODY = '{"card": {"number": 4111, "pin": 1.0}, "big": 12345678901234567890}';
const MASKED = '{"card": {"number": "***", "pin": 1.0}, "big": 12345678901234567890}';
const FULL = { bodyVisibility: "full", bodyText: BODY, headers: { trace: "secret-trace" } };
const PART = { bodyVisibility: "masked", bodyText: MASKED, headers: { trace: "***" } };
const NOTHING = { bodyVisibility: "hidden", bodyText: '"***"', headers: null };

let number = 0;
let at: { project: string; queue: string };
let id: string;
const post = () =>
  service.operations.messages.post(admin, {
    ...at,
    messages: [{ bodyText: BODY, headers: [{ name: "trace", value: "secret-trace" }] }],
  });
beforeEach(async () => {
  number += 1;
  at = { project: `p-${number}`, queue: "orders" };
  viewer = person("vera", { role: "viewer", projects: [at.project] });
  operator = person("otto", { role: "operator", projects: [at.project] });
  admin = person("ada", { role: "admin", projects: [at.project] });
  await service.operations.queues.create(admin, at);
  [id = ""] = (await post()).ids;
});

const setRule = (readBy: "viewer" | "operator" | "admin", ...maskedPaths: string[]) =>
  service.operations.bodies.setRule(admin, { project: at.project, readBy, maskedPaths });
const read = (access: Access, { operations }: Engine = service) => operations.messages.get(access, { ...at, id });

/** Every way in which this caller reads the message. */
async function everyWay(access: Access): Promise<(MessageRecord | undefined)[]> {
  const { messages, batch, claims } = service.operations;
  const page = { limit: 10 };
  const queues = [at];
  const ending = new AbortController();
  const watched = await messages.watch(access, { ...at, after: "0", signal: ending.signal }).next();
  ending.abort();
  const order = "oldestFirst" as const;
  const found = [
    (await messages.list(access, { ...at, page })).items,
    [await messages.get(access, { ...at, id })],
    await messages.bulkGet(access, { ...at, ids: [id] }),
    [await messages.first(access, at)],
    (await messages.search(access, { ...at, order })).messages,
    [watched.value as MessageRecord],
    (await batch.messages(access, { queues, page })).flatMap((one) => (one instanceof Error ? [] : one.items)),
    (await batch.firstMessages(access, { queues, sort: "newest" })) as MessageRecord[],
    (await batch.messagesById(access, { queues, ids: [id] })).flatMap((one) => (one instanceof Error ? [] : one)),
  ];
  const { claim } = await claims.create(admin, at);
  const claimId = claim?.id ?? "";
  found.push((await claims.get(access, { ...at, claimId })).messages);
  const [held] = await batch.claimsById(access, { claims: [{ ...at, id: claimId }] });
  found.push(held === null || held === undefined || held instanceof Error ? [] : held.messages);
  await claims.delete(admin, { ...at, claimId });
  return found.map(([message]) => message);
}

describe("bodies", () => {
  test("are read by operators and admins alone until a rule says otherwise", async () => {
    expect(await service.operations.bodies.rules(viewer, { projects: [at.project] })).toEqual([
      { project: at.project, readBy: "operator", maskedPaths: [], actor: null, at: null },
    ]);
    for (const message of await everyWay(viewer)) expect(message).toMatchObject(NOTHING);
    for (const message of await everyWay(operator)) expect(message).toMatchObject(FULL);
  });

  test("show all but the masked values to those below the rule, in every way that reads them", async () => {
    await setRule("admin", "$.card.number");
    for (const access of [viewer, operator]) {
      for (const message of await everyWay(access)) expect(message).toMatchObject(PART);
    }
    for (const message of await everyWay(admin)) expect(message).toMatchObject(FULL);
  });

  test("are seen in full by two readers of one tail, and not by the third", async () => {
    await setRule("operator", "$.card.number");
    const ending = new AbortController();
    const seen = await Promise.all(
      [operator, viewer, admin, viewer].map((access) =>
        service.operations.messages.watch(access, { ...at, after: "0", signal: ending.signal }).next(),
      ),
    );
    ending.abort();
    expect(seen.map(({ value }) => value.bodyText)).toEqual([BODY, MASKED, BODY, MASKED]);
  });

  test("follow a changed rule in all processes within a second", async () => {
    await setRule("viewer");
    expect(await read(viewer)).toMatchObject(FULL);
    expect(await read(viewer, other)).toMatchObject(FULL);
    await setRule("operator");
    expect(await read(viewer)).toMatchObject(NOTHING);
    await expect.poll(() => read(viewer, other), { timeout: 1500 }).toMatchObject(NOTHING);
  });

  test("are not told by a search, or by a filter of a dry run, to who does not read them in full", async () => {
    await setRule("admin", "$.card.number");
    const { messages, dryRuns } = service.operations;
    const filter = { bodyContains: "4111" };
    const search = (access: Access) => messages.search(access, { ...at, order: "oldestFirst", filter });
    const plan = (access: Access) =>
      dryRuns.make(access, { action: { delete: {} }, queues: { project: at.project }, filter });
    expect(await codeOf(search(operator))).toBe("FORBIDDEN");
    expect(await codeOf(plan(operator))).toBe("FORBIDDEN");
    expect((await search(admin)).messages).toHaveLength(1);
    const made = await plan(admin);
    expect(made.plan.count.value).toBe(1);
    const input = (access: Access) => service.operations.bodies.shownInput(access, made);
    expect(await input(admin)).toContain("4111");
    expect(await input(operator)).toContain('"bodyContains":"***"');
  });

  test("are not taken to another project by who does not read them in full, also when somebody else planned it", async () => {
    await setRule("admin");
    const elsewhere = { project: `${at.project}-lax`, queue: "copies" };
    const both = (role: "operator" | "admin") => ({ role, projects: [at.project, elsewhere.project] });
    const [mover, boss] = [person("mo", both("operator")), person("bo", both("admin"))];
    const { queues, dryRuns, jobs, messages } = service.operations;
    await queues.create(boss, elsewhere);
    await queues.create(boss, { ...at, queue: "near" });
    const plan = (access: Access, move: typeof at) =>
      dryRuns.make(access, { action: { move }, queues: { queue: at }, all: true });
    const start = (access: Access, token: string) => jobs.start(access, { token, reason: "A test." });
    expect(await codeOf(plan(mover, elsewhere))).toBe("FORBIDDEN");
    const { token } = await plan(boss, elsewhere);
    expect(await codeOf(start(mover, token))).toBe("FORBIDDEN");
    expect((await plan(mover, { ...at, queue: "near" })).plan.count.value).toBe(1);

    const job = await jobs.start(mover, {
      token: (await plan(mover, { ...at, queue: "near" })).token,
      reason: "A test.",
    });
    const { moveMessages } = withBroken(service, { presentAccess: async () => mover }).jobs.work;
    expect(await codeOf(Promise.resolve(moveMessages?.({ ...job, token }, hasty)))).toBe("FORBIDDEN");
    expect((await messages.list(boss, { ...at })).items).toHaveLength(1);
  });

  test("of test messages are not in the input of their job", async () => {
    const job = await service.operations.jobs.generate(operator, {
      ...at,
      messages: 1,
      ratePerSecond: 1,
      bodyText: BODY,
      reason: "A test.",
    });
    const input = (access: Access) => service.operations.bodies.shownInput(access, job);
    expect(JSON.parse(await input(viewer))).toMatchObject({ messages: 1, bodyText: "***" });
    expect(JSON.parse(await input(operator))).toMatchObject({ bodyText: BODY });
  });
});

describe("what is claimed or popped", () => {
  test("is seen in full by a token, also when it asks again for its claim, and not by another one", async () => {
    await setRule("admin");
    const worker = token("worker", "consume", "read");
    const { claims, messages } = service.operations;
    const { claim, messages: claimed } = await claims.create(worker, at);
    const again = { ...at, claimId: claim?.id ?? "" };
    expect(claimed).toMatchObject([FULL]);
    expect((await claims.get(worker, again)).messages).toMatchObject([FULL]);
    expect((await claims.get(token("watcher", "consume", "read"), again)).messages).toMatchObject([NOTHING]);
    expect((await claims.get(operator, again)).messages).toMatchObject([NOTHING]);
    await claims.delete(worker, again);
    expect(await messages.pop(token("popper", "consume"), at)).toMatchObject([FULL]);
  });

  test("is as hidden from a person as what it reads, also when a pop is repeated", async () => {
    await setRule("admin", "$.card.number");
    const { claims, messages } = service.operations;
    const claim = { ...at, idempotencyKey: "claim" };
    const first = await claims.create(operator, claim);
    expect(first.messages).toMatchObject([PART]);
    expect((await claims.create(operator, claim)).messages).toMatchObject([PART]);
    await claims.delete(operator, { ...at, claimId: first.claim?.id ?? "" });
    const pop = { ...at, idempotencyKey: "pop" };
    expect(await messages.pop(token("popper", "consume"), pop)).toMatchObject([FULL]);
    expect(await messages.pop(operator, pop)).toMatchObject([PART]);
  });
});

describe("a rule", () => {
  test("counts a token with read as a viewer, with manage as an operator and with administer as an admin", async () => {
    await setRule("operator");
    expect(await read(token("r", "read"))).toMatchObject(NOTHING);
    expect(await read(token("c", "read", "produce", "consume"))).toMatchObject(NOTHING);
    expect(await read(token("m", "manage"))).toMatchObject(FULL);
    await setRule("admin");
    expect(await read(token("m", "manage"))).toMatchObject(NOTHING);
    expect(await read(token("a", "administer"))).toMatchObject(FULL);
  });

  test("is set by an admin of the project, and its change is audited with what was before", async () => {
    const { bodies, audit } = service.operations;
    expect(await codeOf(bodies.setRule(operator, { project: at.project, readBy: "viewer", maskedPaths: [] }))).toBe(
      "FORBIDDEN",
    );
    await setRule("admin", " $.a ", "$.a");
    const all = person("root", { role: "admin", projects: "all" });
    const { items } = await audit.list(all, { page: { limit: 2 } });
    expect(items.map(({ action, outcome, actor }) => ({ action, outcome, actor }))).toEqual([
      { action: "setBodyRule", outcome: "done", actor: "ada" },
      { action: "setBodyRule", outcome: "refused", actor: "otto" },
    ]);
    expect(JSON.parse(items[0]?.detailsText ?? "")).toEqual({
      before: { readBy: "operator", maskedPaths: [] },
      after: { readBy: "admin", maskedPaths: ["$.a"] },
    });
    expect(await codeOf(setRule("admin", "a"))).toBe("BAD_INPUT");
    expect(await codeOf(setRule("admin", ...Array.from({ length: 51 }, (_, index) => `$.a${index}`)))).toBe(
      "BAD_INPUT",
    );
  });
});
