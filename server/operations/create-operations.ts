import { ConsumerNotes } from "../history/consumer-notes.ts";
import { notingActs } from "./audit/acts.ts";
import { createAuditOperations } from "./audit/audit.ts";
import { createBatchReadOperations } from "./batch-reads.ts";
import { createBodyOperations } from "./bodies/bodies.ts";
import { BodyRuleBook } from "./bodies/rule-book.ts";
import { BodySights } from "./bodies/sights.ts";
import { createCatalogueOperations } from "./catalogue/catalogue.ts";
import { createClaimOperations } from "./claims/claims.ts";
import { createConsumerOperations } from "./consumers.ts";
import type { OperationContext } from "./context.ts";
import { createDryRunOperations } from "./dry-runs/dry-runs.ts";
import { createFlavorOperations } from "./flavors.ts";
import { createGcOperations } from "./gc.ts";
import { createHealthOperations } from "./health/health.ts";
import { createHealthHistoryOperations } from "./health/health-history.ts";
import { createDestinations } from "./jobs/destinations.ts";
import { createJobOperations } from "./jobs/jobs.ts";
import { createKeyValueStoreOperations } from "./key-value-stores/key-value-stores.ts";
import { createDeadLetters } from "./lifecycle/dead-letters.ts";
import { createMissingDeadLetterQueues } from "./lifecycle/missing-dead-letter-queues.ts";
import { createQueueLifecycle } from "./lifecycle/queue-lifecycle.ts";
import { createQueueLookup } from "./lifecycle/queue-lookup.ts";
import { createQueueMoves } from "./lifecycle/queue-moves.ts";
import { JobWatch } from "./live/job-watch.ts";
import { LongPolls } from "./live/long-polls.ts";
import { QueueTail } from "./live/queue-tail.ts";
import { createTicker } from "./live/ticker.ts";
import { createMessageOperations } from "./messages/messages.ts";
import { createMetricsOperations } from "./metrics.ts";
import { namingErrors } from "./named-errors.ts";
import type { Operations } from "./operations.ts";
import { PauseBook } from "./pauses/pause-book.ts";
import { createPauseOperations } from "./pauses/pauses.ts";
import { createPeopleOperations } from "./people/people.ts";
import { createPoolChecks } from "./pool-facts/health-checks.ts";
import { createPoolPlacementOperations } from "./pool-facts/placement.ts";
import { Refusals } from "./pool-facts/refusals.ts";
import { createPoolOperations } from "./pools/pools.ts";
import { createExplanationOperations } from "./problems/explanations.ts";
import { createProblemRounds } from "./problems/problem-rounds.ts";
import { createProblemOperations } from "./problems/problems.ts";
import { createProjectOperations } from "./projects.ts";
import { createQueueOperations } from "./queues/queues.ts";
import { createReadOnlyOperations } from "./read-only/read-only.ts";
import { createQueueSampling } from "./samples/queue-sampling.ts";
import { createSampleOperations } from "./samples/samples.ts";
import { createSettingsFileOperations } from "./settings-file/settings-file.ts";
import { createSubscriptionOperations } from "./subscriptions/subscriptions.ts";
import { createTokenOperations } from "./tokens.ts";
import { createUndoRecorder } from "./undo/recorder.ts";
import { createUndoOperations } from "./undo/undo.ts";
import { createVerdictOperations } from "./verdicts.ts";

/**
 * Builds all operations on one context. They share one queue look-up, one ticker, the queue tails, the long polls and
 * the pool checks.
 */
