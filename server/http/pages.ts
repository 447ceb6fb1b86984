/** Next's side of the process: it renders pages and serves their assets. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:http";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import next from "next";

export interface Pages {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Hot reload; only in development. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  close(): Promise<void>;
}

export async function openPages(params: { dev: boolean; hostname: string; port: number }): Promise<Pages> {
  const app = next({
    ...params,
    dir: fileURLToPath(new URL("../..", import.meta.url)),
    // At its first request Next would listen for upgrades on whatever server it came from, past our checks.
    // It gets a server that never listens instead.
    httpServer: new Server(),
  });
  await app.prepare();
  const handle = app.getRequestHandler();
  const upgrade = app.getUpgradeHandler();
  return {
    handle: (request, response) => handle(request, response),
    upgrade: (request, socket, head) => upgrade(request, socket, head),
    close: () => app.close(),
  };
}
