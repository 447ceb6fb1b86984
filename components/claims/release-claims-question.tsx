"use client";

import { useState } from "react";
import { ApiError, callFields } from "../api.ts";
import { ShowRequest } from "../show-request.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { useRefresh } from "../ui/refresh.tsx";
import { toastDone, toastFailed } from "../ui/toast.ts";
import { RELEASE_CLAIM } from "./documents.ts";
import { type ClaimsToRelease, counted } from "./holder.ts";

/** Claims that are released at a time. */
const AT_ONCE = 5;

/** The question of <ReleaseClaims>, which loads it. */
export default function ReleaseClaimsQuestion({ holder, claims }: ClaimsToRelease) {
  const { refresh } = useRefresh();
  const messages = claims.reduce((sum, { messageCount }) => sum + messageCount, 0);
  const [reason, setReason] = useState("");
  const because = reason.trim() === "" ? {} : { reason: reason.trim() };
  const inputs = claims.map(({ project, queueName, id }) => ({
    input: { project, queue: queueName, claimId: id, ...because },
  }));

  async function release(): Promise<boolean> {
    let released = 0;
    try {
      for (let from = 0; from < inputs.length; from += AT_ONCE) {
        const some = inputs.slice(from, from + AT_ONCE);
        await Promise.all(some.map((variables) => callFields(RELEASE_CLAIM, variables)));
        released += some.length;
      }
      toastDone(`${counted(released, "claim")} released. The messages are ready again.`);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toastFailed(`${released} of ${claims.length} claims released. ${error.message}`, error.code);
      return false;
    } finally {
      refresh();
    }
  }

  return (
    <Confirm
      title={`Release ${counted(claims.length, "claim")} of ${holder}?`}
      consequence={`${holder} holds ${counted(messages, "message")} in ${
        claims.length === 1 ? "it" : "them"
      }. Other clients can claim ${messages === 1 ? "it" : "them"} at once. The holder can renew none of these claims any more, and what it still works on may be done twice.`}
      confirmLabel={`Release ${counted(claims.length, "claim")}`}
      onConfirm={release}
      extra={<ShowRequest document={RELEASE_CLAIM} variables={inputs} />}
      reason={reason}
      onReason={setReason}
    />
  );
}
