/** A way to a server that takes its time: every byte arrives, in order, after a delay. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface SlowNetwork {
  /** The URI that it was given, leading through here. */
  uri: string;
  /** Of each way, in milliseconds; counts for what comes from now on. */
  delayMs: number;
  close(): Promise<void>;
}

/** `uri` names a port on loopback, or the folder of a PostgreSQL socket. */
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
      // What is under way arrives before what was sent later, also when the delay has become shorter.
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
