/** Takes samples at regular intervals while the process runs. Of many processes, one takes each round. */
import { randomUUID } from "node:crypto";
import { hasCode } from "../errors.ts";
import type { KeyValueStore } from "../kvs/key-value-store.ts";

/** The process that began the last round. The entry expires when the next round is due. */
export interface Turn {
  holder: string;
}

type Turns = Pick<KeyValueStore<Turn>, "get" | "set" | "delete" | "getLock">;

export interface Sampler {
  /** Begins no more rounds, aborts the one that runs, and waits until it has ended. */
  stop(): Promise<void>;
}

/** How often each process looks whether a round is due. Any of them may have died. */
export type Pace =
  | { lookEveryMs: number }
  /** Just after each multiple of so many seconds, so that a round tells of the interval that has ended then. */
  | { alignedSeconds: number };

/** Processes do not look at the same moment. */
const MAX_LATENESS_MS = 300;

/**
 * `sample` takes one round, and must end soon after `signal` aborts. A round that takes longer than a turn keeps it.
 * `onError` gets the error of a round that failed; the next round comes as usual. A process that dies during its round
 * costs the rest of that round. `name` tells the turns of different samplers apart.
 */
export function startSampler(params: {
  name: string;
  sample: (signal: AbortSignal) => Promise<void>;
  turns: Turns;
  /** Seconds from the beginning of a round until the next one may begin. */
  turnSeconds: number;
  pace: Pace;
  onError: (error: unknown) => void;
}): Sampler {
  const { name, sample, turns, turnSeconds, pace, onError } = params;
  const turn = { holder: randomUUID() };
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    try {
      if (await takeTurn()) await keepingTurn(() => sample(stopping.signal));
    } catch (error) {
      onError(error);
    }
    schedule();
  };
  let running = Promise.resolve();
  const schedule = () => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      running = run();
    }, untilNextLook(pace)).unref();
  };

  /** True for one caller in each round, whichever process it is in. */
  async function takeTurn(): Promise<boolean> {
    if (await isTaken(turns, name)) return false;
    try {
      await using lock = await turns.getLock(name).acquire();
      if (await isTaken(turns, name)) return false;
      await turns.set(name, turn, { lock, ttlSeconds: turnSeconds });
      return true;
    } catch (error) {
      // Another process is taking the turn.
      if (hasCode(error, "LOCK_TIMEOUT") || hasCode(error, "LOCK_NOT_VALID")) return false;
      throw error;
    }
  }

  async function keepingTurn(round: () => Promise<void>): Promise<void> {
    const ends = performance.now() + turnSeconds * 1000;
    let renewing: Promise<void> | undefined;
    const renewal = setInterval(() => {
      renewing = turns.set(name, turn, { ttlSeconds: turnSeconds }).catch(onError);
    }, turnSeconds * 500);
    try {
      await round();
    } finally {
      clearInterval(renewal);
      if (renewing !== undefined) {
        await renewing;
        const left = (ends - performance.now()) / 1000;
        // The next round is due as if nothing had been renewed.
        await (left > 0 ? turns.set(name, turn, { ttlSeconds: left }) : turns.delete(name)).catch(onError);
      }
    }
  }

  if ("lookEveryMs" in pace) running = run();
  else schedule();
  return {
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

function untilNextLook(pace: Pace): number {
  if ("lookEveryMs" in pace) return pace.lookEveryMs;
  const step = pace.alignedSeconds * 1000;
  return step - (Date.now() % step) + Math.random() * MAX_LATENESS_MS;
}

async function isTaken(turns: Turns, name: string): Promise<boolean> {
  try {
    await turns.get(name);
    return true;
  } catch (error) {
    if (hasCode(error, "KEY_DOES_NOT_EXIST")) return false;
    throw error;
  }
}
