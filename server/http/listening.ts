/** The host and port on which the service listens, and which no other service may have. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { Config } from "../config.ts";

/**
 * True where each worker listens on the port itself, and the system distributes the connections. Elsewhere all workers
 * accept from one socket. Measured on Linux: from one socket, one process got most of a burst of connections (59 of
 * 64); with a socket each, two processes got half.
 */
export const EACH_LISTENS = process.platform === "linux";

/**
 * The IP address for `listen`. A name may have several addresses, and each further one would be a server of its own.
 */
export function listenAddress({ HOST }: Pick<Config, "HOST">): string {
  return HOST === "localhost" ? "127.0.0.1" : HOST.replace(/^\[|\]$/g, "");
}

/** HOST as it is written in a URL. A client on this machine reaches all addresses at loopback. */
export function urlHost({ HOST }: Pick<Config, "HOST">): string {
  const address = listenAddress({ HOST });
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return address.includes(":") ? `[${address}]` : HOST;
}

/** Where programs on this machine find the service that has these settings. */
export function serviceUrl(config: Pick<Config, "HOST" | "PORT" | "BASE_PATH" | "PUBLIC_URL">): string {
  return config.PUBLIC_URL ?? `http://${urlHost(config)}:${config.PORT}${config.BASE_PATH}`;
}

/**
 * Returns the port, after trying to listen on it; for PORT=0 a free one. Passes errors such as EADDRINUSE on; `explain`
 * knows them.
 */
export async function findPort(config: Pick<Config, "HOST" | "PORT">): Promise<number> {
  const server = await listen({ host: listenAddress(config), port: config.PORT });
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/**
 * Reserves the port for the workers of this service until the returned function is called or the process ends. Hazard:
 * SO_REUSEPORT would also share the port with the workers of another service, and each would get half of the other's
 * requests. EADDRINUSE when another service has reserved it.
 */
export async function holdSharedPort(config: Pick<Config, "HOST" | "PORT">): Promise<() => void> {
  const address = listenAddress(config);
  try {
    const holder = await listen({ path: `\0isimud ${address}:${config.PORT}` });
    return () => holder.close();
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { address, port: config.PORT });
  }
}

async function listen(options: { host: string; port: number } | { path: string }): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(options);
  await once(server, "listening");
  return server;
}
