import type { Subscription } from "../../subscription-controller.ts";
import { milliseconds } from "../sql/fragments.ts";

/** The columns of a subscription `s` beside a `clock`, for `readSubscription`. */
export const COLUMNS = `
  s.id::text AS id, s.queue AS source, s.subscriber, s.ttl_seconds::float8 AS ttl, s.options, s.confirmed,
  ${milliseconds("s.created_at")} AS created, ${milliseconds("s.renewed_at")} AS renewed,
  ${milliseconds("s.expires_at")} AS expires, ${milliseconds("clock.now")} AS now`;

export interface SubscriptionRow {
  id: string;
  source: string;
  subscriber: string;
  ttl: number;
  options: string;
  confirmed: boolean;
  created: number;
  renewed: number;
  expires: number;
  now: number;
}

export function readSubscription(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    source: row.source,
    subscriber: row.subscriber,
    ttlSeconds: row.ttl,
    ageSeconds: Math.max(0, Math.floor((row.now - row.renewed) / 1000)),
    createdAt: new Date(row.created),
    expiresAt: new Date(row.expires),
    optionsText: row.options,
    confirmed: row.confirmed,
  };
}
