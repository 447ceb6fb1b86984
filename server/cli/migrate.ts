/** `isimud migrate`: brings the tables of the control database up to date, as a start does. */
import type { Command } from "commander";
import { inLine, print, printJson, tell } from "./output.ts";
import { withOwnDatabase } from "./own-database.ts";

interface MigrateOptions {
  dryRun?: boolean;
  pools?: boolean;
  json?: boolean;
}

/** A pool with tables of its own, on PostgreSQL. */
interface PoolState {
  pool: string;
  /** Missing migrations; null when the pool cannot be asked. */
  missing: string[] | null;
  /** Whether this command has applied them. */
  applied: boolean;
  error: string | null;
}

export function addMigrate(program: Command): void {
  program
    .command("migrate")
    .summary("Bring the tables of the database up to date")
    .description(
      "Applies the missing migrations to the database of DATABASE_URL or DATA_DIR, all of them or none, as each start " +
        "does. Pools on other databases get theirs when a process first uses them, or now with --pools.",
    )
    .option("--pools", "also bring the tables of all pools up to date")
    .option("--dry-run", "change nothing, and print the SQL that would run")
    .option("--json", "print JSON")
    .action(run);
}

async function run({ dryRun = false, pools: withPools = false, json = false }: MigrateOptions): Promise<void> {
  const { readConfig } = await import("../config.ts");
  const config = readConfig();
  if (dryRun && config.DATABASE_URL === undefined) {
    const { hasCluster } = await import("../embedded-postgres/installation.ts");
    if (!hasCluster(config.DATA_DIR)) return showAll(config.DATA_DIR, json);
  }
  await withOwnDatabase(config, async (url) => {
    const { migrate, migrationScript, missingMigrations } = await import("../../prisma/migrate.ts");
    const { parsePostgresUri } = await import("../storage/postgres/sql/address.ts");
    const missing = dryRun ? await missingMigrations({ url, only: "all" }) : [];
    const migrations = dryRun ? missing.map(({ name }) => name) : await migrate({ url, only: "all" });
    const sql = missing.length === 0 ? "" : migrationScript(parsePostgresUri(url).schema, missing);
    if (!json) {
      if (!dryRun) for (const name of migrations) print(name);
      else if (sql !== "") print(sql.trimEnd());
      const done = dryRun ? "Would be applied" : "Applied";
      tell(migrations.length === 0 ? "Nothing is missing." : `${done}: ${migrations.length}.`);
    }
    const pools = await poolStates(url, config, withPools && !dryRun);
    if (json) printJson({ dryRun, migrations, ...(dryRun && { sql }), pools });
    else for (const state of pools) tell(inWords(state));
    if (withPools && pools.some(({ error }) => error !== null)) process.exitCode = 1;
  });
}

/** `apply`: brings them up to date. */
async function poolStates(
  url: string,
  { SECRET_KEY, DATA_DIR }: { SECRET_KEY?: string | undefined; DATA_DIR: string },
  apply: boolean,
): Promise<PoolState[]> {
  const { existingSecretKey } = await import("../process/data-dir.ts");
  const key = SECRET_KEY ?? existingSecretKey(DATA_DIR);
  // Without a key no pool was ever registered.
  if (key === null) return [];
  const { migrate, missingMigrations } = await import("../../prisma/migrate.ts");
  const { createSecretBox } = await import("../secret-box.ts");
  const { readStoredPools } = await import("../storage/postgres/control/stored-pools.ts");
  const { explain } = await import("../process/start-error.ts");
  const states: PoolState[] = [];
  for (const { name: pool, uri, error } of await readStoredPools(url, createSecretBox(key))) {
    if (uri === null) states.push({ pool, missing: null, applied: false, error });
    else if (/^postgres/i.test(uri)) {
      try {
        const missing = (await missingMigrations({ url: uri, only: "pool" })).map(({ name }) => name);
        if (apply) await migrate({ url: uri, only: "pool" });
        states.push({ pool, missing, applied: apply && missing.length > 0, error: null });
      } catch (reason) {
        states.push({ pool, missing: null, applied: false, error: explain(reason).split("\n", 1)[0] ?? null });
      }
    }
  }
  return states;
}

function inWords({ pool, missing, applied, error }: PoolState): string {
  const of = `Pool ${inLine(pool)}`;
  if (missing === null) return `${of}: not known. ${inLine(error ?? "")}`;
  if (missing.length === 0) return `${of}: nothing is missing.`;
  if (applied) return `${of}: applied ${missing.length}.`;
  return `${of}: ${missing.length} will be applied when a process first uses it, or now with --pools.`;
}

async function showAll(dataDir: string, json: boolean): Promise<void> {
  const { migrationScript, ours } = await import("../../prisma/migrate.ts");
  const migrations = ours("all");
  const sql = migrationScript("public", migrations);
  if (json) return printJson({ dryRun: true, migrations: migrations.map(({ name }) => name), sql, pools: [] });
  print(sql.trimEnd());
  tell(`There is no database in ${dataDir} yet. The first start creates it, and would apply ${migrations.length}.`);
}
