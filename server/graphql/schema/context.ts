/** What every resolver of one operation gets. */
import type { Access } from "../../access/access.ts";
import { NO_LIMITS, type RateLimit } from "../../access/rate-limits.ts";
import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import { giving } from "../../operations/audit/reason.ts";
import type { Operations } from "../../operations/operations.ts";
import { AnswerBudget } from "../http/answer-budget.ts";
import { OperationTime } from "../http/operation-time.ts";
import type { SharedAnswers } from "../http/shared-answers.ts";
import { StreamPosition } from "../http/stream-position.ts";
import { CLIENT_LEFT } from "../http/waits.ts";

type Watches = Pick<SharedAnswers<unknown>, "watch">;

interface Parts {
  access: Access;
  operations: Operations;
  limits: Limits;
  /** The client wants to know what its operation costs. */
  showsCost: boolean;
  /** What is left of the limits on the caller's requests. Left out: none. */
  rateLimits?: readonly RateLimit[];
  /** Called only when `signal` is read, because few operations wait. */
  signal: () => AbortSignal;
  /** Whether the caller's rights have changed since the request began to wait. Left out: they cannot. */
  isOutdated?: () => boolean;
  /** Left out where no subscription can run. */
  shared?: Watches;
}

const NOWHERE = new StreamPosition(null);

/**
 * Hazard: Apollo copies a context's own properties, and the contexts of streams inherit from this one. So computed
 * properties must be getters on the prototype.
 */
export class GraphQLContext {
  readonly access: Access;
  readonly limits: Limits;
  readonly time: OperationTime;
  readonly answer: AnswerBudget;
  /** Of a subscription's stream. Nothing else resumes. */
  readonly position: StreamPosition = NOWHERE;
  readonly showsCost: boolean;
  readonly rateLimits: readonly RateLimit[];
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.access = parts.access;
    this.limits = parts.limits;
    this.time = new OperationTime(parts.limits.OPERATION_DEADLINE_SECONDS);
    this.answer = new AnswerBudget(parts.limits);
    this.showsCost = parts.showsCost;
    this.rateLimits = parts.rateLimits ?? NO_LIMITS;
    this.parts = parts;
  }

  /**
   * Each field that reads or writes gets the operations here. DEADLINE_EXCEEDED once the operation's time is up, so
   * that no field begins after that.
   */
  get operations(): Operations {
    this.time.requireLeft();
    return this.parts.operations;
  }

  /** For refusals, which are written also when the operation's time is up. */
  get audit(): Operations["audit"] {
    return this.parts.operations.audit;
  }

  /**
   * Aborts when the client leaves or the server begins to close. Streams and long polls end by it.
   */
  get signal(): AbortSignal {
    return this.parts.signal();
  }

  /**
   * UNAUTHENTICATED when the caller's rights have changed while another field of this request waited: nothing more is
   * done with the old ones.
   */
  requireRights(): void {
    if (this.parts.isOutdated?.() !== true) return;
    throw new DomainError("UNAUTHENTICATED", "Your rights have changed while this request waited. Send it again.");
  }

  /** For subscriptions, which alone watch the answers to queries. */
  get shared(): Watches {
    if (this.parts.shared === undefined) throw new Error("Only a stream watches queries.");
    return this.parts.shared;
  }

  /** True once nobody gets the answer any more. */
  get clientLeft(): boolean {
    return this.signal.reason === CLIENT_LEFT;
  }

  /** The same for a mutation whose caller gives this reason. BAD_INPUT. */
  because(reason: string | null | undefined): GraphQLContext {
    const access = giving(this.access, reason);
    return access === this.access ? this : Object.create(this, { access: { value: access } });
  }

  /** A context for a subscription, which has no deadline. */
  ofStream(position: StreamPosition): GraphQLContext {
    const time = new OperationTime(Number.POSITIVE_INFINITY);
    return Object.create(this, { time: { value: time }, position: { value: position } });
  }

  /** A context for one event of a stream, which has an answer budget of its own. */
  ofEvent(): GraphQLContext {
    return Object.create(this, { answer: { value: AnswerBudget.ofEvent(this.limits) } });
  }
}
