import { type Access, requirePermission } from "../../access/access.ts";
import { JOB_KINDS, JOB_STATES, type Job, type JobKind, type JobState } from "../../jobs/job.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { badInput, checkBatch, pageRequest } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";
import type { JobWatch } from "../live/job-watch.ts";
import { maySee, visibleJob } from "./parts.ts";

/** Permission read. A caller with some projects sees only the jobs of those. */
export interface JobReads {
  /** Newest first; with `kind`, `state` or `target`, only those jobs. BAD_INPUT. */
  list(
    access: Access,
    params: PageParams & { kind?: JobKind | null; state?: JobState | null; target?: string | null },
  ): Promise<Page<Job>>;
  /** Null when there is no such job, or the caller may not see it. */
  get(access: Access, params: { id: string }): Promise<Job | null>;
  /** The same for many, in the order asked, with one statement. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(Job | null)[]>;
  /** The same for the jobs of dry runs. */
  getByTokens(access: Access, params: { tokens: readonly string[] }): Promise<(Job | null)[]>;
  /**
   * Yields the job now, and again when it has changed, at most once a second. Ends with the state in which the job
   * ended, or when `signal` aborts. JOB_DOES_NOT_EXIST, also when the caller may not see it.
   */
  watch(access: Access, params: { id: string; signal: AbortSignal }): AsyncIterableIterator<Job>;
}

export function createJobReads(context: OperationContext, watch: JobWatch): JobReads {
  const { jobs, limits } = context;
  return {
    async list(access, params) {
      requirePermission(access, "read");
      const { kind = null, state = null, target = null } = params;
      if (kind !== null && !JOB_KINDS.includes(kind)) throw badInput("kind", "There is no such kind of job.");
      if (state !== null && !JOB_STATES.includes(state)) throw badInput("state", "There is no such state.");
      return jobs.list({
        page: pageRequest(limits, params.page),
        ...(kind === null ? {} : { kind }),
        ...(state === null ? {} : { state }),
        ...(target === null ? {} : { target: checkName("target", target, limits.MAX_QUEUE_NAME_LENGTH) }),
        projects: access.rights.read,
      });
    },

    async get(access, { id }) {
      requirePermission(access, "read");
      return maySee(access, await jobs.get(id));
    },

    async getMany(access, { ids }) {
      requirePermission(access, "read");
      const found = await readVisible(checkBatch(limits, "ids", ids), {
        choose: (id) => id,
        read: (wanted) => jobs.getMany(wanted),
        keyOf: (id) => id,
        foundKeyOf: ({ id }) => id,
      });
      return found.map((job) => maySee(access, job));
    },

    async getByTokens(access, { tokens }) {
      requirePermission(access, "read");
      const found = await jobs.getByTokens(checkBatch(limits, "tokens", tokens));
      const byToken = new Map(found.map((job) => [job.token, job]));
      return tokens.map((token) => maySee(access, byToken.get(token) ?? null));
    },

    async *watch(access, { id, signal }) {
      yield* watch.watch(await visibleJob(context, access, id), signal);
    },
  };
}
