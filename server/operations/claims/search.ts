/** Claims of many queues. Only pools know claims, so the queues are asked that held some at their last samples. */
import { type Access, requirePermission } from "../../access/access.ts";
import { MIN_GONE_SECONDS } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { Consumer } from "../../history/consumer.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { Claim } from "../../storage/data-driver.ts";
import {
  badMarker,
  markerField,
  type Page,
  type PageRequest,
  pageOf,
  readsBackward,
} from "../../storage/list-pages.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { onlyProject, type Where } from "../../storage/where.ts";
import { withGoneSeconds } from "../consumers.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { checkWhole, pageRequest } from "../input/limits.ts";
import { checkQueueName, checkToken, chosenScope } from "../input/names.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type ClaimRecord, claimed, holderOf } from "./record.ts";

export type ClaimOrderField = "expiresAt" | "createdAt" | "holder" | "queue";

export interface ClaimSearchParams extends PageParams {
  project?: string | null;
  allProjects?: boolean;
  filter?: {
    queue?: string | null;
    /** The client id, or else the actor. */
    holder?: string | null;
    endsWithinSeconds?: number | null;
  } | null;
  orderBy: { field: ClaimOrderField; direction: "asc" | "desc" };
}

/** A claim with what is known of its holder in its queue. */
export interface FoundClaim extends ClaimRecord {
  consumer: Consumer | null;
}

/** All claims of one holder that were found. */
export interface ClaimHolder {
  /** The client id, or else the actor. Null: unknown. */
  name: string | null;
  claims: number;
  messages: number;
  lastClaimAt: Date | null;
  /** When it stopped in one of the queues that it holds messages of; null while it calls in another one. */
  stoppedAt: Date | null;
}

export interface ClaimsFound {
  page: Page<FoundClaim>;
  claims: number;
  messages: number;
  /** Of those, what expires within ENDING_SECONDS. */
  ending: { claims: number; messages: number };
  /** Those that have stopped first, then those that hold most: at most MAX_HOLDERS. */
  holders: ClaimHolder[];
  coverage: ClaimCoverage;
}

export interface ClaimCoverage {
  /** When queues were last sampled; null: they were not, or no sample was needed. */
  asOf: Date | null;
  /** Queues that were asked. */
  asked: number;
  /** Queues with claims that were not asked, because there are too many. */
  leftOut: number;
  /** False: there are more queues than were counted. */
  leftOutExact: boolean;
  /** Queues that were asked and have more claims than were read. */
  cut: number;
  /** Queues whose pools did not answer, and those pools. */
  failed: number;
  failedPools: string[];
}

export interface ClaimSearch {
  /**
   * Live claims of one project or of all that the caller may see. The queues that are asked are those that held claims
   * at their last samples, and those from which somebody has claimed since: those with most claimed messages first, at
   * most MAX_QUEUES, and of each its oldest claims, MAX_CLAIMS in all or MIN_CLAIMS of each queue. `coverage` tells
   * what is missing. With a project and a queue, that queue is asked, whatever its sample says. Permission read.
   * BAD_INPUT, FORBIDDEN.
   */
  search(access: Access, params: ClaimSearchParams): Promise<ClaimsFound>;
}

export const MAX_QUEUES = 300;
const MAX_CLAIMS = 5000;
const MIN_CLAIMS = 20;
export const MAX_HOLDERS = 100;
export const ENDING_SECONDS = 60;
/** Holders of queues whose records are read. */
const MAX_CONSUMERS = 2000;

export function createClaimSearch(
  { data, samples, consumers, limits }: OperationContext,
  { lookup }: { lookup: QueueLookup },
): ClaimSearch {
  async function candidates(projects: Where, queue: string | undefined) {
    const project = onlyProject(projects);
    if (project !== null && queue !== undefined) return { queues: [{ project, name: queue }], leftOut: 0, exact: true };
    const { queues, total, exact } = await samples.claimedQueues({ projects, queue, limit: MAX_QUEUES });
    return { queues, leftOut: total - queues.length, exact };
  }

  async function ask(queues: readonly QueueRef[]) {
    const attributes = await lookup.find(queues);
    const live = queues.filter((_, index) => attributes[index] !== null);
    const limit = Math.max(MIN_CLAIMS, Math.floor(MAX_CLAIMS / Math.max(live.length, 1)));
    const answers: BatchResult<Page<Claim>>[] = await data.batch.claims({ queues: live, page: { limit } });
    const failures = answers.filter((answer) => answer instanceof DomainError && isFailure(answer));
    return {
      asked: live.length,
      cut: answers.filter((answer) => !(answer instanceof DomainError) && answer.nextMarker !== null).length,
      failed: failures.length,
      failedPools: [...new Set(failures.map((answer) => String((answer as DomainError).details.pool ?? "")))].filter(
        (pool) => pool !== "",
      ),
      claims: answers.flatMap((answer, index) =>
        answer instanceof DomainError ? [] : answer.items.map((claim) => claimed(live[index] as QueueRef, claim)),
      ),
    };
  }

  async function withConsumers(claims: readonly ClaimRecord[]): Promise<FoundClaim[]> {
    const wanted = new Map<string, { project: string; name: string; consumer: string }>();
    for (const claim of claims) {
      const consumer = holderOf(claim);
      if (consumer === null || wanted.size >= MAX_CONSUMERS) continue;
      const { project, queue: name } = claim;
      wanted.set(placeOf(claim), { project, name, consumer });
    }
    const found = await consumers.named(await withGoneSeconds(lookup, [...wanted.values()]));
    const byPlace = new Map(Array.from(wanted.keys(), (place, index) => [place, found[index] ?? null]));
    return claims.map((claim) => Object.assign(claim, { consumer: byPlace.get(placeOf(claim)) ?? null }));
  }

  return {
    async search(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", params);
      const { filter, orderBy } = params;
      const queue = filter?.queue == null ? undefined : checkQueueName(limits, filter.queue);
      const holder = checkToken("holder", filter?.holder);
      const within = filter?.endsWithinSeconds ?? null;
      if (within !== null) checkWhole("endsWithinSeconds", within, 0, limits.MAX_CLAIM_TTL, "seconds");
      const page = pageRequest(limits, params.page);
      const order = orderOf(orderBy);
      const from = order.read(page);

      const [{ queues, leftOut, exact }, { at: asOf }, at] = await Promise.all([
        candidates(projects, queue),
        samples.lastRounds(),
        samples.now(),
      ]);
      const { claims: all, ...coverage } = await ask(queues);
      const endsBefore = (claim: Claim, seconds: number) => claim.expiresAt.getTime() - at.getTime() <= seconds * 1000;
      const matching = all.filter(
        (claim) => (holder === null || holderOf(claim) === holder) && (within === null || endsBefore(claim, within)),
      );
      const found = await withConsumers(matching);
      const holders = holdersOf(found);
      const ending = found.filter((claim) => endsBefore(claim, ENDING_SECONDS));
      return {
        page: order.page(found, page, from, new Set(holders.filter(hasStopped).map(({ name }) => name))),
        claims: found.length,
        messages: messagesOf(found),
        ending: { claims: ending.length, messages: messagesOf(ending) },
        holders: holders.slice(0, MAX_HOLDERS),
        coverage: { asOf, leftOut, leftOutExact: exact, ...coverage },
      };
    },
  };
}

