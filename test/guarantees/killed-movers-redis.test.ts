import { describeWithRedis } from "../support/redis.ts";
import { onPostgres, onRedis, twoPlaces } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeWithRedis(() => describeKilledMovers("Redis and PostgreSQL", twoPlaces(onRedis, onPostgres), 3));
