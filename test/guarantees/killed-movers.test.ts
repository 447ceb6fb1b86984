import { twoDatabases } from "../support/two-pools.ts";
import { describeKilledMovers } from "./killed-movers.suite.ts";

describeKilledMovers("two pools on PostgreSQL", twoDatabases, 4);
