import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LongPolls } from "../../../server/operations/live/long-polls.ts";
import type { ArrivalListener } from "../../../server/storage/data-driver.ts";
import { aService, codeOf, operator, type Service, viewer } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

let queues = 0;
async function aQueue(): Promise<string> {
  queues += 1;
  const queue = `q${queues}`;
  await service.operations.queues.create(operator, { queue });
  return queue;
}

const post = (queue: string, count = 1, changes: object = {}) =>
  service.operations.messages.post(operator, {
    queue,
    messages: Array.from({ length: count }, (_, index) => ({ bodyText: String(index), ...changes })),
  });
const claim = (queue: string, params: object = {}) =>
  service.operations.claims.create(operator, { queue, limit: 1, waitSeconds: 20, ...params });
const list = (queue: string, params: object = {}) =>
  service.operations.messages.list(viewer, { project: "p", queue, waitSeconds: 20, ...params });
const bodies = (answers: { messages: { bodyText: string }[] }[]) =>
  answers.flatMap(({ messages }) => messages.map(({ bodyText }) => bodyText)).sort();

describe("waiting", () => {
  test("a claim is answered as soon as something is posted", async () => {
    const queue = await aQueue();
    const waiting = claim(queue);
    await post(queue);
    expect((await waiting).messages).toHaveLength(1);
  });

  test("waiting claims share the messages that arrive, each message once, and the other claims keep waiting", async () => {
    const queue = await aQueue();
    const enough = new AbortController();
    const waiting = Array.from({ length: 12 }, () => claim(queue, { signal: enough.signal }));
    await post(queue, 3);
    await post(queue, 2);
    await expect
      .poll(async () => (await service.operations.queues.stats(viewer, { project: "p", queue })).claimed)
      .toBe(5);
    enough.abort();
    const answers = await Promise.all(waiting);
    expect(answers.filter(({ claim: made }) => made === null)).toHaveLength(7);
    expect(bodies(answers)).toEqual(["0", "0", "1", "1", "2"]);
  });

  test("a released message goes to a waiting claim", async () => {
    const queue = await aQueue();
    await post(queue);
    const held = await claim(queue);
    const waiting = claim(queue);
    await service.operations.claims.delete(operator, { queue, claimId: held.claim?.id as string });
    const next = await waiting;
    expect(next.messages).toHaveLength(1);
    const last = claim(queue);
    const ids = next.messages.map(({ id }) => id);
    await service.operations.claims.releaseMessages(operator, { queue, claimId: next.claim?.id as string, ids });
    expect((await last).messages).toHaveLength(1);
  });

  test("a waiting claim also gets a message whose delay or claim ends, though no notice reports that", async () => {
    const queue = await aQueue();
    await post(queue, 1, { delaySeconds: 100 });
    const waiting = claim(queue);
    service.clock.offsetMs += 100_000;
    expect((await waiting).messages).toHaveLength(1);
    const next = claim(queue);
    service.clock.offsetMs += 300_000;
    expect((await next).messages).toHaveLength(1);
  });

  test("all waiting readers of a queue are answered at once, and the messages stay", async () => {
    const queue = await aQueue();
    const waiting = Array.from({ length: 5 }, () => list(queue));
    await post(queue, 2);
    for (const page of await Promise.all(waiting)) expect(page.items.length).toBeGreaterThan(0);
    expect((await list(queue)).items).toHaveLength(2);
  });

  test("a wait ends empty when its caller disconnects", async () => {
    const queue = await aQueue();
    const gone = new AbortController();
    const waiting = [claim(queue, { signal: gone.signal }), list(queue, { signal: gone.signal })] as const;
    gone.abort();
    expect((await waiting[0]).claim).toBeNull();
    expect((await waiting[1]).items).toEqual([]);
  });

  test("a wait ends with an error when the queue is deleted", async () => {
    const queue = await aQueue();
    const waiting = codeOf(claim(queue));
    await service.operations.queues.delete(operator, { queue });
    expect(await waiting).toBe("QUEUE_DOES_NOT_EXIST");
  });

  test.each([-1, 21, 1.5, Number.NaN])("a wait of %d seconds is refused", async (waitSeconds) => {
    const queue = await aQueue();
    expect(await codeOf(claim(queue, { waitSeconds }))).toBe("BAD_INPUT");
    expect(await codeOf(list(queue, { waitSeconds }))).toBe("BAD_INPUT");
  });

  test("every wait ends when the server stops", async () => {
    const queue = await aQueue();
    const waiting = [claim(queue), claim(queue)];
    service.operations.endWaits();
    for (const answer of await Promise.all(waiting)) expect(answer.claim).toBeNull();
    expect((await claim(queue)).claim).toBeNull();
  });
});

describe("waiters of one queue", () => {
  const queue = { project: "p", name: "q" };
  function waiters() {
    let arrived: ArrivalListener = () => undefined;
    const watchArrivals = (listener: ArrivalListener) => {
      arrived = listener;
      return () => undefined;
    };
    const polls = new LongPolls({ data: { watchArrivals }, ticker: { listen: () => () => undefined } });
    const left: string[] = [];
    const claim = (signal?: AbortSignal) =>
      polls.until(
        { queue, waiting: "claim", waitSeconds: 20, ...(signal === undefined ? {} : { signal }) },
        async () => left.pop(),
        (answer) => answer !== undefined,
      );
    const arrive = (message: string) => {
      left.push(message);
      arrived(queue, 1);
    };
    return { claim, arrive };
  }
  /** Resolves once all waiters have looked and wait. */
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  test("a claim that finds a message at once leaves no timer behind", async () => {
    const { claim, arrive } = waiters();
    const timeout = vi.spyOn(AbortSignal, "timeout");
    arrive("a");
    expect(await claim()).toBe("a");
    expect(timeout).not.toHaveBeenCalled();
    timeout.mockRestore();
  });

  test("a waiter that disconnects as it is woken leaves the message to the next one", async () => {
    const { claim, arrive } = waiters();
    const gone = new AbortController();
    const first = claim(gone.signal);
    const second = claim();
    await turn();
    arrive("a");
    gone.abort();
    expect(await first).toBeUndefined();
    expect(await second).toBe("a");
  });
});
