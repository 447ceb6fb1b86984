import { paths } from "../paths.ts";

/** Where somebody goes after signing in: only to a path of ours. Anything else leads to the overview. */
export function safeNext(next: string | undefined): string {
  // "//host" and "/\host" are other hosts.
  if (next === undefined || !/^\/(?![/\\])/.test(next)) return paths.overview();
  return URL.canParse(next, OWN) && new URL(next, OWN).origin === OWN ? next : paths.overview();
}

/** Any origin: an address that leads elsewhere has another one. */
const OWN = "http://own.invalid";
