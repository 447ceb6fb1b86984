"use client";

import { type ReactNode, useEffect, useRef, useState } from "react";
import { MAKE_DRY_RUN, START_JOB } from "../acting/documents.ts";
import { ApiError, callFields } from "../api.ts";
import { COLLECT_GARBAGE } from "../health/documents.ts";
import { requireNotFailed } from "../jobs/job-can.ts";
import { DRAIN_POOL, MOVE_QUEUE } from "../moves/documents.ts";
import { paths } from "../paths.ts";
import { CREATE_QUEUE } from "../queues/documents.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { useOpened } from "../ui/opener.tsx";
import { useRefresh } from "../ui/refresh.tsx";
import { SelectBox } from "../ui/selection.tsx";
import { toastDone } from "../ui/toast.ts";
import { visible } from "../ui/visible.tsx";
import type { ProblemRow } from "./fragments.ts";
import { SEVERITIES } from "./looks.ts";

/** What a fix would do, and how it is done. */
interface Fix {
  would: string;
  /** Nothing is there to do any more. */
  nothing?: boolean;
  /** Returns the address of what goes on, if there is one. */
  run: (reason: string) => Promise<string | null>;
}

type State =
  | { kind: "looking" }
  | { kind: "ready"; fix: Fix }
  | { kind: "running" }
  | { kind: "done"; href: string | null }
  | { kind: "failed"; message: string };

/** The dry runs of all fixes, and one reason for those that are confirmed. */
export default function FixAllDialog({ problems }: { problems: ProblemRow[] }) {
  const { open, setOpen } = useOpened();
  return (
    <Dialog
      wide
      open={open}
      onOpenChange={setOpen}
      title={problems.length === 1 ? "Fix 1 problem" : `Fix ${formatCount(problems.length)} problems`}
      description="What each fix would do now. Nothing happens until you confirm."
    >
      {open ? <Fixes problems={problems} close={() => setOpen(false)} /> : null}
    </Dialog>
  );
}

function Fixes({ problems, close }: { problems: ProblemRow[]; close: () => void }) {
  const { refresh } = useRefresh();
  const [states, setStates] = useState<ReadonlyMap<string, State>>(new Map());
  const [off, setOff] = useState<ReadonlySet<string>>(
    // What moves all queues of a pool is chosen on purpose.
    () => new Set(problems.filter(({ fix }) => fix === "DRAIN_POOL").map(({ id }) => id)),
  );
  const [reason, setReason] = useState("");
  const set = (id: string, state: State) => setStates((before) => new Map(before).set(id, state));

  const looked = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the dialog opens
  useEffect(() => {
    if (looked.current) return;
    looked.current = true;
    for (const problem of problems) {
      fixOf(problem).then(
        (fix) => set(problem.id, { kind: "ready", fix }),
        (error) => set(problem.id, { kind: "failed", message: messageOf(error) }),
      );
    }
  }, []);

  const stateOf = ({ id }: ProblemRow): State => states.get(id) ?? { kind: "looking" };
  const chosen = problems.filter((problem) => {
    const state = stateOf(problem);
    return !off.has(problem.id) && state.kind === "ready" && !state.fix.nothing;
  });
  const noReason = reason.trim() === "" ? "Give a reason: it is shown in the jobs and in Audit." : null;

  async function run(some: readonly ProblemRow[]): Promise<void> {
    let done = 0;
    // One after the other: each is told as it ends.
    for (const problem of some) {
      const state = stateOf(problem);
      if (state.kind !== "ready") continue;
      set(problem.id, { kind: "running" });
      try {
        set(problem.id, { kind: "done", href: await state.fix.run(reason) });
        done += 1;
      } catch (error) {
        set(problem.id, { kind: "failed", message: messageOf(error) });
      }
    }
    if (done > 0) toastDone(done === 1 ? "1 fix has begun." : `${done} fixes have begun.`);
    refresh();
  }

  return (
    <>
      <ul className="divide-y divide-line rounded border border-line">
        {problems.map((problem) => (
          <FixRow
            key={problem.id}
            problem={problem}
            state={stateOf(problem)}
            chosen={!off.has(problem.id)}
            onChoose={() =>
              setOff((before) => {
                const next = new Set(before);
                if (!next.delete(problem.id)) next.add(problem.id);
                return next;
              })
            }
            noReason={noReason}
            onRun={() => void run([problem])}
          />
        ))}
      </ul>
      <label className="flex flex-col gap-1 font-medium">
        Reason
        <input
          value={reason}
          maxLength={500}
          autoComplete="off"
          onChange={(event) => setReason(event.target.value)}
          className="h-9 rounded border border-line-strong bg-sunken px-2.5 font-normal"
        />
      </label>
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={close}>Close</Button>
        <Button
          kind="primary"
          pending={problems.some((problem) => stateOf(problem).kind === "running")}
          disabledReason={chosen.length === 0 ? "Nothing is chosen." : noReason}
          onClick={() => void run(chosen)}
        >
          Fix {formatCount(chosen.length)}
        </Button>
      </div>
    </>
  );
}

