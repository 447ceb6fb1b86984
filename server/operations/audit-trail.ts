/**
 * How operations leave their trace. A change of the control plane commits together with its row; an action on a pool has its intent
 * written before and its outcome after, so that a crash between leaves "intended" and never nothing. Refusals leave a row too.
 */
import { type Access, type Role, requireRole } from "../access/access.ts";
import { DomainError, hasCode } from "../errors.ts";
import type { AuditEntry, ControlDriver } from "../storage/control-driver.ts";
import type { OperationContext } from "./context.ts";

/** `action` is the GraphQL mutation's name. */
export interface Trace {
  access: Access;
  action: string;
  project: string | null;
  target: string;
}

export type Transaction = Parameters<Parameters<ControlDriver["transaction"]>[0]>[0];
/** Plain JSON: before and after, reasons, counts. No bodies, no metadata of users, no URIs. */
type Details = Record<string, unknown>;

/** Runs the checks of rights of an action that is audited; when they refuse, that is written down. */
export async function permitted<T>(context: OperationContext, trace: Trace, role: Role, choose: () => T): Promise<T> {
  try {
    requireRole(trace.access, role);
    return choose();
  } catch (error) {
    if (hasCode(error, "FORBIDDEN")) await writeRefusal(context, trace, error);
    throw error;
  }
}

/** Runs a check that says what an action would fail of; when it refuses, that is written down. */
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

/** A change of the control plane and its row, together or not at all. */
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

/** An action on the data plane, between its intent and its outcome. An outcome that cannot be written leaves the intent, and the action's own result counts. */
export async function intended<T>(
  context: OperationContext,
  trace: Trace,
  details: Details,
  act: () => Promise<T>,
  outcome: (result: T) => Details,
): Promise<T> {
  const id = await context.control.audit.append(row(trace, "intended", details));
  const settle = async (how: "done" | "failed", more: Details) => {
    await context.control.audit
      .settle(id, how, JSON.stringify({ ...details, ...more }))
      .catch((failure: unknown) => context.warn("An outcome could not be written to the audit log", failure));
  };
  let result: T;
  try {
    result = await act();
  } catch (error) {
    // What may have happened stays "intended": nobody knows its outcome.
    if (!hasCode(error, "OUTCOME_UNKNOWN")) {
      await settle("failed", { code: error instanceof DomainError ? error.code : "INTERNAL" });
    }
    throw error;
  }
  await settle("done", outcome(result));
  return result;
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
