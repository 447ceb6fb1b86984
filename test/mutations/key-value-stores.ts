/** Key-value stores and their locks. */
import type { Mutation } from "./mutation.ts";

const kvs = (name: string) => ({ file: "test/kvs/postgres.test.ts", name });

export const KEY_VALUE_STORES: readonly Mutation[] = [
  {
    guarantee: "A key's lock excludes across processes",
    file: "server/kvs/postgres.ts",
    from: "WHERE l.expires_at <= (SELECT now FROM clock)\n",
    to: "\n",
    test: kvs("excludes across processes: no increment is lost"),
  },
  {
    guarantee: "A write with an older fence than the entry's is refused",
    file: "server/kvs/postgres.ts",
    from: "WHERE v.fence <= excluded.fence",
    to: "",
    test: kvs("refuses a write with an older fence than the entry's, whatever the holder's clock says"),
  },
  {
    guarantee: "A lock ends for its holder a second before the backend releases it",
    file: "server/kvs/region.ts",
    from: "LOCK_MARGIN_SECONDS = 1;",
    to: "LOCK_MARGIN_SECONDS = 0;",
    test: kvs("expire for their holder one second before the backend drops them"),
  },
  {
    guarantee: "A lock that has expired for its holder is not renewed",
    file: "server/kvs/postgres.ts",
    from: "l.expires_at > clock.now + make_interval",
    to: "l.expires_at > clock.now - make_interval",
    test: kvs("cannot be renewed by anybody else, nor once they have expired for their holder"),
  },
  {
    guarantee: "The lock of a process that died is free again",
    file: "server/kvs/postgres.ts",
    from: "WHERE l.expires_at <= (SELECT now FROM clock)\n",
    to: "WHERE false\n",
    test: kvs("frees the lock of a process that died, and refuses what that one still had under way"),
  },
  {
    guarantee: "On Redis a write with an older fence than the entry's is refused",
    file: "server/kvs/redis-scripts.ts",
    from: "<= tonumber(fence)",
    to: "<= math.huge",
    test: {
      file: "test/kvs/redis.test.ts",
      name: "refuses a write with an older fence than the entry's, whatever the holder's clock says",
    },
  },
];
