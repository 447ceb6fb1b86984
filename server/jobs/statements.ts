/** The statements on jobs, and their rows. */
import type { ErrorCode } from "../errors.ts";
import type { Job, JobKind, JobState } from "./job.ts";

export interface JobRow {
  id: string;
  kind: JobKind;
  project: string | null;
  projects: string[];
  target: string;
  input: string;
  state: JobState;
  progress: number;
  total: number | null;
  rate: number | null;
  waiting_for: string | null;
  result: string | null;
  error_code: ErrorCode | null;
  error_message: string | null;
  cancel_requested: boolean;
  actor: string;
  request_id: string;
  holder: string | null;
  fence: number;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  token: string | null;
  reason: string | null;
  rate_per_second: number | null;
  held: boolean;
  position: string | null;
  audit_entry: string | null;
}

export const COLUMNS = `id::text, kind, project, projects, coalesce(queue, target) AS target, input, state, progress::float8, total::float8, rate, waiting_for,
  result, error_code, error_message, cancel_requested, actor, request_id, holder, fence::float8, created_at, started_at,
  finished_at, token, reason, rate_per_second, held, position, audit_entry::text`;

const UNFINISHED = "state IN ('waiting', 'running')";
/** One job of a kind and target is unfinished. */
const ALONE = `(kind, target, (coalesce(project, ''))) WHERE ${UNFINISHED}`;
/** What people see as the target. */
export const shownOf = (jobs: string) => `coalesce(${jobs}.queue, ${jobs}.target)`;
/** True for the job while this holder still has it. */
const OURS = "id = $1 AND holder = $2 AND fence = $3 AND state = 'running'";

