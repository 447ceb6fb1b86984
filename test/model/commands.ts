/** The commands of the model's test. Each runs on a real driver and on the model, and compares the results. */
import fc from "fast-check";
import { expect } from "vitest";
import type { ClaimedMessages, DataDriver, NewMessage } from "../../server/storage/data-driver.ts";
import type { MessageHeaders } from "../../server/storage/messages/message-headers.ts";
import { compareAll, likeClaim, likeMessage, type ObservedQueue, UNIT } from "./observations.ts";
import { fitting, type ModelMessage, outcomeOf, type QueueModel, type StoreModel } from "./queue-model.ts";

export interface Real {
  /** Two processes on one store. */
  drivers: readonly [DataDriver, DataDriver];
  queues: readonly [ObservedQueue, ObservedQueue];
  clock: { offsetMs: number };
  /** Every id that either queue ever returned, and some that neither did. Commands choose ids by their index here. */
  messageIds: string[];
  claimIds: string[];
}

type Command = fc.AsyncCommand<StoreModel, Real>;
type Side = 0 | 1;

/** A command's view: the queue it acts on, and the driver it acts through. */
interface Scene {
  model: QueueModel;
  store: StoreModel;
  observed: ObservedQueue;
  real: Real;
  driver: DataDriver;
  other: { model: QueueModel; observed: ObservedQueue };
}

class Step implements Command {
  readonly #text: string;
  readonly #queue: Side;
  readonly #driver: Side;
  readonly #act: (scene: Scene) => Promise<void>;

  constructor(text: string, queue: Side, driver: Side, act: (scene: Scene) => Promise<void>) {
    this.#text = text;
    this.#queue = queue;
    this.#driver = driver;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(store: StoreModel, real: Real): Promise<void> {
    store.tick();
    const otherQueue = this.#queue === 0 ? 1 : 0;
    await this.#act({
      model: store.queues[this.#queue],
      store,
      observed: real.queues[this.#queue],
      real,
      driver: real.drivers[this.#driver],
      other: { model: store.queues[otherQueue], observed: real.queues[otherQueue] },
    });
    const witness = real.drivers[this.#driver === 0 ? 1 : 0];
    await Promise.all(store.queues.map((queue, index) => compareAll(queue, real.queues[index as Side], witness)));
  }

  toString(): string {
    return `${this.#text} on queue ${this.#queue} by driver ${this.#driver}`;
  }
}

/** Mostly the first queue, so that long histories happen in one queue. */
const queueSide = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Side>(0) },
  { weight: 1, arbitrary: fc.constant<Side>(1) },
);
const driverSide = fc.constantFrom<Side[]>(0, 1);
const units = (most: number, least = 1) => fc.integer({ min: least, max: most }).map((count) => count * UNIT);
/** Mostly one of the latest ids, which are likely to exist still. */
const pick = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 4 }) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) });
const client = fc.constantFrom(null, "client-a", "client-b");
const limit = fc.integer({ min: 1, max: 4 });
/** A limit in bytes, for bodies of 2 to 20 bytes. */
const maxBytes = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
/** With null no message is exhausted or a dead letter. */
const claimCount = fc.option(fc.integer({ min: 0, max: 2 }), { nil: null, freq: 2 });
const chosen = (ids: readonly string[], number: number) => ids.at(-1 - (number % ids.length)) as string;

const newMessage = fc.record({
  bodyText: fc.constantFrom("null", '{"a": 1}', '"\\u0000"', "12345678901234567890", "[]"),
  ttlSeconds: units(6),
  delaySeconds: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: units(3) }),
  headers: fc.constantFrom<MessageHeaders | null>(null, null, { a: "" }, { trace: "\u0001 é", type: "order placed" }),
});

const command = <T>(
  name: string,
  given: fc.Arbitrary<T>,
  act: (given: T, scene: Scene) => Promise<void>,
): fc.Arbitrary<Command> =>
  fc
    .tuple(given, queueSide, driverSide)
    .map(
      ([params, queue, driver]) =>
        new Step(`${name}(${JSON.stringify(params)})`, queue, driver, (scene) => act(params, scene)),
    );

