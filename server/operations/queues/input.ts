import type { Access } from "../../access/access.ts";

import type { QueueRef } from "../../storage/queue-ref.ts";
import { permitted } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { chosenQueue } from "../input/names.ts";

/** Checks the role operator and the queue's name. FORBIDDEN is audited as a refusal. */
export function changing(
  context: OperationContext,
  access: Access,
  action: string,
  params: QueueAddress,
): Promise<QueueRef> {
  const trace = { access, action, project: params.project ?? null, target: String(params.queue) };
  return permitted(context, trace, "operator", () => chosenQueue(context.limits, access, params));
}
