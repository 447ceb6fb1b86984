import { randomBytes } from "node:crypto";
import { type Access, requirePermission } from "../../access/access.ts";
import type { DryRun, MessageAction } from "../../jobs/dry-run.ts";
import type { MessageFilter } from "../../storage/messages/message-select.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import { badInput, checkBatch, checkWhole } from "../input/limits.ts";
import type { MessageFilterInput } from "../input/message-filter.ts";
import { checkAction, checkFilter, type MessageActionInput } from "./action.ts";
import { makePlan, type PlanParts } from "./plan.ts";
import { visibleDryRun } from "./projects-of.ts";
import { chosenQueues, type QueueScopeInput } from "./scope.ts";

export interface DryRunParams {
  action: MessageActionInput;
  queues: QueueScopeInput;
  filter?: MessageFilterInput | null;
  all?: boolean | null;
  limit?: number | null;
}

export interface DryRunOperations {
  /**
   * Finds what an action would act on, and changes nothing. Its token starts the job, for DRY_RUN_SECONDS. It fixes the
   * queues, the filter and the highest marker of each queue. It looks for four seconds at most; what it did not look at
   * makes the numbers inexact. Permission operate.
   *
   * - A filter without a condition is BAD_INPUT, unless `all` is true.
   * - `limit`: the oldest so many, 1 to MAX_DRY_RUN_LIMIT, of one queue. Messages that would stay do not count.
   * - Empty queues are left out. So are those whose pools fail, with a warning; one that was named is an error.
   *
   * BAD_INPUT, FORBIDDEN, QUEUE_DOES_NOT_EXIST, TOO_LARGE.
   */
  make(access: Access, params: DryRunParams): Promise<DryRun>;
  /**
   * Null when it is unknown, has expired without a job, or is about a project that the caller may not see. Permission
   * read.
   */
  get(access: Access, params: { token: string }): Promise<DryRun | null>;
  /** The same for many, in the order asked, with one statement. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { tokens: readonly string[] }): Promise<(DryRun | null)[]>;
}

/** How long a dry run can be started. */
const DRY_RUN_SECONDS = 600;
export const MAX_DRY_RUN_LIMIT = 10_000;
const MAX_WARNINGS = 20;

export function createDryRunOperations(
  context: OperationContext,
  parts: PlanParts & { sights: BodySights },
): DryRunOperations {
  const { dryRuns, limits, samples } = context;
  return {
    async make(access, params) {
      const action = withinSight(checkAction(limits, access, params.action), await samples.now());
      const filter = checkFilter(limits, action, params);
      const { queues, project, target } = await chosenQueues(context, access, action, params.queues);
      const within = queues.map(({ project: one }) => one);
      await parts.sights.requireFor(access, within, { action, filter });
      const isNamed = target !== "";
      const limit = checkPart(params.limit ?? null, action, filter, isNamed);
      const plan = await makePlan(context, parts, { action, filter, limit, queues, isNamed });
      return dryRuns.add(
        {
          token: randomBytes(18).toString("base64url"),
          kind: action.kind,
          project,
          target,
          inputText: JSON.stringify(params),
          plan: { ...plan, warnings: plan.warnings.slice(0, MAX_WARNINGS) },
          actor: access.actor,
        },
        DRY_RUN_SECONDS,
      );
    },

    async get(access, { token }) {
      requirePermission(access, "read");
      return visibleDryRun(access, await dryRuns.get(token));
    },

    async getMany(access, { tokens }) {
      requirePermission(access, "read");
      const read = await dryRuns.getMany(checkBatch(limits, "tokens", tokens));
      const found = new Map(read.map((dryRun) => [dryRun.token, dryRun]));
      return tokens.map((token) => visibleDryRun(access, found.get(token) ?? null));
    },
  };
}

/** A purge of what is older than a time to come is one of all that is there now: later messages stay. */
function withinSight(action: MessageAction, now: Date): MessageAction {
  const isLater = action.kind === "purgeQueues" && action.before !== null && new Date(action.before) > now;
  return isLater ? { ...action, before: null } : action;
}

function checkPart(
  limit: number | null,
  action: MessageAction,
  { ids }: MessageFilter,
  isNamed: boolean,
): number | null {
  if (limit === null) return null;
  if (!isNamed) throw badInput("limit", "`limit` goes with one queue, which `queues.queue` names.");
  if (action.kind === "purgeQueues") throw badInput("limit", "A purge has no `limit`. Use `delete` with one.");
  if (ids !== undefined) throw badInput("limit", "Give `limit` or `filter.ids`, not both.");
  return checkWhole("limit", limit, 1, MAX_DRY_RUN_LIMIT, "messages");
}
