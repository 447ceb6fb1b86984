import { paths } from "../paths.ts";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Deck } from "../ui/deck/deck.tsx";
import { DeckRow, DeckSection } from "../ui/deck/deck-row.tsx";
import { Lease, NowFlag, NowLine } from "../ui/deck/lease.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Ago, EndsIn } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { ClaimsFound, FoundClaim } from "./fragments.ts";
import { counted, holderLabel, holderOf } from "./holder.ts";
import { ReleaseClaims } from "./release-claims.tsx";

export type Grouping = "holder" | "queue" | "end";

type Holder = ClaimsFound["holders"][number];

const MINUTE = 60_000;
const [LONGEST_PAST, SHORTEST_PAST] = [15 * MINUTE, 5 * MINUTE];
const [LONGEST_FUTURE, SHORTEST_FUTURE] = [20 * MINUTE, 5 * MINUTE];

/** The time in which most of these claims lie; whole minutes, so that it does not move with each second. */
export function leaseRange(claims: readonly FoundClaim[], now: number): TimeRange {
  const begin = Math.min(now, ...claims.map(({ createdAt }) => Date.parse(createdAt)));
  const end = Math.max(
    now,
    ...claims.map(({ expiresAt, graceSeconds }) => Date.parse(expiresAt) + graceSeconds * 1000),
  );
  const past = Math.min(LONGEST_PAST, Math.max(SHORTEST_PAST, now - begin));
  const future = Math.min(LONGEST_FUTURE, Math.max(SHORTEST_FUTURE, end - now));
  return {
    from: Math.floor((now - past) / MINUTE) * MINUTE,
    until: Math.ceil((now + future) / MINUTE) * MINUTE,
    stepMs: 10_000,
  };
}

/** Claims against time: how long each holds, what ends within a minute, and which holders have stopped. */
export function LeaseTimeline({
  claims,
  holders,
  by,
  range,
}: {
  claims: readonly FoundClaim[];
  holders: readonly Holder[];
  by: Grouping;
  range: TimeRange;
}) {
  const groups = by === "end" ? [] : [...Map.groupBy(claims, (claim) => groupOf(claim, by))];
  return (
    <Deck
      label="Leases over time"
      range={range}
      title={
        <>
          {by === "queue" ? "Queue" : "Holder"}
          <span className="ml-2 truncate font-normal text-muted">claim, {by === "queue" ? "holder" : "queue"}</span>
          <span className="ml-auto pl-2 text-xs font-normal text-muted">messages</span>
        </>
      }
      fix="time left"
      flag={<NowFlag />}
    >
      <NowLine />
      {by === "end"
        ? claims.map((claim) => <ClaimLease key={claim.id} claim={claim} by={by} />)
        : groups.map(([key, some]) => (
            <Group
              key={key}
              claims={some}
              by={by}
              holder={holders.find(({ name }) => some[0] !== undefined && name === holderOf(some[0])) ?? null}
            />
          ))}
    </Deck>
  );
}

function groupOf(claim: FoundClaim, by: "holder" | "queue"): string {
  return by === "holder" ? JSON.stringify(holderOf(claim)) : JSON.stringify([claim.project, claim.queueName]);
}

function Group({
  claims,
  by,
  holder,
}: {
  claims: readonly FoundClaim[];
  by: "holder" | "queue";
  holder: Holder | null;
}) {
  const [first] = claims;
  if (first === undefined) return null;
  const messages = claims.reduce((sum, { messageCount }) => sum + messageCount, 0);
  const total = by === "holder" && holder !== null ? holder : { claims: claims.length, messages };
  const stopped = by === "holder" && holder !== null && holder.stoppedAt !== null;
  return (
    <>
      <DeckSection
        left={
          by === "holder" ? (
            <HolderName name={holderLabel(first)} holder={holder} />
          ) : (
            <span className="truncate">
              <ProjectPrefix project={first.project} />
              <NameLink href={paths.queue(first.project, first.queueName, "claims")}>{first.queueName}</NameLink>
            </span>
          )
        }
        right={
          <>
            <span className="max-xl:hidden">
              {counted(total.messages, "message")}, {counted(total.claims, "claim")}
            </span>
            {stopped ? <ReleaseClaims holder={holderLabel(first)} claims={claims} /> : null}
          </>
        }
      />
      {claims.map((claim) => (
        <ClaimLease key={claim.id} claim={claim} by={by} />
      ))}
    </>
  );
}

function HolderName({ name, holder }: { name: string; holder: Holder | null }) {
  return (
    <>
      <Link
        href={paths.claims({ holder: name })}
        className="truncate font-mono text-xs underline-offset-2 hover:underline"
        title={name}
      >
        {visible(name)}
      </Link>
      {holder?.stoppedAt ? (
        <span className="ml-2 flex shrink-0 items-center gap-1 text-xs font-normal">
          <Glyph shape="triangle" ink="warn" /> stopped <Ago at={holder.stoppedAt} />
        </span>
      ) : holder?.lastClaimAt ? (
        <span className="ml-auto truncate pl-2 text-xs font-normal text-muted">
          last claim <Ago at={holder.lastClaimAt} />
        </span>
      ) : null}
    </>
  );
}

function ClaimLease({ claim, by }: { claim: FoundClaim; by: Grouping }) {
  const { project, queueName, id } = claim;
  return (
    <DeckRow
      dense
      height="h-[1.375rem]"
      left={
        <>
          <Link
            href={paths.queue(project, queueName, "claims", { claim: id })}
            className="shrink-0 font-mono text-xs text-muted underline-offset-2 hover:underline"
            title={id}
          >
            <span aria-hidden>…{id.slice(-4)}</span>
            <span className="sr-only">claim {id}</span>
          </Link>
          <span className="ml-2 min-w-0 truncate font-mono text-xs">
            {visible(by === "queue" ? holderLabel(claim) : queueName)}
            {by === "end" ? <span className="text-muted"> {visible(holderLabel(claim))}</span> : null}
          </span>
          <span className="ml-auto pl-2">{formatCount(claim.messageCount)}</span>
        </>
      }
      right={<EndsIn until={claim.expiresAt} />}
    >
      <Lease
        since={claim.createdAt}
        renewed={claim.renewedAt}
        until={claim.expiresAt}
        graceSeconds={claim.graceSeconds}
      />
    </DeckRow>
  );
}

/** What the signs of the timeline mean. */
export function LeaseLegend() {
  return (
    <ul aria-label="Legend" className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted">
      <li className="flex items-center gap-1.5">
        <i aria-hidden className="h-2 w-5 rounded-[2px] bg-claimed" /> the claim holds
      </li>
      <li className="flex items-center gap-1.5">
        <i aria-hidden className="h-2 w-5 rounded-[2px] border border-claimed fill-grace-hatch" />
        grace: messages are ready again, and stay at least so long
      </li>
      <li className="flex items-center gap-1.5">
        <i aria-hidden className="h-3 w-5 border-r border-dashed border-warn bg-warn/10" /> next minute
      </li>
      <li className="flex items-center gap-1.5">
        <svg aria-hidden="true" viewBox="0 0 8 5" className="h-1.5 w-2">
          <path d="M1 4l3-3 3 3" fill="none" strokeWidth={1.6} className="stroke-ink-2" />
        </svg>
        last renewed
      </li>
    </ul>
  );
}
