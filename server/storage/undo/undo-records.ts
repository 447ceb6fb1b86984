/** Part of the control plane's seam: the records of acts that can be taken back. */
import type { UndoIsOver } from "../errors/undo-errors.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Where } from "../where.ts";

export type UndoAction = "purgeQueue" | "deleteQueue" | "deleteMessages" | "deleteMessage";

/** An act that removed something of a queue, and may be taken back. */
export interface Undo {
  /** A UUID. The pool keeps under it what was removed. */
  token: string;
  action: UndoAction;
  project: string;
  queue: string;
  /** Where the queue was. */
  pool: string;
  /** How many were removed. Null: not known, or the act has not ended. */
  messages: number | null;
  /** JSON: the subscriptions that a purge removed. Null: none. */
  subscriptionsText: string | null;
  /** The id of the job that removed them. Null: no job did. */
  job: string | null;
  actor: string;
  createdAt: Date;
  until: Date;
  /**
   * - "open": it can be taken back.
   * - "restoring": somebody does so, or did and crashed. It is never given back to "open": whoever comes next ends it.
   * - "undone": it was taken back.
   * - "closed": it can no longer be taken back.
   */
  state: "open" | "restoring" | "undone" | "closed";
  /** "used" when it was taken back; null while that is possible. */
  closedBecause: UndoIsOver | null;
  /** Once it is started: the queue's life that ends, and the one that begins. 0 before. */
  fromEpoch: number;
  newEpoch: number;
}

/**
 * A record is written before the act. It is taken back in three steps: `start`, the pool's `restore`, `finish`. After a
 * crash between them anybody may repeat all three. While a job may remove more under it, nobody finds it, and it cannot
 * be started: until it is settled or the job has ended.
 */
export interface UndosController {
  /**
   * Records an act that is about to be done, with the queue's pool, epoch, metadata and pause of this moment. False,
   * and nothing is written, when there is no such queue, no pool has it, or the token was used within a day.
   */
  add(params: {
    token: string;
    action: UndoAction;
    queue: QueueRef;
    actor: string;
    seconds: number;
    subscriptionsText?: string | null;
    job?: string | undefined;
  }): Promise<boolean>;
  /**
   * Before a job removes more: it can be taken back for `seconds` from now. False when it cannot, because the job took
   * too long since it last removed something; the record has expired then, for good, rather than bring back a part.
   */
  renew(params: { token: string; seconds: number }): Promise<boolean>;
  /** Says how many messages were removed. */
  settle(params: { token: string; messages: number | null }): Promise<void>;
  /** The act was not done, or removed nothing. */
  remove(token: string): Promise<void>;
  find(token: string): Promise<Undo | null>;
  /** Of each queue the newest one that is open, in the order given, with one statement. */
  openOf(queues: readonly QueueRef[]): Promise<(Undo | null)[]>;
  /** Of each job those that are open, newest first, in the order given, with one statement: 100 of a job, 1,000 in all. */
  openOfJobs(jobs: readonly string[]): Promise<Undo[][]>;
  /** Those that are open, newest first, at most 100. */
  listOpen(params: { projects: Where }): Promise<Undo[]>;
  /**
   * Makes it "restoring", with a new epoch, or returns it as it was started before. UNDO_DOES_NOT_EXIST, UNDO_IS_OVER,
   * QUEUE_IS_MOVING.
   */
  start(token: string): Promise<Undo>;
  /**
   * The pool has brought back what it kept: gives the catalogue the new epoch, and creates a deleted queue's record
   * again with the former `createdAt`. False, and the undo is over, when the queue was moved, deleted or created again
   * meanwhile. True again when it was done before.
   */
  finish(undo: Undo): Promise<boolean>;
  /** The pool keeps nothing of it. */
  giveUp(token: string): Promise<void>;
  /** Those that are "restoring", of all queues or of one that exists, at most 100. */
  listStarted(queue?: QueueRef): Promise<Undo[]>;
  /** Deletes records whose time was over `days` ago, at most `limit`. Returns how many. */
  trim(params: { days: number; limit: number }): Promise<number>;
}
