/** Statements that share connections, and stores that forget. */
import { type Mutation, POSTGRES } from "./mutation.ts";

export const STATEMENTS: readonly Mutation[] = [
  {
    guarantee: "A process forgets what it has cached of queues when the store has lost its last writes",
    file: `${POSTGRES}/data-driver.ts`,
    from: "timeline.forget = () => this.#pool.queues.forgetAll();",
    to: "",
    test: {
      file: "test/guarantees/lost-writes.test.ts",
      name: "reuses no id or number, and every process sees the queues as they are now",
    },
  },
  {
    guarantee: "When a server refuses another connection, callers wait for the open ones",
    file: `${POSTGRES}/sql/connection-pool.ts`,
    from: "if (this.#working() > 0) return this.#connect(caller);",
    to: "if (this.#working() > 0) return caller.connected(error, client, release);",
    test: {
      file: "test/guarantees/few-connections.test.ts",
      name: "a whole service answers every call, though its parts share the few connections",
    },
  },
  {
    guarantee: "A request that is refused does not fail those that share its statement",
    file: `${POSTGRES}/sql/batch-executor.ts`,
    from: 'if (hasCode(error, "INTERNAL")) return',
    to: "if (false) return",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "a refused request fails alone: those that shared its statement are tried again without it",
    },
  },
  {
    guarantee: "No queue's backlog keeps another queue's request waiting",
    file: `${POSTGRES}/sql/batch-executor.ts`,
    from: "[...this.#unansweredFirst(again, batch), ...this.#waiting]",
    to: "[...again, ...this.#waiting]",
    test: {
      file: "test/storage/postgres/batch-executor.test.ts",
      name: "requests that a statement left out are sent again, first those of queues that got no answer",
    },
  },
  {
    guarantee: "A row that others change meanwhile is neither skipped nor reported as done",
    file: `${POSTGRES}/sql/fragments.ts`,
    from: "THEN 1 ELSE 0 END AS whole",
    to: "THEN 1 ELSE 1 END AS whole",
    test: {
      file: "test/guarantees/postgres-faults.test.ts",
      name: "a message that changes between a statement's snapshot and its lock is deleted, renewed and released all the same",
    },
  },
  {
    guarantee: "A transaction that is over its time on a connection that broke does not end the process",
    file: `${POSTGRES}/sql/prisma.ts`,
    from: "execute(query).catch(() => 0)",
    to: "execute(query)",
    test: {
      file: "test/storage/postgres/control-driver.test.ts",
      name: "a transaction over its time on a connection that broke ends like any other, and leaves no connection",
    },
  },
  {
    guarantee: "A session that the server ends as soon as it is ready does not end the process",
    file: `${POSTGRES}/sql/connection.ts`,
    from: 'client.on("error", () => undefined);\n  await',
    to: "await",
    test: {
      file: "test/storage/postgres/connection.test.ts",
      name: "a server that ends a session in the moment in which it is ready fails its next statement, not the process",
    },
  },
];
