/** What the subscription controller of every driver guarantees. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { emptyPage, type PageRequest } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import type { Subscription, SubscriptionController } from "../../server/storage/subscription-controller.ts";
import { advance, type DataDriverHarness, type OpenDataDriver, uniqueName } from "./harness.ts";
import { walk } from "./walk.ts";

const UNKNOWN_ID = "01234567-89ab-7def-8123-456789abcdef";
/** About so many seconds: the call itself takes some on a busy machine. */
const about = (seconds: number) => expect.closeTo(seconds, -1);
const refused = (code: string) => expect.objectContaining({ code });

export function describeSubscriptions(name: string, open: OpenDataDriver): void {
  describe(`subscriptions on ${name}`, () => {
    let world: DataDriverHarness;
    let subscriptions: SubscriptionController;
    let queue: QueueRef;

    beforeAll(async () => {
      world = await open();
      subscriptions = world.driver.subscriptions;
    });
    afterAll(() => world.close());
    beforeEach(async () => {
      queue = await aQueue();
    });

    const aQueue = (project = "p", queueName = uniqueName()): Promise<QueueRef> => world.newQueue(queueName, project);
    const passSeconds = (seconds: number) => advance(world, seconds);
    const subscribe = async (
      subscriber: string,
      given: { ttlSeconds?: number; to?: QueueRef } = {},
    ): Promise<Subscription> => {
      const { ttlSeconds = 10_000, to = queue } = given;
      const made = await subscriptions.create({ queue: to, subscriber, ttlSeconds, optionsText: "{}" });
      if (made === null) throw new Error(`${subscriber} is subscribed already.`);
      return made;
    };
    const idsOf = (found: { items: Subscription[] }) => found.items.map(({ id }) => id);

    it("start unconfirmed, with queue, subscriber, ttl and options as they were given", async () => {
      const optionsText = '{"big": 12345678901234567890, "nul": "\\u0000", "big": 1.0}';
      const made = await subscriptions.create({ queue, subscriber: "http://a/ü", ttlSeconds: 100, optionsText });
      expect(made).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        source: queue.name,
        subscriber: "http://a/ü",
        ttlSeconds: 100,
        ageSeconds: 0,
        createdAt: expect.any(Date),
        expiresAt: expect.any(Date),
        optionsText,
        confirmed: false,
      });
      const { createdAt, expiresAt, id } = made as Subscription;
      expect(expiresAt.getTime() - createdAt.getTime()).toBeCloseTo(100_000, -1);
      expect(await subscriptions.get({ queue, id })).toMatchObject({ ...made, ageSeconds: expect.any(Number) });
      expect(await subscriptions.getWithSubscriber({ queue, subscriber: "http://a/ü" })).toMatchObject({
        id,
        optionsText,
      });
      expect(await subscriptions.exists({ queue, id })).toBe(true);
    });

    it("are unique by project, queue and subscriber", async () => {
      await subscribe("http://a");
      expect(
        await subscriptions.create({ queue, subscriber: "http://a", ttlSeconds: 5, optionsText: '{"other": 1}' }),
      ).toBeNull();
      expect(await subscriptions.getWithSubscriber({ queue, subscriber: "http://a" })).toMatchObject({
        ttlSeconds: 10_000,
        optionsText: "{}",
      });
      await subscribe("http://b");
      await subscribe("http://a", { to: await aQueue() });
      await subscribe("http://a", { to: await aQueue("other project", queue.name) });
      await subscribe("http://a", { to: await aQueue("", queue.name) });
    });

    it("are created once with an idempotency key: a repeat returns the same one as it is now, or says that it is gone", async () => {
      const params = { queue, subscriber: "http://a", ttlSeconds: 100, optionsText: "{}", idempotencyKey: "k" };
      const made = await subscriptions.create(params);
      const id = made?.id as string;
      await subscriptions.confirm({ queue, id, confirmed: true });
      for (const driver of [world.driver, world.neighbour]) {
        expect(await driver.subscriptions.create(params)).toMatchObject({ id, confirmed: true });
      }
      await expect(subscriptions.create({ ...params, ttlSeconds: 99 })).rejects.toEqual(
        refused("IDEMPOTENCY_KEY_REUSED"),
      );
      await subscriptions.delete({ queue, id });
      await expect(subscriptions.create(params)).rejects.toEqual(refused("SUBSCRIPTION_DOES_NOT_EXIST"));
      // What created nothing keeps nothing.
      const other = await subscribe("http://a");
      const again = { ...params, idempotencyKey: "again" };
      expect(await subscriptions.create(again)).toBeNull();
      await subscriptions.delete({ queue, id: other.id });
      expect(await subscriptions.create(again)).toMatchObject({ subscriber: "http://a" });
      passSeconds(86_401);
      expect(await subscriptions.create(params)).toMatchObject({ subscriber: "http://a", confirmed: false });
      const missing = { ...params, queue: { project: "p", name: uniqueName("missing") } };
      await expect(subscriptions.create(missing)).rejects.toEqual(refused("QUEUE_DOES_NOT_EXIST"));
    });

    it("are created once when many clients subscribe the same subscriber at once", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () =>
          subscriptions.create({ queue, subscriber: "http://a", ttlSeconds: 100, optionsText: "{}" }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
    });

    it("are returned to every call with their idempotency key, also when those come at once", async () => {
      for (const subscriber of ["http://a", "http://b", "http://c"]) {
        const params = { queue, subscriber, ttlSeconds: 100, optionsText: "{}", idempotencyKey: subscriber };
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            (index % 2 === 0 ? world.driver : world.neighbour).subscriptions.create(params),
          ),
        );
        const { id } = await subscriptions.getWithSubscriber({ queue, subscriber });
        expect(outcomes.map((outcome) => outcome?.id)).toEqual(Array(10).fill(id));
      }
    });

    it("stay apart in queues whose project and name join to the same text", async () => {
      const one = await aQueue("a.b", uniqueName("c"));
      const other = await aQueue("a", `b.${one.name}`);
      const { id } = await subscribe("http://a", { to: one });
      await subscribe("http://a", { to: other });
      expect(await subscriptions.exists({ queue: other, id })).toBe(false);
      expect(await subscriptions.deleteAll({ queue: other })).toBe(1);
      expect(await subscriptions.exists({ queue: one, id })).toBe(true);
    });

    it("do not exist under another queue or project, nor under a malformed or unknown id", async () => {
      const { id } = await subscribe("http://a");
      const elsewhere = [await aQueue(), await aQueue("other project", queue.name)];
      for (const [place, wrongId] of [
        ...elsewhere.map((place) => [place, id] as const),
        [queue, UNKNOWN_ID] as const,
        [queue, "nonsense"] as const,
        [queue, ""] as const,
      ]) {
        const params = { queue: place, id: wrongId };
        await expect(subscriptions.get(params)).rejects.toEqual(refused("SUBSCRIPTION_DOES_NOT_EXIST"));
        await expect(subscriptions.update({ ...params, ttlSeconds: 9 })).rejects.toEqual(
          refused("SUBSCRIPTION_DOES_NOT_EXIST"),
        );
        await expect(subscriptions.confirm({ ...params, confirmed: true })).rejects.toEqual(
          refused("SUBSCRIPTION_DOES_NOT_EXIST"),
        );
        expect(await subscriptions.exists(params)).toBe(false);
        expect(await subscriptions.delete(params)).toBe(false);
      }
      expect(await subscriptions.get({ queue, id })).toMatchObject({ ttlSeconds: 10_000, confirmed: false });
      await expect(subscriptions.getWithSubscriber({ queue, subscriber: "http://b" })).rejects.toEqual(
        refused("SUBSCRIPTION_DOES_NOT_EXIST"),
      );
    });

    it("are also found by their id in upper case and without hyphens", async () => {
      const { id } = await subscribe("http://a");
      expect(await subscriptions.get({ queue, id: id.replaceAll("-", "").toUpperCase() })).toMatchObject({ id });
    });

    it("do not exist for any call from the moment they expire", async () => {
      const { id } = await subscribe("http://a", { ttlSeconds: 1000 });
      const { id: stays } = await subscribe("http://b");
      passSeconds(900);
      expect(await subscriptions.get({ queue, id })).toMatchObject({ ageSeconds: about(900) });
      passSeconds(100);
      await expect(subscriptions.get({ queue, id })).rejects.toEqual(refused("SUBSCRIPTION_DOES_NOT_EXIST"));
      await expect(subscriptions.getWithSubscriber({ queue, subscriber: "http://a" })).rejects.toEqual(
        refused("SUBSCRIPTION_DOES_NOT_EXIST"),
      );
      await expect(subscriptions.update({ queue, id, ttlSeconds: 100 })).rejects.toEqual(
        refused("SUBSCRIPTION_DOES_NOT_EXIST"),
      );
      await expect(subscriptions.confirm({ queue, id, confirmed: true })).rejects.toEqual(
        refused("SUBSCRIPTION_DOES_NOT_EXIST"),
      );
      expect(await subscriptions.exists({ queue, id })).toBe(false);
      expect(idsOf(await subscriptions.list({ queue, page: { limit: 10 } }))).toEqual([stays]);
    });

    it("an expired subscription does not stand in the way of a new one of the same subscriber", async () => {
      const old = await subscribe("http://a", { ttlSeconds: 1000 });
      await subscriptions.confirm({ queue, id: old.id, confirmed: true });
      passSeconds(1000);
      const made = await subscribe("http://a", { ttlSeconds: 20 });
      expect(made).toMatchObject({ ageSeconds: 0, ttlSeconds: 20, confirmed: false });
      expect(made.id).not.toBe(old.id);
      expect(await subscriptions.exists({ queue, id: old.id })).toBe(false);
    });

    describe("update", () => {
      it("changes the given fields and nothing else", async () => {
        const { id } = await subscribe("http://a");
        await subscriptions.confirm({ queue, id, confirmed: true });
        passSeconds(40);
        expect(await subscriptions.update({ queue, id, optionsText: '{"a": 1}' })).toMatchObject({
          id,
          subscriber: "http://a",
          ttlSeconds: 10_000,
          ageSeconds: about(40),
          optionsText: '{"a": 1}',
          confirmed: true,
        });
        const changed = await subscriptions.update({ queue, id, subscriber: "http://b" });
        expect(changed).toMatchObject({
          id,
          subscriber: "http://b",
          ttlSeconds: 10_000,
          ageSeconds: about(40),
          optionsText: '{"a": 1}',
        });
        expect(await subscriptions.get({ queue, id })).toMatchObject({ ...changed, ageSeconds: expect.any(Number) });
        await expect(subscriptions.getWithSubscriber({ queue, subscriber: "http://a" })).rejects.toEqual(
          refused("SUBSCRIPTION_DOES_NOT_EXIST"),
        );
      });

      it("counts a new ttl from now", async () => {
        const made = await subscribe("http://a");
        passSeconds(9000);
        const renewed = await subscriptions.update({ queue, id: made.id, ttlSeconds: 2000 });
        expect(renewed).toMatchObject({ ttlSeconds: 2000, ageSeconds: 0, createdAt: made.createdAt });
        passSeconds(1900);
        expect(await subscriptions.get({ queue, id: made.id })).toMatchObject({ ageSeconds: about(1900) });
        passSeconds(100);
        expect(await subscriptions.exists({ queue, id: made.id })).toBe(false);
      });

      it("refuses the subscriber of another live subscription, and changes nothing", async () => {
        await subscribe("http://a");
        const { id } = await subscribe("http://b");
        await expect(subscriptions.update({ queue, id, subscriber: "http://a", ttlSeconds: 7 })).rejects.toEqual(
          refused("SUBSCRIPTION_ALREADY_EXISTS"),
        );
        expect(await subscriptions.get({ queue, id })).toMatchObject({ subscriber: "http://b", ttlSeconds: 10_000 });
        expect(await subscriptions.update({ queue, id, subscriber: "http://b" })).toMatchObject({ id });
      });

      it("accepts the subscriber of an expired subscription", async () => {
        const old = await subscribe("http://a", { ttlSeconds: 1000 });
        const { id } = await subscribe("http://b");
        passSeconds(1000);
        expect(await subscriptions.update({ queue, id, subscriber: "http://a" })).toMatchObject({
          id,
          subscriber: "http://a",
        });
        expect(await subscriptions.getWithSubscriber({ queue, subscriber: "http://a" })).toMatchObject({ id });
        expect(await subscriptions.exists({ queue, id: old.id })).toBe(false);
      });
    });

    it("can be confirmed, and unconfirmed again", async () => {
      const { id } = await subscribe("http://a");
      expect(await subscriptions.confirm({ queue, id, confirmed: true })).toMatchObject({ id, confirmed: true });
      expect(await subscriptions.get({ queue, id })).toMatchObject({ confirmed: true });
      expect(await subscriptions.confirm({ queue, id, confirmed: false })).toMatchObject({ confirmed: false });
    });

    it("are deleted one by one, which tells whether there was one, and all at once", async () => {
      const made = [await subscribe("http://a"), await subscribe("http://b"), await subscribe("http://c")];
      const elsewhere = await aQueue();
      const { id } = await subscribe("http://a", { to: elsewhere });
      expect(await subscriptions.delete({ queue, id: made[0]?.id as string })).toBe(true);
      expect(await subscriptions.delete({ queue, id: made[0]?.id as string })).toBe(false);
      expect(await subscriptions.exists({ queue, id: made[0]?.id as string })).toBe(false);
      const expired = await subscribe("http://expired", { ttlSeconds: 1 });
      await subscribe("http://expired-too", { ttlSeconds: 1 });
      passSeconds(1);
      expect(await subscriptions.delete({ queue, id: expired.id })).toBe(false);
      expect(await subscriptions.deleteAll({ queue })).toBe(2);
      expect(await subscriptions.deleteAll({ queue })).toBe(0);
      expect(await subscriptions.exists({ queue: elsewhere, id })).toBe(true);
      await subscribe("http://a");
    });

    describe("list", () => {
      it("pages both ways in the order of creation", async () => {
        const ids: string[] = [];
        for (let number = 0; number < 7; number++) ids.push((await subscribe(`http://${7 - number}`)).id);
        await subscribe("http://elsewhere", { to: await aQueue() });
        expect(ids).toEqual([...ids].sort());

        const list = (page: PageRequest) => subscriptions.list({ queue, page });
        const first = await list({ limit: 3 });
        expect(idsOf(first)).toEqual(ids.slice(0, 3));
        expect(first).toMatchObject({ nextMarker: ids[2], previousMarker: null });
        const second = await list({ limit: 3, after: ids[2] });
        expect(idsOf(second)).toEqual(ids.slice(3, 6));
        expect(second).toMatchObject({ nextMarker: ids[5], previousMarker: ids[3] });
        const third = await list({ limit: 3, after: ids[5] });
        expect(idsOf(third)).toEqual(ids.slice(6));
        expect(third).toMatchObject({ nextMarker: null, previousMarker: ids[6] });
        const back = await list({ limit: 3, before: ids[6] });
        expect(idsOf(back)).toEqual(ids.slice(3, 6));
        expect(back).toMatchObject({ nextMarker: ids[5], previousMarker: ids[3] });
        expect(await list({ limit: 3, before: ids[3] })).toMatchObject({ previousMarker: null, nextMarker: ids[2] });
        expect(await list({ limit: 3, before: ids[0] })).toEqual(emptyPage());
        const idsOfPage = async (page: PageRequest) => {
          const found = await list(page);
          return { ...found, items: idsOf(found) };
        };
        expect(await walk(idsOfPage, [3])).toEqual(ids);
      });

      it("continues after a subscription that was deleted meanwhile, and refuses a malformed marker", async () => {
        const [a, b] = [await subscribe("http://a"), await subscribe("http://b")];
        await subscriptions.delete({ queue, id: a.id });
        expect(idsOf(await subscriptions.list({ queue, page: { limit: 5, after: a.id } }))).toEqual([b.id]);
        const nonsense = subscriptions.list({ queue, page: { limit: 5, after: "nonsense" } });
        await expect(nonsense).rejects.toMatchObject({ code: "BAD_INPUT" });
      });

      it("returns a full page though subscriptions in between have expired", async () => {
        const ids: string[] = [];
        for (let number = 0; number < 6; number++) {
          const { id } = await subscribe(`http://${number}`, { ttlSeconds: number % 2 === 0 ? 1000 : 2000 });
          if (number % 2 === 1) ids.push(id);
        }
        passSeconds(1000);
        expect(idsOf(await subscriptions.list({ queue, page: { limit: 3 } }))).toEqual(ids);
      });
    });
  });
}
