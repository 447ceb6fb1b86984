import type { Access } from "../../access/access.ts";
import { type DomainError, type ErrorCode, hasCode } from "../../errors.ts";
import { intended, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { badInput } from "../input/limits.ts";
import type { SettingsParts } from "./export.ts";
import { readSettings } from "./format.ts";
import { errorOf, type Planning, planFlavors, planPools, planQueues, type Step } from "./plan.ts";

/** What an import did to one object of the file, or would do. */
export interface SettingsChange extends Omit<Step, "act" | "error"> {
  /** False: a dry run, or `error`. */
  done: boolean;
  error: { code: ErrorCode; message: string } | null;
}

export interface SettingsImported {
  /** What changes, and what fails: pools, then flavors, then queues, in the order of the file. */
  changes: SettingsChange[];
  /** Objects that are as the file says already. */
  unchanged: number;
}

/** Permission administer. */
export interface SettingsImport {
  /**
   * Makes pools, flavors and queues as the file says: creates what is missing, updates what differs, deletes nothing.
   * Each object is one step, which is done as a whole or not at all and which `changes` reports. The others go on after
   * an error. So the import may be repeated, also after a crash: it does what is left. With `dryRun` it changes nothing
   * and says what would be done now, as far as that can be checked.
   *
   * What a pool leaves out stays as it is. A URI whose password is masked is the pool's own, or an error of that pool.
   * `verifyPools`, by default true: see PoolWrites.create. A queue gets all the metadata of the file.
   *
   * BAD_INPUT and NOT_SUPPORTED for the file as a whole, before anything is changed. At most MAX_OBJECTS.
   */
  import(access: Access, params: { text: string; dryRun?: boolean; verifyPools?: boolean }): Promise<SettingsImported>;
}

export const MAX_OBJECTS = 5000;

export function createSettingsImport(context: OperationContext, parts: SettingsParts): SettingsImport {
  const { limits } = context;
  return {
    async import(access, { text, dryRun = false, verifyPools = true }) {
      const trace: Trace = { access, action: "importSettings", project: null, target: "*" };
      await permitted(context, trace, () => undefined);
      const file = readSettings(text, limits.MAX_JSON_DEPTH);
      const objects = file.pools.length + file.flavors.length + file.queues.length;
      if (objects > MAX_OBJECTS) {
        throw badInput("file", `file may have at most ${MAX_OBJECTS} objects; it has ${objects}. Import it in parts.`, {
          value: objects,
          maximum: MAX_OBJECTS,
        });
      }
      const planning: Planning = { ...parts, context, access, dryRun, verifyPools };
      // Each kind is planned when the one before it is done: a flavor needs its pools, and a queue its flavor.
      const work = async () => [
        ...(await run(await planPools(planning, file.pools), dryRun)),
        ...(await run(await planFlavors(planning, file.flavors, file.pools), dryRun)),
        ...(await run(await planQueues(planning, file.queues, file.flavors), dryRun)),
      ];
      const all = dryRun ? await work() : await intended(context, trace, { objects }, work, countsOf);
      const changes = all.filter(({ action, error }) => action !== "none" || error !== null);
      return { changes, unchanged: all.length - changes.length };
    },
  };
}

function countsOf(changes: readonly SettingsChange[]): Record<string, number> {
  const done = changes.filter((change) => change.done);
  return {
    created: done.filter(({ action }) => action === "create").length,
    updated: done.filter(({ action }) => action === "update").length,
    failed: changes.filter(({ error }) => error !== null).length,
  };
}

/** Does the steps one after the other. */
async function run(steps: readonly Step[], dryRun: boolean): Promise<SettingsChange[]> {
  const outcomes = new Map<Step, DomainError | null>();
  let waiting = steps.filter(({ action, error }) => action !== "none" && error === null && !dryRun);
  // The last pool of a flavor may leave it only once another one has joined, so it is tried again after the others.
  for (let before = Number.POSITIVE_INFINITY; waiting.length > 0 && waiting.length < before; ) {
    before = waiting.length;
    for (const step of waiting) outcomes.set(step, await errorOf(step.act));
    waiting = waiting.filter((step) => hasCode(outcomes.get(step), "POOL_IN_USE_BY_FLAVOR"));
  }
  return steps.map((step) => {
    const { act: _act, error: known, ...change } = step;
    const error = known ?? outcomes.get(step) ?? null;
    const done = outcomes.has(step) && error === null;
    return { ...change, done, error: error && { code: error.code, message: error.message } };
  });
}
