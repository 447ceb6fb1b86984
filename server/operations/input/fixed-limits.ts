/** Limits that no setting changes, for doors that tell them. Seconds, bytes and characters, as their names say. */
import { KEY_SECONDS, MAX_KEPT_BYTES, MAX_KEPT_POPS_BYTES, POP_KEY_SECONDS } from "../../storage/idempotency.ts";
import {
  MAX_LIFE_EVENTS,
  MAX_LIFE_SECONDS,
  MAX_QUEUE_EVENT_BYTES,
  MAX_QUEUE_EVENTS,
} from "../../storage/messages/message-life.ts";
import { MAX_KEY_LENGTH } from "../key-value-stores/input.ts";
import { MAX_QUEUES_WITH_METRICS } from "../lifecycle/queues-with-metrics.ts";
import { MAX_WAIT_SECONDS } from "../live/long-polls.ts";
import { SEARCH_MS, SEARCHED_MESSAGES } from "../messages/search.ts";
import { MAX_INTERVALS } from "../samples/samples.ts";
import { MAX_UNDOABLE_DELETES } from "../undo/recorder.ts";
import { MAX_HEADER_NAME_BYTES, MAX_HEADERS, MAX_HEADERS_BYTES } from "./message-headers.ts";
import { MAX_TOKEN_LENGTH } from "./names.ts";

export const FIXED_LIMITS = {
  maxWaitSeconds: MAX_WAIT_SECONDS,
  idempotencyKeySeconds: KEY_SECONDS,
  popIdempotencyKeySeconds: POP_KEY_SECONDS,
  maxKeptPopBytes: MAX_KEPT_BYTES,
  maxKeptPopBytesOfQueue: MAX_KEPT_POPS_BYTES,
  maxIdempotencyKeyLength: MAX_TOKEN_LENGTH,
  maxKeyValueKeyLength: MAX_KEY_LENGTH,
  maxHistoryIntervals: MAX_INTERVALS,
  defaultSearchedMessages: SEARCHED_MESSAGES.usual,
  maxSearchedMessages: SEARCHED_MESSAGES.most,
  maxSearchMilliseconds: SEARCH_MS,
  maxQueuesWithMetrics: MAX_QUEUES_WITH_METRICS,
  maxHistorySeconds: MAX_LIFE_SECONDS,
  maxLifeEvents: MAX_LIFE_EVENTS,
  maxLifeEventsOfQueue: MAX_QUEUE_EVENTS,
  maxLifeBytesOfQueue: MAX_QUEUE_EVENT_BYTES,
  maxUndoableDeletes: MAX_UNDOABLE_DELETES,
  maxMessageHeaders: MAX_HEADERS,
  maxMessageHeaderNameBytes: MAX_HEADER_NAME_BYTES,
  maxMessageHeadersBytes: MAX_HEADERS_BYTES,
} as const;
