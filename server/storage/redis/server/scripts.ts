/** Server-side scripts: each call of the driver is one of them, so that it happens whole or not at all. */
import { createHash } from "node:crypto";
import { tooBusy, WORTH_SENDING_MS } from "../../call-deadlines.ts";
import { CallsInFlight } from "../../calls-in-flight.ts";
import type { RedisLink } from "./cluster.ts";
import { ANSWER_TIMEOUT_MS, isServerError, type Reply } from "./connection.ts";
import { translateRedisError } from "./errors.ts";

export interface Script {
  readonly text: string;
  readonly digest: string;
  /** Changes something that a caller asked for; settling what fell due does not count. */
  readonly writes: boolean;
}

/**
 * `grows`: takes more memory, so a server that has reached its maxmemory refuses it, before it does anything; the others run even then, so that
 * a full storage can be emptied. Hazard: what a script did before an error in it stays done, so it must check first and write then.
 */
export function script(text: string, effect: "reads" | "writes" | "grows"): Script {
  const whole = `#!lua${effect === "grows" ? "" : " flags=allow-oom"}\n${text}`;
  return {
    text: whole,
    digest: createHash("sha1").update(whole).digest("hex"),
    writes: effect !== "reads",
  };
}

/** Of a driver's call that begins now, however many scripts it takes. */
export const callDeadline = () => performance.now() + ANSWER_TIMEOUT_MS;

/** Runs scripts and translates their errors. */
export class Scripts {
  readonly link: RedisLink;
  readonly calls = new CallsInFlight();

  constructor(link: RedisLink) {
    this.link = link;
  }

  /** One round trip. All keys must have one hash tag, unless the store is a single server. */
  async run(
    script: Script,
    keys: readonly string[],
    values: readonly string[],
    deadline = callDeadline(),
  ): Promise<readonly Reply[]> {
    const options = { wrote: script.writes, deadline };
    const rest = [String(keys.length), ...keys, ...values];
    const key = keys[0] as string;
    this.calls.begin();
    try {
      return (await this.link.send(key, ["EVALSHA", script.digest, ...rest], options)) as readonly Reply[];
    } catch (error) {
      if (!isServerError(error) || !error.message.startsWith("NOSCRIPT")) throw translate(error, script);
      // The server was started anew, or is a new one.
      try {
        return (await this.link.send(key, ["EVAL", script.text, ...rest], options)) as readonly Reply[];
      } catch (again) {
        throw translate(again, script);
      }
    } finally {
      this.calls.end();
    }
  }

  /**
   * Runs a script again for as long as it answers `more`: it has settled a part of what fell due and done nothing else yet, so that no call
   * holds up the server for long. DEADLINE_EXCEEDED.
   */
  async settled(
    script: Script,
    keys: readonly string[],
    values: readonly string[],
    deadline = callDeadline(),
  ): Promise<readonly Reply[]> {
    this.calls.begin();
    try {
      for (;;) {
        if (deadline - performance.now() < WORTH_SENDING_MS) throw tooBusy();
        const reply = await this.run(script, keys, values, deadline);
        if (reply[0] !== "more") return reply;
      }
    } finally {
      this.calls.end();
    }
  }
}

function translate(error: unknown, script: Script) {
  return translateRedisError(error, { sent: true, wrote: script.writes });
}
