/** What can be done with a message in its state: null = it can, else why not. */
interface MessageState {
  claim: { id: string } | null;
}

export const messageCan = {
  delete: (message: MessageState): string | null =>
    message.claim === null ? null : "A claim holds this message. Release the claim first, or let its holder delete it.",
};
