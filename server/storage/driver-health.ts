/** What a pool's driver tells of its storage: the result of a probe, and of a garbage collection. */
import type { ErrorCode } from "../errors.ts";
import type { WriteRefusal } from "./errors/read-only-storage.ts";

export interface DriverHealth {
  storageReachable: boolean;
  /** Why the storage refuses writes although it answers. Null when it takes them. */
  writesRefused: WriteRefusal | null;
  /** Space left, and space in all, in bytes. Null when the storage does not tell. */
  freeBytes: number | null;
  totalBytes: number | null;
  operations: OperationHealth[];
}

/** How much room a storage has. */
export interface StorageSpace {
  freeBytes: number;
  totalBytes: number;
}

/** `error` and `errorCode` are those of a DomainError, never the store's own text. */
export interface OperationHealth {
  operation:
    | "create_queue"
    | "reserve_space"
    | "post_messages"
    | "list_messages"
    | "claim_messages"
    | "delete_messages"
    | "delete_claim"
    | "bulk_delete_messages"
    | "delete_queue";
  succeeded: boolean;
  durationSeconds: number;
  error: string | null;
  errorCode: ErrorCode | null;
}

export interface GcResult {
  messages: number;
  claims: number;
  subscriptions: number;
  queues: number;
}
