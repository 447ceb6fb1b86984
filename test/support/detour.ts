/** A second address of a server: a port that forwards to it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Detour {
  port: number;
  /** Breaks all connections. New ones are let through. */
  cut(): void;
  close(): void;
}

/** Opens a port that forwards to `to`: a port on loopback, or the path of a Unix socket. */
export async function openDetour(to: number | string): Promise<Detour> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = typeof to === "number" ? connect(to, "127.0.0.1") : connect(to);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => sockets.delete(one));
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

/** Returns another URI of the same PostgreSQL, with another host and port. */
export async function postgresByDetour(uri: string): Promise<{ uri: string; close(): void }> {
  const url = new URL(uri);
  const folder = url.searchParams.get("host");
  const port = Number(url.port || 5432);
  const detour = await openDetour(folder === null ? port : `${folder}/.s.PGSQL.${port}`);
  url.searchParams.delete("host");
  url.hostname = "127.0.0.1";
  url.port = String(detour.port);
  return { uri: url.toString(), close: detour.close };
}
