/** Takes samples at regular intervals while the process runs. Of many processes, one takes each round. */
import { randomUUID } from "node:crypto";
import { hasCode } from "../errors.ts";
import type { KeyValueStore } from "../kvs/key-value-store.ts";

/** How often each process looks whether a round is due. Any of them may have died. */
const LOOK_EVERY_MS = 5000;
const KEY = "health";

/** The process that began the last round. The entry expires when the next round is due. */
export interface Turn {
  holder: string;
}

type Turns = Pick<KeyValueStore<Turn>, "get" | "set" | "getLock">;

export interface Sampler {
  /** Begins no more rounds, aborts the one that runs, and waits until it has ended. */
  stop(): Promise<void>;
}

/**
 * `sample` takes one round, and must end soon after `signal` aborts. `onError` gets the error of a round that failed;
 * the next round comes as usual. Entries of `turns` must expire after the time between two rounds. A process that dies
 * during its round costs the rest of that round.
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

/** True for one caller in each round, whichever process it is in. */
async function takeTurn(turns: Turns, holder: string): Promise<boolean> {
  if (await isTaken(turns)) return false;
  try {
    await using lock = await turns.getLock(KEY).acquire();
    if (await isTaken(turns)) return false;
    await turns.set(KEY, { holder }, { lock });
    return true;
  } catch (error) {
    // Another process is taking the turn.
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
