/** Ends attempts to move a queue: finishes those that had switched the catalogue, undoes the others. */
import { DomainError } from "../../errors.ts";
import type { QueueMove } from "../../storage/control-driver.ts";
import { abandonTarget, finishMove, type MovePool, openEpochIn, thawSource } from "../../storage/moves/queue-move.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";

/** How long a recovery has an attempt for itself. Long enough for a busy process. */
const LEASE_SECONDS = 6;
const LAPSED_AT_A_TIME = 20;

/** Every step may be repeated, by several processes at once: after a crash the next one begins again. */
export class MoveRecovery {
  readonly #context: Pick<OperationContext, "control" | "data" | "warn">;
  readonly #holder: string;
  /** Source pools whose attempts are being ended, one after another. A pool that hangs delays only its own. */
  readonly #busySources = new Set<string>();

  /** `holder` identifies this process in the records. */
  constructor(context: Pick<OperationContext, "control" | "data" | "warn">, holder: string) {
    this.#context = context;
    this.#holder = holder;
  }

  /** Ends attempts whose lease has lapsed, some at a time. Returns how many it ended. */
  async endLapsed(): Promise<number> {
    const { moveLedger } = this.#context.control;
    const lapsed = await moveLedger.listLapsed({ limit: LAPSED_AT_A_TIME, exceptSources: [...this.#busySources] });
    const bySource = Map.groupBy(lapsed, ({ source }) => source);
    const ended = await Promise.all([...bySource].map(([source, moves]) => this.#endAllOf(source, moves)));
    return ended.reduce((sum, count) => sum + count, 0);
  }

  async #endAllOf(source: string, lapsed: readonly QueueMove[]): Promise<number> {
    if (this.#busySources.has(source)) return 0;
    this.#busySources.add(source);
    let ended = 0;
    for (const move of lapsed) {
      try {
        if (await this.end(move)) ended += 1;
      } catch (error) {
        this.#context.warn("An interrupted move could not be ended yet", error);
      }
    }
    this.#busySources.delete(source);
    return ended;
  }

  /**
   * Takes the attempt over and ends it. Returns false when another process holds it. `own`: this process began it and
   * has stopped, so its lease does not count.
   */
  async end(move: QueueMove, own = false): Promise<boolean> {
    const taken = await this.#takeOver(move, own);
    if (taken === null) return false;
    await this.settle(taken);
    return true;
  }

  /**
   * Cleans up after an attempt of this process that failed. Its record is read again, because a commit that failed may
   * have happened. Without a record, another process has ended the attempt: what was done since then is undone.
   */
  async cleanUp(move: QueueMove): Promise<void> {
    const taken = await this.#takeOver(move, true);
    if (taken === null) await this.#undo(move);
    else await this.settle(taken);
  }

  #takeOver(move: QueueMove, own: boolean): Promise<QueueMove | null> {
    const { moveLedger } = this.#context.control;
    return moveLedger.takeOver({ move, holder: this.#holder, leaseSeconds: LEASE_SECONDS, own });
  }

  /** Finishes or undoes an attempt that this process holds, then removes its record. */
  async settle(move: QueueMove): Promise<void> {
    const { control, data } = this.#context;
    const lostSwitch = move.phase === "switched" ? null : await this.#undo(move);
    if (lostSwitch !== null) await this.#switchAgain(move, lostSwitch);
    if (move.phase === "switched" || lostSwitch !== null) {
      const { project, queue: name, sourceEpoch } = move;
      await finishMove({ source: await this.#pool(move.source), project, name, sourceEpoch });
    }
    await control.moveLedger.end(move);
    await data.forgetQueue({ project: move.project, name: move.queue });
  }

  /**
   * Undoes an attempt in both pools. The source comes first: until then nobody can use the queue. A target that fails
   * is only warned of, because no client sees what it holds.
   *
   * Returns null, or the epoch with which the target alone holds the queue. Then the attempt had switched the catalogue
   * and left the source, but the control database failed over and lost the switch: nothing was undone.
   */
  async #undo(move: QueueMove): Promise<number | null> {
    const { project, queue: name, sourceEpoch, epoch } = move;
    const source = await this.#pool(move.source);
    if (!(await thawSource({ source, project, name, sourceEpoch, epoch }))) {
      const holder = await this.#findHolder(move, source);
      if (holder === "catalogued") return null;
      if (holder !== "none") return holder;
    }
    await this.#pool(move.target)
      .then((target) => abandonTarget({ target, project, name, epoch }))
      .catch((error: unknown) =>
        this.#context.warn(`What a move copied to the pool ${move.target} could not be deleted`, error),
      );
    return null;
  }

  /**
   * Who holds the queue, when the source does not any more:
   *
   * - "catalogued": the target, as the catalogue says. Another process has finished the attempt.
   * - an epoch: the target alone, with this epoch, and the catalogue still names the source.
   * - "none": the target's copy is not needed. The queue was deleted, created again or moved elsewhere.
   *
   * QUEUE_IS_MOVING when both pools hold it.
   */
  async #findHolder(move: QueueMove, source: MovePool): Promise<"catalogued" | "none" | number> {
    const { control } = this.#context;
    const queue = { project: move.project, name: move.queue };
    const [entry] = await control.catalogue.getMany([queue]);
    const isOfThisMove = (epoch: number) => epoch > move.sourceEpoch && epoch <= move.epoch;
    if (entry?.pool === move.target && isOfThisMove(entry.epoch)) return "catalogued";
    const isUnchanged = entry?.pool === move.source && entry.epoch === move.sourceEpoch;
    if (!isUnchanged || !(await control.queues.exists(queue))) return "none";
    const openEpoch = await openEpochIn(await this.#pool(move.target), queue);
    if (openEpoch === null || !isOfThisMove(openEpoch)) return "none";
    if ((await openEpochIn(source, queue)) !== null) throw isHeldTwice(move);
    return openEpoch;
  }

  /** Repeats the switch that the control database lost, with the epoch that the target has. */
  async #switchAgain(move: QueueMove, openEpoch: number): Promise<void> {
    if (await this.#context.control.moveLedger.switch(move, openEpoch)) return;
    throw queueChanged({ project: move.project, name: move.queue });
  }

  async #pool(pool: string): Promise<MovePool> {
    return { pool, driver: await this.#context.data.pool(pool) };
  }
}

/** Clients used the source again, after the control database failed over and before the attempt was ended. */
function isHeldTwice({ project, queue, source, target }: QueueMove): DomainError {
  return new DomainError(
    "QUEUE_IS_MOVING",
    `Queue ${queue} has messages in the pools ${source} and ${target}: the control database lost the end of a move, ` +
      `and the queue was used in ${source} since then. Nothing is deleted. ` +
      `Clients use ${source}; the queue cannot be moved. Deleting the queue drops both copies.`,
    { details: { project, queue, source, target } },
  );
}

export function queueChanged(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_EPOCH_STALE",
    `Queue ${queue.name} was deleted, created again or moved by another process at the same time. It was not moved.`,
    { details: { project: queue.project, queue: queue.name } },
  );
}
