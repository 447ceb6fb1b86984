/** `isimud queues`: queues with their numbers, as a table or JSON. */
import { type Command, Option } from "commander";
import type { ResultOf } from "gql.tada";
import type { Answer } from "../../clients/typescript/client.ts";
import { CommandError } from "./command-error.ts";
import { positiveNumber } from "./option-values.ts";
import { inLine, isOutputGone, print, printJson, tell } from "./output.ts";
import { addServiceOptions, openService, type Service, type ServiceOptions } from "./running-service.ts";
import { LIMITS, POOL, QUEUES } from "./service-documents.ts";

const ORDERS = {
  name: { field: "NAME", direction: "ASC" },
  depth: { field: "DEPTH", direction: "DESC" },
  oldest: { field: "OLDEST_READY", direction: "ASC" },
  rate: { field: "RATE", direction: "DESC" },
} as const;

interface QueuesOptions extends ServiceOptions {
  project?: string;
  pool?: string;
  search?: string;
  order: keyof typeof ORDERS;
  limit?: number;
  json?: boolean;
}

type Node = Answer<ResultOf<typeof QUEUES>>["queues"]["nodes"][number];

/** A row of the table. Null is not known, such as the numbers of a queue whose pool does not answer. */
interface Row {
  project: string;
  name: string;
  pool: string | null;
  ready: number | null;
  claimed: number | null;
  delayed: number | null;
  exhausted: number | null;
  oldestReadyAt: string | null;
}

export function addQueues(program: Command): void {
  const command = program
    .command("queues")
    .summary("List queues with their numbers")
    .description(
      "Lists queues with the numbers of their messages now. The order, and since when the oldest ready message waits, " +
        "are as of the last sample, up to a minute ago.",
    )
    .option("--project <name>", "the queues of this project; left out: of all that you may see")
    .option("--pool <name>", "only those in this pool")
    .option("--search <text>", "only those whose names begin with this")
    .addOption(new Option("--order <order>", "by what").choices(Object.keys(ORDERS)).default("name"))
    .option("--limit <number>", "the first so many; left out: all", positiveNumber)
    .option("--json", "print JSON");
  addServiceOptions(command, "read").action(listQueues);
}

async function listQueues({ project, pool, search, order, limit, json, ...where }: QueuesOptions): Promise<void> {
  const service = await openService(where);
  const { limits } = await service.request(LIMITS, {});
  if (pool !== undefined) await checkPool(service, pool);
  const rows: Row[] = [];
  const told = new Set<string>();
  let widths: number[] | null = null;
  let [left, after] = [limit ?? Number.POSITIVE_INFINITY, null as string | null];
  while (left > 0 && !isOutputGone()) {
    const { data, missing } = await service.requestPart(QUEUES, {
      project,
      allProjects: project === undefined,
      filter: { pool, search },
      orderBy: ORDERS[order],
      first: Math.min(left, limits.maxPageSize),
      after,
    });
    const { queues } = data;
    for (const error of missing) if (!told.has(error)) tell(`Some numbers are not known. ${error}`);
    for (const error of missing) told.add(error);
    const page = queues.nodes.map(rowOf);
    if (json) rows.push(...page);
    else widths = printRows(page, widths);
    left -= page.length;
    after = queues.pageInfo.endCursor ?? null;
    if (!queues.pageInfo.hasNextPage) break;
  }
  if (json) printJson(rows);
}

async function checkPool(service: Service, pool: string): Promise<void> {
  const found: ResultOf<typeof POOL> = await service.request(POOL, { pool });
  if (found.pool == null) throw new CommandError(`There is no pool named ${JSON.stringify(pool)}.`);
}

function rowOf({ project, name, catalogueEntry, stats, sample }: Node): Row {
  return {
    project,
    name,
    pool: catalogueEntry?.poolName ?? null,
    ready: stats?.ready ?? null,
    claimed: stats?.claimed ?? null,
    delayed: stats?.delayed ?? null,
    exhausted: stats?.exhausted ?? null,
    oldestReadyAt: sample?.oldestReadyAt ?? null,
  };
}

const HEADINGS = ["PROJECT", "NAME", "POOL", "READY", "CLAIMED", "DELAYED", "OLDEST READY"];
/** Columns of numbers, which stand right. */
const NUMBERS = new Set([3, 4, 5, 6]);

/** Prints a page of the table, the first one below its headings. Returns the widths, which later pages keep or widen. */
function printRows(rows: readonly Row[], before: readonly number[] | null): number[] {
  const cells = rows.map(({ project, name, pool, ready, claimed, delayed, oldestReadyAt }) => [
    project === "" ? '""' : inLine(project),
    inLine(name),
    pool === null ? "-" : inLine(pool),
    ...[ready, claimed, delayed].map((number) => (number === null ? "?" : String(number))),
    oldestReadyAt === null ? "-" : inTime(Date.now() - Date.parse(oldestReadyAt)),
  ]);
  const all = before === null ? [HEADINGS, ...cells] : cells;
  const widths = HEADINGS.map((_, column) =>
    Math.max(before?.[column] ?? 0, ...all.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of all) {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return NUMBERS.has(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    print(padded.join("  ").trimEnd());
  }
  return widths;
}

const UNITS: readonly [string, number][] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
];

/** In the largest unit of which it has one, such as "3 min". */
function inTime(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}
