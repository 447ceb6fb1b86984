import { expect, test } from "vitest";
import { callerWith } from "../support/access.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi({ QUEUE_SAMPLES: "on" });

const CREATE =
  "mutation C($input: CreateClaimInput!) { createClaim(input: $input) { deadLettered messages { id bodyText claimCount claim { id expiresAt } } claim { id project queueName ttlSeconds graceSeconds ageSeconds createdAt renewedAt expiresAt clientId actor messageCount messages { id } } } }";
const READ =
  'query Q($project: String, $id: ID!) { claim(project: $project, queue: "q", claimId: $id) { ttlSeconds graceSeconds messageCount messages { bodyText } } }';

test("a claim takes the oldest ready messages, and shows everything about itself", async () => {
  const project = aProject();
  const ids = await postMessages(api, project, "q", ["a", "b", "c"]);
  const input = { project, queue: "q", limit: 2, ttlSeconds: 100, graceSeconds: 70, clientId: "worker-1" };
  const { claim, messages, deadLettered } = (await api.run(CREATE, { input })).createClaim;
  expect(claim).toMatchObject({
    project,
    queueName: "q",
    ttlSeconds: 100,
    graceSeconds: 70,
    ageSeconds: 0,
    clientId: "worker-1",
    actor: "local",
    messageCount: 2,
    messages: [{ id: ids[0] }, { id: ids[1] }],
  });
  expect(Date.parse(claim.expiresAt) - Date.parse(claim.createdAt)).toBe(100_000);
  expect(messages).toEqual([
    { id: ids[0], bodyText: '"a"', claimCount: 1, claim: { id: claim.id, expiresAt: claim.expiresAt } },
    { id: ids[1], bodyText: '"b"', claimCount: 1, claim: { id: claim.id, expiresAt: claim.expiresAt } },
  ]);
  expect(deadLettered).toBe(0);
  const next = await createClaim(api, project, "q", 10);
  expect(next?.messageIds).toEqual([ids[2]]);
});

test("nothing to claim is null and no error", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  expect((await api.run(CREATE, { input: { project, queue: "q" } })).createClaim).toEqual({
    claim: null,
    messages: [],
    deadLettered: 0,
  });
});

test("claiming from a missing queue is an error, unless createQueue is set", async () => {
  const input = { project: aProject(), queue: "q" };
  expect(await api.codeOf(CREATE, { input })).toBe("QUEUE_DOES_NOT_EXIST");
  expect((await api.run(CREATE, { input: { ...input, createQueue: true } })).createClaim.claim).toBeNull();
});

test.each([
  { ttlSeconds: 59 },
  { ttlSeconds: 43_201 },
  { graceSeconds: 59 },
  { graceSeconds: 43_201 },
  { limit: 0 },
  { limit: 101 },
])("%j is refused", async (wrong) => {
  expect(await api.codeOf(CREATE, { input: { project: "p", queue: "q", ...wrong } })).toBe("BAD_INPUT");
});

test("a claim with an idempotency key can be repeated", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2]);
  const input = { project, queue: "q", limit: 1, idempotencyKey: "once" };
  const first = await api.run(CREATE, { input });
  const again = await api.run(CREATE, { input });
  expect(again.createClaim.claim.id).toBe(first.createClaim.claim.id);
  expect(again.createClaim.messages.map(({ id }: { id: string }) => id)).toEqual(
    first.createClaim.messages.map(({ id }: { id: string }) => id),
  );
});

