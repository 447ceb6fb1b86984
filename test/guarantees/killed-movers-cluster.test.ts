import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedisCluster, twoPlaces } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeWithRedis(() =>
  describeKilledMovers("PostgreSQL and a Redis Cluster", twoPlaces(onPostgres, onRedisCluster), 3),
);
