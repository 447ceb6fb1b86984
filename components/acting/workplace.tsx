"use client";

import type { VariablesOf } from "gql.tada";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { API_PATH, ApiError, callFields } from "../api.ts";
import { textOf } from "../graphql.ts";
import type { JobDetail } from "../jobs/fragments.ts";
import { KINDS } from "../jobs/job-states.ts";
import { Panel } from "../ui/page.tsx";
import { useHold, useRefresh } from "../ui/refresh.tsx";
import { useRefusal } from "../ui/refusals.ts";
import { toastDone } from "../ui/toast.ts";
import { offerOf } from "../undo/offer.ts";
import { ActForm } from "./act-form.tsx";
import { actHref, type Choices, type Scope } from "./choices.ts";
import { DRY_RUN_BY_SCRIPT, MAKE_DRY_RUN, START_BY_SCRIPT, START_JOB } from "./documents.ts";
import { dryRunInput } from "./dry-run-input.ts";
import type { DryRunFacts } from "./fragments.ts";
import { chosenRate, usePace } from "./pace.ts";
import { shortSample } from "./sample.ts";

/** The oldest messages that a test of a fix takes. */
const FIRST = 10;

interface Shown {
  facts: DryRunFacts;
  /** The input that it answers. */
  of: string;
}

/**
 * Choices, what they would do, and the job that does it, side by side. The address has the choices, the dry run and the
 * job, so that it can be loaded again and passed on.
 */
