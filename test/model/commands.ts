/** What may happen to a queue: each command does it to the real driver and to the model, and compares. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Claim, DataDriver, Message, NewMessage, QueueRef } from "../../server/storage/data-driver.ts";
import { type ModelClaim, type ModelMessage, outcomeOf, type QueueModel } from "./queue-model.ts";

/** Durations are whole multiples of this, so that a slow machine does not change what has expired. */
const UNIT = 60;

export interface Real {
  /** Two processes on one store. */
  drivers: readonly [DataDriver, DataDriver];
  queue: QueueRef;
  epoch: number;
  clock: { offsetMs: number };
  /** The real moment of the model's second 0. */
  startedAt: number;
  /** Every id that the queue ever gave, and some that it never did; commands choose by number. */
  messageIds: string[];
  claimIds: string[];
  markers: Map<string, string>;
}

type Command = fc.AsyncCommand<QueueModel, Real>;

class Step implements Command {
  readonly #text: string;
  readonly #driver: 0 | 1;
  readonly #act: (model: QueueModel, real: Real, driver: DataDriver) => Promise<void>;

  constructor(text: string, driver: 0 | 1, act: (model: QueueModel, real: Real, driver: DataDriver) => Promise<void>) {
    this.#text = text;
    this.#driver = driver;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(model: QueueModel, real: Real): Promise<void> {
    model.tick();
    await this.#act(model, real, real.drivers[this.#driver]);
    await compareAll(model, real, real.drivers[1 - this.#driver] as DataDriver);
  }

  toString(): string {
    return `${this.#text}@${this.#driver}`;
  }
}

const driverIndex = fc.constantFrom<(0 | 1)[]>(0, 1);
const units = (most: number, least = 1) => fc.integer({ min: least, max: most }).map((count) => count * UNIT);
/** Mostly the latest ones, which are likely to be there still. */
const pick = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 4 }) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) });
const client = fc.constantFrom(null, "client-a", "client-b");
const limit = fc.integer({ min: 1, max: 4 });
const chosen = (ids: readonly string[], number: number) => ids.at(-1 - (number % ids.length)) as string;

const newMessage = fc.record({
  bodyText: fc.constantFrom("null", '{"a": 1}', '"\\u0000"', "12345678901234567890", "[]"),
  ttlSeconds: units(6),
  delaySeconds: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: units(3) }),
});

const command = <T>(
  name: string,
  given: fc.Arbitrary<T>,
  act: (given: T, model: QueueModel, real: Real, driver: DataDriver) => Promise<void>,
): fc.Arbitrary<Command> =>
  fc
    .tuple(given, driverIndex)
    .map(
      ([params, index]) =>
        new Step(`${name}(${fc.stringify(params)})`, index, (model, real, driver) => act(params, model, real, driver)),
    );

