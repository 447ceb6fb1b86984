"use client";

import { paths } from "../paths.ts";
import { AddressDialog } from "../ui/dialog.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Facts } from "../ui/page.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { NotFoundState } from "../ui/states.tsx";
import { Instant, LeaseBar, TimeLeft } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { OpenClaim } from "./fragments.ts";

/** One claim and its messages. */
export default function ClaimDialogContent({ project, queue, id, claim, closeHref }: OpenClaim) {
  return (
    <AddressDialog closeHref={closeHref} title={`Claim ${id}`} wide>
      {claim ? (
        <>
          <Facts
            items={[
              { label: "Time left", value: <LeaseBar from={claim.renewedAt} until={claim.expiresAt} /> },
              { label: "Expires", value: <Instant at={claim.expiresAt} /> },
              { label: "Created", value: <Instant at={claim.createdAt} /> },
              { label: "Last renewed", value: <Instant at={claim.renewedAt} /> },
              { label: "Lifetime", value: `${claim.ttlSeconds} s, and ${claim.graceSeconds} s of grace` },
              { label: "Client", value: claim.clientId ?? <span className="text-muted">not reported</span> },
              { label: "Actor", value: claim.actor ?? <span className="text-muted">unknown</span> },
            ]}
          />
          <section>
            <h3 className="mb-2 font-semibold">Messages</h3>
            {claim.messages === null ? (
              <p className="text-danger">Unreachable: the queue's pool did not answer.</p>
            ) : claim.messages.length === 0 ? (
              <p className="text-muted">None: all were deleted. The claim expires by itself.</p>
            ) : (
              <ul className="divide-y divide-line rounded border border-line">
                {claim.messages.map((message) => (
                  <li key={message.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2">
                    <NameLink href={paths.queue(project, queue, "messages", { message: message.id })}>
                      <ShortId id={message.id} />
                    </NameLink>
                    <span className="min-w-0 flex-1 basis-40 truncate font-mono text-xs text-muted">
                      {visible(message.preview)}
                    </span>
                    <span className="text-xs text-muted">
                      delivery {message.claimCount}, expires in <TimeLeft until={message.expiresAt} />
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </section>
        </>
      ) : (
        <NotFoundState title="This claim has ended">It was released, or it expired.</NotFoundState>
      )}
    </AddressDialog>
  );
}