const post = command(
  "post",
  fc.record({
    messages: fc.array(newMessage, { minLength: 1, maxLength: 4 }),
    clientId: client,
    key: fc.option(fc.constantFrom("key-1", "key-2"), { nil: undefined, freq: 4 }),
  }),
  async ({ messages, clientId, key }, { model, observed, real, driver }) => {
    // The model takes posts with one key and the same messages as repeats, so the client must be the same too.
    const poster = key === undefined ? clientId : null;
    const request = JSON.stringify(messages);
    const repeated = model.repeated(key, request);
    const outcome = await outcomeOf(
      driver.messages.post({
        queue: observed.queue,
        messages: messages as NewMessage[],
        clientId: poster,
        idempotencyKey: key,
      }),
    );
    if (repeated !== null) {
      expect(outcome).toEqual(typeof repeated === "string" ? repeated : { ids: repeated });
      return;
    }
    expect(outcome).toEqual({ ids: expect.any(Array) });
    const { ids } = outcome as { ids: string[] };
    expect(new Set([...ids, ...real.messageIds]).size).toBe(messages.length + real.messageIds.length);
    real.messageIds.push(...ids);
    model.post(messages, poster, ids, key, request);
  },
);

const list = command(
  "list",
  fc.record({
    limit,
    maxBytes,
    includeClaimed: fc.boolean(),
    includeDelayed: fc.boolean(),
    includeExhausted: fc.boolean(),
    exhaustedFrom: claimCount,
    exceptClientId: fc.option(fc.constantFrom("client-a", "client-b"), { nil: undefined }),
    from: fc.option(fc.record({ side: fc.constantFrom("after" as const, "before" as const), at: pick }), {
      nil: undefined,
    }),
  }),
  async ({ limit, maxBytes, from, ...options }, { model, observed, driver }) => {
    const known = [...observed.markers.values()];
    const marker = from === undefined || known.length === 0 ? undefined : chosen(known, from.at);
    const page = marker === undefined || from === undefined ? { limit } : { limit, [from.side]: marker };
    const found = await driver.messages.list({ queue: observed.queue, page, maxBytes, ...options });
    const markerOf = (message: ModelMessage) => BigInt(observed.markers.get(message.id) as string);
    const all = model.listed(options);
    const side = marker === undefined ? undefined : from?.side;
    const beyond = all.filter(
      (message) =>
        side === undefined ||
        (side === "after" ? markerOf(message) > BigInt(marker ?? 0) : markerOf(message) < BigInt(marker ?? 0)),
    );
    const ordered = side === "before" ? beyond.toReversed() : beyond;
    const expected = fitting(ordered.slice(0, limit), maxBytes);
    if (side === "before") expected.reverse();
    expect(found.items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    if (side !== "before") {
      const last = expected.at(-1);
      expect(found.nextMarker).toBe(
        beyond.length > expected.length && last !== undefined ? observed.markers.get(last.id) : null,
      );
    } else {
      const first = expected[0];
      expect(found.previousMarker).toBe(
        beyond.length > expected.length && first !== undefined ? observed.markers.get(first.id) : null,
      );
    }
  },
);

const get = command("get", pick, async (number, { model, observed, real, driver }) => {
  const id = chosen(real.messageIds, number);
  const message = model.find(id);
  const outcome = await outcomeOf(driver.messages.get({ queue: observed.queue, id }));
  if (message === undefined) expect(outcome).toBe("MESSAGE_DOES_NOT_EXIST");
  else expect(outcome).toEqual(likeMessage(message, model, observed));
});

const bulkGet = command(
  "bulkGet",
  fc.record({ numbers: fc.array(pick, { maxLength: 5 }), maxBytes }),
  async ({ numbers, maxBytes }, { model, observed, real, driver }) => {
    const ids = numbers.map((number) => chosen(real.messageIds, number));
    const there = [...new Set(ids)].map((id) => model.find(id)).filter((message) => message !== undefined);
    const found = await driver.messages.bulkGet({ queue: observed.queue, ids, maxBytes });
    expect(found.map(({ id }) => id)).toEqual(fitting(there, maxBytes).map(({ id }) => id));
  },
);

const first = command("first", fc.constantFrom(1 as const, -1 as const), async (sort, { model, observed, driver }) => {
  const outcome = await outcomeOf(driver.messages.first({ queue: observed.queue, sort }));
  const expected = model.alive().at(sort === 1 ? 0 : -1);
  expect(typeof outcome === "string" ? outcome : outcome.id).toBe(expected?.id ?? "QUEUE_IS_EMPTY");
});

const claimTimes = { ttlSeconds: units(5), graceSeconds: units(3, 0) };

const claim = command(
  "claim",
  fc.record({
    ...claimTimes,
    limit,
    maxBytes,
    clientId: client,
    exhaustedFrom: claimCount,
    deadLettersFrom: claimCount,
  }),
  async (
    { limit, maxBytes, clientId, exhaustedFrom, deadLettersFrom, ...times },
    { model, observed, real, driver },
  ) => {
    const expected = fitting(model.claimable(limit, exhaustedFrom), maxBytes);
    const options = { limit, maxBytes, clientId, exhaustedFrom, deadLettersFrom, ...times };
    const made = await driver.claims.create({ queue: observed.queue, ...options });
    if (expected.length > 0) {
      expect(real.claimIds).not.toContain(made.claimId);
      real.claimIds.push(made.claimId);
    }
    model.claim(expected, made.claimId, times, clientId, deadLettersFrom);
    const [heldBack, delivered] = [true, false].map((kind) => expected.filter((message) => message.heldBack === kind));
    expect(made.deadLetters).toEqual(heldBack?.map((message) => likeMessage(message, model, observed)));
    expect(made.messages).toEqual(delivered?.map((message) => likeMessage(message, model, observed)));
    const claim = model.claims.find(({ id }) => id === made.claimId);
    expect(made.claim).toEqual(claim === undefined ? null : likeClaim(claim, model, observed));
  },
);

/** Mostly messages that the claim holds, as with dead letters. */
const transfer = command(
  "transfer",
  fc.record({
    messages: fc.array(pick, { minLength: 1, maxLength: 3 }),
    claim: fc.option(pick, { nil: undefined, freq: 4 }),
    ttlSeconds: fc.option(units(6), { nil: null }),
    /** Of messages that no claim holds. */
    unclaimed: fc.boolean(),
    as: fc.constantFrom("deadLetter" as const, "redrive" as const, "move" as const),
  }),
  async (given, { model, observed, real, driver, other }) => {
    const ids = given.messages.map((number) => chosen(real.messageIds, number));
    const own = ids.map((id) => model.find(id)?.claimId).find((id) => typeof id === "string");
    const claimId = given.unclaimed ? null : (own ?? chosen(real.claimIds, given.claim ?? 0));
    const { ttlSeconds, as } = given;
    const moved = await driver.messages.transfer({
      from: observed.queue,
      to: other.observed.queue,
      ids,
      claimId,
      ttlSeconds,
      as,
    });
    const terms = { ttlSeconds, deadLettersOf: as === "deadLetter" ? observed.queue.name : null };
    expect(moved.toSorted()).toEqual(model.transfer(ids, claimId, terms, other.model).toSorted());
    // They get new markers in the other queue, and again if they come back to this one.
    for (const id of ids) if (model.find(id) === undefined) observed.markers.delete(id);
  },
);

const getClaim = command("getClaim", fc.record({ number: pick, maxBytes }), async (given, scene) => {
  const { model, observed, real, driver } = scene;
  const { number, maxBytes } = given;
  const id = chosen(real.claimIds, number);
  const outcome = await outcomeOf(driver.claims.get({ queue: observed.queue, id, maxBytes }));
  const live = model.liveClaims().find((claim) => claim.id === id);
  if (live === undefined) expect(outcome).toBe("CLAIM_DOES_NOT_EXIST");
  else {
    const messages = fitting(model.heldBy(id), maxBytes).map((message) => likeMessage(message, model, observed));
    expect(outcome).toEqual({ claim: likeClaim(live, model, observed), messages });
  }
});

const renew = command(
  "renew",
  fc.record({ ...claimTimes, number: pick }),
  async ({ number, ...times }, { model, observed, real, driver }) => {
    const id = chosen(real.claimIds, number);
    const outcome = await outcomeOf(driver.claims.update({ queue: observed.queue, id, ...times }));
    const live = model.liveClaims().find((claim) => claim.id === id);
    if (live === undefined) expect(outcome).toBe("CLAIM_DOES_NOT_EXIST");
    else {
      model.renew(live, times);
      expect(outcome).toEqual(likeClaim(live, model, observed));
    }
  },
);

const release = command("release", pick, async (number, { model, observed, real, driver }) => {
  const id = chosen(real.claimIds, number);
  await driver.claims.delete({ queue: observed.queue, id });
  model.release(id);
});

/** Mostly messages of the claim. */
const releaseMessages = command(
  "releaseMessages",
  fc.record({
    messages: fc.array(pick, { minLength: 1, maxLength: 3 }),
    claim: fc.option(pick, { nil: undefined, freq: 4 }),
    delaySeconds: units(3, 0),
  }),
  async (given, { model, observed, real, driver }) => {
    const ids = given.messages.map((number) => chosen(real.messageIds, number));
    const own = ids.map((id) => model.find(id)?.claimId).find((id) => typeof id === "string");
    const claimId = own ?? chosen(real.claimIds, given.claim ?? 0);
    const { delaySeconds } = given;
    const outcome = await outcomeOf(
      driver.claims.releaseMessages({ queue: observed.queue, claimId, ids, delaySeconds }),
    );
    expect(outcome).toBe(model.releaseMessages(ids, claimId, delaySeconds));
  },
);

/** With no claim id, with that of the message's own claim (if it has one), or with any. */
const claimChoice = fc.constantFrom("nobody" as const, "its" as const, "some" as const);

const remove = command(
  "delete",
  fc.record({ message: pick, by: claimChoice, claim: pick }),
  async (given, { model, observed, real, driver }) => {
    const id = chosen(real.messageIds, given.message);
    const own = model.find(id)?.claimId ?? undefined;
    const claimId = { nobody: undefined, its: own, some: chosen(real.claimIds, given.claim) }[given.by];
    const expected = model.refusesDelete(id, claimId) ?? (model.find(id) === undefined ? "absent" : "deleted");
    expect(await outcomeOf(driver.messages.delete({ queue: observed.queue, id, claimId }))).toBe(expected);
    if (expected === "deleted") model.remove([id]);
  },
);

const bulkRemove = command(
  "bulkDelete",
  fc.record({
    messages: fc.array(pick, { minLength: 1, maxLength: 4 }),
    by: claimChoice,
    claims: fc.array(pick, { maxLength: 3 }),
    claimed: fc.constantFrom<ClaimedMessages[]>("delete", "refuse", "spare"),
  }),
  async (given, { model, observed, real, driver }) => {
    const ids = given.messages.map((number) => chosen(real.messageIds, number));
    const own = ids.map((id) => model.find(id)?.claimId).filter((id) => typeof id === "string");
    const some = given.claims.map((number) => chosen(real.claimIds, number));
    const claimIds = { nobody: undefined, its: own, some }[given.by];
    const { claimed } = given;
    const refused = model.refusesBulkDelete(ids, claimIds, claimed === "refuse");
    const outcome = await outcomeOf(driver.messages.bulkDelete({ queue: observed.queue, ids, claimIds, claimed }));
    const left = claimIds === undefined && claimed === "spare" ? model.claimedAmong(ids) : [];
    const expected = refused ?? { deleted: model.remove(ids.filter((id) => !left.includes(id))), left };
    expect(typeof outcome === "string" ? outcome : { ...outcome, left: outcome.left.toSorted() }).toEqual(expected);
  },
);

const pop = command(
  "pop",
  fc.record({ limit, maxBytes, exhaustedFrom: claimCount }),
  async ({ limit, maxBytes, exhaustedFrom }, { model, observed, driver }) => {
    const expected = fitting(model.claimable(limit, exhaustedFrom), maxBytes);
    const popped = await driver.messages.pop({ queue: observed.queue, limit, maxBytes, exhaustedFrom });
    expect(popped).toEqual(expected.map((message) => likeMessage(message, model, observed)));
    model.remove(expected.map(({ id }) => id));
  },
);

const purge = command("purge", fc.constant(null), async (_, { model, observed, driver }) => {
  await driver.messages.purge({ queue: observed.queue });
  model.purge();
});

const recreate = command("detach+attach", fc.constant(null), async (_, { model, observed, driver }) => {
  await driver.detachQueue(observed.queue);
  const list = driver.messages.list({ queue: observed.queue, page: { limit: 1 } });
  expect(await outcomeOf(list)).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await driver.messages.stats([observed.queue])).toEqual([null]);
  observed.epoch += 1;
  await driver.attachQueue({ ...observed.queue, epoch: observed.epoch });
  model.recreate();
});

const advance = command("advance", units(4), async (seconds, { store, real }) => {
  real.clock.offsetMs += seconds * 1000;
  store.advance(seconds);
});

/** Garbage collection changes nothing that a client can see. */
const gc = command("gc", fc.constant(null), async (_, { driver }) => {
  await driver.gc();
});

const again = <T>(times: number, one: T): T[] => Array.from({ length: times }, () => one);

/** A command that is listed ten times is ten times as likely. */
export const queueCommands = fc.commands(
  [
    ...again(10, post),
    ...again(10, claim),
    ...again(7, advance),
    ...again(7, remove),
    ...again(4, bulkRemove),
    ...again(5, renew),
    ...again(4, release),
    ...again(4, releaseMessages),
    ...again(4, getClaim),
    ...again(4, list),
    ...again(4, gc),
    ...again(2, pop),
    ...again(4, transfer),
    ...[get, bulkGet, first, purge, recreate],
  ],
  { maxCommands: 60, size: "max" },
);
