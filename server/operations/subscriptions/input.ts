import type { Limits } from "../../config.ts";
import { checkObjectText } from "../input/json-text.ts";
import { badInput, checkTextSize, checkWhole, isStorable } from "../input/limits.ts";
import { checkRetryPolicy } from "../input/queue-attributes.ts";
import { hasMaskedPassword } from "./record.ts";

export interface SubscriptionFields {
  /** An http, https, mailto, trust+http or trust+https URI. */
  subscriber?: string | null;
  ttlSeconds?: number | null;
  /** JSON text of an object. A `_retry_policy` in it follows the same rules as a queue's. */
  optionsText?: string | null;
}

type SubscriptionChanges = { subscriber?: string; ttlSeconds?: number; optionsText?: string };

const SUBSCRIBER_SCHEMES = ["http", "https", "mailto", "trust+http", "trust+https"];
const MAX_SUBSCRIBER_LENGTH = 2048;
/** No subscription expires later than in the year 9999. */
const LAST_MOMENT_MS = Date.UTC(9999, 11, 31);

/** Checks the fields that are given, and returns those. BAD_INPUT, TOO_LARGE. */
export function checkFields(
  limits: Limits,
  { subscriber, ttlSeconds, optionsText }: SubscriptionFields,
): SubscriptionChanges {
  return {
    ...(given(subscriber) ? { subscriber: checkSubscriber(subscriber) } : {}),
    ...(given(ttlSeconds) ? { ttlSeconds: checkTtl(limits, ttlSeconds) } : {}),
    ...(given(optionsText) ? { optionsText: checkOptions(limits, optionsText) } : {}),
  };
}

function checkTtl(limits: Limits, ttlSeconds: number): number {
  const maximum = Math.floor((LAST_MOMENT_MS - Date.now()) / 1000);
  return checkWhole("ttlSeconds", ttlSeconds, limits.MIN_SUBSCRIPTION_TTL, maximum, "seconds");
}

function checkOptions(limits: Limits, optionsText: string): string {
  checkTextSize("options", optionsText, limits.MAX_QUEUE_METADATA);
  const members = checkObjectText("options", optionsText, limits.MAX_JSON_DEPTH);
  const policyText = members.get("_retry_policy");
  if (policyText !== undefined) checkRetryPolicy("options._retry_policy", policyText);
  return optionsText;
}

/** Checks only the form. Whether anything answers at the URI is known only when something is sent there. */
export function checkSubscriber(subscriber: unknown): string {
  const scheme = typeof subscriber === "string" ? /^([a-z+]+):./i.exec(subscriber)?.[1]?.toLowerCase() : undefined;
  if (!isStorable(subscriber) || scheme === undefined || !SUBSCRIBER_SCHEMES.includes(scheme)) {
    throw badInput(
      "subscriber",
      `subscriber must be a URI that begins with one of ${SUBSCRIBER_SCHEMES.join(":, ")}:.`,
    );
  }
  if (subscriber.length > MAX_SUBSCRIBER_LENGTH) {
    throw badInput("subscriber", `subscriber may have at most ${MAX_SUBSCRIBER_LENGTH} characters.`, {
      value: subscriber.length,
      maximum: MAX_SUBSCRIBER_LENGTH,
    });
  }
  if (/[\s\p{Cc}]/u.test(subscriber) || (scheme !== "mailto" && !URL.canParse(subscriber.replace(/^trust\+/i, "")))) {
    throw badInput("subscriber", "subscriber is not a valid URI.");
  }
  if (hasMaskedPassword(subscriber)) {
    throw badInput(
      "subscriber",
      "subscriber has a masked password, as answers show it. Give it with the password itself.",
    );
  }
  return subscriber;
}

function given<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
