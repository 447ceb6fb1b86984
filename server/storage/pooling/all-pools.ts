/** Calls that go to all pools at the same time. */
import { DomainError } from "../../errors.ts";
import type { ActivityReads } from "../activity.ts";
import type { ControlDriver } from "../control-driver.ts";
import { type DataDriver, DEFAULT_POOL } from "../data-driver.ts";
import { withDeadline } from "../deadlines/deadline.ts";
import type { DriverHealth, GcResult } from "../driver-health.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import { changedOfAll, marksOf } from "./changed-queues.ts";
import type { OpenPools } from "./open-pools.ts";

/** Time limits for each pool alone: a dead pool delays no other pool's answer. */
const ALIVE_TIMEOUT_MS = 3000;
const HEALTH_TIMEOUT_MS = 10_000;
const CHANGES_TIMEOUT_MS = 10_000;
const GC_TIMEOUT_MS = 60_000;
/** Pools read at a time. */
const POOL_PAGE = 100;

/** Each member answers for all pools together, as the driver of one pool would. `onError` gets the pools' failures. */
export class AllPools {
  readonly #registered: Pick<ControlDriver["pools"], "list">;
  readonly #pools: OpenPools;
  readonly #onError: (error: unknown) => void;
  /** Collections under way, by pool. */
  readonly #collecting = new Map<string, Promise<GcResult>>();

  constructor(params: {
    registered: Pick<ControlDriver["pools"], "list">;
    pools: OpenPools;
    onError: (error: unknown) => void;
  }) {
    this.#registered = params.registered;
    this.#pools = params.pools;
    this.#onError = params.onError;
  }

  async isAlive(): Promise<boolean> {
    try {
      const answers = await this.#ask(await this.#names(), ALIVE_TIMEOUT_MS, (driver) => driver.isAlive());
      return answers.every((alive) => alive === true);
    } catch (error) {
      this.#onError(error);
      return false;
    }
  }

  async health(): Promise<DriverHealth> {
    try {
      return worstOf(await this.#ask(await this.#names(), HEALTH_TIMEOUT_MS, (driver) => driver.health()));
    } catch (error) {
      this.#onError(error);
      return { storageReachable: false, writesRefused: null, freeBytes: null, totalBytes: null, operations: [] };
    }
  }

  /** STORAGE_UNAVAILABLE when no pool could be collected. */
  async gc(): Promise<GcResult> {
    const names = await this.#names().catch((error: unknown) => {
      // The registered pools are unknown now. The built-in pool is collected all the same.
      this.#onError(error);
      return [DEFAULT_POOL];
    });
    const results = await this.#ask(names, GC_TIMEOUT_MS, (driver, name) => this.#collect(driver, name));
    const collected = results.filter((result) => result !== null);
    if (collected.length === 0) {
      throw new DomainError("STORAGE_UNAVAILABLE", "No pool could be collected. Try again in a few seconds.");
    }
    return collected.reduce((sum, one) => ({
      messages: sum.messages + one.messages,
      claims: sum.claims + one.claims,
      subscriptions: sum.subscriptions + one.subscriptions,
      queues: sum.queues + one.queues,
    }));
  }

  /** Each pool tells of its share of the limit. */
  readonly changed: ActivityReads["changed"] = async ({ mark, limit }) => {
    const before = marksOf(mark);
    const names = await this.#names();
    const share = Math.max(1, Math.floor(limit / names.length));
    const answers = await this.#ask(names, CHANGES_TIMEOUT_MS, (driver, name) =>
      driver.activity.changed({ mark: before[name] ?? null, limit: share }),
    );
    return changedOfAll(names, answers, before);
  };

  /** A collection that passes the deadline goes on, and the next call joins it. */
  #collect(driver: DataDriver, name: string): Promise<GcResult> {
    const running = this.#collecting.get(name);
    if (running !== undefined) return running;
    const started = driver.gc().finally(() => this.#collecting.delete(name));
    this.#collecting.set(name, started);
    return started;
  }

  async #names(): Promise<string[]> {
    const names = [DEFAULT_POOL];
    let after: string | undefined;
    do {
      const page = await this.#registered.list({ page: { after, limit: POOL_PAGE } });
      names.push(...page.items.map((pool) => pool.name));
      after = page.nextMarker ?? undefined;
    } while (after !== undefined);
    return names;
  }

  /** Null for a pool that failed or took too long. */
  #ask<T>(
    names: readonly string[],
    milliseconds: number,
    ask: (driver: DataDriver, name: string) => Promise<T>,
  ): Promise<(T | null)[]> {
    return Promise.all(
      names.map(async (name): Promise<T | null> => {
        try {
          const answer = this.#pools
            .get(name)
            .then((driver) => ask(driver, name))
            .catch(addPoolName(name));
          return await withDeadline(answer, milliseconds, () => {
            throw tooLate(name);
          });
        } catch (error) {
          this.#onError(error);
          return null;
        }
      }),
    );
  }
}

/** For each operation the worst answer: a failed one, else the slowest. A pool without an answer is not reachable. */
function worstOf(answers: readonly (DriverHealth | null)[]): DriverHealth {
  const operations = new Map<string, DriverHealth["operations"][number]>();
  for (const one of answers.flatMap((answer) => answer?.operations ?? [])) {
    const worst = operations.get(one.operation);
    const worse =
      worst === undefined ||
      (worst.succeeded === one.succeeded ? one.durationSeconds > worst.durationSeconds : worst.succeeded);
    if (worse) operations.set(one.operation, one);
  }
  return {
    storageReachable: answers.every((answer) => answer?.storageReachable === true),
    writesRefused: answers.find((answer) => answer?.writesRefused)?.writesRefused ?? null,
    // A sum over several storages would mean nothing.
    freeBytes: null,
    totalBytes: null,
    operations: [...operations.values()],
  };
}

function tooLate(pool: string): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", `The pool ${JSON.stringify(pool)} took too long.`, { details: { pool } });
}
