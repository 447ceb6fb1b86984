/**
 * How large an answer may become: its fields share one budget of bytes, and ask for their part before they read or take
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
import type { BodyBudget } from "../../operations/body-budget.ts";
import type { Message } from "../../storage/data-driver.ts";

type Sizes = Pick<Limits, "MAX_ANSWER_BYTES" | "MAX_PAGE_BYTES" | "MAX_MESSAGES_POST_SIZE">;

const NOTHING_TAKEN =
  "Ask for this in a request of its own, for shorter pages, or for each body once. Nothing was taken for it.";
/** Said of a value of something that may just have been made or changed. */
const LEFT_OUT =
  "This value is left out of it, and what was done is done. Ask for it in a request of its own, or for each value once.";

/**
 * One for each operation. Fields are served in order; one that finds too little waits for those that may give some
 * back.
 */
export class AnswerBudget {
  readonly #sizes: Sizes;
  #left: number;
  /** Fields that read now, and the bytes that are theirs until they have. */
  #reading = 0;
  #givenBack: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(sizes: Sizes) {
    this.#sizes = sizes;
    this.#left = sizes.MAX_ANSWER_BYTES;
  }

  /**
   * Of an event, of which streams hold many: a page's worth, or one message of the largest size with all that can be
   * told of its body.
   */
  static ofEvent(sizes: Sizes): AnswerBudget {
    const message = sizes.MAX_MESSAGES_POST_SIZE * EVERYTHING_OF_A_BODY;
    const maximum = Math.min(sizes.MAX_ANSWER_BYTES, Math.max(sizes.MAX_PAGE_BYTES, message));
    return new AnswerBudget({ ...sizes, MAX_ANSWER_BYTES: maximum });
  }

  /**
   * For a field that reads messages. What it reads may be in the answer several times, or not at all, by what is
   * selected of it.
   */
  reads(info: GraphQLResolveInfo): BodyBudget {
    return this.#field(bodiesSelected(info), false);
  }

  /**
   * For a field that takes messages away from others: TOO_LARGE, and nothing is taken, unless a message of the largest
   * size has room.
   */
  takes(info: GraphQLResolveInfo): BodyBudget {
    return this.#field(bodiesSelected(info), true);
  }

  /** What the budget has counted so far, including what fields that still read have reserved. */
  get countedBytes(): number {
    return this.#sizes.MAX_ANSWER_BYTES - this.#left;
  }

  /** What is there already: a message of an event. TOO_LARGE. */
  countMessage(message: Message, info: GraphQLResolveInfo): void {
    this.#count(writtenBytes([message], bodiesSelected(info)));
  }

  /** Any other text that may be large. TOO_LARGE. */
  countText(text: string): void {
    this.#count(Buffer.byteLength(text));
  }

  #count(bytes: number): void {
    // What is refused is not written, so that smaller ones still have room.
    if (bytes > this.#left) throw this.#tooLarge(LEFT_OUT);
    this.#left -= bytes;
  }

  #field(copies: number, takes: boolean): BodyBudget {
    // What is not selected is read all the same.
    const weight = Math.max(1, copies);
    const least = (takes ? this.#sizes.MAX_MESSAGES_POST_SIZE : 1) * weight;
    return {
      spend: async (work, messagesOf, most = this.#sizes.MAX_PAGE_BYTES) => {
        const granted = await this.#reserve(most * weight, least);
        let used = 0;
        try {
          const given = await work(Math.max(1, Math.floor(granted / weight)));
          const written = writtenBytes(messagesOf(given), copies);
          // The first message comes however large it is. What was taken is given in any case.
          if (!takes && written - granted > this.#left) throw this.#tooLarge(NOTHING_TAKEN);
          used = written;
          return given;
        } finally {
          this.#reading -= 1;
          this.#left += granted - used;
          this.#givenBack?.();
        }
      },
    };
  }

  async #reserve(wanted: number, least: number): Promise<number> {
    const before = this.#turn;
    let next = () => {};
    this.#turn = new Promise((resolve) => {
      next = resolve;
    });
    try {
      await before;
      while (this.#left < wanted && this.#reading > 0) {
        await new Promise<void>((resolve) => {
          this.#givenBack = resolve;
        });
      }
      const granted = Math.min(wanted, this.#left);
      if (granted < least) throw this.#tooLarge(NOTHING_TAKEN);
      this.#left -= granted;
      this.#reading += 1;
      return granted;
    } finally {
      next();
    }
  }

  #tooLarge(whatNow: string): DomainError {
    const maximum = this.#sizes.MAX_ANSWER_BYTES;
    return new DomainError(
      "TOO_LARGE",
      `The answer would have more than ${maximum} bytes of bodies and other values. ${whatNow}`,
      { details: { maximum } },
    );
  }
}

function writtenBytes(messages: readonly Message[], copies: number): number {
  if (copies === 0) return 0;
  let bytes = 0;
  for (const { bodyText } of messages) bytes += Buffer.byteLength(bodyText);
  return bytes * copies;
}

/**
 * Fields of a message that write its body, each as often as this. A checksum writes little, but to find it takes as
 * long as to write a body four times.
 */
const BODY_FIELDS: ReadonlyMap<string, number> = new Map([
  ["body", 1],
  ["bodyText", 1],
  ["checksum", 4],
]);
const EVERYTHING_OF_A_BODY = [...BODY_FIELDS.values()].reduce((sum, copies) => sum + copies);
const counted = new WeakMap<FieldNode, number>();

/**
 * How often a message that a field gives is written with its body. Documents are kept, so each field of one is counted
 * once.
 */
function bodiesSelected({ fieldNodes, fragments }: GraphQLResolveInfo): number {
  return fieldNodes.reduce((sum, node) => {
    const count = counted.get(node) ?? bodiesIn(node.selectionSet, fragments, new Map());
    counted.set(node, count);
    return sum + count;
  }, 0);
}

function bodiesIn(
  selectionSet: SelectionSetNode | undefined,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  known: Map<string, number>,
): number {
  let count = 0;
  for (const selection of selectionSet?.selections ?? []) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const name = selection.name.value;
      const spread = known.get(name) ?? bodiesIn(fragments[name]?.selectionSet, fragments, known);
      known.set(name, spread);
      count += spread;
    } else {
      if (selection.kind === Kind.FIELD) count += BODY_FIELDS.get(selection.name.value) ?? 0;
      count += bodiesIn(selection.selectionSet, fragments, known);
    }
  }
  return count;
}
