import { describe, expect, it } from "vitest";
import type { CountParams, Selection, SelectParams } from "../../server/storage/messages/message-select.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, aMessage, bodies, claim, type DataDriverHarness, idsOf, post } from "./harness.ts";

const PLENTY = { messages: 100_000, bytes: 1_073_741_824, milliseconds: 10_000 };
/** More messages than a driver looks at in one step. */
const MANY = 2500;

/** Cases of a suite whose harness `harness` gives: messages are found by what they are. */
export function selectCases(harness: () => DataDriverHarness): void {
  const select = (queue: QueueRef, filter: SelectParams["filter"], options: Partial<SelectParams> = {}) =>
    harness().driver.messages.select({ queue, filter, order: "oldestFirst", limit: 100, budget: PLENTY, ...options });

  const count = (queue: QueueRef, filter: SelectParams["filter"], options: Partial<CountParams> = {}) =>
    harness().driver.messages.count({ queue, filter, budget: PLENTY, ...options });

  /** All slices, to the end. */
  async function slices(queue: QueueRef, filter: SelectParams["filter"], options: Partial<SelectParams> = {}) {
    const all: Selection[] = [];
    for (let after: string | undefined; all.at(-1)?.done !== true && all.length < 1000; after = all.at(-1)?.position) {
      all.push(await select(queue, filter, { ...options, after }));
    }
    return all;
  }

  async function postBodies(queue: QueueRef, texts: readonly unknown[], clientId: string | null = null) {
    const messages = texts.map((body) => aMessage(body));
    return (await harness().driver.messages.post({ queue, messages, clientId })).ids;
  }

  describe("selecting", () => {
    it("goes from either end, and on from where it ended, without gap or overlap", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 25);
      for (const [order, expected] of [
        ["oldestFirst", ids],
        ["newestFirst", ids.toReversed()],
      ] as const) {
        const all = await slices(queue, {}, { order, limit: 7 });
        expect(all.map(({ messages }) => messages.length)).toEqual([7, 7, 7, 4]);
        expect(all.flatMap(({ messages }) => idsOf(messages))).toEqual(expected);
        expect(all.reduce((sum, { examined }) => sum + examined, 0)).toBe(25);
        expect(all.map(({ done }) => done)).toEqual([false, false, false, true]);
      }
      const end = (await select(queue, {}, { order: "oldestFirst" })).position;
      expect(await select(queue, {}, { after: end })).toMatchObject({ messages: [], position: end, done: true });
      const [late] = await post(harness(), queue, 1);
      expect(idsOf((await select(queue, {}, { after: end })).messages)).toEqual([late]);
    });

    it("an empty queue is done at once", async () => {
      const queue = await harness().newQueue();
      expect(await select(queue, { bodyContains: "x", states: ["ready"], postedFrom: new Date(0) })).toEqual({
        messages: [],
        position: undefined,
        examined: 0,
        reachedAt: null,
        done: true,
      });
    });

    it("finds the messages of each state, alone and together, and no expired ones", async () => {
      const queue = await harness().newQueue();
      const exhausted = await post(harness(), queue, 2);
      await claim(harness(), queue, { limit: 2, ttlSeconds: 60 });
      advance(harness(), 60);
      const held = await post(harness(), queue, 2);
      await claim(harness(), queue, { limit: 2, exhaustedFrom: 1 });
      const delayed = await post(harness(), queue, 2, { delaySeconds: 600 });
      await post(harness(), queue, 2, { ttlSeconds: 30 });
      const ready = await post(harness(), queue, 2);
      advance(harness(), 30);
      const found = async (states: SelectParams["filter"]["states"]) =>
        idsOf((await select(queue, { states }, { exhaustedFrom: 1, order: "newestFirst" })).messages).reverse();
      expect(await found(["exhausted"])).toEqual(exhausted);
      expect(await found(["claimed"])).toEqual(held);
      expect(await found(["delayed"])).toEqual(delayed);
      expect(await found(["ready"])).toEqual(ready);
      expect(await found(["ready", "exhausted"])).toEqual([...exhausted, ...ready]);
      expect(await found(["claimed", "delayed"])).toEqual([...held, ...delayed]);
      expect(await found(undefined)).toEqual([...exhausted, ...held, ...delayed, ...ready]);
      expect(await found([])).toEqual([]);
      const { messages } = await select(queue, { states: ["ready"] });
      expect(idsOf(messages)).toEqual([...exhausted, ...ready]);
    });

    it("finds a text in bodies as it was posted, and not in headers", async () => {
      const queue = await harness().newQueue();
      const texts = [{ n: "c-704" }, { n: "C-704" }, { n: "100%" }, { n: "a_b" }, { n: "ärger 🐟" }, { n: "a.b" }];
      const ids = await postBodies(queue, texts);
      const messages = [{ ...aMessage({ n: "x" }), headers: { trace: "c-704\nc-704" } }];
      const [withHeaders] = (await harness().driver.messages.post({ queue, messages, clientId: null })).ids;
      const found = async (bodyContains: string) => idsOf((await select(queue, { bodyContains })).messages);
      expect(await found("c-704")).toEqual([ids[0]]);
      expect(await found("00%")).toEqual([ids[2]]);
      expect(await found("a_b")).toEqual([ids[3]]);
      expect(await found("🐟")).toEqual([ids[4]]);
      expect(await found("a.b")).toEqual([ids[5]]);
      expect(await found('"x"')).toEqual([withHeaders]);
      expect(await found("headers:")).toEqual([]);
    });

    it("finds messages by who posted them, and by how often they were claimed", async () => {
      const queue = await harness().newQueue();
      await postBodies(queue, ["mine"], "me % you");
      await postBodies(queue, ["theirs"], "them");
      await postBodies(queue, ["nobody's"]);
      await claim(harness(), queue, { limit: 2, ttlSeconds: 60 });
      advance(harness(), 60);
      await claim(harness(), queue, { limit: 1, ttlSeconds: 60 });
      expect(bodies((await select(queue, { clientId: "me % you" })).messages)).toEqual(["mine"]);
      expect(bodies((await select(queue, { minClaimCount: 1 })).messages)).toEqual(["mine", "theirs"]);
      expect(bodies((await select(queue, { minClaimCount: 2 })).messages)).toEqual(["mine"]);
    });

    it("finds messages by who holds them, and by when their claims end", async () => {
      const queue = await harness().newQueue();
      const [one, two, three, four, free] = await post(harness(), queue, 5);
      await claim(harness(), queue, { limit: 1, ttlSeconds: 60, clientId: "worker % 1", actor: "ada" });
      await claim(harness(), queue, { limit: 1, ttlSeconds: 300, clientId: "worker % 1", actor: "ada" });
      await claim(harness(), queue, { limit: 1, ttlSeconds: 60, clientId: null, actor: "ada" });
      const { claim: last } = await claim(harness(), queue, { limit: 1, ttlSeconds: 60, clientId: "ada", actor: null });
      const { messages } = await select(queue, {});
      const endOf = (index: number) => messages[index]?.claim?.expiresAt as Date;
      const soon = new Date(endOf(0).getTime() + 30_000);
      const found = async (filter: SelectParams["filter"]) => {
        const ids = idsOf((await select(queue, filter)).messages);
        expect((await count(queue, filter)).matching).toBe(ids.length);
        return ids;
      };
      expect(await found({ holder: "worker % 1" })).toEqual([one, two]);
      expect(await found({ holder: "ada" })).toEqual([three, four]);
      expect(await found({ holder: "nobody" })).toEqual([]);
      expect(await found({ claimEndsBefore: soon })).toEqual([one, three, four]);
      expect(await found({ claimEndsBefore: endOf(0) })).toEqual([]);
      expect(await found({ holder: "worker % 1", claimEndsBefore: soon, states: ["claimed"] })).toEqual([one]);
      expect(await found({ holder: "worker % 1", states: ["ready"] })).toEqual([]);
      expect(await found({ claimEndsBefore: soon, ids: [two, free, three] as string[] })).toEqual([three]);
      // A renewal takes the message out; a release and an end, too.
      await harness().driver.claims.update({ queue, id: last?.id as string, ttlSeconds: 600, graceSeconds: 60 });
      expect(await found({ claimEndsBefore: soon })).toEqual([one, three]);
      advance(harness(), 61);
      expect(await found({ holder: "worker % 1" })).toEqual([two]);
      expect(await found({ holder: "ada" })).toEqual([four]);
      await harness().driver.claims.delete({ queue, id: last?.id as string });
      expect(await found({ holder: "ada" })).toEqual([]);
    });

    it("finds messages between two times and between two markers, and looks at no others", async () => {
      const queue = await harness().newQueue();
      for (let minute = 0; minute < 5; minute += 1) {
        await postBodies(queue, [minute, minute]);
        advance(harness(), 60);
      }
      const { messages } = await select(queue, {});
      const at = (index: number) => messages[2 * index]?.createdAt as Date;
      for (const order of ["oldestFirst", "newestFirst"] as const) {
        const found = async (filter: SelectParams["filter"]) => {
          const selection = await select(queue, filter, { order });
          expect(selection.examined).toBe(selection.messages.length);
          return bodies(selection.messages).sort();
        };
        expect(await found({ postedFrom: at(1), postedBefore: at(3) })).toEqual([1, 1, 2, 2]);
        expect(await found({ postedFrom: at(4) })).toEqual([4, 4]);
        expect(await found({ postedBefore: at(1) })).toEqual([0, 0]);
        expect(await found({ postedBefore: new Date(at(0).getTime() - 1000) })).toEqual([]);
        const [above, upTo] = [messages[2]?.marker, messages[5]?.marker];
        expect(await found({ aboveMarker: above, upToMarker: upTo })).toEqual([1, 2, 2]);
        expect(await found({ aboveMarker: upTo, upToMarker: above })).toEqual([]);
      }
      const [first] = await slices(queue, { postedFrom: at(2) }, { order: "newestFirst", limit: 3 });
      expect(bodies(first?.messages ?? [])).toEqual([4, 4, 3]);
      expect(first?.reachedAt).toEqual(at(3));
    });

    it("finds messages by id, in the order of the ids, if they fit the rest of the filter", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 9);
      await claim(harness(), queue, { limit: 3 });
      const asked = [ids[8], "no id", ids[1], "00000000-0000-4000-8000-000000000000", ids[5], ids[7]] as string[];
      expect(idsOf((await select(queue, { ids: asked })).messages)).toEqual([ids[8], ids[1], ids[5], ids[7]]);
      const ready = await slices(queue, { ids: asked, states: ["ready"] }, { limit: 1 });
      expect(ready.flatMap(({ messages }) => idsOf(messages))).toEqual([ids[8], ids[5], ids[7]]);
      expect(ready.at(-1)?.done).toBe(true);
      expect(await select(queue, { ids: [] })).toMatchObject({ messages: [], done: true });
    });

    it("ends a slice when its budget is used up, and says how far it came", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, MANY);
      const [needle] = await postBodies(queue, ["needle"]);
      const filter = { bodyContains: "needle" };
      const cut = await select(queue, filter, { budget: { ...PLENTY, messages: 1000 } });
      expect(cut).toMatchObject({ messages: [], examined: 1000, done: false });
      const rest = await select(queue, filter, { after: cut.position });
      expect(rest).toMatchObject({ examined: MANY - 999, done: true });
      expect(idsOf(rest.messages)).toEqual([needle]);

      const large = await harness().newQueue();
      await postBodies(
        large,
        [..."abcdef"].map((letter) => letter.repeat(100_000)),
      );
      const few = await slices(large, { bodyContains: "f" }, { budget: { ...PLENTY, bytes: 250_000 } });
      // A driver may look into one body more.
      expect(few.length).toBeGreaterThan(1);
      expect(few.reduce((sum, { examined }) => sum + examined, 0)).toBe(6);
      expect(few.flatMap(({ messages }) => messages).length).toBe(1);
      const small = await slices(large, {}, { maxBytes: 250_000, order: "newestFirst" });
      expect(small.map(({ messages }) => messages.length)).toEqual([2, 2, 2]);
      const hurried = await slices(queue, filter, { budget: { ...PLENTY, milliseconds: 0 } });
      expect(hurried.flatMap(({ messages }) => idsOf(messages))).toEqual([needle]);
      expect(hurried.length).toBeGreaterThan(1);
    });

    it("refuses a position that no call could have given, and a queue that does not exist", async () => {
      const queue = await harness().newQueue();
      const [id] = (await post(harness(), queue, 1)) as [string];
      await expect(select(queue, {}, { after: "no position" })).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(select(queue, { ids: [id] }, { after: "7" })).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(select({ project: "p", name: "missing" }, {})).rejects.toMatchObject({
        code: "QUEUE_DOES_NOT_EXIST",
      });
    });

    it("sees neither what was purged nor changes what it reads", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 3);
      await harness().driver.messages.purge({ queue });
      const ids = await post(harness(), queue, 2);
      expect(idsOf((await select(queue, {}, { order: "newestFirst" })).messages)).toEqual(ids.toReversed());
      expect((await claim(harness(), queue)).messages.map(({ id, claimCount }) => [id, claimCount])).toEqual(
        ids.map((id) => [id, 1]),
      );
    });
  });

  describe("counting", () => {
    it("counts what a search would find, and those that a live claim holds, and says which are first and last", async () => {
      const queue = await harness().newQueue();
      expect(await count(queue, {})).toEqual({
        matching: 0,
        claimed: 0,
        oldest: null,
        newest: null,
        position: undefined,
        examined: 0,
        reachedAt: null,
        done: true,
      });
      const ids = await postBodies(queue, ["a", "b", "needle", "a", "b"], "me");
      await claim(harness(), queue, { limit: 2 });
      advance(harness(), 60);
      await post(harness(), queue, 1, { delaySeconds: 600 });
      await postBodies(queue, ["needle"]);
      const { messages } = await select(queue, {});
      const placeOf = (index: number) => ({ marker: messages[index]?.marker, createdAt: messages[index]?.createdAt });
      const all = { matching: 7, claimed: 2, oldest: placeOf(0), newest: placeOf(6), examined: 7, done: true };
      expect(await count(queue, {})).toMatchObject({ ...all, position: placeOf(6).marker });
      const found = async (filter: SelectParams["filter"]) => {
        const { matching, claimed, oldest, newest } = await count(queue, filter);
        const index = (place: typeof oldest) => messages.findIndex(({ marker }) => marker === place?.marker);
        return [matching, claimed, index(oldest), index(newest)];
      };
      expect(await found({ states: ["ready"] })).toEqual([4, 0, 2, 6]);
      expect(await found({ states: ["claimed", "delayed"] })).toEqual([3, 2, 0, 5]);
      expect(await found({ bodyContains: "needle" })).toEqual([2, 0, 2, 6]);
      expect(await found({ clientId: "me", states: ["ready"], bodyContains: "b" })).toEqual([1, 0, 4, 4]);
      expect(await found({ minClaimCount: 1 })).toEqual([2, 2, 0, 1]);
      expect(await found({ postedFrom: placeOf(5).createdAt })).toEqual([2, 0, 5, 6]);
      expect(await found({ aboveMarker: placeOf(0).marker, upToMarker: placeOf(3).marker })).toEqual([3, 1, 1, 3]);
      expect(await found({ ids: [ids[4], ids[1], "no id"] as string[] })).toEqual([2, 1, 1, 4]);
      expect(await found({ states: [] })).toEqual([0, 0, -1, -1]);
    });

    it("goes on where it ended, when its budget is used up", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 900);
      const first = await count(queue, {}, { budget: { ...PLENTY, messages: 300 } });
      expect(first).toMatchObject({ matching: 300, examined: 300, done: false });
      const rest = await count(queue, {}, { after: first.position });
      expect(rest).toMatchObject({ matching: 600, examined: 600, done: true });
      await expect(count(queue, {}, { after: "no position" })).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(count({ project: "p", name: "missing" }, {})).rejects.toMatchObject({
        code: "QUEUE_DOES_NOT_EXIST",
      });
    });

    it("reads no more bodies than its budget allows", async () => {
      const queue = await harness().newQueue();
      await postBodies(
        queue,
        [..."abcdef"].map((letter) => letter.repeat(100_000)),
      );
      const budget = { ...PLENTY, bytes: 250_000 };
      const first = await count(queue, { bodyContains: "f" }, { budget });
      expect(first).toMatchObject({ matching: 0, done: false });
      const rest = await count(queue, { bodyContains: "f" }, { after: first.position });
      expect([rest.matching, first.examined + rest.examined]).toEqual([1, 6]);
      expect(await count(queue, {}, { budget })).toMatchObject({ matching: 6, done: true });
    });
  });
}