const placeOf = (claim: ClaimRecord) => JSON.stringify([claim.project, claim.queue, holderOf(claim)]);
const messagesOf = (claims: readonly Claim[]) => claims.reduce((sum, { messageCount }) => sum + messageCount, 0);
const hasStopped = ({ stoppedAt }: ClaimHolder) => stoppedAt !== null;
/** A queue that is gone has no claims. */
const isFailure = ({ code }: DomainError) => code !== "QUEUE_DOES_NOT_EXIST" && code !== "QUEUE_NOT_MAPPED";

function holdersOf(claims: readonly FoundClaim[]): ClaimHolder[] {
  const byHolder = Map.groupBy(claims, holderOf);
  const holders = Array.from(byHolder, ([name, held]): ClaimHolder => {
    const known = held.flatMap(({ consumer }) => (consumer === null ? [] : [consumer]));
    const stopped = latest(known.map(({ stoppedAt }) => stoppedAt));
    const silentSince = latest(known.map(({ lastSeenAt }) => lastSeenAt));
    // Of a queue that it left for another one, its consumer says that it stopped.
    const isSilent =
      stopped !== null && silentSince !== null && silentSince.getTime() - stopped.getTime() < MIN_GONE_SECONDS * 1000;
    return {
      name,
      claims: held.length,
      messages: messagesOf(held),
      lastClaimAt: latest(known.map(({ lastClaimAt }) => lastClaimAt)),
      stoppedAt: isSilent ? stopped : null,
    };
  });
  return holders.sort((a, b) => Number(hasStopped(b)) - Number(hasStopped(a)) || b.messages - a.messages);
}

function latest(instants: readonly (Date | null)[]): Date | null {
  return instants.reduce((last, at) => (last === null || (at !== null && at > last) ? at : last), null);
}

/** What claims are ordered by, as markers have it. */
type Key = readonly (string | number)[];

function orderOf({ field, direction }: ClaimSearchParams["orderBy"]) {
  const sign = direction === "desc" ? -1 : 1;
  const length = field === "holder" || field === "queue" ? 4 : 2;
  const compare = (a: Key, b: Key) => {
    for (const [index, part] of a.entries()) {
      const other = b[index] as string | number;
      if (part !== other) return part < other ? -sign : sign;
    }
    return 0;
  };
  const keyOf = (claim: FoundClaim, stopped: ReadonlySet<string | null>): Key => {
    const end = [claim.expiresAt.getTime(), claim.id];
    if (field === "createdAt") return [claim.createdAt.getTime(), claim.id];
    if (field === "queue") return [claim.project, claim.queue, ...end];
    if (field === "holder") return [stopped.has(holderOf(claim)) ? 0 : 1, holderOf(claim) ?? "", ...end];
    return end;
  };
  return {
    /** The key that a page begins beyond. BAD_INPUT. */
    read(page: PageRequest): Key | null {
      const marker = page.before ?? page.after;
      if (marker === undefined) return null;
      try {
        const key = JSON.parse(marker) as unknown;
        if (Array.isArray(key) && key.length === length) return key as Key;
      } catch {
        // It is no JSON.
      }
      throw badMarker(markerField(page));
    },

    page(
      claims: readonly FoundClaim[],
      page: PageRequest,
      from: Key | null,
      stopped: ReadonlySet<string | null>,
    ): Page<FoundClaim> {
      const backward = readsBackward(page);
      const sorted = claims
        .map((claim) => ({ claim, key: keyOf(claim, stopped) }))
        .sort((a, b) => compare(a.key, b.key));
      if (backward) sorted.reverse();
      const beyond = sorted.filter(({ key }) => from === null || compare(key, from) * (backward ? -1 : 1) > 0);
      const found = pageOf(beyond.slice(0, page.limit + 1), page, ({ key }) => JSON.stringify(key));
      return { ...found, items: found.items.map(({ claim }) => claim) };
    },
  };
}
