/** Where the service listens: one address and port, which nobody else has. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { Config } from "../config.ts";

/**
 * Where the system deals connections out among processes that each listen on the port themselves. Elsewhere all of them
 * accept from one socket. Measured on Linux, one socket gave bursts of connections to one process (5 to 59); of their
 * own, they get halves.
 */
export const EACH_LISTENS = process.platform === "linux";

/**
 * What a server is told to listen on. A name could have several addresses, and the second would be a server of its own.
 */
export function listenAddress({ HOST }: Pick<Config, "HOST">): string {
  return HOST === "localhost" ? "127.0.0.1" : HOST.replace(/^\[|\]$/g, "");
}

/** How the address looks in a URL. */
export function urlHost({ HOST }: Pick<Config, "HOST">): string {
  return HOST.includes(":") ? `[${listenAddress({ HOST })}]` : HOST;
}

/**
 * Gives the port, which for PORT=0 is one that is free now. EADDRINUSE and the like come as they are; `explain` knows
 * what to say.
 */
export async function findPort(config: Pick<Config, "HOST" | "PORT">): Promise<number> {
  const server = await listen({ host: listenAddress(config), port: config.PORT });
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/**
 * Workers that share a port (SO_REUSEPORT) would share it with another service's workers too, and each would get half
 * of the other's requests. So whoever starts workers holds the port's name as well, which ends with the process, as the
 * port does. EADDRINUSE when another service has it.
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
