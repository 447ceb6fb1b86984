/** Transfers of messages: dead letters, redrives, jobs that move. */
import { drivers, type Mutation, POSTGRES, REDIS } from "./mutation.ts";

export const TRANSFERS: readonly Mutation[] = [
  {
    guarantee: "A dead letter tells who had it last, not who moved it",
    file: `${POSTGRES}/claims/acquire-statement.ts`,
    from: "WHEN p.dead THEN m.last_holder ELSE",
    to: "WHEN false THEN m.last_holder ELSE",
    test: drivers(
      "a dead letter tells where it came from and who had it last; moving it back keeps that, the next time replaces it",
    ),
  },
  {
    guarantee: "On Redis a dead letter tells who had it last, not who moved it",
    file: `${REDIS}/messages/transfer.ts`,
    from: "local last = string.match(more, ' last=(%S+)') or record.claim",
    to: "local last = record.claim",
    test: drivers(
      "a dead letter tells where it came from and who had it last; moving it back keeps that, the next time replaces it",
    ),
  },
  {
    guarantee: "A dead letter has neither a claim nor a count",
    file: `${POSTGRES}/messages/transfer.ts`,
    from: "claim_expires_at = NULL, claim_count = 0,",
    to: "claim_expires_at = NULL,",
    test: drivers(
      "a transfer moves what a claim holds to the end of another queue, under the same ids, with neither claim nor count",
    ),
  },
  {
    guarantee: "Nobody gets a message whose transfer to another store waits for hours",
    file: "server/storage/messages/transfer-steps.ts",
    from: "const HOLD_SECONDS = KEY_SECONDS;",
    to: "const HOLD_SECONDS = 600;",
    test: drivers(
      "a transfer between stores that is killed anywhere is finished by a repeat, and neither loses nor doubles a message",
    ),
  },
  {
    guarantee: "A copy that comes back while its original is held is not lost",
    file: `${REDIS}/messages/insert.ts`,
    from: "if record and read_record(record).part == 'x' then",
    to: "if false then",
    test: drivers(
      "a copy that would come back while its original is still held stays where it is, and comes once that is gone",
    ),
  },
  {
    guarantee: "A purge that is taken back brings back nothing that was moved on PostgreSQL",
    file: `${POSTGRES}/messages/remove-copied.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    from: "(m.marker <= queue.low_water OR ${ALIVE})",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text
    to: "m.marker > queue.low_water AND ${ALIVE}",
    test: drivers(
      "messages that are removed in the middle of their transfer to another store are there once after an undo",
    ),
  },
  {
    guarantee: "A purge that is taken back brings back nothing that was moved on Redis",
    file: `${REDIS}/messages/remove-copied.ts`,
    from: "if #missing > 0 then",
    to: "if false then",
    test: drivers(
      "messages that are removed in the middle of their transfer to another store are there once after an undo",
    ),
  },
];
