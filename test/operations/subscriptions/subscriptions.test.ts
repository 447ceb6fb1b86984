import { afterAll, beforeAll, expect, test } from "vitest";
import { aService, codeOf, operator, refusal, type Service, viewer } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
  await service.operations.queues.create(operator, { queue: "q" });
});
afterAll(() => service.stop());

let subscribers = 0;
const aSubscriber = () => {
  subscribers += 1;
  return `https://example.com/${subscribers}`;
};
const subscribe = (params: object = {}) =>
  service.operations.subscriptions.create(operator, { queue: "q", subscriber: aSubscriber(), ...params });

test("a subscription starts unconfirmed, with the server's ttl, and ends by itself", async () => {
  const { subscription, created } = await subscribe({ optionsText: '{"n": 1.0}' });
  expect(created).toBe(true);
  expect(subscription).toMatchObject({
    source: "q",
    project: "p",
    ttlSeconds: 3600,
    confirmed: false,
    optionsText: '{"n": 1.0}',
  });
  const { id } = subscription;
  const found = () => service.operations.subscriptions.get(viewer, { project: "p", queue: "q", id });
  expect(await found()).toMatchObject({ id, subscriber: subscription.subscriber });
  service.clock.offsetMs += 3_601_000;
  expect(await codeOf(found())).toBe("SUBSCRIPTION_DOES_NOT_EXIST");
  expect(await service.operations.subscriptions.exists(viewer, { project: "p", queue: "q", id })).toBe(false);
});

test.each([
  ["https://user:secret@example.com/a:b@c?token=1", "https://user:***@example.com/a:b@c?token=1"],
  ["trust+https://:secret@example.com/", "trust+https://:***@example.com/"],
  ["https:user:se@cret@example.com", "https:user:***@example.com"],
  ["https://user@example.com/", "https://user@example.com/"],
  ["mailto:a:b@example.com", "mailto:a:b@example.com"],
])("the subscriber %s is shown as %s, and found by its own URI", async (subscriber, masked) => {
  const { subscriptions } = service.operations;
  const { subscription } = await subscribe({ subscriber });
  const { id } = subscription;
  const at = { project: "p", queue: "q" };
  const shown = [
    subscription,
    (await subscribe({ subscriber })).subscription,
    await subscriptions.get(viewer, { ...at, id }),
    await subscriptions.getWithSubscriber(viewer, { ...at, subscriber }),
    await subscriptions.update(operator, { ...at, id, ttlSeconds: 100 }),
    await subscriptions.confirm(operator, { ...at, id }),
    (await subscriptions.list(viewer, { ...at, page: { limit: 100 } })).items.find((one) => one.id === id),
  ];
  expect(shown.map((one) => one?.subscriber)).toEqual(shown.map(() => masked));
  const again = subscriptions.update(operator, { ...at, id, subscriber: masked });
  expect(await codeOf(again)).toBe(masked.includes("***") ? "BAD_INPUT" : undefined);
});

test("a subscriber subscribes once; until it is confirmed asking again gives the same subscription as it was", async () => {
  const subscriber = aSubscriber();
  const first = await subscribe({ subscriber, ttlSeconds: 100 });
  const again = await subscribe({ subscriber, ttlSeconds: 200 });
  expect(again).toMatchObject({ created: false, subscription: { id: first.subscription.id, ttlSeconds: 100 } });
  const { id } = first.subscription;
  const confirmed = await service.operations.subscriptions.confirm(operator, { queue: "q", id });
  expect(confirmed.confirmed).toBe(true);
  expect(await refusal(subscribe({ subscriber }))).toEqual({
    code: "SUBSCRIPTION_ALREADY_EXISTS",
    details: { subscriptionId: id, project: "p", queue: "q" },
  });
  expect(
    (await service.operations.subscriptions.confirm(operator, { queue: "q", id, confirmed: false })).confirmed,
  ).toBe(false);
  const byUri = service.operations.subscriptions.getWithSubscriber(operator, { queue: "q", subscriber });
  expect((await byUri).id).toBe(id);
});

