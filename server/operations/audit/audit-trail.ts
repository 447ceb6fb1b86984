/**
 * How operations write the audit log: administrative changes, what people do, and refusals. What programs do with
 * messages, claims, subscriptions and keys is not in it, unless they give a reason.
 *
 * - A change of the control plane commits together with its entry.
 * - An action on a pool writes its entry before it acts, as "intended", and the outcome afterwards. A crash between the
 *   two leaves "intended".
 * - A refusal is written once in REFUSED_MS for each caller, action and target, and MOST_REFUSALS of each caller: a
 *   program may try all the time, and make names up.
 */
import type { Access, Permission } from "../../access/access.ts";
import { type Action, NEEDS, type Need, requireNeed } from "../../access/needs.ts";
import { DomainError, hasCode } from "../../errors.ts";
import type { AuditEntry, ControlDriver, NewAuditEntry } from "../../storage/control-driver.ts";
import type { OperationContext } from "../context.ts";

/** Who acts on what. */
export interface Trace {
  access: Access;
  action: Action;
  project: string | null;
  target: string;
}

export type Transaction = Parameters<Parameters<ControlDriver["transaction"]>[0]>[0];
/**
 * Plain JSON: before and after, reasons, counts. No message bodies, none of the users' own metadata, and no URI unless
 * its password is masked.
 */
type Details = Record<string, unknown>;

/**
 * Requires what the action needs, then runs `choose` with that permission, to check it for a project. FORBIDDEN from
 * either is audited as a refusal.
 */
export async function permitted<T>(
  context: OperationContext,
  trace: Trace,
  choose: (permission: Permission) => T,
  need: Need = NEEDS[trace.action],
): Promise<T> {
  try {
    requireNeed(trace.access, need);
    return choose(need.permission);
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

/** Writes a refusal, unless the same one was written a short time ago. Never throws. */
export async function writeRefusal(context: OperationContext, trace: Trace, error: DomainError): Promise<void> {
  const { access, action, project, target } = trace;
  const now = context.now();
  const written = refusalsOf(context);
  const key = JSON.stringify([access.actor, action, cut(project ?? ""), cut(target), error.code]);
  const last = written.get(key);
  error.isNoted = true;
  if (last !== undefined && now - last < REFUSED_MS) return;
  if (written.size >= MAX_REFUSALS) written.clear();
  const places = Array.from({ length: MOST_REFUSALS }, (_, place) => `${access.actor} ${place}`);
  const free = places.find((place) => now - (written.get(place) ?? Number.NEGATIVE_INFINITY) >= REFUSED_MS);
  if (free === undefined) return;
  written.set(free, now);
  written.set(key, now);
  try {
    await context.control.audit.append(row(trace, "refused", { code: error.code, message: error.message }));
  } catch (failure) {
    written.delete(key);
    context.warn("A refusal could not be written to the audit log", failure);
  }
}

const REFUSED_MS = 60_000;
/** Of one caller in this time. */
const MOST_REFUSALS = 30;
const MAX_REFUSALS = 10_000;
/** When each refusal was written last, in this process. */
const refusals = new WeakMap<OperationContext, Map<string, number>>();

function refusalsOf(context: OperationContext): Map<string, number> {
  const known = refusals.get(context) ?? new Map<string, number>();
  refusals.set(context, known);
  return known;
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

/**
 * Whether what this caller does to messages, claims, subscriptions and keys is audited. It is for people, and for
 * programs that give a reason; a program's daily work would fill the log.
 */
export const isNoted = ({ isPerson, reason }: Access): boolean => isPerson === true || reason !== undefined;

/**
 * Writes the entry of an action that ends later, perhaps in another process: as "intended". Its `settle` is for an
 * action that ends at once after all; otherwise see `settleIntention`.
 */
export async function startIntention(
  context: OperationContext,
  trace: Trace,
  details: object,
): Promise<{ id: string; settle: (outcome: "done" | "failed", more: object) => Promise<void> }> {
  const id = await context.control.audit.append(row(trace, "intended", { ...details }));
  return { id, settle: (outcome, more) => settleIntention(context, id, outcome, more) };
}

/** Adds the outcome to an entry. An entry that is gone, or has one, stays as it is; so does null. */
export async function settleIntention(
  { control, warn }: Pick<OperationContext, "control" | "warn">,
  id: string | null,
  outcome: "done" | "failed",
  more: object,
): Promise<void> {
  if (id === null) return;
  try {
    const [entry] = await control.audit.getMany([id]);
    if (entry === undefined) return;
    const details = JSON.stringify({ ...(JSON.parse(entry.detailsText) as Details), ...more });
    await control.audit.settle(id, outcome, details);
  } catch (failure) {
    warn("An outcome could not be written to the audit log", failure);
  }
}

/** With the number of messages or entries when a part of the action was done before it failed. */
function failureOf(error: unknown): Details {
  if (!(error instanceof DomainError)) return { code: "INTERNAL" };
  const { partial, messages, entries } = error.details;
  return partial === true ? { code: error.code, partial, messages, entries } : { code: error.code };
}

function row(trace: Trace, outcome: AuditEntry["outcome"], details: Details): NewAuditEntry {
  const { access, action, project, target } = trace;
  return {
    actor: access.actor,
    requestId: access.requestId,
    reason: access.reason ?? null,
    address: access.address ?? null,
    action,
    project: project === null ? null : cut(project),
    target: cut(target),
    outcome,
    detailsText: JSON.stringify(details),
  };
}

/** A refusal has names that nobody has checked. Valid ones are shorter. */
const MAX_NAME = 512;
const cut = (name: string) => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME).toWellFormed()}…` : name);
