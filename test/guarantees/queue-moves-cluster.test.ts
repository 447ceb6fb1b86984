import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, onRedisCluster, twoStores } from "../support/two-pools.ts";
import { describeMovers } from "./movers.suite.ts";

describeWithRedis(() => {
  describeMovers("a Redis Cluster and PostgreSQL", twoStores(onRedisCluster, onPostgres));
  describeMovers("Redis and a Redis Cluster", twoStores(onRedis, onRedisCluster));
});
