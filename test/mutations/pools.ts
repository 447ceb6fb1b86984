/** Pools: which are used, and what a failing one costs. */
import { control, type Mutation, POSTGRES, pooling } from "./mutation.ts";

export const POOLS: readonly Mutation[] = [
  {
    guarantee: "The control plane deletes no pool while a queue is being placed in it",
    file: `${POSTGRES}/control/catalogue.ts`,
    from: " FOR KEY SHARE)",
    to: ")",
    test: control("a delete waits for a transaction that maps a queue to the pool, and is then refused"),
  },
  {
    guarantee: "Callers of a failing pool do not wait for it: they are refused at once, with the reason",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: "if (failing === undefined || failing.failures < FAILURES) return null;",
    to: "return null;",
    test: {
      file: "test/guarantees/sick-pools.test.ts",
      name: "a pool that hangs delays no call to the other, answers 503 with the reason, and is intact afterwards",
    },
  },
  {
    guarantee: "A late answer of a failing pool does not count as a recovery",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: 'if (hasCode(error, "DEADLINE_EXCEEDED") || isSlow(error)) return;',
    to: "if (isSlow(error)) return;",
    test: pooling(
      "circuit-breaker",
      "a call that exceeds its deadline neither opens nor closes the circuit breaker, even many in a row",
    ),
  },
  {
    guarantee: "A failing server of a cluster affects only its own queues",
    file: "server/storage/pooling/pool-groups.ts",
    from: 'return driver?.partOf?.(queue) ?? "";',
    to: 'return "";',
    test: {
      file: "test/guarantees/sick-cluster.test.ts",
      name: "a cluster server that is killed affects only its own queues, and they are intact afterwards",
    },
  },
  {
    guarantee: "The refusal of an untrusted certificate says what to do",
    file: "server/storage/errors/storage-errors.ts",
    from: "tlsErrorMessage(cause) ?? ",
    to: "",
    test: {
      file: "test/guarantees/redis-tls.test.ts",
      name: "an unknown certificate authority is named as the reason, with the variable that adds it",
    },
  },
  {
    guarantee: "A pool of weight 0 gets no new queue",
    file: "server/storage/pooling/weighted-choice.ts",
    from: "candidate.weight > 0",
    to: "candidate.weight >= 0",
    test: pooling("placement", "picks each candidate in proportion to its weight, and never one of weight 0"),
  },
  {
    guarantee: "Two pools never share one server and namespace",
    file: `${POSTGRES}/control/pool-identities.ts`,
    from: "if (holder !== null) throw uriInUse(holder);",
    to: "",
    test: control("refuses a store whose identity another pool or the control database has, whatever the URIs say"),
  },
  {
    guarantee: "A write that a full pool refuses counts in health",
    file: "server/operations/pool-facts/refusals.ts",
    from: "if (reason !== null) this.refused(pool, reason);",
    to: "",
    test: {
      file: "test/operations/pool-facts/refusals.test.ts",
      name: "a refused write counts until a later check finds that the pool takes writes",
    },
  },
  {
    guarantee: "A full pool can still be read",
    file: "server/storage/pooling/circuit-breaker.ts",
    from: "if (isWriteRefusal(error)) return false;",
    to: "",
    test: pooling(
      "circuit-breaker",
      "does not count an answer that the pool is full or read-only, and takes it as a sign that the pool is reachable",
    ),
  },
  {
    guarantee: "A Redis Cluster that answers after more than a second can be used",
    file: "server/storage/redis/server/cluster.ts",
    from: "name === names.at(-1) ? Number.POSITIVE_INFINITY : SLOTS_TIMEOUT_MS",
    to: "SLOTS_TIMEOUT_MS",
    test: {
      file: "test/guarantees/redis-cluster-faults.test.ts",
      name: "a cluster whose server of the URI takes more than a second to answer can be opened",
    },
  },
];
