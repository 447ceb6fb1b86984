/**
 * One service with the demo's data for all test files that look at its pages. Vitest's main process starts it when the
 * first file asks, and ends it after the last.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "../../clients/typescript/client.ts";
import { callsTo } from "../../prisma/seed-api.ts";
import { fillShop } from "../../prisma/seed-shop.ts";
import type { TestDatabase } from "./database.ts";
import { startWholeService, type WholeService } from "./process.ts";

export interface DemoService {
  /** Answers with the service's URL once it is started, or with 500 and why it is not. */
  askAt: string;
  close(): Promise<void>;
}

export async function offerDemoService(createDatabase: () => Promise<TestDatabase>): Promise<DemoService> {
  let started: Promise<WholeService> | undefined;
  const start = async () => {
    const settings = { ENVIRONMENT_NAME: "DEMO süd", ENVIRONMENT_COLOR: "amber" };
    const service = await startWholeService({ database: await createDatabase(), settings });
    try {
      await fillShop(callsTo(createClient({ url: service.url })));
    } catch (error) {
      await service.close();
      throw error;
    }
    return service;
  };
  const server = createServer((_request, response) => {
    started ??= start();
    started.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    askAt: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await (await started?.catch(() => undefined))?.close();
    },
  };
}
