/** Prisma's client on our own connections. */
import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../../../prisma/generated/client.ts";

/** `connections`: their search path must be `schema`. The caller closes them, and the client first. */
export function openPrisma(connections: pg.Pool, schema: string): PrismaClient {
  return new PrismaClient({ adapter: new Adapter(connections, { schema }), errorFormat: "minimal" });
}

/**
 * Hazard: Prisma rolls a transaction that is over its time back in a timer, whose failure nobody hears: it would end the
 * process. So no ROLLBACK fails here. One fails when the connection broke, or when the server does not answer. Then the
 * pool closes the connection (`openConnections`), and the server rolls back what it finds unfinished.
 */
class Adapter extends PrismaPg {
  override async connect() {
    const adapter = await super.connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => {
      const transaction = await start(isolationLevel);
      const execute = transaction.executeRaw.bind(transaction);
      transaction.executeRaw = (query) => (query.sql === "ROLLBACK" ? execute(query).catch(() => 0) : execute(query));
      return transaction;
    };
    return adapter;
  }
}
