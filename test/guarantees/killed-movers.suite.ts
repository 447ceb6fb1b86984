/** Processes are killed while they move queues. Nothing is lost or doubled, and another process continues. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { hasCode } from "../../server/errors.ts";
import { createJobStore } from "../../server/jobs/store.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, idsOf, readAll } from "../conformance/harness.ts";
import type { OpenTwoPools, TwoPools } from "../support/two-pools.ts";

/** `rounds`: how often a mover is killed. The drain goes from the pool "left" to "right". */
export function describeKilledMovers(name: string, open: OpenTwoPools, rounds: number): void {
  describe(`movers between pools on ${name}`, () => {
    let two: TwoPools;
    let control: pg.Client;
    const children = new Set<ChildProcess>();
    beforeAll(async () => {
      two = await open();
      control = new pg.Client({ connectionString: two.url });
      await control.connect();
    });
    afterEach(async () => {
      for (const child of children) await kill(child);
    });
    afterAll(async () => {
      await control.end();
      await two.close();
    });

    function mover(...args: string[]): ChildProcess {
      const program = fileURLToPath(new URL("queue-mover.ts", import.meta.url));
      const child = spawn(process.execPath, [program, two.url, ...args], { stdio: ["ignore", "ignore", "inherit"] });
      children.add(child);
      return child;
    }
    async function kill(child: ChildProcess): Promise<void> {
      children.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    const isMoving = async () => (await control.query("SELECT 1 FROM queue_moves")).rows.length > 0;
    const placeOf = async (queue: QueueRef) => (await two.one.control.catalogue.get(queue)).pool;

    it("movers that are killed at random moments while others post lose and double no acknowledged message, and keep the order", async () => {
      const queue = await two.aQueue("killed");
      const posted: string[] = [];
      const { ids } = await two.one.data.messages.post({
        queue,
        messages: Array.from({ length: 900 }, (_, index) => aMessage(index)),
        clientId: null,
      });
      posted.push(...ids);
      let running = true;
      const poster = async () => {
        while (running) {
          // A client also repeats a post with its key when it is told to try again, or cannot know the outcome.
          const idempotencyKey = randomUUID();
          for (let sent = false; !sent; ) {
            try {
              const made = await two.other.data.messages.post({
                queue,
                messages: [aMessage("more")],
                clientId: null,
                idempotencyKey,
              });
              posted.push(...made.ids);
              sent = true;
            } catch (error) {
              if (!hasCode(error, "QUEUE_IS_MOVING")) throw error;
            }
          }
          // Leaves the processor to the movers, which copy what is posted again after each kill.
          await pause(3);
        }
      };
      const posting = [poster(), poster()];
      onTestFinished(async () => {
        running = false;
        await Promise.allSettled(posting);
      });
      const phases = new Set<string>();
      for (let round = 0; round < rounds; round += 1) {
        const child = mover(queue.name);
        await expect.poll(isMoving, { interval: 5 }).toBe(true);
        await pause(Math.random() * 120);
        await kill(child);
        // The server may still do what the dead process sent last, such as beginning a move. So the leases end more
        // than once, as they do by themselves.
        const isStillMoving = async () => {
          const { rows } = await control.query<{ phase: string }>(
            "UPDATE queue_moves SET lease_expires_at = now() - interval '1 second' RETURNING phase",
          );
          for (const { phase } of rows) phases.add(phase);
          await two.moves.recover();
          return isMoving();
        };
        await expect.poll(isStillMoving).toBe(false);
        const until = posted.length + 5;
        await expect.poll(() => posted.length > until).toBe(true);
      }
      running = false;
      await Promise.all(posting);
      expect(phases.size).toBeGreaterThan(0);
      const all = idsOf(await readAll(two.one.data, queue, 1000));
      expect(new Set(all).size).toBe(all.length);
      expect(new Set(all)).toEqual(new Set(posted));
      expect(all.slice(0, 900)).toEqual(ids);
      expect(two.warnings).toEqual([]);
    });

    it("a queue whose mover dies during the freeze can be used again after two seconds", async () => {
      const queue = await two.aQueue("frozen");
      await once(mover(queue.name, "frozen"), "exit");
      const lease =
        "SELECT extract(epoch FROM lease_expires_at - clock_timestamp())::float8 AS seconds FROM queue_moves";
      const { rows } = await control.query<{ seconds: number }>(lease);
      expect(rows.map(({ seconds }) => seconds <= 2)).toEqual([true]);
      // Every process does this once a second.
      await expect.poll(() => two.moves.recover(), { interval: 50 }).toBe(1);
      const { ids } = await two.one.data.messages.post({ queue, messages: [aMessage("on")], clientId: null });
      expect([ids.length, await placeOf(queue)]).toEqual([1, "left"]);
    });

    it("a drain whose process is killed continues in another process and finishes", async () => {
      const connections = openConnections({ url: two.url, connections: 2 });
      const store = createJobStore({ connections });
      try {
        const queues: { queue: QueueRef; ids: string[] }[] = [];
        for (let index = 0; index < 40; index += 1) {
          const queue = await two.aQueue(`drained-${index}`);
          const messages = Array.from({ length: 50 }, (_, body) => aMessage(body));
          queues.push({ queue, ids: (await two.one.data.messages.post({ queue, messages, clientId: null })).ids });
        }
        await two.one.control.pools.update("left", { weight: 0 });
        const { job } = await store.add({
          kind: "drainPool",
          project: null,
          target: "left",
          inputText: '{"weight":1}',
          actor: "ada",
          requestId: "r",
        });
        const first = mover();
        const movedSoFar = async () =>
          (await control.query("SELECT 1 FROM catalogue_entries WHERE queue LIKE 'drained-%' AND pool = 'right'")).rows
            .length;
        await expect.poll(movedSoFar, { interval: 2 }).toBeGreaterThan(0);
        await kill(first);
        expect(await movedSoFar()).toBeLessThan(40);
        // Two processes look for the job. One gets it when the dead process's lease has ended.
        mover();
        mover();
        await expect.poll(async () => (await store.get(job.id))?.state, { timeout: 50_000 }).toBe("done");
        expect(await store.get(job.id)).toMatchObject({ fence: 2, error: null });
        for (const { queue, ids } of queues) {
          expect(await placeOf(queue)).toBe("right");
          expect(idsOf(await readAll(two.one.data, queue, 1000))).toEqual(ids);
        }
        expect((await two.one.control.catalogue.countByPool("left")).value).toBe(0);
        expect(await isMoving()).toBe(false);
      } finally {
        await connections.end();
      }
    });
  });
}