export const SQL = {
  add: `INSERT INTO jobs (kind, project, target, input, actor, request_id) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT ${ALONE} DO NOTHING RETURNING ${COLUMNS}`,
  // For the new job, or the one that has not ended. No row: that one was added at this moment.
  addOnce: `WITH added AS (
      INSERT INTO jobs (kind, project, target, input, actor, request_id) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT ${ALONE} DO NOTHING RETURNING *),
    found AS (
      SELECT true AS created, a.* FROM added a
      UNION ALL
      SELECT false, j.* FROM jobs j
      WHERE kind = $1 AND coalesce(project, '') = coalesce($2, '') AND target = $3 AND ${UNFINISHED}
        AND NOT EXISTS (SELECT 1 FROM added)),
    keyed AS (
      INSERT INTO job_keys (kind, project, target, key, request, job_id)
      SELECT $1, coalesce($2, ''), $3, $7, $8, f.id FROM found f)
    SELECT created, ${COLUMNS} FROM found`,
  byKey: `SELECT k.key_request, ${COLUMNS} FROM jobs JOIN (
      SELECT job_id, request AS key_request FROM job_keys
      WHERE kind = $1 AND project = coalesce($2, '') AND target = $3 AND key = $4
    ) AS k ON k.job_id = jobs.id`,
  unfinished: `SELECT ${COLUMNS} FROM jobs
    WHERE kind = $1 AND coalesce(project, '') = coalesce($2, '') AND target = $3 AND ${UNFINISHED}`,
  // Its target is its token, so a second one violates more than one index, in any order.
  addWithToken: `INSERT INTO jobs (kind, project, queue, input, actor, request_id, token, target, reason, total,
      rate_per_second, audit_entry, projects)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12)
    ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
  byTokens: `SELECT ${COLUMNS} FROM jobs WHERE token = ANY ($1)`,
  get: `SELECT ${COLUMNS} FROM jobs WHERE id = $1`,
  getMany: `SELECT ${COLUMNS} FROM jobs WHERE id = ANY ($1::bigint[])`,
  take: `UPDATE jobs SET state = 'running', holder = $1, fence = fence + 1,
      lease_expires_at = clock_timestamp() + make_interval(secs => $2),
      started_at = coalesce(started_at, clock_timestamp()), waiting_for = NULL
    WHERE id = (
      SELECT id FROM jobs WHERE ${UNFINISHED} AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
        AND kind = ANY ($3) AND (NOT held OR cancel_requested) AND ($4 OR rate_per_second IS NULL)
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
  beat: `UPDATE jobs SET lease_expires_at = clock_timestamp() + make_interval(secs => $4), progress = $5, total = $6,
      rate = $7, waiting_for = $8, position = $9
    WHERE ${OURS} RETURNING cancel_requested, held, rate_per_second`,
  listFailed: `SELECT ${COLUMNS} FROM jobs WHERE id IN (
      SELECT j.id FROM jobs j WHERE j.state = 'failed' AND j.finished_at > clock_timestamp() - interval '7 days'
        AND NOT EXISTS (SELECT 1 FROM jobs k WHERE k.kind = j.kind AND ${shownOf("k")} = ${shownOf("j")} AND k.id > j.id
          AND k.project IS NOT DISTINCT FROM j.project)
        AND CASE WHEN j.queue = '' THEN true
          WHEN j.project IS NULL THEN j.target = 'default' OR EXISTS (SELECT 1 FROM pools p WHERE p.name = j.target)
          ELSE EXISTS (SELECT 1 FROM queues q WHERE q.project = j.project AND q.name = ${shownOf("j")}) END
      ORDER BY j.id DESC LIMIT $1)
    ORDER BY jobs.id DESC`,
  // An index has this condition.
  listUnsettled: `SELECT ${COLUMNS} FROM jobs WHERE finished_at IS NOT NULL AND position LIKE '%"begun":[{%'
    ORDER BY jobs.id LIMIT $1`,
  settle: "UPDATE jobs SET progress = $3, position = $4 WHERE id = $1 AND finished_at IS NOT NULL AND position = $2",
  // Jobs end in about the order of their ids, so it is enough to look at the first ones.
  trim: `DELETE FROM jobs WHERE id IN (
      SELECT id FROM (SELECT id, finished_at FROM jobs ORDER BY id LIMIT $2) AS first
      WHERE finished_at < clock_timestamp() - make_interval(days => $1::int))
    RETURNING 1`,
  release: `UPDATE jobs SET lease_expires_at = NULL WHERE ${OURS}`,
  end: `UPDATE jobs SET state = $4, progress = $5, total = $6, result = $7, error_code = $8, error_message = $9,
      position = $10, held = false, lease_expires_at = NULL, waiting_for = NULL, finished_at = clock_timestamp()
    WHERE ${OURS} RETURNING 1`,
  cancel: `UPDATE jobs SET cancel_requested = true,
      state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
      finished_at = CASE WHEN state = 'waiting' THEN clock_timestamp() END
    WHERE id = $1 AND ${UNFINISHED}`,
  update: `UPDATE jobs SET held = coalesce($2, held), rate_per_second = CASE WHEN $3 THEN $4 ELSE rate_per_second END
    WHERE id = $1 AND ${UNFINISHED}`,
};

export function toJob(row: JobRow): Job {
  const { error_code: code, error_message: message } = row;
  return {
    id: row.id,
    kind: row.kind,
    project: row.project,
    projects: row.project === null ? row.projects : [row.project, ...row.projects],
    target: row.target,
    inputText: row.input,
    state: row.state,
    progress: row.progress,
    total: row.total,
    rate: row.rate,
    waitingFor: row.waiting_for,
    resultText: row.result,
    error: code === null ? null : { code, message: message ?? "" },
    cancelRequested: row.cancel_requested,
    actor: row.actor,
    requestId: row.request_id,
    holder: row.holder,
    fence: row.fence,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    token: row.token,
    reason: row.reason,
    ratePerSecond: row.rate_per_second,
    held: row.held,
    positionText: row.position,
    auditEntry: row.audit_entry,
  };
}

export const isId = (id: string) => /^\d{1,18}$/.test(id);