const post = command(
  "post",
  fc.record({
    messages: fc.array(newMessage, { minLength: 1, maxLength: 4 }),
    clientId: client,
    key: fc.option(fc.constantFrom("key-1", "key-2"), { nil: undefined, freq: 4 }),
  }),
  async ({ messages, clientId, key }, model, real, driver) => {
    // A key belongs to what is posted; who posts is the same each time here.
    const poster = key === undefined ? clientId : null;
    const request = JSON.stringify(messages);
    const repeated = model.repeated(key, request);
    const outcome = await outcomeOf(
      driver.messages.post({
        queue: real.queue,
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
    includeClaimed: fc.boolean(),
    includeDelayed: fc.boolean(),
    exceptClientId: fc.option(fc.constantFrom("client-a", "client-b"), { nil: undefined }),
    from: fc.option(fc.record({ side: fc.constantFrom("after" as const, "before" as const), at: pick }), {
      nil: undefined,
    }),
  }),
  async ({ limit, from, ...options }, model, real, driver) => {
    const known = [...real.markers.values()];
    const marker = from === undefined || known.length === 0 ? undefined : chosen(known, from.at);
    const page = marker === undefined || from === undefined ? { limit } : { limit, [from.side]: marker };
    const found = await driver.messages.list({ queue: real.queue, page, ...options });
    const markerOf = (message: ModelMessage) => BigInt(real.markers.get(message.id) as string);
    const all = model.listed(options);
    const side = marker === undefined ? undefined : from?.side;
    const beyond = all.filter(
      (message) =>
        side === undefined ||
        (side === "after" ? markerOf(message) > BigInt(marker ?? 0) : markerOf(message) < BigInt(marker ?? 0)),
    );
    const expected = side === "before" ? beyond.slice(-limit) : beyond.slice(0, limit);
    expect(found.items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    if (side !== "before") {
      const last = expected.at(-1);
      expect(found.nextMarker).toBe(beyond.length > limit && last !== undefined ? real.markers.get(last.id) : null);
    } else {
      const first = expected[0];
      expect(found.previousMarker).toBe(
        beyond.length > limit && first !== undefined ? real.markers.get(first.id) : null,
      );
    }
  },
);

const get = command("get", pick, async (number, model, real, driver) => {
  const id = chosen(real.messageIds, number);
  const message = model.find(id);
  const outcome = await outcomeOf(driver.messages.get({ queue: real.queue, id }));
  if (message === undefined) expect(outcome).toBe("MESSAGE_DOES_NOT_EXIST");
  else expect(outcome).toEqual(likeMessage(message, model, real));
});

const bulkGet = command("bulkGet", fc.array(pick, { maxLength: 5 }), async (numbers, model, real, driver) => {
  const ids = numbers.map((number) => chosen(real.messageIds, number));
  const expected = [...new Set(ids)].filter((id) => model.find(id) !== undefined);
  const found = await driver.messages.bulkGet({ queue: real.queue, ids });
  expect(found.map(({ id }) => id)).toEqual(expected);
});

const first = command("first", fc.constantFrom(1 as const, -1 as const), async (sort, model, real, driver) => {
  const outcome = await outcomeOf(driver.messages.first({ queue: real.queue, sort }));
  const expected = model.alive().at(sort === 1 ? 0 : -1);
  expect(typeof outcome === "string" ? outcome : outcome.id).toBe(expected?.id ?? "QUEUE_IS_EMPTY");
});

const claimTimes = { ttlSeconds: units(5), graceSeconds: units(3, 0) };

const claim = command(
  "claim",
  fc.record({
    ...claimTimes,
    limit,
    clientId: client,
    maxClaimCount: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined, freq: 4 }),
  }),
  async ({ limit, clientId, maxClaimCount, ...times }, model, real, driver) => {
    const expected = model.claimable(limit, maxClaimCount);
    const made = await driver.claims.create({ queue: real.queue, limit, clientId, maxClaimCount, ...times });
    if (expected.length === 0) {
      expect(made).toMatchObject({ claim: null, messages: [], exhausted: [] });
      return;
    }
    expect(real.claimIds).not.toContain(made.claimId);
    real.claimIds.push(made.claimId);
    model.claim(expected, made.claimId, times, clientId);
    expect(made.exhausted).toEqual([]);
    expect(made.messages).toEqual(expected.map((message) => likeMessage(message, model, real)));
    expect(made.claim).toEqual(likeClaim(model.claims.at(-1) as ModelClaim, model, real));
  },
);

const getClaim = command("getClaim", pick, async (number, model, real, driver) => {
  const id = chosen(real.claimIds, number);
  const outcome = await outcomeOf(driver.claims.get({ queue: real.queue, id }));
  const live = model.liveClaims().find((claim) => claim.id === id);
  if (live === undefined) expect(outcome).toBe("CLAIM_DOES_NOT_EXIST");
  else {
    const messages = model.heldBy(id).map((message) => likeMessage(message, model, real));
    expect(outcome).toEqual({ claim: likeClaim(live, model, real), messages });
  }
});

const renew = command(
  "renew",
  fc.record({ ...claimTimes, number: pick }),
  async ({ number, ...times }, model, real, driver) => {
    const id = chosen(real.claimIds, number);
    const outcome = await outcomeOf(driver.claims.update({ queue: real.queue, id, ...times }));
    const live = model.liveClaims().find((claim) => claim.id === id);
    if (live === undefined) expect(outcome).toBe("CLAIM_DOES_NOT_EXIST");
    else {
      model.renew(live, times);
      expect(outcome).toEqual(likeClaim(live, model, real));
    }
  },
);

const release = command("release", pick, async (number, model, real, driver) => {
  const id = chosen(real.claimIds, number);
  await driver.claims.delete({ queue: real.queue, id });
  model.release(id);
});

/** Under no claim, under the message's own (if it has one), or under any. */
const claimChoice = fc.constantFrom("nobody" as const, "its" as const, "some" as const);

const remove = command(
  "delete",
  fc.record({ message: pick, by: claimChoice, claim: pick }),
  async (given, model, real, driver) => {
    const id = chosen(real.messageIds, given.message);
    const own = model.find(id)?.claimId ?? undefined;
    const claimId = { nobody: undefined, its: own, some: chosen(real.claimIds, given.claim) }[given.by];
    const expected = model.refusesDelete(id, claimId) ?? (model.find(id) === undefined ? "absent" : "deleted");
    expect(await outcomeOf(driver.messages.delete({ queue: real.queue, id, claimId }))).toBe(expected);
    if (expected === "deleted") model.remove([id]);
  },
);

const bulkRemove = command(
  "bulkDelete",
  fc.record({
    messages: fc.array(pick, { minLength: 1, maxLength: 4 }),
    by: claimChoice,
    claims: fc.array(pick, { maxLength: 3 }),
  }),
  async (given, model, real, driver) => {
    const ids = given.messages.map((number) => chosen(real.messageIds, number));
    const own = ids.map((id) => model.find(id)?.claimId).filter((id) => typeof id === "string");
    const some = given.claims.map((number) => chosen(real.claimIds, number));
    const claimIds = { nobody: undefined, its: own, some }[given.by];
    const refused = model.refusesBulkDelete(ids, claimIds);
    const outcome = await outcomeOf(driver.messages.bulkDelete({ queue: real.queue, ids, claimIds }));
    expect(outcome).toBe(refused ?? model.remove(ids));
  },
);

const pop = command("pop", limit, async (limit, model, real, driver) => {
  const expected = model.claimable(limit);
  const popped = await driver.messages.pop({ queue: real.queue, limit });
  expect(popped).toEqual(expected.map((message) => likeMessage(message, model, real)));
  model.remove(expected.map(({ id }) => id));
});

const purge = command("purge", fc.constant(null), async (_, model, real, driver) => {
  await driver.messages.purge({ queue: real.queue });
  model.purge();
});

const recreate = command("detach+attach", fc.constant(null), async (_, model, real, driver) => {
  await driver.detachQueue(real.queue);
  const list = driver.messages.list({ queue: real.queue, page: { limit: 1 } });
  expect(await outcomeOf(list)).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await driver.messages.stats([real.queue])).toEqual([null]);
  real.epoch += 1;
  await driver.attachQueue({ ...real.queue, epoch: real.epoch });
  model.recreate();
});

