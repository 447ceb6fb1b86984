/** Puts the nouns together. Each file adds its types, queries and mutations to the builder when it is imported. */
import "./scalars.ts";
import "./errors.ts";
import "./queues.ts";
import "./messages.ts";
import "./claims.ts";
import "./subscriptions.ts";
import "./projects.ts";
import "./pools.ts";
import "./flavors.ts";
import "./catalogue.ts";
import "./jobs.ts";
import "./key-value-stores.ts";
import "./audit.ts";
import "./health.ts";
import "./health-history.ts";
import "./live.ts";
import { builder } from "./builder.ts";

export const schema = builder.toSchema();
