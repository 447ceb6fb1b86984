/** Next's side of the process: it renders pages and serves their assets. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:http";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import next from "next";

export interface Pages {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Hot reload, in development. False: not taken. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  close(): Promise<void>;
}

export async function openPages(params: { dev: boolean; hostname: string; port: number }): Promise<Pages> {
  // At its first request Next listens for upgrades on whatever server that came from, past our checks. It gets a server
  // that never listens instead, and hears there of those that passed. (Its getUpgradeHandler knows no hot reload: a page
  // in development then waits for ever for its first message.)
  const upgrades = new Server();
  const app = next({ ...params, dir: fileURLToPath(new URL("../..", import.meta.url)), httpServer: upgrades });
  await app.prepare();
  const handle = app.getRequestHandler();
  return {
    handle: (request, response) => handle(request, response),
    upgrade: (request, socket, head) => upgrades.emit("upgrade", request, socket, head),
    close: () => app.close(),
  };
}
