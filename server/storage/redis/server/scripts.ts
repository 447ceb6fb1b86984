/**
 * Runs scripts on the server. The server runs nothing else during a script, so a call of the driver is one script
 * wherever possible.
 */
import { WORTH_SENDING_MS } from "../../deadlines/call-deadlines.ts";
import { CallsInFlight } from "../../deadlines/calls-in-flight.ts";
import { tooBusy } from "../../errors/storage-errors.ts";
import type { RedisLink } from "./cluster.ts";
import { ANSWER_TIMEOUT_MS, isServerError } from "./connection.ts";
import { translateRedisError } from "./errors.ts";
import type { Script } from "./script.ts";

/** A verdict, and the values that belong to it. */
export type Answered = readonly [verdict: unknown, ...rest: unknown[]];

/** The deadline of a driver's call that begins now. All scripts of the call share it. */
export const callDeadline = () => performance.now() + ANSWER_TIMEOUT_MS;

/** Runs scripts and translates their errors. */
export class Scripts {
  readonly link: RedisLink;
  readonly calls = new CallsInFlight();

  constructor(link: RedisLink) {
    this.link = link;
  }

  /** Runs a script once. All keys must have the same hash tag, unless the store is a single server. */
  run<Keys, Args, Answer extends Answered>(
    script: Script<Keys, Args, Answer>,
    keys: Keys,
    args: Args,
    deadline = callDeadline(),
  ): Promise<Answer> {
    return this.#send(script, script.operands(keys, args), deadline);
  }

  /**
   * Runs a script until it answers something other than `more`. With `more` it has expired a part of what is due and
   * done nothing else yet, so that no run blocks the server for long. DEADLINE_EXCEEDED.
   */
  async runToEnd<Keys, Args, Answer extends Answered>(
    script: Script<Keys, Args, Answer>,
    keys: Keys,
    args: Args,
    deadline = callDeadline(),
  ): Promise<Answer> {
    const operands = script.operands(keys, args);
    this.calls.begin();
    try {
      for (;;) {
        if (deadline - performance.now() < WORTH_SENDING_MS) throw tooBusy();
        const answer: Answer = await this.#send(script, operands, deadline);
        if (answer[0] !== "more") return answer;
      }
    } finally {
      this.calls.end();
    }
  }

  async #send<Keys, Args, Answer>(
    script: Script<Keys, Args, Answer>,
    operands: readonly string[],
    deadline: number,
  ): Promise<Answer> {
    const options = { wrote: script.writes, deadline };
    // The first operand is the number of keys.
    const key = operands[1] as string;
    this.calls.begin();
    try {
      return (await this.link.send(key, ["EVALSHA", script.digest, ...operands], options)) as Answer;
    } catch (error) {
      if (!isServerError(error) || !error.message.startsWith("NOSCRIPT")) throw translate(error, script);
      // The server does not know the script: it has restarted, or is another one.
      try {
        return (await this.link.send(key, ["EVAL", script.text, ...operands], options)) as Answer;
      } catch (again) {
        throw translate(again, script);
      }
    } finally {
      this.calls.end();
    }
  }
}

function translate(error: unknown, script: { writes: boolean }) {
  return translateRedisError(error, { sent: true, wrote: script.writes });
}
