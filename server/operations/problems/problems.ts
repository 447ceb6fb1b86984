import { type Access, chooseProject, mayUse, requirePermission } from "../../access/access.ts";
import { NEEDS, needOfNone } from "../../access/needs.ts";
import { DomainError } from "../../errors.ts";
import {
  PROBLEM_KINDS,
  type Problem,
  type ProblemFilter,
  type ProblemGroup,
  type ProblemKind,
  type Severity,
} from "../../problems/problem.ts";
import { inWords, type ProblemRecord } from "../../problems/text.ts";
import type { Page } from "../../storage/list-pages.ts";
import { intended, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, QueueAddress } from "../input/addresses.ts";
import { checkBatch, checkText, checkWhole, pageRequest } from "../input/limits.ts";
import { checkLength, checkName, checkQueueName, chosenProject, chosenQueue } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";

export interface ProblemChoice {
  kinds?: readonly ProblemKind[] | null;
  severities?: readonly Severity[] | null;
  project?: string | null;
  queue?: string | null;
  pool?: string | null;
  includeSnoozed?: boolean | null;
}

/**
 * What is wrong now. Reading needs the permission read. A caller with some projects sees the problems of their queues,
 * and those of pools.
 */
export interface ProblemOperations {
  /** Critical ones first, then the oldest. Without snoozed ones, unless asked for. BAD_INPUT. */
  list(access: Access, params: PageParams & ProblemChoice): Promise<Page<ProblemRecord>>;
  /** How many `list` lists: exact up to 10,000, and unless there may be more than were found (MOST_FOUND). */
  count(access: Access, params: ProblemChoice): Promise<{ value: number; exact: boolean }>;
  /** One group for each kind that there is, the worst first, without snoozed ones. One statement. */
  summary(access: Access, params: Record<string, never>): Promise<ProblemGroup[]>;
  /** In the order asked, snoozed ones included. One statement for all. At most MAX_PAGE_SIZE. */
  ofQueues(access: Access, params: { queues: readonly QueueAddress[] }): Promise<ProblemRecord[][]>;
  ofPools(access: Access, params: { pools: readonly string[] }): Promise<ProblemRecord[][]>;
  /** In the order asked; null for one that has ended, or that the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(ProblemRecord | null)[]>;
  /**
   * Silences a problem for so many seconds, 60 to MAX_SNOOZE_SECONDS: lists, summaries and warnings leave it out. It
   * stays silent when it ends and comes again. A second call replaces the first. Permission operate; of a pool,
   * administer. PROBLEM_DOES_NOT_EXIST, also when the caller may not see it.
   */
  snooze(access: Access, params: { id: string; seconds: number; reason: string }): Promise<ProblemRecord>;
  /** Ends the silence. Role and errors of `snooze`. */
  unsnooze(access: Access, params: { id: string }): Promise<ProblemRecord>;
}

export const MIN_SNOOZE_SECONDS = 60;
export const MAX_SNOOZE_SECONDS = 30 * 86_400;
const MAX_REASON_LENGTH = 500;