test("a claim is read, renewed and released", async () => {
  const project = aProject();
  await postMessages(api, project, "q", ["a"]);
  const claim = await createClaim(api, project, "q");
  const id = claim?.id ?? "";
  expect((await api.run(READ, { project, id })).claim).toEqual({
    ttlSeconds: 300,
    graceSeconds: 60,
    messageCount: 1,
    messages: [{ bodyText: '"a"' }],
  });
  server().clock.offsetMs += 200_000;
  const renew =
    "mutation R($input: RenewClaimInput!) { renewClaim(input: $input) { claim { id ttlSeconds ageSeconds messages { bodyText } } } }";
  expect(
    (await api.run(renew, { input: { project, queue: "q", claimId: id, ttlSeconds: 200 } })).renewClaim.claim,
  ).toEqual({
    id,
    ttlSeconds: 200,
    ageSeconds: 0,
    messages: [{ bodyText: '"a"' }],
  });
  server().clock.offsetMs += 150_000;
  expect((await api.run(READ, { project, id })).claim).not.toBeNull();
  const release = "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }";
  for (let time = 0; time < 2; time++) {
    expect(await api.run(release, { input: { project, queue: "q", claimId: id } })).toEqual({
      releaseClaim: { claimId: id },
    });
  }
  expect((await api.run(READ, { project, id })).claim).toBeNull();
  expect(await api.codeOf(renew, { input: { project, queue: "q", claimId: id } })).toBe("CLAIM_DOES_NOT_EXIST");
  expect((await createClaim(api, project, "q"))?.messageIds).toEqual(claim?.messageIds);
});

test("a message of a claim is given back for later, and the claim keeps the rest", async () => {
  const project = aProject();
  const ids = await postMessages(api, project, "q", ["a", "b", "c"]);
  const claim = await createClaim(api, project, "q", 2);
  const release = "mutation R($input: ReleaseMessagesInput!) { releaseMessages(input: $input) { released } }";
  const input = { project, queue: "q", claimId: claim?.id, ids: ids.slice(0, 1), delaySeconds: 600 };
  for (const released of [1, 0]) {
    expect(await api.run(release, { input })).toEqual({ releaseMessages: { released } });
  }
  const read = `query Q($project: String!, $id: ID!) {
    message(project: $project, queue: "q", id: $id) { state claimCount delayedUntil claim { id } }
  }`;
  expect((await api.run(read, { project, id: ids[0] })).message).toEqual({
    state: "DELAYED",
    claimCount: 1,
    delayedUntil: expect.any(String),
    claim: null,
  });
  expect((await api.run(READ, { project, id: claim?.id ?? "" })).claim).toMatchObject({ messageCount: 1 });
  const other = await createClaim(api, project, "q");
  expect(other?.messageIds).toEqual([ids[2]]);
  const { errors } = await api.send(release, { input: { ...input, ids } });
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "MESSAGE_NOT_CLAIMED_BY",
    details: { messageIds: [ids[2]] },
  });
  expect(await api.codeOf(release, { input: { ...input, delaySeconds: 901 } })).toBe("BAD_INPUT");
});

test("an expired or unknown claim reads as null", async () => {
  const project = aProject();
  await postMessages(api, project, "q", ["a"]);
  const id = (await createClaim(api, project, "q"))?.id;
  server().clock.offsetMs += 300_000;
  expect((await api.run(READ, { project, id })).claim).toBeNull();
  expect((await api.run(READ, { project, id: "nonsense" })).claim).toBeNull();
});

test("a queue's live claims are listed oldest first, a page at a time, with what they hold", async () => {
  const project = aProject();
  await postMessages(api, project, "q", ["a", "b", "c"]);
  const ids = [];
  for (let index = 0; index < 3; index++) ids.push((await createClaim(api, project, "q"))?.id);
  const query =
    'query Q($project: String, $first: Int, $after: String, $id: ID!) { queue(project: $project, queue: "q") { claims(first: $first, after: $after) { nodes { id messages { bodyText } } pageInfo { hasNextPage endCursor } } claim(claimId: $id) { id } } }';
  const first = (await api.run(query, { project, first: 2, id: ids[1] })).queue;
  expect(first.claims.nodes).toEqual([
    { id: ids[0], messages: [{ bodyText: '"a"' }] },
    { id: ids[1], messages: [{ bodyText: '"b"' }] },
  ]);
  expect(first.claims.pageInfo.hasNextPage).toBe(true);
  expect(first.claim).toEqual({ id: ids[1] });
  const rest = (await api.run(query, { project, after: first.claims.pageInfo.endCursor, id: "missing" })).queue;
  expect(rest.claims.nodes.map(({ id }: { id: string }) => id)).toEqual([ids[2]]);
  expect(rest.claim).toBeNull();
});