const advance = command("advance", units(4), async (seconds, model, real) => {
  real.clock.offsetMs += seconds * 1000;
  model.advance(seconds);
});

/** Whatever is free to collect: nobody sees a difference. */
const gc = command("gc", fc.constant(null), async (_, _model, _real, driver) => {
  await driver.gc();
});

const again = <T>(times: number, one: T): T[] => Array.from({ length: times }, () => one);

/** Repeated ones are as much more likely. */
export const queueCommands = fc.commands(
  [
    ...again(10, post),
    ...again(10, claim),
    ...again(7, advance),
    ...again(7, remove),
    ...again(4, bulkRemove),
    ...again(5, renew),
    ...again(4, release),
    ...again(4, getClaim),
    ...again(4, list),
    ...again(4, gc),
    ...again(2, pop),
    ...[get, bulkGet, first, purge, recreate],
  ],
  { maxCommands: 60, size: "max" },
);

/** Everything that can be seen of the queue, through the driver that did not act. */
async function compareAll(model: QueueModel, real: Real, driver: DataDriver): Promise<void> {
  const [messages, claims, [stats]] = await Promise.all([
    driver.messages.list({ queue: real.queue, page: { limit: 1000 }, includeClaimed: true, includeDelayed: true }),
    driver.claims.list({ queue: real.queue, page: { limit: 1000 } }),
    driver.messages.stats([real.queue]),
  ]);
  for (const { id, marker } of messages.items) {
    if (!real.markers.has(id)) {
      const highest = [...real.markers.values()].reduce(
        (high, known) => (BigInt(known) > high ? BigInt(known) : high),
        0n,
      );
      expect(BigInt(marker), "a marker above all before it").toBeGreaterThan(highest);
      real.markers.set(id, marker);
    }
    expect(marker).toBe(real.markers.get(id));
  }
  expect(messages.items).toEqual(model.alive().map((message) => likeMessage(message, model, real)));
  expect(claims.items).toEqual(model.liveClaims().map((claim) => likeClaim(claim, model, real)));
  const { oldest, newest, ...numbers } = model.stats();
  expect(stats).toMatchObject({ ...numbers, exact: true });
  expect([stats?.oldest?.id ?? null, stats?.newest?.id ?? null]).toEqual([oldest, newest]);
}

