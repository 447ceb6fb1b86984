/** Next within this process: it renders pages and serves their assets. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:http";
import type { Duplex } from "node:stream";
import next from "next";
import type { Config } from "../config.ts";
import { ROOT } from "../process/checkout.ts";
import { buildId, pagesRoot } from "../process/pages-folder.ts";

export interface Pages {
  /** The id of this build. An open page of another build cannot be refreshed, only loaded again. */
  readonly build: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Passes an upgrade on for hot reload, in development. False: nobody handles it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  close(): Promise<void>;
}

export async function openPages(params: {
  dev: boolean;
  config: Pick<Config, "HOST" | "PORT" | "BASE_PATH" | "DATA_DIR">;
}): Promise<Pages> {
  const { dev, config } = params;
  const dir = dev ? ROOT : pagesRoot(config);
  // Next would listen for upgrades on the server of its first request, and so bypass our checks. It gets a server that
  // never listens, and the upgrades that passed the checks are emitted there. (Next's getUpgradeHandler does not know
  // hot reload: a page in development would wait for ever for its first message.)
  const upgrades = new Server();
  const app = next({ dev, dir, hostname: config.HOST, port: config.PORT, httpServer: upgrades });
  await app.prepare();
  const handle = app.getRequestHandler();
  return {
    build: dev ? "development" : buildId(dir, config.BASE_PATH),
    handle: (request, response) => handle(request, response),
    upgrade: (request, socket, head) => upgrades.emit("upgrade", request, socket, head),
    close: () => app.close(),
  };
}
