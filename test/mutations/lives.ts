/** Lives of messages. */
import { api, drivers, type Mutation, movesOf, POSTGRES, REDIS } from "./mutation.ts";

const postgres = (file: string, name: string) => ({ file: `test/storage/postgres/${file}.test.ts`, name });

export const LIVES: readonly Mutation[] = [
  {
    guarantee: "A life on PostgreSQL says why a message was deleted, when a pop deleted it",
    file: `${POSTGRES}/messages/pop.ts`,
    from: 'deletes("popped")',
    to: '""',
    test: drivers("a life says how the message went: popped, deleted by nobody's claim, purged"),
  },
  {
    guarantee: "On PostgreSQL lives are written from the moment when a queue is told to keep them",
    file: `${POSTGRES}/lives/triggers.ts`,
    from: 'await follow(transaction, after.map(({ id }) => id).join(","));',
    to: "",
    test: postgres("lives", "the triggers exist while some queue keeps lives, also for processes of earlier versions"),
  },
  {
    guarantee: "On PostgreSQL the triggers of a queue end with the queue",
    file: `${POSTGRES}/lives/collect.ts`,
    from: "queues.filter(({ ended, keeps }) => ended && keeps)",
    to: "queues.filter(() => false)",
    test: postgres("lives", "a queue that is deleted ends its triggers, and gc frees its events"),
  },
  {
    guarantee: "What a queue on PostgreSQL kept is forgotten when it stops to keep lives",
    file: `${POSTGRES}/lives/lives.ts`,
    from: "e.at >= greatest(l.since, ",
    to: "e.at >= greatest(NULL, ",
    test: drivers("a queue keeps nothing until it is asked to, and forgets all when that ends"),
  },
  {
    guarantee: "A life on Redis tells that a claim lapsed",
    file: `${REDIS}/queue-lua.ts`,
    from: "if history and key == CLAIMED then tell_lapsed(ids) end",
    to: "",
    test: drivers("a claim that lapses and a message that expires are told at once, with their own times, and once"),
  },
  {
    guarantee: "Lives on Redis take a bounded part of the memory",
    file: `${REDIS}/lives/lua.ts`,
    from: "bytes = forget_lives(row, oldest)",
    to: "break",
    test: {
      file: "test/storage/redis/lives.test.ts",
      name: "lives take no more bytes than they may: those go whose last event is the oldest",
    },
  },
  {
    guarantee: "A queue that moves keeps lives in its new pool too",
    file: `${POSTGRES}/moves/target.ts`,
    from: "if (seconds > 0) await keepLives(",
    to: "if (seconds < 0) await keepLives(",
    test: movesOf("a queue that keeps lives goes on with that in the target, and leaves behind what it kept"),
  },
  {
    guarantee: "A queue whose _history_seconds changes keeps to it from the next call on",
    file: "server/operations/lifecycle/metadata-changes.ts",
    from: "if (seconds !== before.effective.historySeconds) await data.lives.keep({ queue, seconds });",
    to: "",
    test: api("messages", "a life goes on in the dead letter queue and back, and is told of messages that are gone"),
  },
];
