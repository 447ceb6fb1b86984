import { twoDatabases } from "../support/two-pools.ts";
import { describeQueueMoves } from "./queue-moves.suite.ts";

describeQueueMoves("PostgreSQL", twoDatabases);
