import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, twoStores } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeWithRedis(() => describeKilledMovers("Redis and PostgreSQL", twoStores(onRedis, onPostgres), 3));
