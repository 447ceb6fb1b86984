/** Jobs in the control database, shared by all processes. Its clock decides leases. */
import type pg from "pg";
import { keyReused } from "../storage/idempotency.ts";
import type { Page } from "../storage/list-pages.ts";
import { markerField, numberMarker, pageOf, readsBackward } from "../storage/list-pages.ts";
import { isUniqueViolation, translatePostgresError } from "../storage/postgres/sql/connection.ts";
import type { Job, JobOnce, JobStore, JobSubject } from "./job.ts";
import { COLUMNS, isId, type JobRow, SQL, shownOf, toJob } from "./statements.ts";

/** The caller closes `connections`. */
export function createJobStore({ connections }: { connections: pg.Pool }): JobStore {
  async function run<Row extends object>(text: string, values: readonly unknown[], wrote: boolean): Promise<Row[]> {
    try {
      return (await connections.query<Row>(text, [...values])).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }
  const holding = ({ id, holder, fence }: Job) => [id, holder, fence];

  async function get(id: string): Promise<Job | null> {
    if (!isId(id)) return null;
    const [row] = await run<JobRow>(SQL.get, [id], false);
    return row === undefined ? null : toJob(row);
  }

  async function list({ page, kind, state, target, projects }: Parameters<JobStore["list"]>[0]): Promise<Page<Job>> {
    const { after, before, limit } = page;
    const marker = after ?? before;
    if (marker !== undefined) numberMarker(marker, markerField(page));
    const backward = readsBackward(page);
    const rows = await run<JobRow>(
      `SELECT ${COLUMNS} FROM jobs
       WHERE ($1::bigint IS NULL OR id < $1) AND ($2::bigint IS NULL OR id > $2)
         AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR state = $4) AND ($5::text IS NULL OR ${shownOf("jobs")} = $5)
         AND ($6::text[] IS NULL
           OR (projects <@ $6 AND CASE WHEN project IS NULL THEN projects <> '{}' ELSE project = ANY ($6) END))
       ORDER BY jobs.id ${backward ? "ASC" : "DESC"} LIMIT $7`,
      [
        ...[after ?? null, before ?? null, kind ?? null, state ?? null, target ?? null],
        ...[projects === "all" ? null : projects, limit + 1],
      ],
      false,
    );
    return pageOf(rows.map(toJob), page, ({ id }) => id);
  }

  async function findByKey({ kind, project, target }: JobSubject, { key, request }: JobOnce): Promise<Job | null> {
    const [row] = await run<JobRow & { key_request: string }>(SQL.byKey, [kind, project, target, key], false);
    if (row !== undefined && row.key_request !== request) throw keyReused(key);
    return row === undefined ? null : toJob(row);
  }

  async function getByTokens(tokens: readonly string[]): Promise<Job[]> {
    return (await run<JobRow>(SQL.byTokens, [tokens], false)).map(toJob);
  }

  async function addOnce(job: Parameters<JobStore["add"]>[0], once: JobOnce): ReturnType<JobStore["add"]> {
    const { kind, project, target, inputText, actor, requestId } = job;
    for (;;) {
      const prior = await findByKey(job, once);
      if (prior !== null) return { job: prior, created: false };
      const values = [kind, project, target, inputText, actor, requestId, once.key, once.request];
      try {
        const [row] = await run<JobRow & { created: boolean }>(SQL.addOnce, values, true);
        if (row !== undefined) return { job: toJob(row), created: row.created };
      } catch (error) {
        // Another call with this key has committed in between: nothing was added, and its job is read.
        if (!isUniqueViolation(error)) throw error;
      }
    }
  }

  return {
    async add(job, once) {
      if (once !== undefined) return addOnce(job, once);
      const { kind, project, target, inputText, actor, requestId } = job;
      // The unfinished job may end before it is read. Then the new one can be added.
      for (;;) {
        const [row] = await run<JobRow>(SQL.add, [kind, project, target, inputText, actor, requestId], true);
        if (row !== undefined) return { job: toJob(row), created: true };
        const [other] = await run<JobRow>(SQL.unfinished, [kind, project, target], false);
        if (other !== undefined) return { job: toJob(other), created: false };
      }
    },
    async addWithToken(job) {
      const { kind, project, target, inputText, actor, requestId, token, reason, total, ratePerSecond } = job;
      const values = [kind, project, target, inputText, actor, requestId, token, reason, total, ratePerSecond];
      const others = job.projects.filter((one) => one !== project);
      // A job that has the token may be trimmed before it is read. Then the new one can be added.
      for (;;) {
        const [row] = await run<JobRow>(SQL.addWithToken, [...values, job.auditEntry, others], true);
        if (row !== undefined) return { job: toJob(row), created: true };
        const [other] = await getByTokens([token]);
        if (other !== undefined) return { job: other, created: false };
      }
    },
    getByTokens,
    findByKey,
    get,
    async getMany(ids) {
      const known = ids.filter(isId);
      return known.length === 0 ? [] : (await run<JobRow>(SQL.getMany, [known], false)).map(toJob);
    },
    list,
    async take({ holder, leaseSeconds, kinds, rated }) {
      const [row] = await run<JobRow>(SQL.take, [holder, leaseSeconds, kinds, rated], true);
      return row === undefined ? null : toJob(row);
    },
    async beat({ job, leaseSeconds, progress, total, rate, waitingFor, positionText }) {
      const values = [...holding(job), leaseSeconds, progress, total, rate, waitingFor, positionText];
      const [row] = await run<Pick<JobRow, "cancel_requested" | "held" | "rate_per_second">>(SQL.beat, values, true);
      if (row === undefined) return null;
      return { cancelRequested: row.cancel_requested, held: row.held, ratePerSecond: row.rate_per_second };
    },
    async listFailed({ limit }) {
      return (await run<JobRow>(SQL.listFailed, [limit], false)).map(toJob);
    },
    async listUnsettled({ limit }) {
      return (await run<JobRow>(SQL.listUnsettled, [limit], false)).map(toJob);
    },
    async settle({ id, positionText: before }, { progress, positionText }) {
      await run(SQL.settle, [id, before, progress, positionText], true);
    },
    async trim({ days, limit }) {
      return (await run(SQL.trim, [days, limit], true)).length;
    },
    async release(job) {
      await run(SQL.release, holding(job), true);
    },
    async end({ job, state, progress, total, resultText, error, positionText }) {
      const failure = [error?.code ?? null, error?.message ?? null];
      const values = [...holding(job), state, progress, total, resultText, ...failure, positionText];
      return (await run(SQL.end, values, true)).length > 0;
    },
    async cancel(id) {
      if (!isId(id)) return null;
      await run(SQL.cancel, [id], true);
      return get(id);
    },
    async update(id, { held, ratePerSecond }) {
      if (!isId(id)) return null;
      await run(SQL.update, [id, held ?? null, ratePerSecond !== undefined, ratePerSecond ?? null], true);
      return get(id);
    },
  };
}
