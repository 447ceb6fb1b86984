/** Translates errors of Redis to DomainErrors. */
import { ErrorReply } from "redis";
import { DomainError } from "../../../errors.ts";
import { type WriteRefusal, writeRefusedError } from "../../errors/read-only-storage.ts";
import { brokeAfterSending, defect, unreachable } from "../../errors/storage-errors.ts";

/** How a server's refusal of a write begins. The command changed nothing. */
const WRITES_REFUSED: readonly (readonly [RegExp, WriteRefusal])[] = [
  [/^OOM/, "memory-full"],
  // A replica. Its host name may soon lead to the new master.
  [/^READONLY/, "read-only"],
  [/^MISCONF/, "disk-failing"],
  [/^NOREPLICAS/, "too-few-replicas"],
];

/** How a server's refusal of any command begins. The command changed nothing. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/^LOADING/, "The storage is loading its data. Try again in a few seconds."],
  [/^MASTERDOWN/, "The storage has lost its master. Try again in a few seconds."],
  [
    /^(CLUSTERDOWN|TRYAGAIN|MOVED|ASK)/,
    "The storage's cluster is being changed or has lost a server. Try again in a few seconds.",
  ],
  [/^BUSY/, "The storage is busy. Try again in a few seconds."],
  [/^(NOAUTH|WRONGPASS|NOPERM)/, "The storage does not let this user in, or does not allow the command."],
  [/cluster support disabled/, "This server is no part of a Redis Cluster. Remove ?cluster=true from the URI."],
  [/max number of clients/, "The storage has no connection to spare."],
];

/** Refusals of a new connection: the URI asks for something that the server does not have. */
const CONNECTION_REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /SELECT is not allowed in cluster/,
    "This server is part of a Redis Cluster, which has database 0 only. Name a prefix instead of a database, and add ?cluster=true to the URI.",
  ],
  [/DB index/, "The storage has no database of this number. Use a lower number, or name a prefix instead."],
  [/AUTH.*(without any|no) password/, "The storage has no password. Remove it from the URI, or set one on the server."],
  [/^DENIED/, "The storage is in protected mode and refuses connections from here. Set a password on the server."],
];

/** The error for a server that refused the first commands of a connection. */
export function refusedConnection(error: Error): DomainError {
  const refusal = [...CONNECTION_REFUSALS, ...REFUSALS].find(([pattern]) => pattern.test(error.message));
  const message = refusal?.[1] ?? "The storage refused the connection. Check the URI's user, password and database.";
  return unreachable(error, message);
}

/** `sent`: the command may have reached the server. `wrote`: it may then have changed something. */
export function translateRedisError(error: unknown, options: { sent: boolean; wrote: boolean }): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
    return defect("The call failed.", error);
  }
  if (error instanceof ErrorReply) {
    const unwritten = WRITES_REFUSED.find(([pattern]) => pattern.test(error.message));
    if (unwritten !== undefined) return writeRefusedError(unwritten[1], error);
    const refusal = REFUSALS.find(([pattern]) => pattern.test(error.message));
    if (refusal !== undefined) return unreachable(error, refusal[1]);
    return defect("The storage refused a script.", error);
  }
  return options.sent && options.wrote ? brokeAfterSending(error) : unreachable(error);
}
