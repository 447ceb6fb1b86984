/** A whole service without HTTP and GraphQL, on a database of its own, for the tests of operations. */

import { pino } from "pino";
import type { Access } from "../../server/access/access.ts";
import { type Engine, openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import type { DomainError } from "../../server/errors.ts";
import type { JobProgress } from "../../server/jobs/job-work.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import type { Operations } from "../../server/operations/operations.ts";
import { describeError } from "../../server/process/log.ts";
import type { ControlDriver } from "../../server/storage/control-driver.ts";
import type { PooledDataDriver } from "../../server/storage/pooled-data-driver.ts";
import { callerWith } from "../support/access.ts";
import { createEmptyDatabase, createPoolDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";

export const admin: Access = callerWith("admin", "all", "ada");
export const operator: Access = callerWith("operator", ["p"], "otto");
export const viewer: Access = callerWith("viewer", ["p", "q"], "vera");

export interface Service extends Engine {
  readonly clock: { offsetMs: number };
  /** The lines of its log. */
  readonly logged: readonly string[];
  /** Another process on the same database. */
  another(): Promise<Engine>;
  /** The URI of a new database with a pool's tables. */
  poolUri(): Promise<string>;
  /** The URI of a new database without tables, for tests of what a registration does. */
  emptyUri(): Promise<string>;
  stop(): Promise<void>;
}

/** `settings` are environment variables, over Zaqar's defaults. */
export async function aService(settings: Record<string, string> = {}): Promise<Service> {
  const database = await createTestDatabase();
  const config = readConfig({
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    SECRET_KEY: "a secret of the tests",
    DATABASE_CONNECTIONS: "4",
    ...settings,
  });
  const clock = { offsetMs: 0 };
  const logged: string[] = [];
  const log = pino({ level: "info", serializers: { err: describeError } }, { write: (line) => logged.push(line) });
  const ends: (() => Promise<void>)[] = [database.drop];
  const open = async () => {
    const engine = await openEngine(config, { log, clock });
    ends.unshift(() => engine.close());
    return engine;
  };
  const uriOf = ({ url, drop }: TestDatabase) => {
    ends.push(drop);
    return url;
  };
  const engine = await open();
  return {
    ...engine,
    clock,
    logged,
    another: open,
    poolUri: async () => uriOf(await createPoolDatabase()),
    emptyUri: async () => uriOf(await createEmptyDatabase()),
    async stop() {
      for (const end of ends) await end();
    },
  };
}

/** The progress of a job that nobody stops and that retries nothing. */
export const hasty: JobProgress = {
  report: () => {},
  keep: () => {},
  allowance: async (most) => most,
  unused: () => {},
  checkpoint: () => {},
  confirm: async () => {},
  patiently: (step) => step(),
  atLast: (step) => step(),
  outlast: (error) => Promise.reject(error),
};

/** The target with some of its members replaced. */
export function over<T extends object>(target: T, changes: Partial<T> = {}): T {
  return new Proxy(target, {
    get(_, key) {
      if (key in changes) return changes[key as keyof T];
      const value = Reflect.get(target, key, target);
      // A class's method reads private fields, which the proxy has not.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The operations of the same service, with parts of its drivers replaced by broken ones. */
export function withBroken(
  service: Service,
  parts: {
    control?: Partial<ControlDriver>;
    data?: Partial<PooledDataDriver>;
    jobs?: Partial<Service["jobs"]>;
    dryRuns?: Partial<Service["dryRuns"]>;
    presentAccess?: Service["presentAccess"];
    stores?: Partial<Service["stores"]>;
    now?: () => number;
  },
): Operations {
  return createOperations({
    control: over(service.control, parts.control),
    data: over(service.data, parts.data),
    stores: parts.stores === undefined ? service.stores : over(service.stores, parts.stores),
    jobs: parts.jobs === undefined ? service.jobs : over(service.jobs, parts.jobs),
    history: service.history,
    dryRuns: parts.dryRuns === undefined ? service.dryRuns : over(service.dryRuns, parts.dryRuns),
    presentAccess: parts.presentAccess ?? service.presentAccess,
    accounts: service.accounts,
    samples: service.samples,
    consumers: service.consumers,
    problems: service.problems,
    limits: service.config,
    now: parts.now ?? (() => performance.now()),
    warn: () => {},
  });
}

/** Code and details of the error that refuses `work`; undefined when it succeeds. */
export async function refusal(work: Promise<unknown>): Promise<Pick<DomainError, "code" | "details"> | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { code, details } = error as DomainError;
    return { code, details };
  }
}

export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return (await refusal(work))?.code;
}
