import { type Access, mayUse, type Permission, requirePermission } from "../../access/access.ts";
import { NEEDS, needOfNone } from "../../access/needs.ts";
import { MAX_PAUSES, type Pause, type PauseScope } from "../../storage/pause.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import { giving } from "../audit/reason.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import { chosenProject, chosenQueue } from "../input/names.ts";
import type { PauseBook } from "./pause-book.ts";

export { MAX_PAUSES };

/** One of these. */
export interface PauseTarget {
  queue?: QueueAddress | null;
  project?: string | null;
  everything?: boolean | null;
}

/**
 * What is paused gives out no messages: claims and pops answer empty, with the pause that says why. Clients that wait
 * go on waiting. Everything else works: posts, renewals, releases, deletes, moves and jobs.
 */
export interface PauseOperations {
  /** All that the caller may see: everything first, then projects, then queues, by name. Permission read. */
  list(access: Access): Promise<Pause[]>;
  /** The widest pause of each queue, in the order asked; null for one that is not paused. May be a second old. */
  ofQueues(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(Pause | null)[]>;
  /**
   * Pauses a queue, all queues of a project, those that are created later too, or everything. What is paused already
   * stays as it is, with its reason. Takes effect in other processes within a second. `reason`: 1 to MAX_REASON_LENGTH
   * characters. Permission operate; for everything, administer. Audited. BAD_INPUT, QUEUE_DOES_NOT_EXIST, TOO_LARGE.
   */
  pause(access: Access, params: { target: PauseTarget; reason: string }): Promise<Pause>;
  /**
   * Ends the pause of just this target, and returns it; null when there was none. Wider and narrower pauses stay. Role
   * and errors of `pause`.
   */
  resume(access: Access, params: { target: PauseTarget }): Promise<Pause | null>;
}

export function createPauseOperations(
  context: OperationContext,
  { pauses: book }: { pauses: PauseBook },
): PauseOperations {
  const { control, limits } = context;

  /** FORBIDDEN is audited. */
  async function chosen(access: Access, action: "pause" | "resume", target: PauseTarget) {
    const { queue = null, project = null, everything = null } = target;
    if ([queue !== null, project !== null, everything === true].filter(Boolean).length !== 1) {
      throw badInput("target", "Give one of `queue`, `project` and `everything: true`.");
    }
    const trace: Trace = {
      access,
      action,
      project: queue?.project ?? project,
      target: queue !== null ? String(queue.queue) : project !== null ? `project ${project}` : "everything",
    };
    const choose = (permission: Permission): PauseScope => {
      if (queue !== null) {
        const { project: of, name } = chosenQueue(limits, access, permission, queue);
        return { scope: "queue", project: of, queue: name };
      }
      if (project !== null) return { scope: "project", project: chosenProject(limits, access, permission, project) };
      return { scope: "everything" };
    };
    const scope = await permitted(context, trace, choose, everything === true ? needOfNone(action) : NEEDS[action]);
    return { scope, trace: scope.scope === "queue" ? { ...trace, project: scope.project } : trace };
  }

  return {
    async list(access) {
      requirePermission(access, "read");
      const pauses = await control.pauses.list();
      return pauses.filter((pause) => pause.scope === "everything" || mayUse(access, "read", pause.project));
    },

    async ofQueues(access, { queues }) {
      requirePermission(access, "read");
      return book.ofEach(queues.map((queue): QueueRef => chosenQueue(limits, access, "read", queue)));
    },

    async pause(access, params) {
      const { scope, trace } = await chosen(access, "pause", params.target);
      const { reason } = params;
      const told = { ...trace, access: giving(access, reason) };
      return audited(context, told, async (tx) => {
        const { pause: result, created } = await tx.pauses.set(scope, { actor: access.actor, reason });
        return { result, details: {}, changed: created };
      }).finally(() => book.forget());
    },

    async resume(access, params) {
      const { scope, trace } = await chosen(access, "resume", params.target);
      return audited(context, trace, async (tx) => {
        const result = await tx.pauses.end(scope);
        const was =
          result === null ? {} : { pausedAt: result.at, pausedBy: result.actor, pausedBecause: result.reason };
        return { result, details: was, changed: result !== null };
      }).finally(() => book.forget());
    },
  };
}