export function createProblemOperations(context: OperationContext): ProblemOperations {
  const { problems, limits } = context;

  const filterOf = (access: Access, choice: ProblemChoice): ProblemFilter => {
    const { kinds, severities, project, queue, pool, includeSnoozed } = choice;
    return {
      ...(kinds ? { kinds: kinds.filter((kind) => PROBLEM_KINDS.includes(kind)) } : {}),
      ...(severities ? { severities } : {}),
      ...(typeof project === "string"
        ? { projects: [chosenProject(limits, access, "read", project)], ofPools: false }
        : { projects: access.rights.read }),
      ...(typeof queue === "string" ? { queue: checkQueueName(limits, queue) } : {}),
      ...(typeof pool === "string" ? { pool: checkName("pool", pool) } : {}),
      includeSnoozed: includeSnoozed === true,
    };
  };
  const withWords = async (found: readonly Problem[]): Promise<ProblemRecord[]> => {
    if (found.length === 0) return [];
    const now = await problems.now();
    return found.map((problem) => inWords(problem, now));
  };
  const eachWithWords = async (found: readonly (readonly Problem[])[]): Promise<ProblemRecord[][]> => {
    const all = (await withWords(found.flat())).values();
    return found.map((some) => some.map(() => all.next().value as ProblemRecord));
  };

  async function visible(access: Access, id: string): Promise<ProblemRecord> {
    const [found] = (await problems.getMany([id])).filter((problem) => maySee(access, problem));
    const [record] = await withWords(found === undefined ? [] : [found]);
    if (record === undefined) throw problemDoesNotExist(id);
    return record;
  }

  /** The problem, for a caller who may silence it. */
  async function requireMine(
    access: Access,
    action: "snoozeProblem" | "unsnoozeProblem",
    id: string,
  ): Promise<{ problem: Problem; trace: Trace }> {
    requirePermission(access, "read");
    const problem = await visible(access, id);
    const { kind, project, queue, pool } = problem;
    const trace: Trace = { access, action, project: queue === "" ? null : project, target: `${kind} ${queue || pool}` };
    const mine = queue === "" ? needOfNone(action) : NEEDS[action];
    await permitted(context, trace, (permission) => queue !== "" && chooseProject(access, permission, project), mine);
    return { problem, trace };
  }

  return {
    async list(access, { page, ...choice }) {
      requirePermission(access, "read");
      const found = await problems.list({ page: pageRequest(limits, page), filter: filterOf(access, choice) });
      return { ...found, items: await withWords(found.items) };
    },

    async count(access, choice) {
      requirePermission(access, "read");
      return problems.count(filterOf(access, choice));
    },

    async summary(access) {
      requirePermission(access, "read");
      return problems.summary({ projects: access.rights.read });
    },

    async ofQueues(access, { queues }) {
      requirePermission(access, "read");
      const chosen = checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, "read", queue));
      return eachWithWords(await problems.ofQueues(chosen));
    },

    async ofPools(access, { pools }) {
      requirePermission(access, "read");
      const found = await problems.ofPools(checkBatch(limits, "pools", pools));
      return eachWithWords(found.map((some) => some.filter((problem) => maySee(access, problem))));
    },

    async getMany(access, { ids }) {
      requirePermission(access, "read");
      const found = await readVisible(checkBatch(limits, "ids", ids), {
        choose: (id) => id,
        read: async (wanted) => withWords(await problems.getMany(wanted)),
        keyOf: (id) => id,
        foundKeyOf: ({ id }) => id,
      });
      return found.map((problem) => (problem !== null && maySee(access, problem) ? problem : null));
    },

    async snooze(access, { id, seconds, reason }) {
      const { problem, trace } = await requireMine(access, "snoozeProblem", id);
      checkWhole("seconds", seconds, MIN_SNOOZE_SECONDS, MAX_SNOOZE_SECONDS, "seconds");
      checkLength("reason", checkText("reason", reason), MAX_REASON_LENGTH);
      await intended(
        context,
        trace,
        { seconds, reason },
        () => problems.snooze(problem, { seconds, actor: access.actor, reason }),
        () => ({}),
      );
      return visible(access, id);
    },

    async unsnooze(access, { id }) {
      const { problem, trace } = await requireMine(access, "unsnoozeProblem", id);
      await intended(
        context,
        trace,
        {},
        () => problems.snooze(problem, null),
        () => ({}),
      );
      return visible(access, id);
    },
  };
}

/** Pools are everybody's; a job on a pool is not. */
function maySee(access: Access, { project, queue, job }: Problem): boolean {
  if (access.rights.read === "all") return true;
  return queue === "" ? job === "" : mayUse(access, "read", project);
}

export function problemDoesNotExist(id: string): DomainError {
  return new DomainError("PROBLEM_DOES_NOT_EXIST", "The problem has ended, or you may not see it.", {
    details: { problemId: id },
  });
}
