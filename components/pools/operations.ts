/** What a check tries on each pool, in this order. */
export const OPERATIONS = [
  "create_queue",
  "reserve_space",
  "post_messages",
  "list_messages",
  "claim_messages",
  "delete_messages",
  "delete_claim",
  "bulk_delete_messages",
  "delete_queue",
];

/** post_messages -> "post messages" */
export function operationLabel(operation: string): string {
  return operation.replaceAll("_", " ");
}
