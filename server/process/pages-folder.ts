/** The folder of the built pages, on which next.config.mjs and the server must agree. */
import { createHash } from "node:crypto";

/**
 * Relative to the root of the project. The build inlines the base path, so each base path has a folder of its own: one
 * service may start under a base path while another one runs without.
 */
export function pagesFolder(basePath: string): string {
  if (basePath === "") return ".next";
  return `.build/pages-${createHash("sha256").update(basePath).digest("hex").slice(0, 12)}`;
}
