import type { Access } from "../../access/access.ts";
import type { Action } from "../../access/needs.ts";

import type { QueueRef } from "../../storage/queue-ref.ts";
import { permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { chosenQueue } from "../input/names.ts";

/** Checks the permission and the queue's name. FORBIDDEN is audited as a refusal. */
export function changing(
  context: OperationContext,
  access: Access,
  action: Action,
  params: QueueAddress,
): Promise<QueueRef> {
  const trace: Trace = { access, action, project: params.project ?? null, target: String(params.queue) };
  return permitted(context, trace, (permission) => chosenQueue(context.limits, access, permission, params));
}
