import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, onRedisCluster, twoStores } from "../support/two-pools.ts";
import { describeMovers } from "./movers.suite.ts";

describeWithRedis(() => {
  const keysFrom: ("left" | "right")[] = ["left", "right"];
  describeMovers("a Redis Cluster and PostgreSQL", twoStores(onRedisCluster, onPostgres), { keysFrom });
  describeMovers("Redis and a Redis Cluster", twoStores(onRedis, onRedisCluster), { keysFrom });
});
