/** Moving a queue from one store to another while clients post and claim: the order of the steps, for any two drivers. */
import { setTimeout as pause } from "node:timers/promises";
import { DomainError, hasCode } from "../errors.ts";
import { addPoolName } from "./add-pool-name.ts";
import type { DataDriver } from "./data-driver.ts";
import type { QueueRef } from "./queue-ref.ts";
import type { MovedCounts, MovedState, QueueLife, QueueTransfer } from "./queue-transfer.ts";

/** Messages, claims, keys and notes that are carried at a time. */
const BATCH = 1000;
/** The queue is frozen once so little is left to carry: what takes a fraction of a second. */
const LITTLE = 500;
/** Rounds of catching up. A queue that changes faster than it is copied is then frozen with more to carry. */
const MAX_ROUNDS = 30;
/** For what is under way when the queue is frozen. A statement may last longer; then the queue lives on, and is frozen a little later. */
const BARRIER_MS = 400;
const FREEZE_ATTEMPTS = 20;
const FREEZE_PAUSE_MS = 500;
/** A key's time is taken before it commits, so a look can miss one that is as much older as a statement lasts. */
const KEY_MARGIN_MS = 10_000;

export interface MoveReport {
  /** How many messages, and live claims, went along. */
  messages: number;
  claims: number;
  /** From when nothing of the queue could change until it lived in its new place. */
  pauseMs: number;
  seconds: number;
}

/** One of the two pools of a move: its failures say which. */
export interface MovePlace {
  pool: string;
  driver: DataDriver;
}

export interface MoveParams {
  source: MovePlace;
  target: MovePlace;
  project: string;
  name: string;
  /** The queue's life in the source. */
  sourceEpoch: number;
  /** The life that it begins, and the attempt's fence. */
  epoch: number;
  /** False for a queue that was deleted and has only subscriptions left: it does not begin to live in the target. */
  exists: boolean;
  /** Comes before each try to freeze the queue, which nobody can use from then until it is open, or this is undone. */
  beforeFreeze?: () => Promise<void>;
  /** After a try that did not freeze it. */
  livesOn?: () => void;
  /** Maps the queue to the target, if all is as it was; else throws. */
  commit: () => Promise<void>;
  /** Between batches, with how many messages were carried. Throws to give the move up. */
  checkpoint?: (messages: number) => void | Promise<void>;
}

/**
 * Copies while the queue lives, then what changed meanwhile, until little is left; freezes it; carries the rest; opens it in the target; commits.
 * Whatever fails or crashes before the commit is undone with `thawSource` and `abandonTarget`, after it finished with `finishMove`. Each is safe to repeat.
 */
export async function moveQueue(params: MoveParams): Promise<MoveReport> {
  const {
    project,
    name,
    epoch,
    checkpoint = () => undefined,
    beforeFreeze = async () => undefined,
    livesOn = () => undefined,
  } = params;
  const [source, target] = [movesOf(params.source), movesOf(params.target)];
  const from = { queue: { project, name, epoch: params.sourceEpoch }, moveEpoch: epoch };
  const to: { queue: QueueLife } = { queue: { project, name, epoch } };
  const started = performance.now();
  let messages = 0;
  let after = "0";
  /** Claims on messages that came or changed since the claims were carried: they are carried once more. */
  const newerClaims = new Set<string>();
  let claimsCarried = false;
  const rememberClaim = ({ claimId, claimRemainingMs }: MovedState): void => {
    if (claimId !== null && (claimRemainingMs ?? 0) > 0) newerClaims.add(claimId);
  };

  /** The messages that were not read yet. */
  const copy = async (): Promise<void> => {
    for (;;) {
      const batch = await source.readMessages({ ...from, after, limit: BATCH });
      const last = batch.at(-1);
      if (last === undefined) return;
      messages += await target.writeMessages({ ...to, messages: batch, changed: [], gone: [] });
      if (claimsCarried) batch.forEach(rememberClaim);
      after = last.marker;
      await checkpoint(messages);
    }
  };
  /** What changed of those that were; gives how much. */
  const catchUp = async (): Promise<number> => {
    let taken = 0;
    for (;;) {
      const { changed, gone, more } = await source.takeChanges({ ...from, limit: BATCH });
      taken += changed.length + gone.length;
      messages += await target.writeMessages({ ...to, messages: [], changed, gone });
      changed.forEach(rememberClaim);
      if (!more) break;
    }
    const ids = [...newerClaims];
    newerClaims.clear();
    for (let at = 0; at < ids.length; at += BATCH) {
      const claims = await source.readClaims({ ...from, ids: ids.slice(at, at + BATCH) });
      if (claims.length > 0) await target.writeClaims({ ...to, claims });
    }
    return taken;
  };
  const carryKeys = async (youngerThanMs?: number): Promise<void> => {
    const young = youngerThanMs === undefined ? {} : { youngerThanMs };
    for (let key = ""; ; ) {
      const keys = await source.readKeys({ ...from, after: key, limit: BATCH, ...young });
      const last = keys.at(-1);
      if (last === undefined) return;
      await target.writeKeys({ ...to, keys });
      await checkpoint(messages);
      key = last.key;
    }
  };
  const carryClaims = async (): Promise<void> => {
    claimsCarried = true;
    for (let id = ""; ; ) {
      const claims = await source.readClaims({ ...from, after: id, limit: BATCH });
      const last = claims.at(-1);
      if (last === undefined) return;
      await target.writeClaims({ ...to, claims });
      await checkpoint(messages);
      id = last.id;
    }
  };
  const keepUp = async (): Promise<void> => {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const before = messages;
      const taken = await catchUp();
      await copy();
      await checkpoint(messages);
      if (taken + Math.abs(messages - before) <= LITTLE) return;
    }
  };

  await source.begin(from);
  await target.prepare(to);
  let keysSeen = performance.now();
  await carryKeys();
  await copy();
  await carryClaims();
  const look = performance.now();
  await carryKeys(look - keysSeen + KEY_MARGIN_MS);
  keysSeen = look;
  await keepUp();

  const frozen = await freeze(source, from, { beforeFreeze, livesOn, keepUp });
  await copy();
  await catchUp();
  await carryKeys(performance.now() - keysSeen + KEY_MARGIN_MS);
  const rest = await source.readRest(from);
  await target.open({ ...to, rest: { ...rest, counts: agreeing(rest.counts, messages) } });
  // A deleted queue's subscriptions wait there for it to be made again.
  if (!params.exists) await params.target.driver.detachQueue(to.queue).catch(addPoolName(params.target.pool));
  await params.commit();
  const ended = performance.now();
  return { messages, claims: rest.claims, pauseMs: ended - frozen, seconds: (ended - started) / 1000 };
}