export function Workplace({
  scope: givenScope,
  projects,
  given,
  because,
  total,
  dryRun,
  job: givenJob,
}: {
  scope: Scope;
  /** Those that many queues can be of. */
  projects: readonly string[];
  given: Choices;
  /** The reason to begin with. */
  because: string;
  /** How many messages the queue has. Null: unknown, or several queues. */
  total: { value: number; exact: boolean } | null;
  /** Those that the address names. */
  dryRun: DryRunFacts | null;
  job: JobDetail | null;
}) {
  const [scope, setScope] = useState(givenScope);
  const [choices, setChoices] = useState(given);
  const [reason, setReason] = useState(because);
  const asked = dryRunInput(scope, choices);
  const key = asked.missing === null ? JSON.stringify(asked.input) : "";
  const [shown, setShown] = useState<Shown | null>(dryRun && { facts: dryRun, of: key });
  const [job, setJob] = useState(givenJob ?? dryRun?.job ?? null);
  const [pending, setPending] = useState<"dry run" | "job" | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const pace = usePace(shown?.facts ?? null);
  const { refresh } = useRefresh();
  const rate = chosenRate(choices, pace);
  // A refresh that fails would replace the form, and with it the reason.
  useHold(reason !== "" && !shown?.facts.job);

  useEffect(() => {
    const more = { dryRun: shown?.of === key ? shown.facts.token : null, job: job?.id ?? null };
    const address = `${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}${actHref(scope, choices, more)}`;
    if (address !== `${location.pathname}${location.search}`) history.replaceState(null, "", address);
  }, [scope, choices, key, shown, job]);

  async function attempt<Result>(what: "dry run" | "job", work: () => Promise<Result>): Promise<Result | null> {
    setPending(what);
    setFailure(null);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error);
      return null;
    } finally {
      setPending(null);
    }
  }

  async function make(limit: number | null): Promise<DryRunFacts | null> {
    if (asked.missing !== null) return null;
    const input = limit === null ? asked.input : { ...asked.input, limit };
    const answer = await callFields(MAKE_DRY_RUN, { input });
    return shortSample(answer.dryRun.dryRun);
  }

  const look = () =>
    attempt("dry run", async () => {
      const facts = await make(null);
      if (facts !== null) setShown({ facts, of: key });
    });

  const begin = (token: string) =>
    attempt("job", async () => {
      const { startJob } = await callFields(START_JOB, { input: { token, reason, ratePerSecond: rate } });
      setJob(startJob.job);
      setShown((now) => (now?.facts.token === token ? { ...now, facts: { ...now.facts, job: startJob.job } } : now));
      toastDone(`${KINDS[startJob.job.kind].label}: the job has started.`, offerOf({ startJob }, refresh));
    });

  /** The same filter with a limit: what it finds is a part of what is shown. */
  const beginWithFirst = () =>
    attempt("job", async () => {
      const facts = await make(FIRST);
      if (facts === null) return;
      const { startJob } = await callFields(START_JOB, { input: { token: facts.token, reason, ratePerSecond: rate } });
      setJob(startJob.job);
    });

  const refusal = useRefusal("dryRun", scope.project ?? undefined);
  // Looking changes nothing, so it is done at once where the choices are complete.
  const looked = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    if (looked.current || shown !== null || asked.missing !== null || refusal !== null) return;
    looked.current = true;
    void look();
  }, []);

  const start = { token: shown?.facts.token ?? "", reason, ratePerSecond: rate };
  return (
    <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,1fr)_31rem] xl:grid-rows-[auto_1fr]">
      <ActForm
        scope={scope}
        projects={projects}
        onScope={(changes) => setScope((before) => (before.kind === "queues" ? { ...before, ...changes } : before))}
        choices={choices}
        onChange={(changes) => setChoices((before) => ({ ...before, ...changes }))}
        reason={reason}
        onReason={setReason}
        total={total}
        facts={shown?.facts ?? null}
        pace={pace}
        rate={rate}
      />
      <div className="flex min-w-0 flex-col gap-3 xl:col-start-2 xl:row-span-2 xl:row-start-1">
        <Suspense fallback={<div className="h-80" />}>
          <DryRunPanel
            project={scope.project ?? undefined}
            choices={choices}
            facts={shown?.facts ?? null}
            missing={asked.missing}
            outdated={shown !== null && shown.of !== key}
            started={shown !== null && shown.facts.job !== null}
            reason={reason}
            first={scope.kind === "queue" && choices.action !== "purge" && choices.limit === null ? FIRST : null}
            pending={pending}
            failure={failure}
            onLook={() => void look()}
            onStart={() => void (shown && begin(shown.facts.token))}
            onStartFirst={() => void beginWithFirst()}
          />
          {job === null ? null : <JobPanel key={job.id} title="3  Job" job={job} linked />}
        </Suspense>
      </div>
      <Script start={shown !== null && shown.of === key ? start : null} asked={asked} />
    </div>
  );
}

/** What sends the same: the start with the token of the dry run, or the dry run while there is none. */
function Script({
  start,
  asked,
}: {
  start: VariablesOf<typeof START_JOB>["input"] | null;
  asked: ReturnType<typeof dryRunInput>;
}) {
  // Only the browser knows the address of the API.
  const [mounted, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  const request =
    start !== null
      ? { document: textOf(START_BY_SCRIPT), calls: [{ input: start }] }
      : { document: textOf(DRY_RUN_BY_SCRIPT), calls: asked.missing === null ? [{ input: asked.input }] : [] };
  return (
    <Panel title="The same from a script">
      <p className="mb-2 text-muted">
        {start === null
          ? "First a dry run. Its token starts the job."
          : "It has the token of the dry run, so what runs is what was shown."}
      </p>
      <Suspense fallback={<div className="h-40" />}>
        {mounted ? <RequestView endpoint={API_PATH} request={request} /> : <div className="h-40" />}
      </Suspense>
    </Panel>
  );
}

/** They come after the form: at first there is nothing to show in them. */
const DryRunPanel = lazy(() => import("./dry-run-panel.tsx"));
const JobPanel = lazy(() => import("../jobs/job-panel.tsx").then((part) => ({ default: part.JobPanel })));
/** It has a parser. */
const RequestView = lazy(() => import("../ui/request-view.tsx"));