function FixRow({
  problem,
  state,
  chosen,
  onChoose,
  noReason,
  onRun,
}: {
  problem: ProblemRow;
  state: State;
  chosen: boolean;
  onChoose: () => void;
  noReason: string | null;
  onRun: () => void;
}) {
  const { shape, ink, word } = SEVERITIES[problem.severity];
  const ready = state.kind === "ready" && !state.fix.nothing;
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-1 px-3 py-2">
      <span className="mt-0.5">
        <SelectBox label={`Fix: ${problem.text}`} checked={ready && chosen} disabled={!ready} onChange={onChoose} />
      </span>
      <span className="min-w-0 flex-1 basis-56 wrap-anywhere">
        <span className="flex gap-2">
          <span>
            <Glyph shape={shape} ink={ink} />
            <span className="sr-only">{word}: </span>
          </span>
          <span className="min-w-0">{visible(problem.text)}</span>
        </span>
        <span className="block text-xs text-muted">{told(state)}</span>
      </span>
      {ready ? (
        <Button size="small" disabledReason={noReason} onClick={onRun}>
          Fix this
        </Button>
      ) : null}
    </li>
  );
}

function told(state: State): ReactNode {
  if (state.kind === "looking") return "Looking…";
  if (state.kind === "ready") return state.fix.would;
  if (state.kind === "running") return "At work…";
  if (state.kind === "failed") return <span className="text-danger">{visible(state.message)}</span>;
  return state.href === null ? (
    "Done."
  ) : (
    <>
      It has begun:{" "}
      <Link href={state.href} className="text-accent underline underline-offset-2">
        the job
      </Link>
      .
    </>
  );
}

const messageOf = (error: unknown) => (error instanceof ApiError ? error.message : String(error));

/** What a problem's fix would do now. Changes nothing. */
async function fixOf(problem: ProblemRow): Promise<Fix> {
  const { fix, project, queueName, poolName, queue, job } = problem;
  const deadLetterQueue = queue?.attributes.deadLetterQueue ?? null;
  if (fix === "CREATE_DEAD_LETTER_QUEUE" && project !== null && deadLetterQueue !== null) {
    return {
      would: `Creates ${deadLetterQueue}. The next claim moves what is exhausted there.`,
      run: async () => {
        await callFields(CREATE_QUEUE, { input: { project, queue: deadLetterQueue } });
        return null;
      },
    };
  }
  if (fix === "RELEASE_CLAIMS" && project !== null && queueName !== null) return releaseFix(project, queueName);
  if (fix === "COLLECT_GARBAGE") {
    return {
      would: "Collects garbage now.",
      run: async () => {
        await callFields(COLLECT_GARBAGE, { input: {} });
        return null;
      },
    };
  }
  if (fix === "DRAIN_POOL" && poolName !== null) return drainFix(poolName);
  if (fix === "RETRY_JOB" && job !== null) {
    const input: { pool?: string } = JSON.parse(job.inputText);
    if (job.kind === "DRAIN_POOL") return drainFix(job.targetName);
    if (job.kind === "MOVE_QUEUE" && input.pool !== undefined) {
      return moveFix(job.project ?? "", job.targetName, input.pool);
    }
  }
  throw new ApiError("NOT_SUPPORTED", "A person has to look at it.");
}

async function releaseFix(project: string, queue: string): Promise<Fix> {
  const { dryRun } = await callFields(MAKE_DRY_RUN, {
    input: { action: { release: { delaySeconds: 0 } }, queues: { queue: { project, queue } }, all: true },
  });
  const { token, count } = dryRun.dryRun;
  const many = formatCount(count.value, count.exact ? "exact" : "at-least");
  if (count.value === 0) return { would: "No message is claimed any more.", nothing: true, run: async () => null };
  return {
    would: `Releases ${count.value === 1 ? "1 claimed message" : `${many} claimed messages`}: other clients can claim them at once.`,
    run: async (reason) => {
      const { startJob } = await callFields(START_JOB, { input: { token, reason } });
      requireNotFailed(startJob.job);
      return paths.job(startJob.job.id);
    },
  };
}

async function drainFix(pool: string): Promise<Fix> {
  return {
    would: `Moves all queues of the pool ${pool} to the other pools of their flavors, while clients use them.`,
    run: async () => {
      const { drainPool } = await callFields(DRAIN_POOL, { input: { pool } });
      requireNotFailed(drainPool.job);
      return paths.job(drainPool.job.id);
    },
  };
}

async function moveFix(project: string, queue: string, pool: string): Promise<Fix> {
  return {
    would: `Moves ${queue} to the pool ${pool} again, while clients use it.`,
    run: async () => {
      const { moveQueue } = await callFields(MOVE_QUEUE, { input: { project, queue, pool } });
      requireNotFailed(moveQueue.job);
      return paths.job(moveQueue.job.id);
    },
  };
}