type Attempt = Pick<MoveParams, "source" | "target" | "project" | "name" | "sourceEpoch" | "epoch">;

/**
 * First step of undoing an attempt: the queue can be used in the source again. The target is not needed for it.
 * Returns false when the source no longer holds the queue. Then the target may hold the only copy: ask `openEpoch`
 * before `abandonTarget`.
 */
export async function thawSource(params: Omit<Attempt, "target">): Promise<boolean> {
  const { project, name, sourceEpoch, epoch } = params;
  return movesOf(params.source).thaw({ queue: { project, name, epoch: sourceEpoch }, moveEpoch: epoch });
}

/** Second step: deletes what this attempt and earlier ones wrote to the target. See the hazard at QueueTransfer.abandon. */
export async function abandonTarget(params: Pick<Attempt, "target" | "project" | "name" | "epoch">): Promise<void> {
  const { project, name, epoch } = params;
  await movesOf(params.target).abandon({ queue: { project, name, epoch } });
}

/** The epoch with which one of the two pools holds the queue; null when it does not. */
export async function openEpochIn(place: MovePlace, { project, name }: QueueRef): Promise<number | null> {
  return movesOf(place).openEpoch({ queue: { project, name } });
}

/** Ends an attempt that the catalogue knows of: the source forgets the queue. */
export async function finishMove(
  params: Pick<MoveParams, "source" | "project" | "name" | "sourceEpoch">,
): Promise<void> {
  const { project, name, sourceEpoch } = params;
  await movesOf(params.source).leave({ queue: { project, name, epoch: sourceEpoch } });
}

/** Gives when the queue was frozen. DEADLINE_EXCEEDED when something was under way each time. */
async function freeze(
  source: QueueTransfer,
  from: { queue: QueueLife; moveEpoch: number },
  steps: { beforeFreeze: () => Promise<void>; livesOn: () => void; keepUp: () => Promise<void> },
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    await steps.beforeFreeze();
    const frozen = performance.now();
    try {
      await source.freeze({ ...from, deadlineMs: BARRIER_MS });
      return frozen;
    } catch (error) {
      if (attempt === FREEZE_ATTEMPTS || !hasCode(error, "DEADLINE_EXCEEDED")) throw error;
    }
    steps.livesOn();
    await pause(FREEZE_PAUSE_MS);
    await steps.keepUp();
  }
}

function movesOf({ pool, driver }: MovePlace): QueueTransfer {
  const { transfer } = driver;
  if (transfer === null) throw new DomainError("NOT_SUPPORTED", "The queues of this kind of pool cannot be moved.");
  return new Proxy(transfer, {
    get(_, step: keyof QueueTransfer) {
      const call = transfer[step].bind(transfer) as (params: unknown) => Promise<unknown>;
      return (params: unknown) => call(params).catch(addPoolName(pool));
    },
  });
}

/** Counters lag, and a crash loses some of them; what was carried is known. */
function agreeing(counts: MovedCounts, messages: number): MovedCounts {
  const missing = messages - (counts.posted - counts.deleted - counts.expired);
  return missing >= 0
    ? { ...counts, posted: counts.posted + missing }
    : { ...counts, expired: counts.expired - missing };
}
