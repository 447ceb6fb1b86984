/** A slow way to a server: every byte arrives, in order, after a delay. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface SlowNetwork {
  /** The given URI, changed so that it leads through the slow way. */
  uri: string;
  /** The delay of each direction, in milliseconds. A change affects bytes sent from now on. */
  delayMs: number;
  close(): Promise<void>;
}

/** Opens a slow way to a server. `uri` names a port on loopback, or the folder of a PostgreSQL socket. */
export async function slowNetwork(uri: string): Promise<SlowNetwork> {
  const target = new URL(uri);
  const folder = target.searchParams.get("host");
  const port = Number(target.port);
  const upstream = () => (folder === null ? connect(port, target.hostname) : connect(`${folder}/.s.PGSQL.${port}`));
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = upstream();
    const pipe = (from: Socket, to: Socket) => {
      sockets.add(from);
      // Bytes arrive in the order of sending, even after the delay was made shorter.
      let free = 0;
      const later = (work: () => void) => {
        free = Math.max(free, performance.now() + network.delayMs);
        setTimeout(work, Math.max(0, free - performance.now())).unref();
      };
      from.on("data", (data) => later(() => to.writable && to.write(data)));
      from.on("end", () => later(() => to.end()));
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    pipe(near, far);
    pipe(far, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  target.searchParams.delete("host");
  target.hostname = "127.0.0.1";
  target.port = String((server.address() as AddressInfo).port);
  const network: SlowNetwork = {
    uri: target.toString(),
    delayMs: 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return network;
}