test("a claim can wait for a message, at most twenty seconds", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const waiting = api.run(CREATE, { input: { project, queue: "q", waitSeconds: 20 } });
  await api.run("{ viewer { actor } }");
  const [id] = await postMessages(api, project, "q", ["at last"]);
  expect((await waiting).createClaim).toMatchObject({ messages: [{ id, bodyText: '"at last"' }] });
  expect(await api.codeOf(CREATE, { input: { project, queue: "q", waitSeconds: 21 } })).toBe("BAD_INPUT");
});

test("a message that was claimed too often goes to the dead letter queue", async () => {
  const project = aProject();
  await createQueue(api, project, "dead");
  await createQueue(api, project, "q", {
    _max_claim_count: 1,
    _dead_letter_queue: "dead",
    _dead_letter_queue_messages_ttl: 999,
  });
  const [id] = await postMessages(api, project, "q", ["poison"]);
  const release = "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }";
  const claim = await createClaim(api, project, "q");
  await api.run(release, { input: { project, queue: "q", claimId: claim?.id } });
  expect((await api.run(CREATE, { input: { project, queue: "q" } })).createClaim).toEqual({
    claim: null,
    messages: [],
    deadLettered: 1,
  });
  const query =
    'query Q($project: String) { queue(project: $project, queue: "dead") { messages { nodes { id bodyText claimCount ttlSeconds claim { id } } } } }';
  expect((await api.run(query, { project })).queue.messages.nodes).toEqual([
    { id, bodyText: '"poison"', claimCount: 0, ttlSeconds: 999, claim: null },
  ]);
});

test("twenty consumers at once never get the same message", async () => {
  const project = aProject();
  const ids = await postMessages(
    api,
    project,
    "q",
    Array.from({ length: 100 }, (_, index) => index),
  );
  const claims = await Promise.all(Array.from({ length: 20 }, () => createClaim(api, project, "q", 5)));
  expect(claims.flatMap((claim) => claim?.messageIds ?? []).sort()).toEqual([...ids].sort());
});

test("a queue names who claims from it and pops from it, what they hold, and who has stopped", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3, 4, 5, 6]);
  const { consumers: store, operations } = server().engine;
  const pop = "mutation P($input: PopMessagesInput!) { popMessages(input: $input) { messages { id } } }";
  const call = async (clientId: string) => {
    await api.run(pop, { input: { project, queue: "q", limit: 1, clientId } });
    await operations.consumers.flush();
  };
  // It called every ten seconds for three minutes.
  for (let slot = 0; slot < 18; slot += 1) {
    const seen = { actor: "local", messages: 0, claimAgeMs: null, emptyAgeMs: 0, renewalAgeMs: null };
    await store.add([{ project, queue: "q", name: "worker-2", ...seen }]);
    server().clock.offsetMs += 10_000;
  }
  const input = { project, queue: "q", ttlSeconds: 1000 };
  const { claim } = (await api.run(CREATE, { input: { ...input, limit: 2, clientId: "worker-2" } })).createClaim;
  await api.run(CREATE, { input: { ...input, limit: 1 } });
  await operations.consumers.flush();
  server().clock.offsetMs += 121_000;
  await call("popper");
  const query = `query Q($project: String, $first: Int, $after: String) { queue(project: $project, queue: "q") {
    consumers(first: $first, after: $after) {
      nodes { name actor firstSeenAt lastSeenAt lastClaimAt lastEmptyClaimAt stoppedAt claimed messagesPerSecond
        messagesHeld { value exact } heldUntil minutes { from until messages } }
      pageInfo { hasNextPage endCursor } } } }`;
  const { nodes, pageInfo } = (await api.run(query, { project, first: 2 })).queue.consumers;
  const [stopped, local] = nodes;
  expect(stopped).toMatchObject({
    ...{ name: "worker-2", actor: "local", claimed: 2, stoppedAt: stopped.lastSeenAt, lastClaimAt: stopped.lastSeenAt },
    ...{ messagesHeld: { value: 2, exact: true }, heldUntil: claim.expiresAt, messagesPerSecond: 0 },
  });
  expect(Date.parse(stopped.lastClaimAt) - Date.parse(stopped.lastEmptyClaimAt)).toBeGreaterThan(9000);
  expect(Date.parse(stopped.lastSeenAt) - Date.parse(stopped.firstSeenAt)).toBeGreaterThan(179_000);
  const { from, until, messages } = stopped.minutes;
  expect(Date.parse(until) - Date.parse(from)).toBe(3_600_000);
  expect(messages).toHaveLength(60);
  expect(messages.reduce((sum: number, count: number) => sum + count, 0)).toBe(2);
  expect(local).toMatchObject({ name: "local", stoppedAt: null, messagesHeld: { value: 1 }, lastEmptyClaimAt: null });
  expect(pageInfo.hasNextPage).toBe(true);
  const rest = (await api.run(query, { project, after: pageInfo.endCursor })).queue.consumers;
  expect(rest.nodes).toMatchObject([{ name: "popper", claimed: 1, messagesHeld: { value: 0 }, heldUntil: null }]);
  expect(rest.nodes[0].messagesPerSecond).toBeGreaterThan(0);
});

