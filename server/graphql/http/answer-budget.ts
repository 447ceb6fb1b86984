/**
 * The size of an answer. Its fields share one budget of bytes, and reserve their part before they read or take
 * anything.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLResolveInfo,
  Kind,
  type SelectionSetNode,
} from "graphql";
import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import { type BodyBudget, bytesOfHeaders } from "../../operations/messages/body-budget.ts";
import type { Message } from "../../storage/data-driver.ts";

type Sizes = Pick<Limits, "MAX_ANSWER_BYTES" | "MAX_PAGE_BYTES" | "MAX_MESSAGES_POST_SIZE">;

const NOTHING_TAKEN =
  "Ask for this in a request of its own, for shorter pages, or for each body once. Nothing was taken for it.";
/** For a value of something that this operation may just have created or changed. */
const LEFT_OUT =
  "This value is left out of it, and what was done is done. Ask for it in a request of its own, or for each value once.";

/**
 * One for each operation. Fields get their part in order. One for which too little is left waits for reading fields,
 * which may return some of theirs.
 */
export class AnswerBudget {
  readonly #sizes: Sizes;
  #left: number;
  /** How many fields are reading now. Their reservations are not in `#left`. */
  #reading = 0;
  #onReturned: (() => void) | undefined;
  /** Ends when the last of those that wait has got its part. Undefined: none has waited so far. */
  #turn: Promise<void> | undefined;
  /** How many fields wait for their part, or for those before them. */
  #inTurn = 0;

  constructor(sizes: Sizes) {
    this.#sizes = sizes;
    this.#left = sizes.MAX_ANSWER_BYTES;
  }

  /**
   * The budget of one event. Streams hold many events, so it is a page's, or what one message of the largest size takes
   * with everything that can be selected of its body.
   */
  static ofEvent(sizes: Sizes): AnswerBudget {
    const message = sizes.MAX_MESSAGES_POST_SIZE * ALL_BODY_FIELDS;
    const maximum = Math.min(sizes.MAX_ANSWER_BYTES, Math.max(sizes.MAX_PAGE_BYTES, message));
    return new AnswerBudget({ ...sizes, MAX_ANSWER_BYTES: maximum });
  }

  /**
   * For a field that reads messages. By what is selected of them, their bodies are in the answer several times, or not
   * at all.
   */
  reads(info: GraphQLResolveInfo): BodyBudget {
    return this.#field(copiesSelected(info), false);
  }

  /**
   * For a field that claims or pops messages. TOO_LARGE, with none taken, when there is no room for a message of the
   * largest size.
   */
  takes(info: GraphQLResolveInfo): BodyBudget {
    return this.#field(copiesSelected(info), true);
  }

  /** What the budget has counted so far, including what fields that still read have reserved. */
  get countedBytes(): number {
    return this.#sizes.MAX_ANSWER_BYTES - this.#left;
  }

  /** Counts a message that was read already, that of an event. TOO_LARGE. */
  countMessage(message: Message, info: GraphQLResolveInfo): void {
    this.#count(writtenBytes([message], copiesSelected(info)));
  }

  /** Counts any other text that may be large. TOO_LARGE. */
  countText(text: string): void {
    this.#count(Buffer.byteLength(text));
  }

  #count(bytes: number): void {
    // A refused value is not written, so smaller ones still have room.
    if (bytes > this.#left) throw this.#tooLarge(bytes, LEFT_OUT);
    this.#left -= bytes;
  }