test.each([
  ["https://example.com/a?b=c", undefined],
  ["HTTP://example.com", undefined],
  ["mailto:a@example.com?subject=S", undefined],
  ["trust+http://example.com/x", undefined],
  ["trust+https://example.com/x", undefined],
  ["ftp://example.com", "BAD_INPUT"],
  ["javascript:alert(1)", "BAD_INPUT"],
  ["https:", "BAD_INPUT"],
  ["https://", "BAD_INPUT"],
  ["https://exa mple.com", "BAD_INPUT"],
  ["https://example.com/\n", "BAD_INPUT"],
  ["example.com", "BAD_INPUT"],
  ["", "BAD_INPUT"],
  [`https://example.com/${"x".repeat(2048)}`, "BAD_INPUT"],
])("the subscriber %.40s is %s", async (subscriber, code) => {
  expect(await codeOf(subscribe({ subscriber }))).toBe(code);
});

test.each([
  [{ ttlSeconds: 59 }, "BAD_INPUT"],
  [{ ttlSeconds: 60 }, undefined],
  [{ ttlSeconds: 0 }, "BAD_INPUT"],
  [{ ttlSeconds: 400_000_000_000 }, "BAD_INPUT"],
  [{ optionsText: "[]" }, "BAD_INPUT"],
  [{ optionsText: '{"_retry_policy": {"minimum_delay": 1, "maximum_delay": 5}}' }, "BAD_INPUT"],
  [{ optionsText: '{"_retry_policy": {"minimum_delay": 1, "maximum_delay": 50}}' }, undefined],
])("%j is %s, at creation and at a change", async (fields, code) => {
  expect(await codeOf(subscribe(fields))).toBe(code);
  const { subscription } = await subscribe();
  const change = service.operations.subscriptions.update(operator, { queue: "q", id: subscription.id, ...fields });
  expect(await codeOf(change)).toBe(code);
});

test("a subscription is changed in the given fields, and deleted", async () => {
  const { subscriptions } = service.operations;
  const [one, two] = [(await subscribe()).subscription, (await subscribe()).subscription];
  const change = (params: object) => subscriptions.update(operator, { queue: "q", id: one.id, ...params });
  expect(await change({ ttlSeconds: 70 })).toMatchObject({ ttlSeconds: 70, subscriber: one.subscriber });
  expect(await codeOf(change({}))).toBe("BAD_INPUT");
  expect(await codeOf(change({ subscriber: two.subscriber }))).toBe("SUBSCRIPTION_ALREADY_EXISTS");
  await subscriptions.delete(operator, { queue: "q", id: one.id });
  expect(await codeOf(change({ ttlSeconds: 70 }))).toBe("SUBSCRIPTION_DOES_NOT_EXIST");
  expect(await codeOf(subscriptions.delete(operator, { queue: "q", id: one.id }))).toBeUndefined();
});

test("a subscription needs a queue, or creates it when asked, but not when the request is refused", async () => {
  const { queues, subscriptions } = service.operations;
  expect(await codeOf(subscribe({ queue: "lazy" }))).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await codeOf(subscribe({ queue: "lazy", createQueue: true, ttlSeconds: 1 }))).toBe("BAD_INPUT");
  expect(await queues.exists(operator, { queue: "lazy" })).toBe(false);
  expect((await subscribe({ queue: "lazy", createQueue: true })).created).toBe(true);
  expect((await subscriptions.list(viewer, { project: "p", queue: "lazy" })).items).toHaveLength(1);
  expect((await subscriptions.list(viewer, { project: "p", queue: "nowhere" })).items).toEqual([]);
  expect(await codeOf(subscriptions.create(viewer, { project: "p", queue: "lazy", subscriber: aSubscriber() }))).toBe(
    "FORBIDDEN",
  );
});
