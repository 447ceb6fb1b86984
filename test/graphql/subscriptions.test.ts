import { expect, test } from "vitest";
import { aProject, createQueue, startApi } from "./api.ts";

const { api, server } = startApi();

const FIELDS =
  "id project queueName subscriber ttlSeconds ageSeconds createdAt expiresAt options optionsText confirmed";
const CREATE = `mutation C($input: CreateQueueSubscriptionInput!) { createQueueSubscription(input: $input) { created subscription { ${FIELDS} } } }`;
const READ = `query Q($project: String, $id: ID!) { queueSubscription(project: $project, queue: "q", id: $id) { ${FIELDS} } }`;

async function subscribe(project: string, subscriber: string, more: object = {}) {
  return (await api.run(CREATE, { input: { project, queue: "q", subscriber, createQueue: true, ...more } }))
    .createQueueSubscription;
}

test("a subscription is created, and shows everything about itself", async () => {
  const project = aProject();
  const { created, subscription } = await subscribe(project, "https://example.com/hook", {
    ttlSeconds: 600,
    options: { text: '{"big": 12345678901234567}' },
  });
  expect(created).toBe(true);
  expect(subscription).toMatchObject({
    project,
    queueName: "q",
    subscriber: "https://example.com/hook",
    ttlSeconds: 600,
    ageSeconds: 0,
    optionsText: '{"big": 12345678901234567}',
    confirmed: false,
  });
  expect(Date.parse(subscription.expiresAt) - Date.parse(subscription.createdAt)).toBe(600_000);
  expect((await api.run(READ, { project, id: subscription.id })).queueSubscription).toEqual(subscription);
});

test("subscribing to a missing queue is an error, unless createQueue is set", async () => {
  const input = { project: aProject(), queue: "q", subscriber: "https://example.com/" };
  expect(await api.codeOf(CREATE, { input })).toBe("QUEUE_DOES_NOT_EXIST");
});

test.each([
  { subscriber: "gopher://example.com" },
  { subscriber: "not a uri" },
  { ttlSeconds: 59 },
  { options: { json: [] } },
  { options: { json: { _retry_policy: { minimum_delay: "x" } } } },
])("%j is refused", async (wrong) => {
  const project = aProject();
  await createQueue(api, project, "q");
  expect(
    await api.codeOf(CREATE, { input: { project, queue: "q", subscriber: "https://example.com/", ...wrong } }),
  ).toBe("BAD_INPUT");
});

test("creating a subscription again returns it while it is unconfirmed, and is an error once it is confirmed", async () => {
  const project = aProject();
  const { subscription } = await subscribe(project, "mailto:ops@example.com");
  expect(await subscribe(project, "mailto:ops@example.com")).toMatchObject({
    created: false,
    subscription: { id: subscription.id },
  });
  const confirm =
    "mutation C($input: ConfirmQueueSubscriptionInput!) { confirmQueueSubscription(input: $input) { subscription { confirmed } } }";
  const input = { project, queue: "q", id: subscription.id };
  expect((await api.run(confirm, { input })).confirmQueueSubscription).toEqual({ subscription: { confirmed: true } });
  const { errors } = await api.send(CREATE, { input: { project, queue: "q", subscriber: "mailto:ops@example.com" } });
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "SUBSCRIPTION_ALREADY_EXISTS",
    status: 409,
    details: { subscriptionId: subscription.id },
  });
  expect(
    (await api.run(confirm, { input: { ...input, confirmed: false } })).confirmQueueSubscription.subscription.confirmed,
  ).toBe(false);
  expect(await api.codeOf(confirm, { input: { ...input, id: "missing" } })).toBe("SUBSCRIPTION_DOES_NOT_EXIST");
});

test("a subscription is found by its subscriber, changed and deleted", async () => {
  const project = aProject();
  const { subscription } = await subscribe(project, "https://example.com/a");
  await subscribe(project, "https://example.com/taken");
  const of =
    'query Q($project: String, $subscriber: String!) { queueSubscriptionOf(project: $project, queue: "q", subscriber: $subscriber) { id } }';
  expect((await api.run(of, { project, subscriber: "https://example.com/a" })).queueSubscriptionOf).toEqual({
    id: subscription.id,
  });
  const update =
    "mutation U($input: UpdateQueueSubscriptionInput!) { updateQueueSubscription(input: $input) { subscription { subscriber ttlSeconds options } } }";
  const input = { project, queue: "q", id: subscription.id };
  expect(
    (
      await api.run(update, {
        input: { ...input, subscriber: "https://example.com/b", ttlSeconds: 60, options: { json: { x: 1 } } },
      })
    ).updateQueueSubscription.subscription,
  ).toEqual({
    subscriber: "https://example.com/b",
    ttlSeconds: 60,
    options: { x: 1 },
  });
  expect((await api.run(of, { project, subscriber: "https://example.com/a" })).queueSubscriptionOf).toBeNull();
  expect(await api.codeOf(update, { input })).toBe("BAD_INPUT");
  expect(await api.codeOf(update, { input: { ...input, subscriber: "https://example.com/taken" } })).toBe(
    "SUBSCRIPTION_ALREADY_EXISTS",
  );
  expect(await api.codeOf(update, { input: { ...input, id: "missing", ttlSeconds: 60 } })).toBe(
    "SUBSCRIPTION_DOES_NOT_EXIST",
  );
  const remove =
    "mutation D($input: DeleteQueueSubscriptionInput!) { deleteQueueSubscription(input: $input) { deleted } }";
  for (const deleted of [1, 0]) {
    expect(await api.run(remove, { input })).toEqual({ deleteQueueSubscription: { deleted } });
  }
  expect((await api.run(READ, { project, id: subscription.id })).queueSubscription).toBeNull();
});

test("subscriptions are listed a page at a time, and outlive their queue", async () => {
  const project = aProject();
  for (const path of ["a", "b", "c"]) await subscribe(project, `https://example.com/${path}`);
  const query =
    'query Q($project: String, $first: Int, $after: String) { queueSubscriptions(project: $project, queue: "q", first: $first, after: $after) { nodes { subscriber } edges { cursor node { id } } pageInfo { hasNextPage endCursor } } queue(project: $project, queue: "q") { subscriptions(first: 1) { nodes { subscriber } } } }';
  const first = await api.run(query, { project, first: 2 });
  expect(first.queueSubscriptions.nodes).toEqual([
    { subscriber: "https://example.com/a" },
    { subscriber: "https://example.com/b" },
  ]);
  expect(first.queue.subscriptions.nodes).toEqual([{ subscriber: "https://example.com/a" }]);
  const { edges, pageInfo } = first.queueSubscriptions;
  expect([pageInfo.hasNextPage, pageInfo.endCursor]).toEqual([true, edges[1].cursor]);
  await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
    input: { project, queue: "q" },
  });
  const after = await api.run(query, { project, after: pageInfo.endCursor });
  expect(after.queueSubscriptions.nodes).toEqual([{ subscriber: "https://example.com/c" }]);
  expect(after.queue).toBeNull();
});

test("an expired subscription is gone at once", async () => {
  const project = aProject();
  const { subscription } = await subscribe(project, "https://example.com/", { ttlSeconds: 60 });
  server().clock.offsetMs += 60_000;
  expect((await api.run(READ, { project, id: subscription.id })).queueSubscription).toBeNull();
});
