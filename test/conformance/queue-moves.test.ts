import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, onRedisCluster, twoDatabases, twoPlaces } from "../support/two-pools.ts";
import { describeQueueMoves } from "./queue-moves.suite.ts";

describeQueueMoves("PostgreSQL", twoDatabases);

describeWithRedis(() => {
  describeQueueMoves("PostgreSQL and Redis", twoPlaces(onPostgres, onRedis));
  describeQueueMoves("Redis and PostgreSQL", twoPlaces(onRedis, onPostgres));
  describeQueueMoves("Redis", twoPlaces(onRedis, onRedis));
  describeQueueMoves("Redis and a Redis Cluster", twoPlaces(onRedis, onRedisCluster));
});
