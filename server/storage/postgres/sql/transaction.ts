import pg from "pg";
import { DomainError } from "../../../errors.ts";
import { runOn, type Statement } from "./statement.ts";
import type { Statements } from "./statements.ts";

/** An open transaction. A statement whose answer never comes fails. */
export interface Transaction {
  run<Parameters, Row>(statement: Statement<Parameters, Row>, parameters: NoInfer<Parameters>): Promise<Row[]>;
  /** For commands, which have no parameters. */
  execute(command: string): Promise<void>;
}

/**
 * Runs `work` in one transaction, and commits. When `work` throws, everything is rolled back. Errors are those of `pg`
 * and of `work`. `begin`: the commands that open the transaction.
 */
export async function inTransaction<T>(
  statements: Statements,
  work: (transaction: Transaction) => Promise<T>,
  begin = "BEGIN",
): Promise<T> {
  statements.calls.begin();
  try {
    const client = await statements.connections.connect();
    let broken = false;
    try {
      await client.query(begin);
      const result = await work({
        run: (statement, parameters) => runOn(client, statement, parameters, statements.pool),
        execute: async (command) => {
          await client.query(command);
        },
      });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      broken = !(await rollBack(client, error));
      throw error;
    } finally {
      client.release(broken);
    }
  } finally {
    statements.calls.end();
  }
}

/**
 * False when the connection is not to be used again. Only a server that just answered is asked: of another the answer
 * would be waited for in vain, and the transaction ends with the connection.
 */
async function rollBack(client: pg.ClientBase, error: unknown): Promise<boolean> {
  if (!(error instanceof DomainError) && !(error instanceof pg.DatabaseError)) return false;
  return client.query("ROLLBACK").then(
    () => true,
    () => false,
  );
}
