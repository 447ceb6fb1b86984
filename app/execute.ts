import { headers } from "next/headers";
import { cache } from "react";
import type { Failure } from "../components/failed.tsx";
import { type Document, textOf } from "../components/graphql.ts";

/** The part of a GraphQL answer that pages use. */
interface Answer {
  data?: Record<string, unknown> | null;
  errors?: readonly {
    message: string;
    path?: readonly (string | number)[];
    extensions?: Record<string, unknown>;
  }[];
}

type Execute = (document: string, variables: object) => Promise<Answer>;

/**
 * Failures of single fields, such as those that ask a pool, by their path in the document: "queue.messages". Such a
 * field is null. Positions in lists are left out; of several failures at one path this has the first.
 */
export type Failures = Readonly<Record<string, Failure | undefined>>;

/** Fields of the root that are null only when they failed. Other nullable ones may also have found nothing. */
type AlwaysThere =
  | "auditEntries"
  | "catalogue"
  | "claims"
  | "flavors"
  | "health"
  | "healthSampling"
  | "jobs"
  | "keyValueStores"
  | "people"
  | "pools"
  | "problems"
  | "projects"
  | "queues"
  | "tokens";

/** What `load` returns, with the fields `Part` null when they failed. */
type Found<Data, Part> = {
  [Field in keyof Data]: Field extends Exclude<AlwaysThere, Part> ? NonNullable<Data[Field]> : Data[Field];
};

export type Loaded<Data> = { ok: true; data: Data; failures: Failures } | { ok: false; error: Failure };

/**
 * Executes a GraphQL document in this process, as the caller who asks for the page. The server puts the function on
 * `globalThis`: Next bundles its own copies of modules, so a page that imported the engine would open a second one.
 *
 * Never throws for an error of the API: the page shows it. An error that costs a field of the root fails all of the
 * document, unless the field is one of `parts`. Any other error is among the failures.
 */
export async function load<Data, Variables extends object, Part extends keyof Data & string = never>(
  document: Document<Data, Variables>,
  variables: Variables,
  parts: readonly Part[] = [],
): Promise<Loaded<Found<Data, Part>>> {
  const { data, errors = [] } = await answerTo(document, variables);
  const isPart = (field: string) => parts.some((part) => part === field);
  const whole = errors.find(({ path: [field] = [] }) => {
    return !data || field === undefined || (data[field] === null && !isPart(String(field)));
  });
  if (whole) return { ok: false, error: failureOf(whole) };
  const failures: Record<string, Failure> = {};
  for (const error of errors) failures[fieldOf(error.path ?? [])] ??= failureOf(error);
  return { ok: true, data: data as Found<Data, Part>, failures };
}

function fieldOf(path: readonly (string | number)[]): string {
  return path.filter((part) => typeof part === "string").join(".");
}

const NOT_STARTED = {
  message: "The pages run without their server. Start Isimud with npm start, or npm run dev.",
  extensions: { code: "NOT_STARTED" },
};

async function answerTo<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<Answer> {
  // Read first, so that no page is ever rendered ahead of its request.
  await headers();
  const execute = (globalThis as Record<symbol, unknown>)[Symbol.for("isimud.execute")] as Execute | undefined;
  return execute ? execute(textOf(document), variables) : { errors: [NOT_STARTED] };
}

function failureOf({ message, extensions }: NonNullable<Answer["errors"]>[number]): Failure {
  const code = extensions?.code;
  return { code: typeof code === "string" ? code : "INTERNAL", message };
}

/** The time of this request: one for everything on its page. */
export const requestTime = cache(() => Date.now());