/** Give or take half a unit: what a run may take. */
const near = (real: Real, seconds: number) => ({
  asymmetricMatch: (at: unknown) =>
    at instanceof Date && Math.abs(at.getTime() - real.startedAt - seconds * 1000) < (UNIT / 2) * 1000,
  toString: () => "near",
  toAsymmetricMatcher: () => `within ${UNIT / 2} s of ${new Date(real.startedAt + seconds * 1000).toISOString()}`,
});

const aged = (model: QueueModel, since: number) => ({
  asymmetricMatch: (age: unknown) => typeof age === "number" && Math.abs(age - (model.now - since)) < UNIT / 2,
  toString: () => "aged",
  toAsymmetricMatcher: () => `about ${Math.round(model.now - since)}`,
});

function likeMessage(message: ModelMessage, model: QueueModel, real: Real): Message {
  const claimed = model.isClaimed(message);
  return {
    id: message.id,
    marker: real.markers.get(message.id) ?? expect.stringMatching(/^\d+$/),
    bodyText: message.bodyText,
    ttlSeconds: message.ttlSeconds,
    ageSeconds: aged(model, message.createdAt) as unknown as number,
    createdAt: near(real, message.createdAt) as unknown as Date,
    expiresAt: near(real, message.expiresAt) as unknown as Date,
    delayedUntil: model.isDue(message) ? null : (near(real, message.availableAt) as unknown as Date),
    clientId: message.clientId,
    claimCount: message.claimCount,
    claim: claimed
      ? { id: message.claimId as string, expiresAt: near(real, message.claimExpiresAt) as unknown as Date }
      : null,
    lastClaimId: message.claimId,
  };
}

function likeClaim(claim: ModelClaim, model: QueueModel, real: Real): Claim {
  return {
    id: claim.id,
    ttlSeconds: claim.ttlSeconds,
    graceSeconds: claim.graceSeconds,
    ageSeconds: aged(model, claim.renewedAt) as unknown as number,
    createdAt: near(real, claim.createdAt) as unknown as Date,
    renewedAt: near(real, claim.renewedAt) as unknown as Date,
    expiresAt: near(real, claim.expiresAt) as unknown as Date,
    clientId: claim.clientId,
    actor: null,
    messageCount: model.heldBy(claim.id).length,
  };
}
