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

export type Loaded<Data> = { ok: true; data: Data } | { ok: false; error: Failure };

/** Each field of the document's root with its own failure. One that failed is null. */
export type LoadedInParts<Data> =
  | { ok: true; data: Data; failures: { [Field in keyof Data]?: Failure } }
  | { ok: false; error: Failure };

/**
 * Executes a GraphQL document in this process, as the caller who asks for the page. The server puts the function on
 * `globalThis`: Next bundles its own copies of modules, so a page that imported the engine would open a second one.
 *
 * Never throws for an error of the API: the page shows it. One error fails all of the document.
 */
export async function load<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<Loaded<Data>> {
  const { data, errors } = await answerTo(document, variables);
  const [first] = errors ?? [];
  return first ? { ok: false, error: failureOf(first) } : { ok: true, data: data as Data };
}

/** As `load`, for pages that show the rest when one field of the root fails. */
export async function loadInParts<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<LoadedInParts<Data>> {
  const { data, errors = [] } = await answerTo(document, variables);
  const whole = errors.find(({ path }) => !data || path === undefined);
  if (whole) return { ok: false, error: failureOf(whole) };
  const failures: Record<string, Failure> = {};
  for (const error of errors) failures[String(error.path?.[0])] ??= failureOf(error);
  return { ok: true, data: data as Data, failures: failures as { [Field in keyof Data]?: Failure } };
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
