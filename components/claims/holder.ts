/** Who holds a claim: its client id, or else its actor. */
export function holderOf(claim: { clientId: string | null; actor: string | null }): string | null {
  return claim.clientId ?? claim.actor;
}

export function holderLabel(claim: { clientId: string | null; actor: string | null }): string {
  return holderOf(claim) ?? "unknown";
}

/** "1 message", "50 messages" */
export function counted(count: number, one: string, text = count.toLocaleString("en-US")): string {
  return count === 1 ? `1 ${one}` : `${text} ${one}s`;
}

/** Claims of one holder. */
export interface ClaimsToRelease {
  holder: string;
  claims: readonly { project: string; queueName: string; id: string; messageCount: number }[];
}
