import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, onRedisCluster, twoPlaces } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeWithRedis(() => {
  describeKilledMovers("Redis and PostgreSQL", twoPlaces(onRedis, onPostgres), 6);
  describeKilledMovers("PostgreSQL and a Redis Cluster", twoPlaces(onPostgres, onRedisCluster), 6);
});