  #field(copies: Copies, takes: boolean): BodyBudget {
    // Bodies and headers are read even if they are not selected.
    const weight = Math.max(1, copies.body, copies.headers);
    const least = (takes ? this.#sizes.MAX_MESSAGES_POST_SIZE : 1) * weight;
    return {
      spend: async (work, messagesOf, most = this.#sizes.MAX_PAGE_BYTES) => {
        const wanted = most * weight;
        const granted = this.#reserveAtOnce(wanted, least) ?? (await this.#reserve(wanted, least));
        let used = 0;
        try {
          const given = await work(Math.max(1, Math.floor(granted / weight)));
          const written = writtenBytes(messagesOf(given), copies);
          // The first message comes whatever its size. Messages that were taken are returned in any case.
          if (!takes && written - granted > this.#left) throw this.#tooLarge(written - granted, NOTHING_TAKEN);
          used = written;
          return given;
        } finally {
          this.#reading -= 1;
          this.#left += granted - used;
          this.#onReturned?.();
        }
      },
    };
  }

  /** Grants all that is wanted, unless others wait for their turn or too little is left. For the common case. */
  #reserveAtOnce(wanted: number, least: number): number | null {
    if (this.#inTurn > 0 || this.#left < wanted || wanted < least) return null;
    this.#left -= wanted;
    this.#reading += 1;
    return wanted;
  }

  async #reserve(wanted: number, least: number): Promise<number> {
    this.#inTurn += 1;
    const before = this.#turn;
    let next = () => {};
    this.#turn = new Promise((resolve) => {
      next = resolve;
    });
    try {
      await before;
      while (this.#left < wanted && this.#reading > 0) {
        await new Promise<void>((resolve) => {
          this.#onReturned = resolve;
        });
      }
      const granted = Math.min(wanted, this.#left);
      if (granted < least) throw this.#tooLarge(least, NOTHING_TAKEN);
      this.#left -= granted;
      this.#reading += 1;
      return granted;
    } finally {
      this.#inTurn -= 1;
      next();
    }
  }

  /** `more`: bytes for which there is no room. */
  #tooLarge(more: number, whatNow: string): DomainError {
    const maximum = this.#sizes.MAX_ANSWER_BYTES;
    const value = maximum - this.#left + more;
    return new DomainError(
      "TOO_LARGE",
      `The answer would have more than ${maximum} bytes of bodies and other values. ${whatNow}`,
      { details: { value, maximum } },
    );
  }
}

/** How often an answer has the body and the headers of each message. */
interface Copies {
  body: number;
  headers: number;
}

function writtenBytes(messages: readonly Message[], { body, headers }: Copies): number {
  let bytes = 0;
  for (const message of messages) {
    if (body > 0) bytes += body * Buffer.byteLength(message.bodyText);
    if (headers > 0) bytes += headers * bytesOfHeaders(message);
  }
  return bytes;
}

/**
 * Fields of a message by the number of times that they count its body. A checksum is short, but computing it takes as
 * long as writing the body four times.
 */
const BODY_FIELDS: ReadonlyMap<string, number> = new Map([
  ["body", 1],
  ["bodyText", 1],
  ["checksum", 4],
]);
const ALL_BODY_FIELDS = [...BODY_FIELDS.values()].reduce((sum, copies) => sum + copies);
const counted = new WeakMap<FieldNode, Copies>();

/** The fields below a message's or claim's queue read messages of their own, with their own part of the budget. */
const OTHER_READS: ReadonlySet<string> = new Set(["queue"]);

const NO_COPIES: Copies = { body: 0, headers: 0 };
const add = (one: Copies, other: Copies): Copies => ({
  body: one.body + other.body,
  headers: one.headers + other.headers,
});

/** What the selection of a field writes of each message. Documents are cached, and so is this. */
function copiesSelected({ fieldNodes, fragments }: GraphQLResolveInfo): Copies {
  let all = NO_COPIES;
  for (const node of fieldNodes) {
    let copies = counted.get(node);
    if (copies === undefined) {
      copies = copiesIn(node.selectionSet, fragments, new Map());
      counted.set(node, copies);
    }
    all = all === NO_COPIES ? copies : add(all, copies);
  }
  return all;
}

function copiesIn(
  selectionSet: SelectionSetNode | undefined,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  known: Map<string, Copies>,
): Copies {
  let copies = NO_COPIES;
  for (const selection of selectionSet?.selections ?? []) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const name = selection.name.value;
      const spread = known.get(name) ?? copiesIn(fragments[name]?.selectionSet, fragments, known);
      known.set(name, spread);
      copies = add(copies, spread);
    } else {
      if (selection.kind === Kind.FIELD && OTHER_READS.has(selection.name.value)) continue;
      if (selection.kind === Kind.FIELD) copies = add(copies, copiesOf(selection.name.value));
      copies = add(copies, copiesIn(selection.selectionSet, fragments, known));
    }
  }
  return copies;
}

const copiesOf = (field: string): Copies => ({
  body: BODY_FIELDS.get(field) ?? 0,
  headers: field === "headers" ? 1 : 0,
});
