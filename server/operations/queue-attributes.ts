export interface RetryPolicy {
  retriesWithNoDelay?: number;
  minimumDelayRetries?: number;
  minimumDelay?: number;
  maximumDelay?: number;
  maximumDelayRetries?: number;
  retryBackoffFunction?: "linear" | "arithmetic" | "exponential" | "geometric";
  ignoreSubscriptionOverride?: boolean;
}

/** A queue's reserved attributes. Seconds and bytes; null = none. */
export interface ReservedAttributes {
  /** `_default_message_ttl` */
  defaultMessageTtl: number;
  /** `_default_message_delay` */
  defaultMessageDelay: number;
  /** `_max_messages_post_size` */
  maxMessagesPostSize: number;
  /** `_max_claim_count`: deliveries before a message goes to the dead letter queue; counts only together with one. */
  maxClaimCount: number | null;
  /** `_dead_letter_queue`: a queue of the same project. */
  deadLetterQueue: string | null;
  /** `_dead_letter_queue_messages_ttl` */
  deadLetterQueueMessagesTtl: number | null;
  /** `_enable_encrypt_messages` */
  enableEncryptMessages: boolean;
  /** `_flavor` */
  flavor: string | null;
  /** `_retry_policy` */
  retryPolicy: RetryPolicy | null;
}
