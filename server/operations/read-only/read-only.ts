import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { ReadOnly } from "../../storage/read-only.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import { giving } from "../audit/reason.ts";
import type { OperationContext } from "../context.ts";
import { FreshValue } from "../fresh-value.ts";
import { badInput } from "../input/limits.ts";

/** It is on the path of all mutations. */
const READ_AHEAD_MS = 500;

/**
 * What a caller may do while the service is read-only: switch it back, and take rights from others. Signing in and out
 * is no mutation: also with a one-time link, by which one chooses a password, and with what the identity provider says
 * of one's rights. Otherwise nobody could come in to allow changes again.
 */
export const ALLOWED_WHEN_READ_ONLY: ReadonlySet<string> = new Set([
  "setReadOnly",
  "endSession",
  "endSessions",
  "revokeToken",
]);

/**
 * A service that is read-only changes nothing that is asked for, in any process. Everything is read as always, also by
 * clients that wait. Jobs stop at their next safe point and wait. Garbage collection, samples, and the end of moves that
 * have begun go on: they change nothing that anybody sees.
 */
export interface ReadOnlyOperations {
  /** Null: changes are allowed. May be a second old. For every caller. */
  get(access: Access): Promise<ReadOnly | null>;
  /**
   * Switches it on or off, and returns it; null when it is off. On a service that is read-only already, who began it
   * and why stay. Switching it on needs a reason. Takes effect in other processes within a second. Permission administer
   * in all projects. Audited. BAD_INPUT.
   */
  set(access: Access, params: { on: boolean; reason?: string | null }): Promise<ReadOnly | null>;
  /** SERVER_IS_READ_ONLY for a mutation that is not allowed now. A promise only when it has to be read. */
  requireChanges(mutation: string): undefined | Promise<void>;
  /** Why a mutation that is not allowed now would be refused, for people. Null: changes are allowed. */
  whyNot(): Promise<string | null>;
  /** Jobs wait while it is true. */
  isOn(): Promise<boolean>;
}

export function createReadOnlyOperations(context: OperationContext): ReadOnlyOperations {
  const { control, now } = context;
  const book = new FreshValue({ read: () => control.readOnly.get(), now, aheadMs: READ_AHEAD_MS });
  return {
    get: async () => book.get(),

    async set(access, { on, reason = null }) {
      const trace: Trace = { access, action: "setReadOnly", project: null, target: "everything" };
      await permitted(context, trace, () => undefined);
      if (!on) {
        return audited(context, { ...trace, access: giving(access, reason) }, async (tx) => {
          const was = await tx.readOnly.end();
          const { actor, at, reason: because } = was ?? {};
          return {
            result: null,
            details: { on, began: at, begunBy: actor, begunBecause: because },
            changed: was !== null,
          };
        }).finally(() => book.forget());
      }
      if (reason === null) throw badInput("reason", "Say why, for all whose changes are refused.");
      return audited(context, { ...trace, access: giving(access, reason) }, async (tx) => {
        const { readOnly, begun } = await tx.readOnly.begin({ actor: access.actor, reason });
        return { result: readOnly, details: { on }, changed: begun };
      }).finally(() => book.forget());
    },

    requireChanges(mutation) {
      if (ALLOWED_WHEN_READ_ONLY.has(mutation)) return undefined;
      const found = book.get();
      if (found instanceof Promise) return found.then(requireNone);
      requireNone(found);
      return undefined;
    },

    async whyNot() {
      const readOnly = await book.get();
      return readOnly && wordsOf(readOnly);
    },

    isOn: async () => (await book.get()) !== null,
  };
}

function requireNone(readOnly: ReadOnly | null): void {
  if (readOnly === null) return;
  const { actor, at, reason } = readOnly;
  throw new DomainError("SERVER_IS_READ_ONLY", wordsOf(readOnly), {
    details: { actor, at: at.toISOString(), reason },
  });
}

const wordsOf = ({ actor, reason }: ReadOnly) => `The service is read-only: ${reason} (${actor})`;
