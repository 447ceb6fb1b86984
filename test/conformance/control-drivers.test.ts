/** Runs every control suite on every control driver. A new driver is one entry here. */
import { createSecretBox } from "../../server/secret-box.ts";
import { createPostgresControlDriver } from "../../server/storage/postgres/control/control-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { createTestDatabase } from "../support/database.ts";
import { describeAudit } from "./audit.suite.ts";
import { describeBodyRules } from "./body-rules.suite.ts";
import { describeCatalogue } from "./catalogue.suite.ts";
import { describeCollections } from "./collections.suite.ts";
import type { OpenControlDriver } from "./control-harness.ts";
import { describeFlavors } from "./flavors.suite.ts";
import { describePeople } from "./people.suite.ts";
import { describePools } from "./pools.suite.ts";
import { describeQueues } from "./queues.suite.ts";
import { describeTokens } from "./tokens.suite.ts";

const postgres: OpenControlDriver = async () => {
  const database = await createTestDatabase();
  const open = () => {
    const connections = openConnections({ url: database.url, connections: 8 });
    const driver = createPostgresControlDriver({
      connections,
      schema: "public",
      secrets: createSecretBox("the conformance suite's key"),
      defaultPoolUri: database.url,
    });
    return { driver, connections };
  };
  const one = open();
  const other = open();
  return {
    driver: one.driver,
    neighbour: other.driver,
    defaultPoolUri: database.url,
    async ownIdentity() {
      const data = await openPostgresDataDriver({ uri: database.url, connections: 1 });
      await data.close();
      return data.identity;
    },
    async storedText() {
      const { rows: tables } = await one.connections.query<{ name: string }>(
        "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
      );
      const texts: string[] = [];
      for (const { name } of tables) {
        const { rows } = await one.connections.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
        texts.push(...rows.map((row) => row.text));
      }
      return texts.join("\n");
    },
    async close() {
      await one.driver.close();
      await other.driver.close();
      await one.connections.end();
      await other.connections.end();
      await database.drop();
    },
  };
};

describeQueues("PostgreSQL", postgres);
describePeople("PostgreSQL", postgres);
describePools("PostgreSQL", postgres);
describeFlavors("PostgreSQL", postgres);
describeCatalogue("PostgreSQL", postgres);
describeAudit("PostgreSQL", postgres);
describeCollections("PostgreSQL", postgres);
describeTokens("PostgreSQL", postgres);
describeBodyRules("PostgreSQL", postgres);
