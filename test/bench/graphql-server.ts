import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { RoundOrder } from "./graphql-load.ts";
import type { Rates } from "./rounds.ts";

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What server-process.ts reads of its environment. */
type ServerSettings = Partial<
  Record<
    "QUEUE_SAMPLES" | "AUTH" | "OTEL_EXPORTER_OTLP_ENDPOINT" | "OTEL_TRACES_SAMPLER" | "OTEL_TRACES_SAMPLER_ARG",
    string
  >
>;

export interface BenchServer {
  /** Where it listens. */
  url: string;
  /** The processor time that it has taken so far. */
  processorMicroseconds(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a server process on this database. Settings: by default as set here. */
export async function startServer(
  databaseUrl: string,
  { pages = false, ...settings }: { pages?: boolean } & ServerSettings = {},
): Promise<BenchServer> {
  // As `npm start` does.
  const execArgv = [...process.execArgv, "--max-semi-space-size=16"];
  const env = { ...process.env, ...settings, NODE_ENV: "production" as const };
  const argv = [databaseUrl, ...(pages ? ["with pages"] : [])];
  const child = fork(script("server-process.ts"), argv, { execArgv, env });
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    async processorMicroseconds() {
      child.send("processor time");
      const [microseconds] = (await once(child, "message")) as [number];
      return microseconds;
    },
    stop: () => ended(child),
  };
}

/**
 * Starts a load generator process for the server at `url`. Each call of `round` measures one round. It sends the token
 * of the variable TOKEN, or this one.
 */
export async function startLoad(
  url: string,
  token?: string,
): Promise<{ round(order: RoundOrder): Promise<Rates>; stop(): Promise<void> }> {
  const child = fork(script("graphql-load.ts"), [url], {
    env: { ...process.env, ...(token !== undefined && { TOKEN: token }) },
  });
  await once(child, "message");
  return {
    async round(order) {
      child.send(order);
      const [answer] = (await once(child, "message")) as [{ rates: Rates } | { error: string }];
      if ("error" in answer) throw new Error(answer.error);
      return answer.rates;
    },
    stop: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}
