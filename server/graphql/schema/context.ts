/** What every resolver of one operation is given. */
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import type { Operations } from "../../operations/operations.ts";
import { AnswerBudget } from "../http/answer-budget.ts";
import { OperationTime } from "../http/operation-time.ts";

interface Parts {
  access: Access;
  operations: Operations;
  limits: Limits;
  /** Called at the first look at `signal` only: few operations wait. */
  signal: () => AbortSignal;
}

/**
 * Apollo copies a context's own properties, and streams inherit from theirs: so what is computed stands on the
 * prototype.
 */
export class GraphQLContext {
  readonly access: Access;
  readonly limits: Limits;
  readonly time: OperationTime;
  readonly answer: AnswerBudget;
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.access = parts.access;
    this.limits = parts.limits;
    this.time = new OperationTime(parts.limits.OPERATION_DEADLINE_SECONDS);
    this.answer = new AnswerBudget(parts.limits);
    this.parts = parts;
  }

  /**
   * Taken by each field that asks for something, so that none begins once the operation's time is up:
   * DEADLINE_EXCEEDED.
   */
  get operations(): Operations {
    this.time.requireLeft();
    return this.parts.operations;
  }

  /**
   * Aborts when nobody waits for the answer any more, or the server begins to close. Streams and long polls end by it.
   */
  get signal(): AbortSignal {
    return this.parts.signal();
  }

  /** The same for a subscription, which has no deadline. */
  ofStream(): GraphQLContext {
    return Object.create(this, { time: { value: new OperationTime(Number.POSITIVE_INFINITY) } });
  }

  /** The same for one event of a stream, which is an answer of its own. */
  ofEvent(): GraphQLContext {
    return Object.create(this, { answer: { value: AnswerBudget.ofEvent(this.limits) } });
  }
}
