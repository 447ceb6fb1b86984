/** Next within this process: it renders pages and serves their assets. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import next from "next";
import { pagesFolder } from "../process/pages-folder.ts";

export interface Pages {
  /** The id of this build. An open page of another build cannot be refreshed, only loaded again. */
  readonly build: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Passes an upgrade on for hot reload, in development. False: nobody handles it. */
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
  // Next would listen for upgrades on the server of its first request, and so bypass our checks. It gets a server that
  // never listens, and the upgrades that passed the checks are emitted there. (Next's getUpgradeHandler does not know
  // hot reload: a page in development would wait for ever for its first message.)
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
