/** One request that posts to many queues. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import { DomainError, internalMessage, withDetails } from "../../errors.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import { stillUnderWay, tooBusy } from "../../storage/errors/storage-errors.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import type { HeaderToPost } from "../input/message-headers.ts";

interface Post extends QueueAddress {
  messages: readonly { bodyText: string; headers?: readonly HeaderToPost[] | null }[];
}

/** What became of one post: the ids of its messages, or why none of them was stored. */
export type PostOutcome = { ids: string[] } | { error: DomainError };

/** Posts that run at the same time. One that takes longer than SLOW_MS makes room for another. */
const AT_ONCE = 16;
/** So that the posts to a pool that does not answer delay the others only for a moment. */
const SLOW_MS = 200;
/**
 * Part of the operation's time after which a post without an answer is given up, so that the others' outcomes are told.
 */
const GIVEN_UP_AFTER = 0.9;
/** What JSON puts around a header. */
const HEADER_BYTES = 6;
/** Bytes of messages that are checked before other requests get a turn. */
const BYTES_A_TURN = 262_144;

/**
 * Posts to each queue with `post`, side by side, and returns the outcomes in the order given. A post that fails stops
 * no other. Throws only for a request that is too large as a whole: BAD_INPUT, TOO_LARGE. `lookUp` runs first: what it
 * does not find out in time, or fails at, is left to each post.
 */
export async function postToMany<P extends Post>(
  { limits, warn }: Pick<OperationContext, "limits" | "warn">,
  { requestId }: Pick<Access, "requestId">,
  posts: readonly P[],
  { lookUp, post }: { lookUp: () => Promise<unknown>; post: (one: P) => Promise<{ ids: string[] }> },
): Promise<PostOutcome[]> {
  const sizes = checkTogether(limits, posts);
  const until = performance.now() + limits.OPERATION_DEADLINE_SECONDS * 1000 * GIVEN_UP_AFTER;
  await withDeadline(lookUp(), SLOW_MS, () => undefined).catch(() => undefined);
  const outcomes: PostOutcome[] = [];
  const running: Promise<void>[] = [];
  let next = 0;
  let bytesThisTurn = 0;

  async function outcomeOf(one: P): Promise<PostOutcome> {
    const left = until - performance.now();
    if (left <= 0) return { error: tooBusy() };
    try {
      const { ids } = await withDeadline(post(one), left, () => {
        throw stillUnderWay();
      });
      return { ids };
    } catch (error) {
      const names = { ...(typeof one.project === "string" && { project: one.project }), queue: one.queue };
      if (error instanceof DomainError && error.code !== "INTERNAL") return { error: withDetails(error, names) };
      warn("One of several posts failed unexpectedly", error);
      if (error instanceof DomainError) return { error: withDetails(error, { ...names, requestId }) };
      return {
        error: new DomainError("INTERNAL", internalMessage(requestId), { details: { requestId }, cause: error }),
      };
    }
  }

  async function runSome(): Promise<void> {
    while (next < posts.length) {
      const index = next;
      next += 1;
      bytesThisTurn += sizes[index] ?? 0;
      if (bytesThisTurn > BYTES_A_TURN) {
        bytesThisTurn = 0;
        await nextTurn();
      }
      const work = outcomeOf(posts[index] as P).then((outcome) => {
        outcomes[index] = outcome;
      });
      running.push(work);
      await withDeadline(work, SLOW_MS, () => undefined);
    }
  }

  await Promise.all(Array.from({ length: Math.min(AT_ONCE, posts.length) }, runSome));
  await Promise.all(running);
  return outcomes;
}

/** Returns how many bytes of bodies and headers each post has. */
function checkTogether(limits: Limits, posts: readonly Post[]): number[] {
  if (posts.length === 0) throw badInput("posts", "posts must be a list of at least one post.");
  requireAtMost("posts", "posts", posts.length, limits.MAX_POSTS);
  const messages = posts.reduce((sum, post) => sum + post.messages.length, 0);
  requireAtMost("posts", "messages", messages, limits.MAX_POSTS_MESSAGES);
  const sizes = posts.map((post) => post.messages.reduce((sum, message) => sum + sizeOf(message), 0));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > limits.MAX_POSTS_SIZE) {
    throw new DomainError(
      "TOO_LARGE",
      `The bodies and headers of all posts may have ${limits.MAX_POSTS_SIZE} bytes together; these have ${bytes}. Post fewer at a time.`,
      { details: { field: "posts", value: bytes, maximum: limits.MAX_POSTS_SIZE } },
    );
  }
  return sizes;
}

/** The size before the message is checked: without what JSON escapes. */
function sizeOf({ bodyText, headers }: Post["messages"][number]): number {
  let bytes = Buffer.byteLength(bodyText);
  for (const { name, value } of headers ?? [])
    bytes += HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

function requireAtMost(field: string, what: string, value: number, maximum: number): void {
  if (value <= maximum) return;
  throw badInput(field, `One request may have at most ${maximum} ${what}; this one has ${value}.`, { value, maximum });
}
