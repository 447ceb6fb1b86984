/**
 * A whole service in this process, with its own database and port. Without pages, which would need a build: see
 * process.ts.
 */
import type { Engine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { serve } from "../../server/main.ts";
import { createTestDatabase } from "./database.ts";

export interface TestServer {
  /** `http://127.0.0.1:<port>`. The API is below /api. */
  url: string;
  engine: Engine;
  /** Moves the databases' clocks forward. */
  clock: { offsetMs: number };
  /** Ends the service as a signal does. */
  shutDown(options: { hasty: boolean }): Promise<void>;
  /** Ends the service and drops its database. May be called twice. */
  close(): Promise<void>;
}

/**
 * `settings` are environment variables. By default garbage is collected on demand only, and no samples are
 * taken.
 */
export async function startTestServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const database = await createTestDatabase();
  const clock = { offsetMs: 0 };
  const config = readConfig({
    PORT: "0",
    DATABASE_URL: database.url,
    SECRET_KEY: "a secret key for tests only",
    DATABASE_CONNECTIONS: "8",
    DRAIN_SECONDS: "0",
    GC_INTERVAL: "3600",
    HEALTH_INTERVAL: "0",
    QUEUE_SAMPLES: "off",
    LOG_LEVEL: "silent",
    ...settings,
  });
  const server = await serve(config, { dev: false, pages: false, clock }).catch(async (error: unknown) => {
    await database.drop();
    throw error;
  });
  return {
    url: server.url,
    engine: server.engine,
    clock,
    shutDown: (options) => server.close(options),
    close: async () => {
      await server.close({ hasty: true });
      await database.drop();
    },
  };
}
