/** Dry runs in the control database, shared by all processes. Its clock decides when they expire. */
import type pg from "pg";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import type { DryRun, DryRunPlan, DryRunStore } from "./dry-run.ts";
import type { MessageJobKind } from "./job.ts";

interface DryRunRow {
  token: string;
  kind: MessageJobKind;
  project: string | null;
  target: string;
  input: string;
  plan: string;
  actor: string;
  created_at: Date;
  expires_at: Date;
  expired: boolean;
}

const COLUMNS = `token, kind, project, target, input, plan, actor, created_at, expires_at,
  expires_at <= clock_timestamp() AS expired`;

const SQL = {
  add: `INSERT INTO dry_runs (token, kind, project, target, input, plan, actor, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp() + make_interval(secs => $8))
    RETURNING ${COLUMNS}`,
  getMany: `SELECT ${COLUMNS} FROM dry_runs WHERE token = ANY ($1)`,
  trim: `DELETE FROM dry_runs WHERE token IN (
      SELECT d.token FROM dry_runs d
      WHERE d.expires_at < clock_timestamp() - interval '1 minute'
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.token = d.token)
      ORDER BY d.expires_at LIMIT $1)
    RETURNING 1`,
};

/** The caller closes `connections`. */
export function createDryRunStore({ connections }: { connections: pg.Pool }): DryRunStore {
  async function run<Row extends object>(text: string, values: readonly unknown[], wrote: boolean): Promise<Row[]> {
    try {
      return (await connections.query<Row>(text, [...values])).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }
  return {
    async add({ token, kind, project, target, inputText, plan, actor }, seconds) {
      const values = [token, kind, project, target, inputText, JSON.stringify(plan), actor, seconds];
      const [row] = await run<DryRunRow>(SQL.add, values, true);
      return toDryRun(row as DryRunRow);
    },
    async get(token) {
      const [row] = await run<DryRunRow>(SQL.getMany, [[token]], false);
      return row === undefined ? null : { ...toDryRun(row), expired: row.expired };
    },
    async getMany(tokens) {
      return (await run<DryRunRow>(SQL.getMany, [tokens], false)).map(toDryRun);
    },
    async trim({ limit }) {
      return (await run(SQL.trim, [limit], true)).length;
    },
  };
}

function toDryRun(row: DryRunRow): DryRun {
  return {
    token: row.token,
    kind: row.kind,
    project: row.project,
    target: row.target,
    inputText: row.input,
    plan: JSON.parse(row.plan) as DryRunPlan,
    actor: row.actor,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
