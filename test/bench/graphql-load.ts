/** The load generator, a process of its own: runs a round for each message of its parent and sends the rates back. */
import { graphqlClient } from "./graphql-client.ts";
import { oneRound } from "./rounds.ts";

export interface RoundOrder {
  clients: number;
  batch: number;
  seconds: number;
}

const [url] = process.argv.slice(2) as [string];
const contender = await graphqlClient(url, 64);
process.on("message", async ({ clients, batch, seconds }: RoundOrder) => {
  try {
    process.send?.({ rates: await oneRound(contender, clients, batch, seconds) });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
