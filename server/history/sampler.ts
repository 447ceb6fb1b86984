/** Takes samples again and again while the process runs; of many processes, one at a time. */
import { randomUUID } from "node:crypto";
import { hasCode } from "../errors.ts";
import type { KeyValueStore } from "../kvs/key-value-store.ts";

/** How often a process looks whether a round is due: another one may have died in its turn. */
const LOOK_EVERY_MS = 5000;
const KEY = "health";

/** Who began the last round; the entry lasts until the next one is due. */
export interface Turn {
  holder: string;
}

type Turns = Pick<KeyValueStore<Turn>, "get" | "set" | "getLock">;

export interface Sampler {
  /** Begins no more, and drops what is being tried. */
  stop(): Promise<void>;
}

/**
 * `sample` takes a round, and ends soon once `signal` aborts. One that fails is told to `onError`, and followed by the next. `turns` is configured with the
 * time between two rounds as its entries' life; a process that dies in its round costs that round.
 */
export function startSampler(params: {
  sample: (signal: AbortSignal) => Promise<void>;
  turns: Turns;
  onError: (error: unknown) => void;
  lookEveryMs?: number;
}): Sampler {
  const { sample, turns, onError, lookEveryMs = LOOK_EVERY_MS } = params;
  const holder = randomUUID();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    try {
      if (await takeTurn(turns, holder)) await sample(stopping.signal);
    } catch (error) {
      onError(error);
    }
    if (!stopping.signal.aborted) timer = setTimeout(look, lookEveryMs).unref();
  };
  let running = Promise.resolve();
  const look = () => {
    running = run();
  };
  look();
  return {
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** True for one caller per round, in whatever process. */
async function takeTurn(turns: Turns, holder: string): Promise<boolean> {
  if (await isTaken(turns)) return false;
  try {
    await using lock = await turns.getLock(KEY).acquire();
    if (await isTaken(turns)) return false;
    await turns.set(KEY, { holder }, { lock });
    return true;
  } catch (error) {
    // Another one is taking it.
    if (hasCode(error, "LOCK_TIMEOUT") || hasCode(error, "LOCK_NOT_VALID")) return false;
    throw error;
  }
}

async function isTaken(turns: Turns): Promise<boolean> {
  try {
    await turns.get(KEY);
    return true;
  } catch (error) {
    if (hasCode(error, "KEY_DOES_NOT_EXIST")) return false;
    throw error;
  }
}
