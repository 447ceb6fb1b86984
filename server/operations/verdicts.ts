import { type Access, chooseProject } from "../access/access.ts";
import { type Action, isAction, NEEDS, type Need, needOfNone, requireNeed } from "../access/needs.ts";
import { DomainError } from "../errors.ts";
import type { Where } from "../storage/where.ts";
import { ALLOWED_WHEN_READ_ONLY, type ReadOnlyOperations } from "./read-only/read-only.ts";

/** Whether the caller may do something, as far as its rights decide that, and the service is not read-only. */
export interface Verdict {
  mutation: string;
  /** Null: it may. */
  reason: string | null;
  /** Where the caller's rights allow it, whatever the verdict is about. "all" also for what belongs to no project. */
  projects: Where;
}

/**
 * What a verdict is about:
 *
 * - these projects: the caller needs the permission in each of them;
 * - "none": what belongs to no project, such as a pool;
 * - "anything": the caller needs it anywhere, or everywhere where the mutation asks for that.
 */
export type VerdictSubject = readonly string[] | "none" | "anything";

export interface VerdictOperations {
  /**
   * One for each of these mutations, in the order asked; of all, by name, with null. What is no mutation is not allowed.
   * Asks no store but for the read-only switch, which may be a second old.
   */
  of(access: Access, params: { mutations?: readonly string[] | null; subject: VerdictSubject }): Promise<Verdict[]>;
}

const ALL = (Object.keys(NEEDS) as Action[]).sort();

export function createVerdictOperations({
  readOnly,
}: {
  readOnly: Pick<ReadOnlyOperations, "whyNot">;
}): VerdictOperations {
  return {
    async of(access, { mutations, subject }) {
      const whyNothing = await readOnly.whyNot();
      // There are few needs, and each is checked once.
      const reasons = new Map<Need, string | null>();
      return (mutations ?? ALL).map((mutation) => {
        if (!isAction(mutation)) return { mutation, reason: "There is no such mutation.", projects: [] };
        const need = subject === "none" ? needOfNone(mutation) : NEEDS[mutation];
        const reason = reasons.has(need) ? (reasons.get(need) ?? null) : whyNot(access, need, subject);
        reasons.set(need, reason);
        const now = ALLOWED_WHEN_READ_ONLY.has(mutation) ? null : whyNothing;
        return { mutation, reason: reason ?? now, projects: whereAllowed(access, need) };
      });
    },
  };
}

function whereAllowed({ rights }: Access, { permission, everywhere }: Need): Where {
  const where = rights[permission];
  return everywhere === true && where !== "all" ? [] : where;
}

function whyNot(access: Access, need: Need, subject: VerdictSubject): string | null {
  try {
    requireNeed(access, need);
    if (subject === "none" || subject === "anything") return null;
    for (const project of subject) chooseProject(access, need.permission, project);
    return null;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
