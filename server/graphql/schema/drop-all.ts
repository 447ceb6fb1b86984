/** What all mutations that drop everything of a kind share: a dry run, then its confirmation token. */
import type { DropAllResult } from "../../operations/drop-all.ts";
import { reasonField } from "./addresses.ts";
import { builder } from "./builder.ts";
import { CountType } from "./connection.ts";

export const confirmationTokenField = {
  description:
    "Left out: a dry run, which changes nothing and returns a token. With that token everything is dropped, if it is still what the dry run showed.",
} as const;

export const DropAllInput = builder.inputType("DropAllInput", {
  description: "A dry run, or its confirmation.",
  fields: (t) => ({ confirmationToken: t.string(confirmationTokenField), reason: t.string(reasonField) }),
});

export const DropAllPayload = builder.objectRef<DropAllResult>("DropAllPayload").implement({
  description: "What was dropped, or would be.",
  fields: (t) => ({
    dropped: t.exposeBoolean("dropped", { description: "False: this was a dry run." }),
    count: t.expose("count", { type: CountType, description: "How many there are, or were." }),
    confirmationToken: t.exposeString("confirmationToken", {
      nullable: true,
      description: "Send it to drop what this dry run shows. Null once it is dropped.",
    }),
  }),
});