const CLAIMS = `query C($project: String, $all: Boolean! = false, $filter: ClaimFilter, $orderBy: ClaimOrder! = { field: EXPIRES_AT },
  $first: Int, $after: String, $last: Int, $before: String) {
  claims(project: $project, allProjects: $all, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last,
    before: $before) {
    nodes { id queueName clientId actor consumer { name lastClaimAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    count { value exact } messages { value } endingClaims endingMessages
    holders { name claims messages lastClaimAt stoppedAt }
    coverage { asOf queuesAsked queuesLeftOut { value exact } queuesCut queuesFailed failedPools } } }`;

test("claims of all queues show who holds what, in each order, both ways, and what ends soon", async () => {
  const project = aProject();
  const { operations } = server().engine;
  const hold = async (queue: string, limit: number, clientId: string | null, ttlSeconds: number) => {
    const input = { project, queue, limit, ttlSeconds, clientId };
    return (await api.run(CREATE, { input })).createClaim.claim.id;
  };
  for (const queue of ["a", "b", "c"]) await postMessages(api, project, queue, [1, 2, 3, 4, 5, 6]);
  const ids = {
    w1: await hold("a", 2, "worker-1", 600),
    w2: await hold("a", 1, "worker-2", 500),
    late: await hold("b", 3, "worker-1", 40_000),
    soon: await hold("b", 1, null, 60),
  };
  expect((await api.run(CLAIMS, { project })).claims.count).toEqual({ value: 0, exact: true });
  // What was claimed is known with the next flush.
  await operations.consumers.flush();
  const { claims } = await api.run(CLAIMS, { project });
  expect(claims).toMatchObject({
    ...{ count: { value: 4, exact: true }, messages: { value: 7 }, endingClaims: 1, endingMessages: 1 },
    coverage: {
      queuesAsked: 2,
      queuesLeftOut: { value: 0, exact: true },
      queuesCut: 0,
      queuesFailed: 0,
      failedPools: [],
    },
  });
  expect(claims.nodes.map(({ id }: { id: string }) => id)).toEqual([ids.soon, ids.w2, ids.w1, ids.late]);
  expect(claims.nodes[0]).toMatchObject({
    queueName: "b",
    clientId: null,
    actor: "local",
    consumer: { name: "local" },
  });
  expect(claims.holders).toMatchObject([
    { name: "worker-1", claims: 2, messages: 5, stoppedAt: null },
    { name: "worker-2", claims: 1, messages: 1 },
    { name: "local", claims: 1, messages: 1 },
  ]);
  const walk = async (orderBy: object, expected: string[]) => {
    const forwards: string[] = [];
    let after: string | undefined;
    for (let more = true; more; ) {
      const page = (await api.run(CLAIMS, { project, orderBy, first: 3, after })).claims;
      forwards.push(...page.nodes.map(({ id }: { id: string }) => id));
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    expect(forwards).toEqual(expected);
    const backwards: string[] = [];
    let before: string | undefined;
    for (let more = true; more; ) {
      const page = (await api.run(CLAIMS, { project, orderBy, last: 3, before })).claims;
      backwards.unshift(...page.nodes.map(({ id }: { id: string }) => id));
      before = page.pageInfo.startCursor;
      more = page.pageInfo.hasPreviousPage;
    }
    expect(backwards).toEqual(expected);
  };
  await walk({ field: "CREATED_AT" }, [ids.w1, ids.w2, ids.late, ids.soon]);
  await walk({ field: "EXPIRES_AT", direction: "DESC" }, [ids.late, ids.w1, ids.w2, ids.soon]);
  await walk({ field: "QUEUE" }, [ids.w2, ids.w1, ids.soon, ids.late]);
  await walk({ field: "HOLDER" }, [ids.soon, ids.w1, ids.late, ids.w2]);
  const found = async (filter: object) =>
    (await api.run(CLAIMS, { project, filter })).claims.nodes.map(({ id }: { id: string }) => id);
  expect(await found({ holder: "worker-1" })).toEqual([ids.w1, ids.late]);
  expect(await found({ holder: "local", queue: "b" })).toEqual([ids.soon]);
  expect(await found({ endsWithinSeconds: 550 })).toEqual([ids.soon, ids.w2]);
  expect(await found({ queue: "c" })).toEqual([]);
  const everywhere = (await api.run(CLAIMS, { all: true, first: 100 })).claims;
  expect(everywhere.nodes.map(({ id }: { id: string }) => id)).toContain(ids.late);
  for (const wrong of [
    { filter: { queue: "no queue" } },
    { filter: { endsWithinSeconds: -1 } },
    { first: 101 },
    { after: claims.pageInfo.endCursor, orderBy: { field: "HOLDER" } },
  ]) {
    expect(await api.codeOf(CLAIMS, { project, ...wrong })).toBe("BAD_INPUT");
  }
});

test("a long claim is found by its queue's sample, and holders that have stopped come first", async () => {
  const project = aProject();
  const { consumers: store, operations } = server().engine;
  await postMessages(api, project, "q", [1, 2, 3]);
  for (let slot = 0; slot < 18; slot += 1) {
    const seen = { actor: "local", messages: 0, claimAgeMs: null, emptyAgeMs: 0, renewalAgeMs: null };
    await store.add([{ project, queue: "q", name: "worker-9", ...seen }]);
    server().clock.offsetMs += 10_000;
  }
  const input = { project, queue: "q", ttlSeconds: 40_000, limit: 1 };
  for (const clientId of ["worker-1", "worker-9"]) await api.run(CREATE, { input: { ...input, clientId } });
  await operations.consumers.flush();
  // A process tells of its calls within a second.
  await expect
    .poll(
      async () => {
        server().clock.offsetMs += 60_000;
        await operations.queueSampling.sample(new AbortController().signal);
        return (
          await operations.samples.last(callerWith("admin", "all", "a"), {
            queues: [{ project, queue: "q" }],
          })
        )[0]?.claimed;
      },
      { timeout: 10_000 },
    )
    .toBe(2);
  server().clock.offsetMs += 600_000;
  const { claims } = await api.run(CLAIMS, { project, orderBy: { field: "HOLDER" } });
  expect(claims.nodes.map(({ clientId }: { clientId: string }) => clientId)).toEqual(["worker-9", "worker-1"]);
  expect(claims.holders).toMatchObject([
    { name: "worker-9", stoppedAt: expect.any(String) },
    { name: "worker-1", stoppedAt: null },
  ]);
  expect(claims.coverage.asOf).not.toBeNull();
});
