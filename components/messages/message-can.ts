import type { MessageDetail } from "./fragments.ts";

/** What an operator can do with a message in its state: null when it is possible, else the reason why not. */
export const messageCan = {
  delete: (message: Pick<MessageDetail, "claim">): string | null =>
    message.claim === null
      ? null
      : "A claim holds this message. Release the claim first, or let its holder delete the message.",
};
