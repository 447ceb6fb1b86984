import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, onRedisCluster, twoPlaces } from "../support/two-pools.ts";
import { describeMovers } from "./movers.suite.ts";

describeWithRedis(() => {
  describeMovers("a Redis Cluster and PostgreSQL", twoPlaces(onRedisCluster, onPostgres));
  describeMovers("Redis and a Redis Cluster", twoPlaces(onRedis, onRedisCluster));
});
