/** The control plane on PostgreSQL: Prisma's models, over connections that the caller opened. */
import type pg from "pg";
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { SecretBox } from "../../../secret-box.ts";
import type { ControlDriver } from "../../control-driver.ts";
import { withDeadline } from "../../deadlines/deadline.ts";
import { CONNECT_TIMEOUT_MS } from "../sql/connection.ts";
import { openPrisma } from "../sql/prisma.ts";
import { auditController } from "./audit.ts";
import { bodyRulesController } from "./body-rules.ts";
import { catalogueController } from "./catalogue.ts";
import { collectionsController } from "./collections.ts";
import { flavorsController } from "./flavors.ts";
import { moveLedger } from "./move-ledger.ts";
import { pausesController } from "./pauses.ts";
import { peopleController } from "./people.ts";
import { poolsController } from "./pools.ts";
import { despiteDeadlocks, isTransactionError, type Session, translateControlError } from "./prisma-session.ts";
import { queueController } from "./queues.ts";
import { readOnlyController } from "./read-only.ts";
import { tokensController } from "./tokens.ts";
import { undosController } from "./undos.ts";

type ControlTransaction = Parameters<Parameters<ControlDriver["transaction"]>[0]>[0];

const ALIVE_TIMEOUT_MS = 2000;
/** The deadline of a whole transaction. Each statement and lock has a shorter one of its own. */
const TRANSACTION_TIMEOUT_MS = 5000;
/**
 * How long a caller waits for a transaction. The driver needs its own deadline, since a stalled server does not answer
 * the rollback either.
 */
const TRANSACTION_ANSWER_MS = TRANSACTION_TIMEOUT_MS + 1000;

/**
 * `connections`: their search path must be `schema`. The caller closes them. `defaultPoolUri` is the control database's
 * own URI; no pool may be registered with it.
 */
export function createPostgresControlDriver(params: {
  connections: pg.Pool;
  schema: string;
  secrets: SecretBox;
  defaultPoolUri?: string;
}): ControlDriver {
  const { connections, schema, secrets, defaultPoolUri } = params;
  const client = openPrisma(connections, schema);

  /**
   * Runs `work` in one transaction. After the deadline it is given up and never committed: what it still does is rolled
   * back. The exception is a commit that was already sent. An error of Prisma's own says nothing about that one.
   */
  function transact<T>(work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    let isGivenUp = false;
    let isCommitting = false;
    const running = client
      .$transaction(
        async (tx) => {
          const result = await work(tx);
          if (isGivenUp) throw lateTransaction(false);
          isCommitting = true;
          return result;
        },
        { maxWait: CONNECT_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS },
      )
      .catch((error: unknown) => {
        throw isTransactionError(error) ? translateControlError(error, { wrote: isCommitting }) : error;
      });
    return withDeadline(running, TRANSACTION_ANSWER_MS, () => {
      isGivenUp = true;
      throw lateTransaction(isCommitting);
    });
  }

  const atomically: Session["atomically"] = (work) => despiteDeadlocks(() => transact(work));

  const controllers = (session: Session) => ({
    queues: queueController({ session }),
    pools: poolsController({ session, secrets, defaultPoolUri }),
    flavors: flavorsController({ session }),
    catalogue: catalogueController({ session }),
    moveLedger: moveLedger({ session }),
    undos: undosController({ session }),
    audit: auditController({ session }),
    collections: collectionsController({ session }),
    pauses: pausesController({ session }),
    tokens: tokensController({ session }),
    bodyRules: bodyRulesController({ session }),
    readOnly: readOnlyController({ session }),
    people: peopleController({ session }),
  });

  /** Runs `work` once in a transaction. See ControlDriver.transaction. */
  async function transactionOf<T>(work: (tx: ControlTransaction) => Promise<T>): Promise<T> {
    let broken: DomainError | null = null;
    let committing = false;
    let refused: { error: unknown } | null = null;
    try {
      return await transact(async (prisma) => {
        const tx = controllers({
          prisma,
          inTransaction: true,
          atomically: (inner) => inner(prisma),
          failed: (error) => {
            broken ??= error;
          },
        });
        const result = await work(tx).catch((error) => {
          refused = { error };
          throw error;
        });
        // COMMIT after a failed statement rolls back and does not say so.
        if (broken !== null) throw broken;
        committing = true;
        return result;
      });
    } catch (error) {
      // An error of `work` is thrown as it is, whatever the rollback did.
      if (refused !== null) throw (refused as { error: unknown }).error;
      throw translateControlError(error, { wrote: committing });
    }
  }

  return {
    ...controllers({ prisma: client, inTransaction: false, atomically, failed: () => {} }),

    transaction: (work) => despiteDeadlocks(() => transactionOf(work)),

    isAlive() {
      const answer = client.$queryRaw`SELECT 1`.then(
        () => true,
        () => false,
      );
      return withDeadline(answer, ALIVE_TIMEOUT_MS, () => false);
    },

    async close() {
      await client.$disconnect();
    },
  };
}

function lateTransaction(committing: boolean): DomainError {
  return committing
    ? new DomainError(
        "OUTCOME_UNKNOWN",
        "The control database did not answer the commit: the change may have happened. " +
          "Check, and repeat it if it did not.",
      )
    : new DomainError(
        "STORAGE_UNAVAILABLE",
        "The control database does not answer. Nothing was written. Try again in a few seconds.",
      );
}
