/**
 * Exports of whole lists, page by page. Each page is a query of its own in the name of the caller: so an export shows
 * what its list shows, to whom the list shows it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type FieldNode, Kind, type OperationDefinitionNode, parse, type SelectionSetNode } from "graphql";
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { Execute } from "../http/execute.ts";
import type { MaskedError } from "../http/mask-errors.ts";
import { documentOf, EXPORT_LISTS, type ExportList, pathOf } from "./lists.ts";
import { variablesOf } from "./parameters.ts";

/** A row as the API shows it. */
export type ExportRow = Readonly<Record<string, unknown>>;

export interface Exports {
  /** The columns of a list: the paths of its fields, such as `stats.ready`. NOT_FOUND. */
  columns(name: string): readonly string[];
  /**
   * The rows of a list, in its order, a page at a time. It is no snapshot: a row that changes or moves meanwhile may be
   * missing or come twice, where the list's pages would. A value that no pool answers for is null. Repeats a page when
   * the API says that it may. NOT_FOUND, BAD_INPUT, and the errors of the list; the first page is read before the
   * promise resolves. Ending the iteration ends the reading.
   */
  rows(access: Access, name: string, parameters: URLSearchParams): Promise<AsyncIterableIterator<ExportRow[]>>;
}

/** Rows of a page. */
const PAGE_SIZE = 100;
/** How often a page is read, and the longest time between two attempts. */
const ATTEMPTS = 4;
const LONGEST_PAUSE_SECONDS = 5;

interface Prepared {
  list: ExportList;
  document: string;
  operation: OperationDefinitionNode;
  columns: string[];
}

interface ExportPage {
  nodes: ExportRow[];
  pageInfo?: { hasNextPage: boolean; endCursor: string | null };
  done?: boolean;
  endCursor?: string | null;
}

export function createExports(executeAs: (access: Access) => Execute, limits: Pick<Limits, "MAX_PAGE_SIZE">): Exports {
  const lists = new Map(Object.entries<ExportList>(EXPORT_LISTS).map(([name, list]) => [name, prepare(list)]));
  const first = Math.min(PAGE_SIZE, limits.MAX_PAGE_SIZE);
  const chosen = (name: string): Prepared => {
    const list = lists.get(name);
    if (list !== undefined) return list;
    throw new DomainError("NOT_FOUND", `There is no export of that name. There are ${[...lists.keys()].join(", ")}.`);
  };

  async function* pages(execute: Execute, { document, list }: Prepared, variables: object) {
    let after: string | undefined;
    // A search that looks at no more than a page waits for no other search, and keeps none waiting.
    const size = list.search ? { first, examine: first } : { first };
    for (;;) {
      const page = await readPage(() => execute(document, { ...variables, ...size, after }), list);
      yield page.nodes;
      const more = page.pageInfo?.hasNextPage ?? page.done === false;
      const next = page.pageInfo === undefined ? page.endCursor : page.pageInfo.endCursor;
      if (!more || next === null || next === undefined) return;
      after = next;
    }
  }

  return {
    columns: (name) => chosen(name).columns,
    async rows(access, name, parameters) {
      const list = chosen(name);
      return begun(pages(executeAs(access), list, variablesOf(list.operation, parameters)));
    },
  };
}

/** The same iteration, once its first value is there: so an error at the beginning comes before anything is written. */
export async function begun<T>(values: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await values.next();
  async function* all() {
    try {
      if (first.done !== true) yield first.value;
      yield* values;
    } finally {
      await values.return(undefined);
    }
  }
  return all();
}

async function readPage(read: () => ReturnType<Execute>, list: ExportList): Promise<ExportPage> {
  const path = pathOf(list);
  for (let attempt = 1; ; attempt += 1) {
    const { data, errors = [] } = await read();
    const page = path.reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], data);
    const error = errors.find(({ extensions, path: at }) => extensions.status < 500 || isAbove(path, at));
    if (error === undefined && page !== null && page !== undefined) return page as ExportPage;
    if (error === undefined) throw new DomainError("QUEUE_DOES_NOT_EXIST", "There is no such queue.");
    const { retry, retryAfterSeconds } = error.extensions;
    if (attempt === ATTEMPTS || retry !== "SAFE") throw thrown(error);
    await pause(1000 * Math.min(retryAfterSeconds ?? 0, LONGEST_PAUSE_SECONDS));
  }
}

/** Whether the error costs the whole page, and not a field of a row. */
const isAbove = (list: readonly string[], path: MaskedError["path"] = []) => path.length <= list.length;

function thrown({ message, extensions: { code, details } }: MaskedError): DomainError {
  return new DomainError(code, message, { details: { ...details } });
}

function prepare(list: ExportList): Prepared {
  const document = documentOf(list);
  const [operation] = parse(document).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error("An export is a query.");
  let rows = operation.selectionSet;
  for (const name of [...pathOf(list), "nodes"]) rows = selectionOf(rows, name);
  return { list, document, operation, columns: leavesOf(rows) };
}

function selectionOf(selection: SelectionSetNode, name: string): SelectionSetNode {
  const field = fieldsOf(selection).find((one) => one.name.value === name);
  if (field?.selectionSet === undefined) throw new Error(`An export has no field ${name}.`);
  return field.selectionSet;
}

const fieldsOf = ({ selections }: SelectionSetNode) => selections as readonly FieldNode[];

/** A list is one column, whatever its rows have. */
const LISTS = new Set(["headers", "pools"]);

function leavesOf(selection: SelectionSetNode, above: readonly string[] = []): string[] {
  return fieldsOf(selection).flatMap(({ name: { value: name }, selectionSet }) => {
    const path = [...above, name];
    return selectionSet === undefined || LISTS.has(name) ? [path.join(".")] : leavesOf(selectionSet, path);
  });
}
