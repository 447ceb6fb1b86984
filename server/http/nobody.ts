/** What somebody who has not signed in gets. */
import type { Config } from "../config.ts";
import { answer, type ErrorAnswer } from "./answer-errors.ts";

/** For the API. */
export const NOBODY: ErrorAnswer = answer(
  "UNAUTHENTICATED",
  "This needs a token, sent as `Authorization: Bearer TOKEN`, or a session.",
);

/** How much of this service is open to everybody. */
export interface OpenPaths {
  /** Nobody asks who asks: probes, sign-in, and the files of the build. */
  isOpen(path: string): boolean;
  /** Pages that are shown to everybody. */
  isOpenPage(path: string): boolean;
  /** Where a page sends somebody who has not signed in, and who comes back to `url` afterwards. */
  signIn(url: string): string;
}

/** A path that a router may take for one further up. */
const CLIMBS = /(?:^|\/)\.{1,2}(?:\/|$)|%2f|%5c|\\/i;

export function openPaths({ BASE_PATH: base }: Pick<Config, "BASE_PATH">): OpenPaths {
  const exact = new Set(["/api/health/live", "/api/health/ready", "/icon.svg", "/favicon.ico"].map((at) => base + at));
  const below = [`${base}/api/auth/`, `${base}/_next/`];
  const pages = new Set([`${base}/sign-in`, `${base}/link`]);
  return {
    isOpen: (path) => exact.has(path) || (!CLIMBS.test(path) && below.some((start) => path.startsWith(start))),
    isOpenPage: (path) => pages.has(path),
    signIn: (url) => {
      // Not taken apart as an address, which `//` is not.
      const [pathname = "", query] = url.split(/\?(.*)/s);
      const searchParams = new URLSearchParams(query);
      // Next adds it to what it asks for by itself.
      searchParams.delete("_rsc");
      // Without BASE_PATH, as pages have their addresses.
      const next = pathname.slice(base.length) + (searchParams.size === 0 ? "" : `?${searchParams}`);
      return `${base}/sign-in${next === "" || next === "/" ? "" : `?next=${encodeURIComponent(next)}`}`;
    },
  };
}
