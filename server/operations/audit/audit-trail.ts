/**
 * How operations write the audit log.
 *
 * - A change of the control plane commits together with its entry.
 * - An action on a pool writes its entry before it acts, as "intended", and the outcome afterwards. A crash between the
 *   two leaves "intended".
 * - A refusal is written too.
 */
import { type Access, type Role, requireRole } from "../../access/access.ts";
import { DomainError, hasCode } from "../../errors.ts";
import type { AuditEntry, ControlDriver } from "../../storage/control-driver.ts";
import type { OperationContext } from "../context.ts";

/** Who acts on what. `action` is the GraphQL mutation's name. */
export interface Trace {
  access: Access;
  action: string;
  project: string | null;
  target: string;
}

export type Transaction = Parameters<Parameters<ControlDriver["transaction"]>[0]>[0];
/**
 * Plain JSON: before and after, reasons, counts. No message bodies, none of the users' own metadata, and no URI unless
 * its password is masked.
 */
type Details = Record<string, unknown>;

/** Requires the role, then runs `choose`. FORBIDDEN from either is audited as a refusal. */
export async function permitted<T>(context: OperationContext, trace: Trace, role: Role, choose: () => T): Promise<T> {
  try {
    requireRole(trace.access, role);
    return choose();
  } catch (error) {
    if (hasCode(error, "FORBIDDEN")) await writeRefusal(context, trace, error);
    throw error;
  }
}

/** Runs a check before an action. If it throws a DomainError, that is audited as a refusal. */
export async function possible(context: OperationContext, trace: Trace, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof DomainError) await writeRefusal(context, trace, error);
    throw error;
  }
}

function writeRefusal(context: OperationContext, trace: Trace, error: DomainError): Promise<unknown> {
  return context.control.audit
    .append(row(trace, "refused", { reason: error.message }))
    .catch((failure: unknown) => context.warn("A refusal could not be written to the audit log", failure));
}

/**
 * Runs a change of the control plane in a transaction, with its audit entry unless `changed` is false. Both commit, or
 * neither does.
 */
export function audited<T>(
  context: OperationContext,
  trace: Trace,
  change: (tx: Transaction) => Promise<{ result: T; details: Details; changed?: boolean }>,
): Promise<T> {
  return context.control.transaction(async (tx) => {
    const { result, details, changed = true } = await change(tx);
    if (changed) await tx.audit.append(row(trace, "done", details));
    return result;
  });
}

/**
 * Runs an action on the data plane. Writes its audit entry as "intended", acts, then writes the outcome. If the outcome
 * cannot be written, the entry stays "intended" and the action's own result is returned.
 */
export async function intended<T>(
  context: OperationContext,
  trace: Trace,
  details: Details,
  act: () => Promise<T>,
  outcome: (result: T) => Details,
): Promise<T> {
  const id = await context.control.audit.append(row(trace, "intended", details));
  const settle = async (state: "done" | "failed", more: Details) => {
    await context.control.audit
      .settle(id, state, JSON.stringify({ ...details, ...more }))
      .catch((failure: unknown) => context.warn("An outcome could not be written to the audit log", failure));
  };
  let result: T;
  try {
    result = await act();
  } catch (error) {
    // Nobody knows whether it happened, so the entry stays "intended".
    if (!hasCode(error, "OUTCOME_UNKNOWN")) await settle("failed", failureOf(error));
    throw error;
  }
  await settle("done", outcome(result));
  return result;
}

/** With the number of messages or entries when a part of the action was done before it failed. */
function failureOf(error: unknown): Details {
  if (!(error instanceof DomainError)) return { code: "INTERNAL" };
  const { partial, messages, entries } = error.details;
  return partial === true ? { code: error.code, partial, messages, entries } : { code: error.code };
}

function row(trace: Trace, outcome: AuditEntry["outcome"], details: Details): Omit<AuditEntry, "id" | "at"> {
  const { access, action, project, target } = trace;
  return {
    actor: access.actor,
    requestId: access.requestId,
    action,
    project,
    target,
    outcome,
    detailsText: JSON.stringify(details),
  };
}
