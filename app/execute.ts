import { headers } from "next/headers";
import { cache } from "react";

/** The part of a GraphQL answer that pages use. */
interface Answer {
  data?: Record<string, unknown> | null;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
}

type Execute = (document: string, variables?: Record<string, unknown>) => Promise<Answer>;

export interface Failure {
  code: string;
  message: string;
}

export type Loaded<Data> = { ok: true; data: Data } | { ok: false; error: Failure };

/**
 * Runs a GraphQL document in this process, as whoever asks for the page. The server puts the function on
 * `globalThis`: Next bundles copies of its own of every module, so a page that imported the engine would open a second one.
 *
 * Never throws for an error of the API: a page shows it in its place. `Data` is what the document asks for;
 * a test checks every document against the schema.
 */
export async function load<Data>(document: string, variables: Record<string, unknown> = {}): Promise<Loaded<Data>> {
  // Asked for first, so that no page is ever rendered ahead of its request.
  await headers();
  const execute = (globalThis as Record<symbol, unknown>)[Symbol.for("isimud.execute")] as Execute | undefined;
  if (!execute) {
    return {
      ok: false,
      error: {
        code: "NOT_STARTED",
        message: "The pages run without their server. Start Isimud with npm start, or npm run dev.",
      },
    };
  }
  const answer = await execute(document, variables);
  const first = answer.errors?.[0];
  if (first) {
    const code = first.extensions?.code;
    return { ok: false, error: { code: typeof code === "string" ? code : "INTERNAL", message: first.message } };
  }
  return { ok: true, data: answer.data as Data };
}

/** The instant that this request's pages call now. */
export const requestTime = cache(() => Date.now());
