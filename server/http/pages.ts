/** Next's side of the process: it renders pages and serves their assets. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import next from "next";
import { pagesFolder } from "../process/pages-folder.ts";

export interface Pages {
  /** Which build these are: a page of another one cannot be refreshed, only loaded anew. */
  readonly build: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Hot reload, in development. False: not taken. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  close(): Promise<void>;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function openPages(params: {
  dev: boolean;
  hostname: string;
  port: number;
  basePath: string;
}): Promise<Pages> {
  const { basePath, ...options } = params;
  // At its first request Next listens for upgrades on whatever server that came from, past our checks. It gets a server
  // that never listens instead, and hears there of those that passed. (Its getUpgradeHandler knows no hot reload: a
  // page in development then waits for ever for its first message.)
  const upgrades = new Server();
  const app = next({ ...options, dir: ROOT, httpServer: upgrades });
  await app.prepare();
  const handle = app.getRequestHandler();
  return {
    build: options.dev ? "development" : readFileSync(join(ROOT, pagesFolder(basePath), "BUILD_ID"), "utf8"),
    handle: (request, response) => handle(request, response),
    upgrade: (request, socket, head) => upgrades.emit("upgrade", request, socket, head),
    close: () => app.close(),
  };
}
