import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type ControlDriverHarness, type OpenControlDriver, unique } from "./control-harness.ts";
import { queueListCases } from "./queue-lists.suite.ts";
import { queueRecordCases } from "./queue-records.suite.ts";
export function describeQueues(name: string, open: OpenControlDriver): void {
  describe(`queues on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const queues = () => harness.driver.queues;
    const missing = { code: "QUEUE_DOES_NOT_EXIST" };
    const aQueue = (changes: Partial<QueueRef> = {}): QueueRef => ({
      project: unique("project"),
      name: unique("queue"),
      ...changes,
    });

    queueRecordCases(() => harness);
    queueListCases(() => harness);

    describe("transactions", () => {
      it("commits all changes, which nobody sees before", async () => {
        const [one, two] = [aQueue(), aQueue()];
        const result = await harness.driver.transaction(async (tx) => {
          await tx.queues.create(one);
          await tx.queues.create(two);
          expect(await harness.neighbour.queues.exists(one)).toBe(false);
          return "done";
        });
        expect(result).toBe("done");
        expect(await queues().getMany([one, two])).toHaveLength(2);
      });

      it("rolls back when the work throws, and throws the same error", async () => {
        const queue = aQueue();
        const reason = new Error("changed my mind");
        await expect(
          harness.driver.transaction(async (tx) => {
            await tx.queues.create(queue);
            await tx.audit.append(anAction(queue.name));
            throw reason;
          }),
        ).rejects.toBe(reason);
        expect(await queues().exists(queue)).toBe(false);
        const { items } = await harness.driver.audit.list({ projects: "all", page: { limit: 100 } });
        expect(items.filter((entry) => entry.target === queue.name)).toEqual([]);
      });

      it("throws the driver's own error when the work does not catch it", async () => {
        const queue = aQueue();
        await expect(
          harness.driver.transaction(async (tx) => {
            await tx.queues.create(queue);
            await tx.queues.getMetadata(aQueue());
          }),
        ).rejects.toMatchObject(missing);
        expect(await queues().exists(queue)).toBe(false);
      });

      it("continues after an error that the work catches", async () => {
        const queue = aQueue();
        await harness.driver.transaction(async (tx) => {
          await tx.queues.create(queue);
          await tx.queues.get(aQueue()).catch(() => undefined);
        });
        expect(await queues().exists(queue)).toBe(true);
      });

      it("loses none of many concurrent changes to the metadata of one queue", async () => {
        const queue = aQueue();
        await queues().create(queue, '{"count":0}');
        await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).transaction(async (tx) => {
              const { count } = JSON.parse(await tx.queues.getMetadata(queue));
              await tx.queues.setMetadata(queue, JSON.stringify({ count: count + 1 }));
            }),
          ),
        );
        expect(await queues().getMetadata(queue)).toBe('{"count":12}');
      });

      it("of two concurrent transactions that create the same queue, the second finds it", async () => {
        const queue = aQueue();
        const results = await Promise.all(
          [harness.driver, harness.neighbour].map((driver) => driver.transaction((tx) => tx.queues.create(queue))),
        );
        expect(results.sort()).toEqual([false, true]);
      });
    });

    it("isAlive is true", async () => {
      expect(await harness.driver.isAlive()).toBe(true);
    });
  });
}

function anAction(target: string) {
  return {
    actor: "tester",
    action: "createQueue",
    project: null,
    target,
    outcome: "done" as const,
    detailsText: "{}",
    requestId: "r-1",
    reason: null,
  };
}