export function createOperations(context: OperationContext): Operations {
  const lookup = createQueueLookup(context);
  const lifecycle = createQueueLifecycle(context, lookup);
  const ticker = createTicker((error) => context.warn("A poll for clients that watch or wait failed", error));
  const tail = new QueueTail({ data: context.data, ticker, require: (queue) => lookup.attributes(queue) });
  const notes = context.consumers.isOn ? new ConsumerNotes(context.now) : null;
  const longPolls = new LongPolls({ data: context.data, ticker });
  const deadLetters = createDeadLetters(context, { lookup });
  const pauses = new PauseBook(context);
  const rules = new BodyRuleBook({ rules: context.control.bodyRules, now: context.now });
  const sights = new BodySights(rules);
  const readOnly = createReadOnlyOperations(context);
  const watch = new JobWatch({ ticker, read: (ids) => context.jobs.getMany(ids) });
  const undo = createUndoOperations(context, { lookup, pauses });
  const gc = createGcOperations(context, { lifecycle, undo });
  const acting = { lookup, deadLetters, sights, destinations: createDestinations(context, { lookup }) };
  const recorder = createUndoRecorder(context);
  const jobs = createJobOperations(context, { moves: createQueueMoves(context), watch, recorder, ...acting });
  const refusals = new Refusals(context.now);
  const checks = createPoolChecks(context, { refusals });
  const missingDeadLetterQueues = createMissingDeadLetterQueues(context, { deadLetters });
  const problemRounds = createProblemRounds(context, { missingDeadLetterQueues, refusals, lookup });
  const queues = createQueueOperations(context, { lookup, lifecycle, recorder, ticker, jobs, deadLetters });
  const noting = notingActs(context);
  const messages = noting.messages(
    createMessageOperations(context, {
      lookup,
      lifecycle,
      tail,
      longPolls,
      deadLetters,
      recorder,
      notes,
      pauses,
      sights,
    }),
  );
  const claims = noting.claims(
    createClaimOperations(context, { lookup, lifecycle, deadLetters, longPolls, notes, pauses, sights }),
  );
  const subscriptions = noting.subscriptions(createSubscriptionOperations(context, { lookup, lifecycle }));
  const pools = createPoolOperations(context);
  const flavors = createFlavorOperations(context);
  const note = (error: unknown) => refusals.note(error);
  return {
    queues: namingErrors(queues, { name: "queue" }, note),
    projects: namingErrors(createProjectOperations(context)),
    bodies: namingErrors(createBodyOperations(context, { rules, sights })),
    messages: namingErrors(messages, { id: "messageId" }, note),
    claims: namingErrors(claims, { id: "claimId" }, note),
    consumers: namingErrors(createConsumerOperations(context, { lookup, notes }), {}, note),
    batch: namingErrors(createBatchReadOperations(context, { lookup, deadLetters, sights }), {}, note),
    subscriptions: namingErrors(subscriptions, { id: "subscriptionId" }, note),
    pools: namingErrors(pools, { name: "pool" }),
    poolPlacement: namingErrors(createPoolPlacementOperations(context)),
    flavors: namingErrors(flavors, { name: "flavor" }),
    catalogue: namingErrors(createCatalogueOperations(context, { lifecycle })),
    jobs: namingErrors(jobs, { id: "jobId" }),
    pauses: namingErrors(createPauseOperations(context, { pauses })),
    dryRuns: namingErrors(createDryRunOperations(context, acting), {}, note),
    keyValueStores: namingErrors(noting.keyValueStores(createKeyValueStoreOperations(context))),
    people: namingErrors(createPeopleOperations(context)),
    tokens: namingErrors(createTokenOperations(context), { name: "token" }),
    audit: createAuditOperations(context),
    settingsFile: createSettingsFileOperations(context, { pools, flavors, queues }),
    health: namingErrors(createHealthOperations(context, { missingDeadLetterQueues, checks, refusals }), {
      name: "pool",
    }),
    healthHistory: namingErrors(createHealthHistoryOperations(context, { checks, problemRounds })),
    samples: namingErrors(createSampleOperations(context)),
    problems: namingErrors(createProblemOperations(context), { id: "problemId" }),
    problemRounds,
    explanations: namingErrors(createExplanationOperations(context, { lookup, deadLetters, checks, refusals, pauses })),
    queueSampling: createQueueSampling(context, { lookup, deadLetters, pauses }),
    metrics: namingErrors(createMetricsOperations(context)),
    readOnly,
    undo: namingErrors(undo, {}, note),
    verdicts: createVerdictOperations({ readOnly }),
    gc: namingErrors(gc),
    endWaits: () => longPolls.close(),
  };
}
