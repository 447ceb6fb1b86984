/** What every mutation that drops all of a kind has in common: a dry run, then its token. */
import type { DropAllResult } from "../../operations/drop-all.ts";
import { builder } from "./builder.ts";
import { CountType } from "./connection.ts";

export const confirmationTokenField = {
  description:
    "Left out: a dry run, which changes nothing and gives a token. With the token of a dry run it is done, if what is there is still what was shown.",
} as const;

export const DropAllInput = builder.inputType("DropAllInput", {
  description: "Whether to look or to act.",
  fields: (t) => ({ confirmationToken: t.string(confirmationTokenField) }),
});

export const DropAllPayload = builder.objectRef<DropAllResult>("DropAllPayload").implement({
  description: "What was dropped, or would be.",
  fields: (t) => ({
    dropped: t.exposeBoolean("dropped", { description: "False: this was a dry run." }),
    count: t.expose("count", { type: CountType, description: "How many there are, or were." }),
    confirmationToken: t.exposeString("confirmationToken", {
      nullable: true,
      description: "Present it to do it. Null once it is done.",
    }),
  }),
});
