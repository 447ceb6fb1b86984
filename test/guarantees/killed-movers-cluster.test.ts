import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedisCluster, twoStores } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeWithRedis(() =>
  describeKilledMovers("PostgreSQL and a Redis Cluster", twoStores(onPostgres, onRedisCluster), 3),
);
