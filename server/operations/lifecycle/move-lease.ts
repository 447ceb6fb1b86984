import type { QueueMove } from "../../storage/control-driver.ts";
import type { OperationContext } from "../context.ts";
import { queueChanged } from "./move-recovery.ts";

/** Long enough for a busy process: an attempt that is taken over copies everything again. */
export const LEASE_SECONDS = 6;
/** A frozen queue cannot be used. So a mover that dies then is replaced soon: after four missed renewals. */
const FROZEN_LEASE_SECONDS = 2;
const RENEW_EVERY_MS = 500;

/** The lease on an attempt's record, renewed in the background until `stopRenewing`. */
export class MoveLease {
  readonly #context: Pick<OperationContext, "control" | "warn">;
  readonly #move: QueueMove;
  readonly #timer: NodeJS.Timeout;
  #leaseSeconds = LEASE_SECONDS;
  #isLost = false;
  /** Renewals under way. */
  #renewals = 0;

  constructor(context: Pick<OperationContext, "control" | "warn">, move: QueueMove) {
    this.#context = context;
    this.#move = move;
    this.#timer = setInterval(() => {
      if (this.#renewals > 0) return;
      this.#renew().catch((error: unknown) => context.warn("The lease of a move could not be renewed", error));
    }, RENEW_EVERY_MS).unref();
  }

  stopRenewing(): void {
    clearInterval(this.#timer);
  }

  /** QUEUE_EPOCH_STALE once another process has taken the attempt over. */
  check(): void {
    if (this.#isLost) throw queueChanged({ project: this.#move.project, name: this.#move.queue });
  }

  /** For the time that the queue is frozen. */
  async shorten(): Promise<void> {
    this.#leaseSeconds = FROZEN_LEASE_SECONDS;
    await this.#renew();
    this.check();
  }

  lengthen(): void {
    this.#leaseSeconds = LEASE_SECONDS;
  }

  async #renew(): Promise<void> {
    this.#renewals += 1;
    try {
      const renewed = await this.#context.control.moveLedger.renew({
        move: this.#move,
        leaseSeconds: this.#leaseSeconds,
      });
      if (!renewed) this.#isLost = true;
    } finally {
      this.#renewals -= 1;
    }
  }
}
