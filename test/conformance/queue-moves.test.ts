import { describeWithRedis } from "../support/redis.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { onPostgres, onRedis, onRedisCluster, twoDatabases, twoStores } from "../support/two-pools.ts";
import { describeQueueMoves } from "./queue-moves.suite.ts";

describeQueueMoves("PostgreSQL", twoDatabases);

describeWithRedis(() => {
  describeQueueMoves("PostgreSQL and Redis", twoStores(onPostgres, onRedis));
  describeQueueMoves("Redis and PostgreSQL", twoStores(onRedis, onPostgres));
  if (!IS_THOROUGH) return;
  describeQueueMoves("Redis", twoStores(onRedis, onRedis));
  describeQueueMoves("Redis and a Redis Cluster", twoStores(onRedis, onRedisCluster));
});
